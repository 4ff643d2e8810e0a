"""crmdeck drift and crmdeck compare: what changed, and how two schemas differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from crmdeck import model, workspace
from crmdeck.cli.options import DemoOption, FailOnOption, HomeOption, JsonOption, RightAtOption
from crmdeck.cli.output import emit_json, emit_table, report_error, say
from crmdeck.cli.session import drifted, moment, open_workspace
from crmdeck.errors import ExitCode, UsageError, exit_code
from crmdeck.model import Severity, Side
from crmdeck.text import count

SIDES = {Side.LEFT: "left only", Side.RIGHT: "right only", Side.BOTH: "differs"}


def drift(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False)] = None,
    at_least: Annotated[
        Severity | None,
        typer.Option("--severity", "--at-least", help="Only changes this bad or worse."),
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
    note: Annotated[str, typer.Option("--note", help="A note for the acknowledgment.")] = "",
    fail_on: FailOnOption = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell what changed, newest first, and acknowledge it.

    With --fail-on it is a gate: it ends with 4 for drift that nobody acknowledged, and with 3, 6
    or 1 where the cache is not what a CRM holds, since that could not be read.
    """
    with open_workspace(home, demo, as_json) as ws:
        if note and not acknowledge:
            raise UsageError(
                "A note goes with an acknowledgment.",
                remedy="Say what to acknowledge: --acknowledge ID, or --acknowledge shown.",
            )
        after = moment(since, ws)
        report = ws.drift.report(
            name,
            at_least=at_least,
            object_type=object_type,
            since=after,
            acknowledged=False if open_only else None,
        )
        if acknowledge:
            ids = [e.id for e in report.events] if acknowledge == ["shown"] else acknowledge
            noted = ws.drift.acknowledge(ids, note)
            say(f"{count(noted.number, 'change')} acknowledged. {noted.not_checked}".rstrip())
            report = ws.drift.report(name, at_least=at_least, object_type=object_type, since=after)
        reasons = []
        if drifted((e for e in report.events if e.acknowledged_at is None), fail_on):
            reasons.append(ExitCode.DRIFT)
        # A gate passes on what it could read only.
        for error in ws.checks.unread(name) if fail_on else ():
            report_error(error, as_json=as_json)
            reasons.append(error.exit_code)
        reasons = list(dict.fromkeys(reasons))
        if as_json:
            told = {"reasons": [reason.reason for reason in reasons]}
            (named,) = ws.exports.named([report])
            emit_json(named | told)
        else:
            emit_drift(report.events, report.stories)
    if reasons:
        raise typer.Exit(int(exit_code(reasons)))


def emit_drift(events: Sequence[model.DriftEvent], stories: Sequence[model.Story]) -> None:
    """Print drift as a table: a line an event, and one for a story."""
    titles = {story.id: story.title for story in stories}
    told: set[str] = set()
    rows: list[tuple[object, ...]] = []
    for event in events:
        if event.story in titles:
            if event.story not in told:
                told.add(event.story)
                title = titles[event.story]
                rows.append((event.detected_at, "", title, "", "", "", "", ""))
            continue
        rows.append(_drift_row(event))
    emit_table(
        (
            "when",
            "severity",
            "what",
            "what happened",
            "why",
            "maps",
            "acknowledged",
            "changed by",
        ),
        rows,
        least=("acknowledged", "why", "changed by", "maps"),
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
    left: Annotated[str, typer.Argument(metavar="LEFT", help="A connection's name or UUID.")],
    right: Annotated[
        str | None,
        typer.Argument(
            metavar="[RIGHT]", help="Another one; without it LEFT itself.", show_default=False
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="The left side as of 2026-05-16, or 7d ago.")
    ] = None,
    right_at: RightAtOption = None,
    object_type: Annotated[
        str | None, typer.Option("--object", help="Only this object, field by field.")
    ] = None,
    fail: Annotated[
        bool, typer.Option("--fail-on-difference", help="Exit with 4 where anything differs.")
    ] = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell how two cached schemas differ: two connections, or one at two moments."""
    with open_workspace(home, demo, as_json) as ws:
        left_at = moment(at, ws, as_of=True)
        other_at = moment(right_at, ws, as_of=True)
        if right in (None, left) and left_at == other_at:
            raise UsageError(
                f"'{left}' as it is now is no different from itself.",
                remedy="Name another connection, or a moment: --at 7d.",
            )
        comparison = ws.schemas.compare(
            left, right or left, left_at=left_at, right_at=other_at, object_type=object_type
        )
        if as_json:
            emit_json(comparison)
        elif object_type is None:
            _tell_objects(comparison)
        else:
            _tell_fields(comparison)
    if fail and comparison.objects:
        raise typer.Exit(int(ExitCode.DRIFT))


def _tell_objects(comparison: model.Comparison) -> None:
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
    emit_table(("object", "label", "where", "left only", "right only", "differ"), rows)
    for word, name, at in (
        ("Left", comparison.left, comparison.left_at),
        ("Right", comparison.right, comparison.right_at),
    ):
        say(f"{word}: {name} " + (f"as of {model.format_utc(at)}" if at else "now"))
    say(f"Objects: {len(comparison.objects):,} differ, {comparison.same:,} are the same.")


def _tell_fields(comparison: model.Comparison) -> None:
    rows: list[tuple[object, ...]] = []
    for one in comparison.objects:
        rows += _rows(one, model.FieldDifference(field_name="", side=one.side, changes=one.changes))
        for field in one.fields:
            rows += _rows(one, field)
    emit_table(("object", "field", "where", "attribute", "left", "right"), rows)
    if not rows:
        say("It is the same on both sides.")


def _rows(one: model.ObjectDifference, field: model.FieldDifference) -> list[tuple[object, ...]]:
    where = SIDES[field.side]
    if not field.changes and field.side is not Side.BOTH:
        return [(one.object_type, field.field_name, where, None, None, None)]
    return [
        (
            one.object_type,
            field.field_name,
            where,
            c.attribute,
            workspace.value_text(c.before),
            workspace.value_text(c.after),
        )
        for c in field.changes
    ]
