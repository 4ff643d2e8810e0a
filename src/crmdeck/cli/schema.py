"""crmdeck status, refresh, drift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from crmdeck.cli.options import DemoOption, HomeOption, JsonOption
from crmdeck.cli.output import (
    command_for,
    emit_json,
    emit_table,
    report_error,
    say,
    tell_more,
)
from crmdeck.cli.session import ProgressLine, workspace
from crmdeck.errors import ExitCode, UsageError
from crmdeck.model import (
    Alert,
    ConnectionStatus,
    DriftEvent,
    RefreshResult,
    Severity,
    Status,
)
from crmdeck.workspace import parse_moment

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False)]
FailOnOption = Annotated[
    Severity | None,
    typer.Option("--fail-on", help="Exit with 4 where there is drift this bad or worse."),
]


def status(
    names: Names = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell how connections are doing. Exits with 3 where one needs reauthorisation."""
    with workspace(home, demo, as_json) as ws:
        found = [ws.status(name) for name in names] if names else list(ws.statuses())
        if not found:
            say("There are no connections yet. Add one: crmdeck connections add NAME --source ...")
            say("Or look at what there would be to see: crmdeck demo")
        if as_json:
            emit_json(found[0] if names and len(names) == 1 else found)
        else:
            emit_table(
                ("name", "platform", "status", "last sync", "objects", "fields", "quota", "alert"),
                [
                    (
                        item.name,
                        item.platform,
                        item.status,
                        item.last_sync_at,
                        item.schema_stats.object_count,
                        item.schema_stats.field_count,
                        f"{item.quota.left:.0%}" if item.quota else None,
                        _first_alert(item.alerts),
                    )
                    for item in found
                ],
            )
            if names:
                for item in found:
                    _tell_alerts(item)
        states = {item.status for item in found}
    if Status.REAUTH_REQUIRED in states:
        raise typer.Exit(int(ExitCode.REAUTH_REQUIRED))
    if Status.ERROR in states:
        raise typer.Exit(int(ExitCode.FAILED))


def _first_alert(alerts: Sequence[Alert]) -> str | None:
    if not alerts:
        return None
    more = f" (and {len(alerts) - 1} more)" if len(alerts) > 1 else ""
    return alerts[0].message + more


def _tell_alerts(status: ConnectionStatus) -> None:
    for alert in status.alerts:
        say(f"{status.name}: {alert.level}: {alert.message}")
        command = command_for(alert.next_step, status.name)
        tell_more(alert.cause, alert.remedy, command, alert.link)


def refresh(
    names: Names = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Refresh every connection that is not disconnected.")
    ] = False,
    fail_on: FailOnOption = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Discover the schema again and tell what changed."""
    with workspace(home, demo, as_json) as ws:
        if bool(names) == everything:
            raise UsageError(
                "Say what to refresh.", remedy="Name connections, or use --all (not both)."
            )
        wanted = names or [c.name for c in ws.connections() if c.disconnected_at is None]
        if not wanted:
            say("There is no connection to refresh.")
        with ProgressLine(wanted[0] if len(wanted) == 1 else "") as line:
            attempts = ws.refresh_many(wanted, progress=line)
        for attempt in attempts:
            if attempt.error is not None:
                report_error(attempt.error, as_json=as_json)
            elif attempt.result is not None and not as_json:
                _tell(attempt.name, attempt.result)
        results = [attempt.result for attempt in attempts if attempt.result is not None]
        errors = [attempt.error for attempt in attempts if attempt.error is not None]
        if as_json and (results or len(wanted) != 1):
            emit_json(results[0] if names and len(names) == 1 else results)
    if errors:
        raise typer.Exit(int(max(error.exit_code for error in errors)))
    _fail_on([event for result in results for event in result.drift_events], fail_on)


def drift(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False)] = None,
    at_least: Annotated[
        Severity | None, typer.Option("--at-least", help="Only changes this bad or worse.")
    ] = None,
    object_type: Annotated[
        str | None, typer.Option("--object", help="Only changes of this object type.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only changes since then: 2026-05-16, or 7d.")
    ] = None,
    open_only: Annotated[
        bool, typer.Option("--open", help="Only changes that nobody acknowledged.")
    ] = False,
    acknowledge: Annotated[
        list[str] | None,
        typer.Option("--acknowledge", help="Acknowledge this event (repeatable), or 'shown'."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="A note for the acknowledgement.")] = "",
    fail_on: FailOnOption = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell what changed, newest first, and acknowledge it."""
    with workspace(home, demo, as_json) as ws:
        moment = parse_moment(since, ws.now) if since else None
        report = ws.drift(
            name,
            at_least=at_least,
            object_type=object_type,
            since=moment,
            acknowledged=False if open_only else None,
        )
        if acknowledge:
            ids = [e.id for e in report.events] if acknowledge == ["shown"] else acknowledge
            say(f"{ws.acknowledge(ids, note)} changes acknowledged.")
            report = ws.drift(name, at_least=at_least, object_type=object_type, since=moment)
        if as_json:
            emit_json(report)
        else:
            titles = {story.id: story.title for story in report.stories}
            told: set[str] = set()
            rows: list[tuple[object, ...]] = []
            for event in report.events:
                if event.story in titles:
                    if event.story not in told:
                        told.add(event.story)
                        rows.append((event.detected_at, "", "", titles[event.story], "", "", ""))
                    continue
                rows.append(_drift_row(event))
            emit_table(
                ("when", "severity", "object", "what", "breaks", "acknowledged", "changed by"),
                rows,
            )
    _fail_on([e for e in report.events if e.acknowledged_at is None], fail_on)


def _drift_row(event: DriftEvent) -> tuple[object, ...]:
    subject = event.field_name or ""
    what = f"{event.kind.value.replace('_', ' ')} {subject}".strip()
    return (
        event.detected_at,
        event.severity,
        event.object_type,
        f"{what}: {event.reason}" if event.reason else what,
        ", ".join(event.affected_mappings),
        event.acknowledged_at,
        _who(event),
    )


def _who(event: DriftEvent) -> str | None:
    if event.changed_by is None:
        return event.attribution and f"unknown: {event.attribution}"
    return (
        f"{event.changed_by}, {event.changed_at:%Y-%m-%d}" if event.changed_at else event.changed_by
    )


def _tell(name: str, result: RefreshResult) -> None:
    news = "a baseline" if result.baseline else f"{len(result.drift_events)} changes"
    say(
        f"{name}: {len(result.objects)} objects, {result.total_fields} fields, {news} "
        f"({result.elapsed_ms} ms, {result.traffic.requests} requests)"
    )
    for failure in result.failures:
        parts = (failure.message, failure.cause, failure.remedy)
        say(f"  {failure.object_type}: {' '.join(part for part in parts if part)}")


def _fail_on(events: list[DriftEvent], severity: Severity | None) -> None:
    if severity is not None and any(e.severity.rank >= severity.rank for e in events):
        raise typer.Exit(int(ExitCode.DRIFT))
