"""crmdeck drift and crmdeck compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer

from crmdeck import model, workspace
from crmdeck.cli.listing import Listing, lists
from crmdeck.cli.options import (
    FailOnOption,
    NamesArgument,
    RightAtOption,
    SeverityOption,
    SinceOption,
    UntilOption,
)
from crmdeck.cli.output import Table, report_error, say
from crmdeck.cli.session import in_workspace, moment, say_empty, time_range
from crmdeck.errors import ExitCode, UsageError, exit_code
from crmdeck.model import Side
from crmdeck.text import count

SIDES = {Side.LEFT: "left only", Side.RIGHT: "right only", Side.BOTH: "differs"}


@lists
@in_workspace()
def drift(
    ws: workspace.Workspace,
    listing: Listing,
    names: NamesArgument = None,
    at_least: SeverityOption = None,
    object_type: Annotated[
        str | None, typer.Option("--object", help="Object name (default: all).")
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    open_only: Annotated[
        bool, typer.Option("--open", help="Only open changes: not acknowledged, not changed back.")
    ] = False,
    acknowledge: Annotated[
        list[str] | None,
        typer.Option("--acknowledge", help="ID of a change (repeatable), or 'shown' for all."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Note for the acknowledgment.")] = "",
    fail_on: FailOnOption = None,
) -> ExitCode:
    """List changes, newest first, and acknowledge them.

    With --fail-on, exit with 4 if a change of that severity is open. Exit with 3, 6 or
    1 if the last refresh could not read everything.
    """
    if note and not acknowledge:
        raise UsageError(
            "--note needs --acknowledge.",
            remedy="Add --acknowledge ID or --acknowledge shown",
        )
    listing.require(workspace.COLUMNS["drift"])
    if fail_on is not None:
        ws.checks.policy()  # A gate refuses a policy that it can't use before anything changes.
    begin, end = time_range(since, until, ws)

    def read(limit: int | None = None, *, open_only: bool = False) -> model.DriftReport:
        def one(name: str | None) -> model.DriftReport:
            if limit is not None:
                return ws.drift.page(
                    name,
                    limit,
                    at_least=at_least,
                    object_type=object_type,
                    since=begin,
                    until=end,
                    open_only=open_only,
                )
            return ws.drift.report(
                name,
                at_least=at_least,
                object_type=object_type,
                since=begin,
                open_only=open_only,
            )

        return _report(list(map(one, dict.fromkeys(names or (None,)))), end, limit)

    # What judges, sorts or acknowledges needs all changes.
    by_page = not (listing.sort or acknowledge or fail_on)
    report = read(listing.limit if by_page else None, open_only=open_only)
    if acknowledge:
        shown = [event.id for event in listing.pick(report.events, _recorder(ws, report))]
        noted = ws.drift.acknowledge(shown if acknowledge == ["shown"] else acknowledge, note)
        say(f"Acknowledged {count(noted.number, 'change')}. {noted.not_checked}".rstrip())
        report = read()
    reasons = _gate(ws, names, report, fail_on, as_json=listing.as_json)
    _emit(ws, listing, names, report, reasons)
    return exit_code(reasons)


def _emit(
    ws: workspace.Workspace,
    listing: Listing,
    names: Sequence[str] | None,
    report: model.DriftReport,
    reasons: Sequence[ExitCode],
) -> None:
    (answer,) = ws.exports.named([report])
    whole = {event["id"]: event for event in answer["events"]}
    if listing.emit(
        report.events,
        columns=workspace.COLUMNS["drift"],
        record=_recorder(ws, report),
        wire=lambda event: whole[event.id],
        answer=lambda events: {
            **answer,
            "events": events,
            "reasons": [reason.reason for reason in reasons],
        },
        table=lambda shown: drift_table(shown, report.stories if not listing.sort else ()),
    ):
        if not ws.connections.all():
            say_empty(ws)
        if report.open_changes is not None:
            say(f"{', '.join(names or ['All connections'])}: {report.open_changes.text}.")


def _report(
    reports: Sequence[model.DriftReport], until: datetime | None, limit: int | None
) -> model.DriftReport:
    """Return the reports of several connections as one: at most `limit` changes, newest first."""
    counts = [each.open_changes for each in reports if each.open_changes is not None]
    events = [
        event
        for each in reports
        for event in each.events
        if until is None or event.detected_at <= until
    ]
    if len(reports) > 1:
        events.sort(key=lambda event: event.detected_at, reverse=True)
    shown = events[:limit]
    kept = {event.story for event in shown}
    return model.DriftReport(
        events=tuple(shown),
        stories=tuple(one for each in reports for one in each.stories if one.id in kept),
        open_changes=model.OpenChanges.total(counts) if counts else None,
    )


def _recorder(
    ws: workspace.Workspace, report: model.DriftReport
) -> Callable[[model.DriftEvent], Mapping[str, object]]:
    """Return the function that makes a change a row with the names of connection and group."""
    names = {connection.id: connection.name for connection in ws.connections.all()}
    titles = {story.id: story.title for story in report.stories}
    return lambda event: {
        **event.to_wire(),
        "connection": names.get(event.connection_id),
        "storyTitle": titles.get(event.story or ""),
    }


def _gate(
    ws: workspace.Workspace,
    names: Sequence[str] | None,
    report: model.DriftReport,
    fail_on: model.Severity | None,
    *,
    as_json: bool,
) -> list[ExitCode]:
    """Return the exit codes of --fail-on, and report the errors of the last refresh."""
    if fail_on is None:
        return []
    reasons = []
    shown = {event.id for event in report.events}
    wanted = list(dict.fromkeys(names or (None,)))
    if any(ws.drift.fails(fail_on, name, among=shown) for name in wanted):
        reasons.append(ExitCode.DRIFT)
    # A gate must not pass because of something that it could not read.
    for error in (each for name in wanted for each in ws.checks.unread(name)):
        report_error(error, as_json=as_json)
        reasons.append(error.exit_code)
    return list(dict.fromkeys(reasons))


def drift_table(events: Sequence[model.DriftEvent], stories: Sequence[model.Story]) -> Table:
    """Return changes as a table, with one row for each change group."""
    titles = {story.id: story.title for story in stories}
    shown: set[str] = set()
    rows: list[tuple[object, ...]] = []
    for event in events:
        if event.story in titles:
            if event.story not in shown:
                shown.add(event.story)
                title = titles[event.story]
                rows.append((event.detected_at, "", title, "", "", "", "", ""))
            continue
        rows.append(_drift_row(event))
    return Table(
        (
            "detected",
            "severity",
            "field",
            "change",
            "reason",
            "mapped to",
            "acknowledged",
            "changed by",
        ),
        rows,
        least=("acknowledged", "reason", "changed by", "mapped to"),
    )


def _drift_row(event: model.DriftEvent) -> tuple[object, ...]:
    return (
        event.detected_at,
        event.severity,
        workspace.place_of(event),
        workspace.what_happened(event),
        event.reason,
        ", ".join(event.affected_mappings),
        event.acknowledged_at,
        _who(event),
    )


def _who(event: model.DriftEvent) -> str | None:
    if event.changed_by is None:
        return event.attribution and f"unknown: {event.attribution}"
    return (
        f"{event.changed_by}, {event.changed_at:%Y-%m-%d}" if event.changed_at else event.changed_by
    )


@lists
@in_workspace()
def compare(
    ws: workspace.Workspace,
    listing: Listing,
    left: Annotated[str, typer.Argument(metavar="LEFT", help="Connection name.")],
    right: Annotated[
        str | None,
        typer.Argument(
            metavar="[RIGHT]", help="Connection name (default: LEFT).", show_default=False
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="As of a date, for the left side: 2026-05-16, or 7d.")
    ] = None,
    right_at: RightAtOption = None,
    object_type: Annotated[
        str | None, typer.Option("--object", help="Object name, to compare its fields.")
    ] = None,
    fail: Annotated[
        bool, typer.Option("--fail-on-difference", help="Exit with 4 if the schemas differ.")
    ] = False,
) -> ExitCode:
    """Compare two stored schemas: two connections, or one connection at two dates."""
    listing.require(workspace.COLUMNS["differences" if object_type else "comparison"])
    left_at = moment(at, ws, as_of=True)
    other_at = moment(right_at, ws, as_of=True)
    if right in (None, left) and left_at == other_at:
        raise UsageError(
            f"Both sides are the current schema of '{left}'.",
            remedy="Enter another connection, or a date: --at 7d",
        )
    comparison = ws.schemas.compare(
        left, right or left, left_at=left_at, right_at=other_at, object_type=object_type
    )
    if object_type is None:
        _show_objects(listing, comparison)
    else:
        _show_fields(listing, comparison)
    return ExitCode.DRIFT if fail and comparison.objects else ExitCode.OK


def _show_objects(listing: Listing, comparison: model.Comparison) -> None:
    rows = {row["objectType"]: row for row in workspace.records("comparison", comparison)}
    if not listing.emit(
        comparison.objects,
        columns=workspace.COLUMNS["comparison"],
        record=lambda one: rows[one.object_type],
        wire=lambda one: one.to_wire(),
        answer=lambda objects: {**comparison.to_wire(), "objects": objects},
        table=lambda shown: Table(
            ("object", "label", "side", "left only", "right only", "different"),
            [
                (
                    one.object_type,
                    one.label,
                    SIDES[one.side],
                    *(
                        Counter(field.side for field in one.fields)[side] or None
                        for side in (Side.LEFT, Side.RIGHT, Side.BOTH)
                    ),
                )
                for one in shown
            ],
        ),
    ):
        return
    for word, name, at in (
        ("Left", comparison.left, comparison.left_at),
        ("Right", comparison.right, comparison.right_at),
    ):
        say(f"{word}: {name} " + (f"as of {model.format_utc(at)}" if at else "now"))
    say(f"{len(comparison.objects):,} objects differ, {comparison.same:,} are the same.")


def _show_fields(listing: Listing, comparison: model.Comparison) -> None:
    rows = list(workspace.records("differences", comparison))
    whole = comparison.to_wire()

    def answer(shown: Sequence[Mapping[str, object]]) -> Mapping[str, object]:
        if listing.is_plain:
            return whole
        return {**{key: whole[key] for key in whole if key != "objects"}, "differences": shown}

    if (
        listing.emit(
            rows,
            columns=workspace.COLUMNS["differences"],
            record=lambda row: row,
            answer=answer,
            table=lambda shown: Table(
                ("object", "field", "side", "attribute", "left", "right"),
                [
                    (
                        row["objectType"],
                        row["fieldName"],
                        SIDES[row["side"]],
                        row["attribute"],
                        workspace.value_text(row["leftValue"]) if row["attribute"] else None,
                        workspace.value_text(row["rightValue"]) if row["attribute"] else None,
                    )
                    for row in shown
                ],
            ),
        )
        and not rows
    ):
        say("Both sides are the same.")
