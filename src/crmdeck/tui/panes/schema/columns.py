"""The columns of objects and of fields. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from crmdeck.model import OpenChanges, Severity
from crmdeck.text import ago
from crmdeck.tui.marks import SEVERITY_SIGNS, open_mark
from crmdeck.tui.panes.samples import percent_filled
from crmdeck.tui.panes.schema.rows import FieldLine, ObjectLine
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import GAP
from crmdeck.tui.widgets.table.strips import GUTTER

R = TypeVar("R")

Now = Callable[[], datetime]

LONGEST_OBJECT, LONGEST_NAME, LONGEST_CONNECTION, LONGEST_LABEL = 48, 60, 20, 50
LEAST_CHANGED, LONGEST_CHANGED, LONGEST_AGE, LONGEST_FLAGS = 7, 16, 14, 18
MOST_SEVERITY = 10
LEAST_TYPE, LONGEST_TYPE, MOST_LABEL = 9, 13, 30
LEAST_DESCRIPTION, LONGEST_DESCRIPTION = 24, 80
WORDS = {Severity.BREAKING: "break", Severity.RISKY: "risky", Severity.SAFE: "safe"}
"""Severities in five cells, if the word has no room."""

APART = 26
"""Most cells for the object's name before the field's name, unless it is longer."""

_KIND: Column[ObjectLine] = Column(
    "kind",
    "Kind",
    lambda line: "custom" if line.summary.custom else "",
    style=lambda _: "muted",
    width=6,
    searched=False,
    hide_below=76,
)
_FIELDS: Column[ObjectLine] = Column(
    "fields",
    "Fields",
    lambda line: f"{line.summary.field_count:,}",
    width=6,
    align="right",
    sort_key=lambda line: line.summary.field_count,
    searched=False,
)
_MAPPED_FIELDS: Column[ObjectLine] = Column(
    "mapped",
    "Mapped",
    lambda line: str(line.mapped) if line.mapped else "",
    style=lambda _: "accent",
    width=6,
    align="right",
    sort_key=lambda line: line.mapped,
    searched=False,
)


def object_columns(
    now: Now, lines: Sequence[ObjectLine], width: int
) -> tuple[Column[ObjectLine], ...]:
    """Return the columns of the objects; ages count from `now`.

    Names are whole. Labels are whole or left out, because the details show them. A column that is
    empty, or equal in all `lines`, is left out.
    """

    def changed(line: ObjectLine) -> str:
        return open_text(line.open_changes) or since_text(line.changed_at, now())

    name = _longest((line.key for line in lines), 16, LONGEST_OBJECT)
    label = _longest((line.summary.label for line in lines), 12, LONGEST_LABEL)
    some = {
        "label": any(line.summary.label not in ("", line.key) for line in lines),
        "kind": any(line.summary.custom for line in lines),
        "mapped": any(line.mapped for line in lines),
        "changed": any(
            line.open_changes is not None or line.changed_at is not None for line in lines
        ),
        "age": any(line.summary.is_stale for line in lines)
        or len({age_text(line, now()) for line in lines}) > 1,
    }
    columns: tuple[Column[ObjectLine], ...] = (
        Column("object", "Object", lambda line: line.key, width=name, spill="age"),
        Column(
            "label",
            "Label",
            lambda line: line.summary.label,
            style=lambda _: "muted",
            width=label,
        ),
        _KIND,
        _FIELDS,
        _MAPPED_FIELDS,
        Column(
            "changed",
            "Changed",
            changed,
            style=lambda line: open_state(line.open_changes),
            width=_longest(map(changed, lines), 8, LONGEST_CHANGED),
            sort_key=lambda line: changed_rank(line.open_changes, line.changed_at),
            searched=False,
        ),
        Column(
            "age",
            "Refreshed",
            lambda line: age_text(line, now()),
            style=lambda line: "warn" if line.summary.is_stale else "muted",
            width=_longest((age_text(line, now()) for line in lines), 10, LONGEST_AGE),
            sort_key=lambda line: line.summary.discovered_at,
            searched=False,
        ),
    )
    return _with_room([one for one in columns if some.get(one.id, True)], width, ("kind", "label"))


def _longest(texts: Iterable[str], least: int, most: int) -> int:
    # Characters, not cells as `longest` measures: 20,000 rows take it 13 ms a column, and this 0.4.
    return min(most, max([least, *map(len, texts)]))


def _with_room(
    columns: Sequence[Column[R]], width: int, giving_way: Sequence[str]
) -> tuple[Column[R], ...]:
    """Return the columns that fit into `width` cells; those `giving_way` go first, in order.

    A column stays if a later one leaves enough room for it.
    """
    least = {one.id: (one.shrink_to or one.width or one.min_width) + GAP for one in columns}
    # The last column has no gap after it.
    room = width - GUTTER + GAP
    left_out: list[str] = []
    for id_ in filter(least.__contains__, giving_way):
        if sum(least.values()) - sum(map(least.__getitem__, left_out)) > room:
            left_out.append(id_)
    # A wide column that went late may have made room for a narrow one that went early.
    for id_ in reversed(left_out[:-1]):
        rest = [one for one in left_out if one != id_]
        if sum(least.values()) - sum(map(least.__getitem__, rest)) <= room:
            left_out = rest
    return tuple(one for one in columns if one.id not in left_out)


MOST_MEASURED = 20_000
"""Rows up to which columns are as narrow as their texts; measuring more takes too long."""


def _fitted(texts: Iterable[str], lines: Sequence[FieldLine], least: int, most: int) -> int:
    """Return the cells of the longest text, or `most` if there are too many rows to measure."""
    return _longest(texts, least, most) if len(lines) <= MOST_MEASURED else most


_FILLED: Column[FieldLine] = Column(
    "filled",
    "Fill",
    lambda line: percent_filled(line.filled) if line.filled is not None else "",
    style=lambda line: "muted" if line.filled else "warn",
    width=4,
    align="right",
    sort_key=lambda line: line.filled,
    searched=False,
)
_REFERENCES: Column[FieldLine] = Column(
    "references",
    "Refers to",
    lambda line: line.row.references,
    style=lambda _: "muted",
    width=16,
)
_MAPPED: Column[FieldLine] = Column(
    "mapped", "Mapped to", lambda line: line.mapped, style=lambda _: "accent", width=22
)


def _changed(now: Now, lines: Sequence[FieldLine]) -> Column[FieldLine]:
    """Return the column of open changes, else of the time since the last change."""

    def text(line: FieldLine, width: int = MOST_SEVERITY) -> str:
        worst = line.open_changes.severity if line.open_changes is not None else None
        if worst is None:
            return since_text(line.changed_at, now()).replace(" ago", "")
        whole = f"{SEVERITY_SIGNS[worst]} {worst.value}"
        return whole if len(whole) <= width else f"{SEVERITY_SIGNS[worst]} {WORDS[worst]}"

    return Column(
        "changed",
        "Changed",
        text,
        fit=text,
        style=lambda line: open_state(line.open_changes),
        width=_fitted(map(text, lines), lines, LEAST_CHANGED, MOST_SEVERITY),
        shrink_to=LEAST_CHANGED,
        sort_key=lambda line: changed_rank(line.open_changes, line.changed_at),
        searched=False,
    )


def field_columns(
    now: Now,
    lines: Sequence[FieldLine],
    width: int,
    described: Callable[[FieldLine], str] = lambda _: "",
) -> tuple[Column[FieldLine], ...]:
    """Return the columns of the fields of one object, in `width` cells.

    Names are whole and empty columns left out. If room is short, references, flags, changes and
    the label give way. What is left is for the description that `described` returns.
    """
    cells = _longest((line.row.name for line in lines), 16, LONGEST_NAME)
    name: Column[FieldLine] = Column("name", "API name", lambda line: line.row.name, width=cells)
    columns = _field_columns(name, now, lines, width)
    rest = width - GUTTER - sum((column.width or 0) + GAP for column in columns)
    longest = _longest(map(described, lines), 0, LONGEST_DESCRIPTION)
    if longest and rest >= min(longest, LEAST_DESCRIPTION):
        shown = min(longest, rest)
        return (
            *columns,
            Column("description", "Description", described, style=lambda _: "muted", width=shown),
        )
    return columns


def all_columns(now: Now, lines: Sequence[FieldLine], width: int) -> tuple[Column[FieldLine], ...]:
    """Return the columns of the fields of all objects: object and field, both whole.

    In its row, a long name takes the room of the next column.
    """

    def text(line: FieldLine, cells: int) -> str:
        return f"{line.row.object_type:<{max(0, cells)}}  {line.row.name}"

    apart = _longest((line.row.object_type for line in lines), 6, APART)
    longest = _longest((line.row.name for line in lines), 16, max(24, width // 4))
    name: Column[FieldLine] = Column(
        "name",
        f"{'Object':<{apart}}  Field",
        lambda line: text(line, apart),
        # The gap between both names gives way before the names.
        fit=lambda line, cells: text(line, min(apart, cells - GAP - len(line.row.name))),
        width=apart + GAP + longest,
        sort_key=lambda line: line.path.casefold(),
    )
    return _field_columns(name, now, lines, width)


def every_columns(
    now: Now, lines: Sequence[FieldLine], width: int
) -> tuple[Column[FieldLine], ...]:
    """Return the columns of the fields of all connections, with the connection."""
    cells = _longest((line.connection for line in lines), len("Connection"), LONGEST_CONNECTION)
    connection: Column[FieldLine] = Column(
        "connection", "Connection", lambda line: line.connection, width=cells
    )
    return (connection, *all_columns(now, lines, width - cells - GAP))


def _field_columns(
    name: Column[FieldLine], now: Now, lines: Sequence[FieldLine], width: int
) -> tuple[Column[FieldLine], ...]:
    marked = any(line.open_changes is not None for line in lines)
    some = {
        "filled": any(line.filled is not None for line in lines),
        "flags": any(flags_text(line) for line in lines),
        "changed": marked or any(line.changed_at is not None for line in lines),
        "mapped": any(line.mapped for line in lines),
        "references": any(line.row.references for line in lines),
    }
    types = (line.row.type.value for line in lines)
    columns = (
        name,
        Column[FieldLine](
            "label",
            "Label",
            lambda line: line.row.label,
            style=lambda _: "muted",
            width=_fitted((line.row.label for line in lines), lines, 12, MOST_LABEL),
        ),
        Column[FieldLine](
            "type",
            "Type",
            lambda line: line.row.type.value,
            style=lambda _: "muted",
            width=_fitted(types, lines, LEAST_TYPE, LONGEST_TYPE),
            shrink_to=LEAST_TYPE,
        ),
        _FILLED,
        Column[FieldLine](
            "flags",
            "Flags",
            flags_text,
            style=lambda _: "muted",
            width=_fitted(map(flags_text, lines), lines, 5, LONGEST_FLAGS),
            searched=False,
        ),
        _changed(now, lines),
        _MAPPED,
        _REFERENCES,
    )
    shown = [one for one in columns if some.get(one.id, True)]
    # Open changes are news and outlast the label; the mere time of a change doesn't.
    last = ("label", "changed") if marked else ("changed", "label")
    placed = _with_room(shown, width, ("references", "flags", "mapped", *last))
    cells = name.width or 0
    # What is left is for names, up to the longest.
    rest = width - GUTTER - sum((one.width or 0) + GAP for one in placed[1:])
    if rest > cells:
        cells = _longest(map(name.text, lines), cells, rest)
    return (replace(name, width=cells, spill=placed[-1].id), *placed[1:])


def flags_text(line: FieldLine) -> str:
    """Return the flags of a field in short: `req uniq cust calc`."""
    row = line.row
    flags = (
        (line.mapped, "map"),
        (row.required, "req"),
        (row.unique, "uniq"),
        (row.custom, "cust"),
        (row.calculated, "calc"),
    )
    return " ".join(word for applies, word in flags if applies)


def age_text(line: ObjectLine, now: datetime) -> str:
    """Return the time since the last refresh of an object, and `stale` if it is."""
    age = ago(line.summary.discovered_at, now)
    return age.replace(" ago", "") + " stale" if line.summary.is_stale else age


def open_text(changes: OpenChanges | None) -> str:
    """Return the open changes with the sign of the worst: `✕ 5 open`, or an empty text."""
    return f"{open_mark(changes)[0]} open" if changes is not None else ""


def since_text(changed_at: datetime | None, now: datetime) -> str:
    return ago(changed_at, now) if changed_at is not None else ""


def open_state(changes: OpenChanges | None) -> str:
    """Return the state of a cell with open changes, or with the time since a change."""
    return open_mark(changes)[1] if changes is not None else "muted"


def changed_rank(
    changes: OpenChanges | None, changed_at: datetime | None
) -> tuple[float, float] | None:
    """Return the sort key: the worst and most open changes first, then the latest change."""
    if changes is not None and changes.severity is not None:
        return (-changes.severity.rank, -changes.count)
    return (1, -changed_at.timestamp()) if changed_at is not None else None
