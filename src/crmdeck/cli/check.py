"""crmdeck check, crmdeck watch and crmdeck policy."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
from collections.abc import Iterator
from datetime import timedelta
from operator import itemgetter
from pathlib import Path

from crmdeck import model, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing
from crmdeck.cli.output import (
    Output,
    emit,
    emit_hanging,
    filtered,
    is_quiet,
    report_error,
    say,
    write_file,
)
from crmdeck.cli.session import ProgressLine, moment, needs
from crmdeck.errors import CacheBusyError, CacheError, CanceledError, ExitCode
from crmdeck.model import CancelToken, CheckLevel, FailOn, FindingKind

SIGNS = {CheckLevel.FAIL: "FAIL", CheckLevel.REPORT: "note", CheckLevel.IGNORE: "skip"}
SHOWN = 20
# Errors that pass without a change here: a watch continues.
_PASSING = (CacheBusyError.code, "DATABASE_UNREACHABLE")
_INDENT = 6  # the width of the longest sign and its gap
_SUFFIXES = {".json": "json", ".md": "markdown", ".html": "html", ".xml": "junit"}

app = command_group()


@app.command()
def show(ws: workspace.Workspace, listing: Listing) -> None:
    """Show the rules of the policy, in the order in which they apply."""
    _show_policy(ws.checks.policy(), listing)


@app.command("set")
@needs(demo=False)
def set_team_policy(ws: workspace.Workspace, listing: Listing, file: Path) -> None:
    """Set the team's policy from a file. The audit log keeps each version.

    If the workspace is a folder, edit the file policy.toml in it instead.
    """
    _show_policy(ws.checks.set_policy(file), listing)


@app.command()
@needs(demo=False)
def clear(ws: workspace.Workspace, listing: Listing) -> None:
    """Remove the team's policy. Changes that it excused are open again."""
    _show_policy(ws.checks.set_policy(None), listing)


def _show_policy(policy: workspace.Policy | None, listing: Listing) -> None:
    rules = [] if policy is None else [rule.model_dump(mode="json") for rule in policy.rule]
    columns = ("level", "connection", "object", "field", "code", "attribute", "severity", "until",
               "reason")  # fmt: skip
    if (
        listing.emit(
            rules,
            columns=columns,
            record=lambda rule: rule,
            answer=lambda shown: {"rule": shown},
            table={name: itemgetter(name) for name in columns},
        )
        and not rules
    ):
        say("No policy: nothing is excused.")


def check(
    ws: workspace.Workspace,
    out: Output,
    names: list[str] | None = None,
    fail_on: FailOn = FailOn.BREAKING,
    policy: Path | None = None,
    explain_policy: bool = False,
    contract: list[Path] | None = None,
    since: str | None = None,
    new: bool = False,
    refresh: bool = True,
    notify: bool = False,
    heartbeat: str | None = None,
) -> ExitCode:
    """Refresh, then list the findings: what fails, expires, or needs a review.

    The same check gives the same exit code until someone settles a finding.

    Exit codes: 0 if nothing fails, 4 for a finding that fails, 3 if a connection needs
    a sign-in, 6 if crmdeck could not read some objects or connections, 1 if it could read none.
    """
    wanted = out.resolve(_SUFFIXES)
    # What can be rejected is rejected before the refresh, which can take minutes.
    if wanted is not None:
        ws.checks.require_format(wanted)
    if notify:
        ws.notices.require_ready()
    with ProgressLine() as line:
        report = ws.checks.run(
            names or (),
            since=moment(since, ws),
            new=new,
            fail_on=fail_on,
            policy=policy,
            contracts=contract or (),
            refresh=refresh,
            progress=line,
        )
    if notify or heartbeat:
        _notify(ws, report, notify=notify, heartbeat=heartbeat)
    if explain_policy:
        _explain(report)
    if out.output is not None:
        text = ws.checks.render(report, wanted or "markdown")
        write_file(out.output, "".join(filtered([text])))
        show_report(report)
    elif wanted is not None:
        emit("".join(filtered([ws.checks.render(report, wanted)])))
    else:
        show_report(report)
    return ExitCode(report.exit_code)


def watch(
    ws: workspace.Workspace,
    names: list[str] | None = None,
    every: int = 60,
    times: int | None = None,
    fleet: bool = False,
    fail_on: FailOn = FailOn.BREAKING,
    policy: Path | None = None,
    notify: bool = False,
    heartbeat: str | None = None,
) -> None:
    """Run a check at intervals until you stop it with Ctrl+C or SIGTERM.

    Pauses vary by up to 10%, to spread the load. They double while crmdeck can read nothing, up
    to eight times.

    With --fleet, several machines share the connections of a team, each checked once an interval.
    A signal lets running checks finish; a second one cancels them.
    """
    stop, cancel = CancelToken(), CancelToken()
    with _stopped_by_signals(stop, cancel):
        if notify:
            ws.notices.require_ready()

        def checks() -> Iterator[model.CheckReport]:
            if not fleet:
                yield ws.checks.run(names or (), fail_on=fail_on, policy=policy, cancel=stop)
                return
            yield from ws.fleet.run(
                names or (),
                every=timedelta(minutes=every),
                fail_on=fail_on,
                policy=policy,
                drain=stop,
                cancel=cancel,
            )

        patience = 1
        for number in itertools.count(1):
            unread = not fleet
            try:
                for report in checks():
                    show_report(report)
                    _notify(ws, report, notify=notify, heartbeat=heartbeat)
                    unread = unread and not any(each.read for each in report.connections)
            except CanceledError:
                return
            except CacheError as error:
                if error.code not in _PASSING:
                    raise
                report_error(error, as_json=False)
            if number == times or stop.canceled:
                return
            # A fleet's shared schedule spaces its checks itself.
            patience = min(8, patience * 2) if unread else 1
            if fleet:
                ws.fleet.wait(names or (), stop, lambda s: say(f"Next check in {s / 60:.0f} min."))
            else:
                seconds = every * 60 * patience * (1 + random.random() / 10)  # noqa: S311  no secret
                say(f"Next check in {seconds / 60:.0f} min.")
                with contextlib.suppress(CanceledError):
                    stop.wait(seconds)
            if stop.canceled:
                return


@contextlib.contextmanager
def _stopped_by_signals(*tokens: CancelToken) -> Iterator[None]:
    """Cancel the next of `tokens` at each signal."""
    left = iter(tokens)

    def end(*_: object) -> None:
        if (token := next(left, None)) is not None:
            token.cancel()

    # The process can continue after the watch, so it gets its own handlers back.
    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _notify(
    ws: workspace.Workspace, report: model.CheckReport, *, notify: bool, heartbeat: str | None
) -> None:
    for delivery in ws.notices.send(report) if notify else ():
        if delivery.sent:
            say(f"Notified {delivery.route}.")
        else:
            say(f"Can't notify {delivery.route}: {delivery.error}")
    error = ws.notices.heartbeat(heartbeat) if heartbeat else None
    if error:
        say(f"Can't reach the watchdog: {error}")


def _explain(report: model.CheckReport) -> None:
    for rule in report.unused_rules:
        say(f"Policy rule {rule.number} ({rule.rule}) matched no finding.")
        say(f"  Nearest: {rule.nearest or 'the check has no findings'}")
    if not report.unused_rules:
        say("Every active policy rule matched a finding, or there is no policy.")


def show_report(report: model.CheckReport) -> None:
    """Print a check on one screen, failures first; with --quiet, only if something fails."""
    # Cron mails whatever a command prints.
    if is_quiet() and not report.exit_code:
        return
    shown = [each for each in report.findings if each.level is not CheckLevel.IGNORE]
    for each in shown[:SHOWN]:
        word = each.severity if each.kind is FindingKind.CHANGE_SAFE else each.urgency
        emit_hanging(f"{SIGNS[each.level]} {word}  {each.connection}  {each.text}", _INDENT)
        step = next(iter(each.steps), None)
        if each.effect:
            emit_hanging(f"{' ' * _INDENT}{each.effect}", _INDENT)
        if step is not None:
            emit_hanging(f"{' ' * _INDENT}{step.text}: {step.command or ''}".rstrip(": "), _INDENT)
    # One screen, because the failures have to be seen without scrolling.
    if len(shown) > SHOWN:
        emit(f"and {len(shown) - SHOWN:,} more: crmdeck check --format markdown lists all")
    for rule in report.expired_rules:
        expired = f"A policy rule expired on {rule.until:%Y-%m-%d}: {rule.reason}"
        emit_hanging(expired, _INDENT)
    emit_hanging(workspace.check_summary(report), 0)
