"""crmdeck check and crmdeck watch: what happened since the last one, and whether it fails."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from crmdeck import model, workspace
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, NamesArgument
from crmdeck.cli.output import chosen_format, emit, emit_hanging, report_error, say, write_file
from crmdeck.cli.session import ProgressLine, moment, open_workspace
from crmdeck.errors import CacheBusyError, CanceledError
from crmdeck.model import CancelToken, FailOn, IssueLevel

SIGNS = {IssueLevel.FAIL: "FAIL", IssueLevel.REPORT: "note", IssueLevel.IGNORE: "skip"}
SHOWN = 20
_INDENT = 6  # below which level it is
_SUFFIXES = {".json": "json", ".md": "markdown", ".html": "html", ".xml": "junit"}

CheckFailOnOption = Annotated[
    FailOn,
    typer.Option(
        "--fail-on", help="Drift this bad or worse fails; mapped: risky drift on mapped fields."
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", help="A file of rules; without it policy.toml of the workspace."),
]

NotifyOption = Annotated[
    bool, typer.Option("--notify", help="Send the notices that the settings name.")
]
HeartbeatOption = Annotated[
    str | None,
    typer.Option(
        "--heartbeat",
        envvar="CRMDECK_HEARTBEAT",
        show_envvar=True,
        help="The address of a watchdog, called once a check has run.",
    ),
]


def check(
    names: NamesArgument = None,
    fail_on: CheckFailOnOption = FailOn.BREAKING,
    policy: PolicyOption = None,
    contract: Annotated[
        list[Path] | None,
        typer.Option("--contract", help="An Open Data Contract to be kept (repeatable)."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Drift since then (7d), not since the last check."),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh/--no-refresh", help="Read the schemas anew, or the cache.")
    ] = True,
    format: Annotated[
        str | None,
        typer.Option("--format", help="json, markdown, html, junit or github; else for people."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file in place of stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    notify: NotifyOption = False,
    heartbeat: HeartbeatOption = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Refresh, and tell what fails: drift, broken mappings, what can't be read, what ends soon.

    Exits with 0 where nothing fails, 4 for drift or a broken mapping, 3 where a connection
    needs a new sign-in, 6 where a part could not be read, 1 where nothing could.
    """
    with open_workspace(home, demo, as_json) as ws:
        wanted = chosen_format(format, output, _SUFFIXES, as_json=as_json, force=force)
        if wanted is not None:
            ws.checks.require_format(wanted)
        if notify:
            ws.notices.require_ready()
        with ProgressLine() as line:
            report = ws.checks.run(
                names or (),
                since=moment(since, ws),
                fail_on=fail_on,
                policy=policy,
                contracts=contract or (),
                refresh=refresh,
                progress=line,
            )
        if notify or heartbeat:
            _tell_others(ws, report, notify=notify, heartbeat=heartbeat)
        if output is not None:
            write_file(output, ws.checks.render(report, wanted or "markdown"))
            show(report)
        elif wanted is not None:
            emit(ws.checks.render(report, wanted))
        else:
            show(report)
    raise typer.Exit(report.exit_code)


def watch(
    names: NamesArgument = None,
    every: Annotated[
        int, typer.Option("--every", min=1, help="Minutes from one check to the next.")
    ] = 60,
    times: Annotated[
        int | None, typer.Option("--times", min=1, help="End after this many checks.")
    ] = None,
    fail_on: CheckFailOnOption = FailOn.BREAKING,
    policy: PolicyOption = None,
    notify: NotifyOption = False,
    heartbeat: HeartbeatOption = None,
    home: HomeOption = None,
    demo: DemoOption = False,
) -> None:
    """Check again and again, until told to stop (Ctrl+C, SIGTERM).

    Each pause is up to a tenth longer than asked for, so that many do not ask at once; where
    nothing could be read it is doubled, eight times as long at most.
    """
    stop = CancelToken()
    with open_workspace(home, demo) as ws, _stopped_by_signals(stop):
        if notify:
            ws.notices.require_ready()
        patience = 1
        for number in itertools.count(1):
            try:
                report = ws.checks.run(names or (), fail_on=fail_on, policy=policy, cancel=stop)
                show(report)
                _tell_others(ws, report, notify=notify, heartbeat=heartbeat)
                unread = not any(each.read for each in report.connections)
            except CanceledError:
                return
            except CacheBusyError as error:
                report_error(error, as_json=False)
                unread = True
            if number == times:
                return
            patience = min(8, patience * 2) if unread else 1
            seconds = every * 60 * patience * (1 + random.random() / 10)  # noqa: S311  no secret
            say(f"The next check is in {seconds / 60:.0f} min.")
            with contextlib.suppress(CanceledError):
                stop.wait(seconds)
            if stop.canceled:
                return


@contextlib.contextmanager
def _stopped_by_signals(stop: CancelToken) -> Iterator[None]:
    def end(*_: object) -> None:
        stop.cancel()

    before = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _tell_others(
    ws: workspace.Workspace, report: model.CheckReport, *, notify: bool, heartbeat: str | None
) -> None:
    for delivery in ws.notices.send(report) if notify else ():
        if delivery.sent:
            say(f"Told {delivery.route}.")
        else:
            say(f"Could not tell {delivery.route}: {delivery.error}")
    error = ws.notices.heartbeat(heartbeat) if heartbeat else None
    if error:
        say(f"The watchdog could not be told: {error}")


def show(report: model.CheckReport) -> None:
    """Tell a check on one screen, the worst first."""
    shown = [issue for issue in report.issues if issue.level is not IssueLevel.IGNORE]
    for issue in shown[:SHOWN]:
        severity = f" {issue.severity.value}" if issue.severity else ""
        emit_hanging(
            f"{SIGNS[issue.level]}{severity}  {issue.connection}  {workspace.issue_text(issue)}",
            _INDENT,
        )
        if issue.remedy:
            emit_hanging(f"{' ' * _INDENT}{issue.remedy}", _INDENT)
    if len(shown) > SHOWN:
        emit(f"and {len(shown) - SHOWN:,} more: crmdeck check --format markdown tells all")
    for rule in report.expired_rules:
        ended = f"A rule of the policy has ended on {rule.until:%Y-%m-%d}: {rule.reason}"
        emit_hanging(ended, _INDENT)
    emit_hanging(workspace.check_summary(report), 0)
