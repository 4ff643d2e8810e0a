"""crmdeck drift and crmdeck compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from crmdeck import model, workspace
from crmdeck.cli.options import (
    AnyNameArgument,
    DemoOption,
    FailOnOption,
    HomeOption,
    JsonOption,
    RightAtOption,
    SeverityOption,
)
from crmdeck.cli.output import emit_json, emit_table, report_error, say
from crmdeck.cli.session import moment, open_workspace, say_empty
from crmdeck.errors import ExitCode, UsageError, exit_code
from crmdeck.model import Side
from crmdeck.text import count

SIDES = {Side.LEFT: "left only", Side.RIGHT: "right only", Side.BOTH: "differs"}


def drift(
    name: AnyNameArgument = None,
    at_least: SeverityOption = None,
    object_type: Annotated[
        str | None, typer.Option("--object", help="Object name (default: all).")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Start date: 2026-05-16, or 7d.")
    ] = None,
    open_only: Annotated[
        bool, typer.Option("--open", help="Only open changes: not acknowledged, not changed back.")
    ] = False,
    acknowledge: Annotated[
        list[str] | None,
        typer.Option("--acknowledge", help="ID of a change (repeatable), or 'shown' for all."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Note for the acknowledgment.")] = "",
    fail_on: FailOnOption = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """List changes, newest first, and acknowledge them.

    With --fail-on, exit with 4 if a change of that severity is open. Exit with 3, 6 or
    1 if the last refresh could not read everything.
    """
    with open_workspace(home, demo, as_json) as ws:
        if note and not acknowledge:
            raise UsageError(
                "--note needs --acknowledge.",
                remedy="Add --acknowledge ID or --acknowledge shown",
            )
        if fail_on is not None:
            ws.checks.policy()  # A gate refuses a policy that it can't use before anything changes.
        after = moment(since, ws)
        report = ws.drift.report(
            name,
            at_least=at_least,
            object_type=object_type,
            since=after,
            open_only=open_only,
        )
        if acknowledge:
            ids = [e.id for e in report.events] if acknowledge == ["shown"] else acknowledge
            noted = ws.drift.acknowledge(ids, note)
            say(f"Acknowledged {count(noted.number, 'change')}. {noted.not_checked}".rstrip())
            report = ws.drift.report(name, at_least=at_least, object_type=object_type, since=after)
        reasons = []
        shown = {event.id for event in report.events}
        if fail_on is not None and ws.drift.fails(fail_on, name, among=shown):
            reasons.append(ExitCode.DRIFT)
        # A gate must not pass because of something that it could not read.
        for error in ws.checks.unread(name) if fail_on else ():
            report_error(error, as_json=as_json)
            reasons.append(error.exit_code)
        reasons = list(dict.fromkeys(reasons))
        if as_json:
            (named,) = ws.exports.named([report])
            emit_json(named | {"reasons": [reason.reason for reason in reasons]})
        else:
            if not ws.connections.all():
                say_empty(ws)
            emit_drift(report.events, report.stories)
            if report.open_changes is not None:
                say(f"{name or 'All connections'}: {report.open_changes.text}.")
    if reasons:
        raise typer.Exit(int(exit_code(reasons)))


def emit_drift(events: Sequence[model.DriftEvent], stories: Sequence[model.Story]) -> None:
    """Print changes as a table, with one row for each change group."""
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
    emit_table(
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


def compare(
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
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare two stored schemas: two connections, or one connection at two dates."""
    with open_workspace(home, demo, as_json) as ws:
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
        if as_json:
            emit_json(comparison)
        elif object_type is None:
            _show_objects(comparison)
        else:
            _show_fields(comparison)
    if fail and comparison.objects:
        raise typer.Exit(int(ExitCode.DRIFT))


def _show_objects(comparison: model.Comparison) -> None:
    rows = []
    for one in comparison.objects:
        found = Counter(field.side for field in one.fields)
        rows.append(
            (
                one.object_type,
                one.label,
                SIDES[one.side],
                *(found[side] or None for side in (Side.LEFT, Side.RIGHT, Side.BOTH)),
            )
        )
    emit_table(("object", "label", "side", "left only", "right only", "different"), rows)
    for word, name, at in (
        ("Left", comparison.left, comparison.left_at),
        ("Right", comparison.right, comparison.right_at),
    ):
        say(f"{word}: {name} " + (f"as of {model.format_utc(at)}" if at else "now"))
    say(f"{len(comparison.objects):,} objects differ, {comparison.same:,} are the same.")


def _show_fields(comparison: model.Comparison) -> None:
    rows: list[tuple[object, ...]] = []
    for one in comparison.objects:
        rows += _rows(one, model.FieldDifference(field_name="", side=one.side, changes=one.changes))
        for field in one.fields:
            rows += _rows(one, field)
    emit_table(("object", "field", "side", "attribute", "left", "right"), rows)
    if not rows:
        say("Both sides are the same.")


def _rows(one: model.ObjectDifference, field: model.FieldDifference) -> list[tuple[object, ...]]:
    side = SIDES[field.side]
    if not field.changes and field.side is not Side.BOTH:
        return [(one.object_type, field.field_name, side, None, None, None)]
    return [
        (
            one.object_type,
            field.field_name,
            side,
            c.attribute,
            workspace.value_text(c.before),
            workspace.value_text(c.after),
        )
        for c in field.changes
    ]
