"""crmdeck status, refresh and doctor: how connections and this machine are doing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from crmdeck import model, workspace
from crmdeck.cli.options import DemoOption, FailOnOption, HomeOption, JsonOption, NamesArgument
from crmdeck.cli.output import command_for, emit_json, emit_table, report_error, say, tell_more
from crmdeck.cli.session import ProgressLine, drifted, failing, open_workspace
from crmdeck.errors import CacheDamagedError, ExitCode, UsageError, exit_code
from crmdeck.model import Status
from crmdeck.text import count, unseen_text


def status(
    names: NamesArgument = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell how connections are doing. Exits with 3 where one needs reauthorization."""
    with open_workspace(home, demo, as_json) as ws:
        found = [ws.health.status(name) for name in names] if names else list(ws.health.statuses())
        if not found:
            say("There are no connections yet. Add one: crmdeck connections add NAME --source ...")
            say("Or look at what there would be to see: crmdeck demo")
        reasons = [_status_reasons(item, found) for item in found]
        if as_json:
            told = [
                _with_reasons(item.to_wire(), why) for item, why in zip(found, reasons, strict=True)
            ]
            emit_json(told[0] if names and len(names) == 1 else told)
        else:
            emit_table(
                (
                    "name",
                    "platform",
                    "status",
                    "last sync",
                    "objects",
                    "fields",
                    "quota",
                    "not seen",
                    "alert",
                ),
                [
                    (
                        item.name,
                        item.platform,
                        item.status,
                        item.last_sync_at,
                        item.schema_stats.object_count,
                        item.schema_stats.field_count,
                        f"{item.quota.left:.0%}" if item.quota else None,
                        unseen_text(item.unseen.total, item.unseen.breaking) or None,
                        _first_alert(item.alerts),
                    )
                    for item in found
                ],
                least=("fields", "objects", "quota", "platform"),
            )
            if names:
                for item in found:
                    _tell_alerts(item)
    _end(reasons)


def _status_reasons(
    item: model.ConnectionStatus, of: Sequence[model.ConnectionStatus]
) -> list[ExitCode]:
    """Return what one connection gives the command to end with."""
    reasons = []
    if any(alert.code == CacheDamagedError.code for alert in item.alerts):
        reasons.append(ExitCode.CACHE_BUSY)
    if item.status is Status.REAUTH_REQUIRED:
        reasons.append(ExitCode.REAUTH_REQUIRED)
    if item.status is Status.ERROR:
        alone = all(each.status is Status.ERROR for each in of)
        reasons.append(ExitCode.FAILED if alone else ExitCode.PARTIAL)
    return reasons


def _with_reasons(answer: dict[str, Any], reasons: Sequence[ExitCode]) -> dict[str, Any]:
    return answer | {"reasons": [reason.reason for reason in reasons]}


def _end(reasons: Sequence[Sequence[ExitCode]]) -> None:
    """End the command where one of several has a reason to."""
    code = exit_code(each for found in reasons for each in found)
    if code is not ExitCode.OK:
        raise typer.Exit(int(code))


def _first_alert(alerts: Sequence[model.Alert]) -> str | None:
    if not alerts:
        return None
    more = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
    return alerts[0].message + more


def _tell_alerts(status: model.ConnectionStatus) -> None:
    for alert in status.alerts:
        away = f" (put away on {alert.dismissed_at:%Y-%m-%d})" if alert.dismissed_at else ""
        say(f"{status.name}: {alert.level}: {alert.message}{away}")
        command = command_for(alert.next_step, status.name)
        tell_more(alert.cause, alert.remedy, command, alert.link)


def refresh(
    names: NamesArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Refresh every connection that is not disconnected.")
    ] = False,
    fail_on: FailOnOption = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Discover the schema again and tell what changed."""
    with open_workspace(home, demo, as_json) as ws:
        if bool(names) == everything:
            raise UsageError(
                "Say what to refresh.", remedy="Name connections, or use --all (not both)."
            )
        wanted = names or [c.name for c in ws.connections.all() if c.disconnected_at is None]
        if not wanted:
            raise UsageError(
                f"There is no connection to refresh in {ws.home}.",
                cause="None was added there, or all are disconnected.",
                remedy="Name the workspace that is meant: --home, or CRMDECK_HOME.",
                code="NO_CONNECTIONS",
            )
        with ProgressLine(wanted[0] if len(wanted) == 1 else "") as line:
            attempts = ws.refreshes.run_many(wanted, progress=line)
    for attempt in attempts:
        if attempt.error is not None:
            attempt.error.connection = attempt.error.connection or attempt.name
            report_error(attempt.error, as_json=as_json)
        elif attempt.result is not None and not as_json:
            _tell(attempt.name, attempt.result)
    reasons = [_reasons(attempt, attempts, fail_on) for attempt in attempts]
    if as_json:
        answers = [
            _with_reasons(_answer(attempt), why)
            for attempt, why in zip(attempts, reasons, strict=True)
        ]
        if not names or len(names) != 1:
            emit_json(answers)
        elif attempts[0].result is not None:
            emit_json(answers[0])
    _end(reasons)


def _reasons(
    attempt: workspace.Attempt, of: Sequence[workspace.Attempt], fail_on: model.Severity | None
) -> list[ExitCode]:
    """Return what one connection gives the command to end with."""
    if attempt.error is not None:
        # What fails where others went well is a part; all that failed is the failure.
        part = attempt.error.exit_code is ExitCode.FAILED and any(a.error is None for a in of)
        return [ExitCode.PARTIAL if part else attempt.error.exit_code]
    reasons = []
    if attempt.result is not None and drifted(attempt.result.drift_events, fail_on):
        reasons.append(ExitCode.DRIFT)
    if attempt.result is not None and attempt.result.failures:
        reasons.append(ExitCode.PARTIAL)
    return reasons


def _answer(attempt: workspace.Attempt) -> dict[str, Any]:
    """Return whose result it is, and the result, or the error in its place."""
    whose = {"connectionId": attempt.connection_id, "connection": attempt.name}
    if attempt.result is not None:
        return whose | attempt.result.to_wire()
    return whose | {"success": False} | (attempt.error.to_wire() if attempt.error else {})


def _tell(name: str, result: model.RefreshResult) -> None:
    news = "a baseline" if result.baseline else count(len(result.drift_events), "change")
    say(
        f"{name}: {count(len(result.objects), 'object')}, {count(result.total_fields, 'field')}, "
        f"{news} ({result.elapsed_ms:,} ms, {count(result.traffic.requests, 'request')})"
    )
    for failure in result.failures:
        parts = (failure.message, failure.cause, failure.remedy)
        say(f"  {failure.object_type}: {' '.join(part for part in parts if part)}")
    for notice in result.notices:
        parts = (notice.message, notice.cause, notice.remedy)
        say(f"  {' '.join(part for part in parts if part)}")


def doctor(
    home: HomeOption = None,
    demo: DemoOption = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Put right what can be, after a backup of all as it was."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check this machine and this workspace: what is lost, what is not, what can be repaired.

    Exits with 5 where the cache is damaged or can't be read, with 1 where anything else is wrong.
    """
    with failing(as_json):
        if demo and repair:
            raise UsageError("The demo needs no repair.", remedy="Leave out --repair or --demo.")
        findings = workspace.examine(home, demo=demo, repair=repair)
        if as_json:
            emit_json(findings)
        else:
            emit_table(
                ("check", "ok", "found", "lost", "remedy"),
                [(f.check, f.ok, f.found, f.lost, f.remedy) for f in findings],
            )
            if any(finding.repairable for finding in findings):
                say("Some of it can be repaired: crmdeck doctor --repair")
    wrong = [finding for finding in findings if not finding.ok]
    if wrong:
        damaged = any(finding.code for finding in wrong)
        raise typer.Exit(int(ExitCode.CACHE_BUSY if damaged else ExitCode.FAILED))
