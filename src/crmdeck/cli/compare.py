"""crmdeck compare: two schemas held against each other."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, RightAtOption
from crmdeck.cli.output import emit_json, emit_table, say
from crmdeck.cli.session import workspace
from crmdeck.errors import ExitCode, UsageError
from crmdeck.model import Comparison, FieldDifference, ObjectDifference, Side, format_utc
from crmdeck.tui.values import value_text
from crmdeck.workspace import parse_moment

SIDES = {Side.LEFT: "left only", Side.RIGHT: "right only", Side.BOTH: "differs"}


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
    with workspace(home, demo, as_json) as ws:
        left_at = parse_moment(at, ws.now, as_of=True) if at else None
        other_at = parse_moment(right_at, ws.now, as_of=True) if right_at else None
        if right in (None, left) and left_at == other_at:
            raise UsageError(
                f"'{left}' as it is now is no different from itself.",
                remedy="Name another connection, or a moment: --at 7d.",
            )
        comparison = ws.compare(
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


def _tell_objects(comparison: Comparison) -> None:
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
        say(f"{word}: {name} " + (f"as of {format_utc(at)}" if at else "now"))
    say(f"{len(comparison.objects):,} objects differ, {comparison.same:,} are the same.")


def _tell_fields(comparison: Comparison) -> None:
    rows: list[tuple[object, ...]] = []
    for one in comparison.objects:
        rows += _rows(one, FieldDifference(field_name="", side=one.side, changes=one.changes))
        for field in one.fields:
            rows += _rows(one, field)
    emit_table(("object", "field", "where", "attribute", "left", "right"), rows)
    if not rows:
        say("It is the same on both sides.")


def _rows(one: ObjectDifference, field: FieldDifference) -> list[tuple[object, ...]]:
    where = SIDES[field.side]
    if not field.changes and field.side is not Side.BOTH:
        return [(one.object_type, field.field_name, where, None, None, None)]
    return [
        (
            one.object_type,
            field.field_name,
            where,
            c.attribute,
            value_text(c.before),
            value_text(c.after),
        )
        for c in field.changes
    ]
