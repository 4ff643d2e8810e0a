"""How objects and fields look as lines, and how they are filtered. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from crmdeck.model import Severity
from crmdeck.tui.filtering import KeyTest, one_of, yes_no
from crmdeck.tui.health import ago
from crmdeck.tui.panes.schema.data import FieldLine, Mark, ObjectLine
from crmdeck.tui.samples import percent_filled
from crmdeck.tui.widgets.table import Column

SIGNS = {Severity.BREAKING: "✕", Severity.RISKY: "▲", Severity.SAFE: "•"}
STATES = {Severity.BREAKING: "error", Severity.RISKY: "warn", Severity.SAFE: "info"}

Now = Callable[[], datetime]


def object_columns(now: Now) -> tuple[Column[ObjectLine], ...]:
    """Return the columns of the object types; `now` is what ages are counted from."""
    return (
        Column("object", "Object", lambda line: line.key, min_width=16, weight=3),
        Column(
            "label",
            "Label",
            lambda line: line.summary.label,
            style=lambda _: "muted",
            min_width=12,
            weight=3,
            hide_below=76,
        ),
        Column(
            "kind",
            "Kind",
            lambda line: "custom" if line.summary.custom else "",
            style=lambda _: "muted",
            width=6,
            searched=False,
            hide_below=76,
        ),
        Column(
            "fields",
            "Fields",
            lambda line: f"{line.summary.field_count:,}",
            width=6,
            align="right",
            sort_key=lambda line: line.summary.field_count,
            searched=False,
        ),
        Column(
            "mapped",
            "Mapped",
            lambda line: str(line.mapped) if line.mapped else "",
            style=lambda _: "accent",
            width=6,
            align="right",
            sort_key=lambda line: line.mapped,
            searched=False,
            hide_below=88,
        ),
        Column(
            "changed",
            "Changed",
            lambda line: mark_text(line.mark),
            style=lambda line: mark_state(line.mark),
            width=12,
            sort_key=lambda line: mark_rank(line.mark),
            searched=False,
        ),
        Column(
            "age",
            "Read",
            lambda line: age_text(line, now()),
            style=lambda line: "warn" if line.summary.is_stale else "muted",
            width=10,
            sort_key=lambda line: line.summary.discovered_at,
            searched=False,
        ),
        Column(
            "expires",
            "Expires",
            lambda line: ago(line.summary.expires_at, now()),
            style=lambda line: "warn" if line.summary.is_stale else "muted",
            width=10,
            sort_key=lambda line: line.summary.expires_at,
            searched=False,
            hide_below=100,
        ),
    )


_TYPE: Column[FieldLine] = Column(
    "type",
    "Type",
    lambda line: line.row.type.value,
    style=lambda _: "info",
    width=13,
    shrink_to=9,
)
_FILLED: Column[FieldLine] = Column(
    "filled",
    "Full",
    lambda line: percent_filled(line.filled) if line.filled is not None else "",
    style=lambda line: "muted" if line.filled else "warn",
    width=4,
    align="right",
    sort_key=lambda line: line.filled,
    searched=False,
)
_CHANGED: Column[FieldLine] = Column(
    "changed",
    "Δ",
    lambda line: SIGNS[line.mark.severity] if line.mark else "",
    style=lambda line: mark_state(line.mark),
    width=1,
    sort_key=lambda line: mark_rank(line.mark),
    searched=False,
)
_AROUND: tuple[Column[FieldLine], ...] = (
    Column(
        "references",
        "Refers to",
        lambda line: line.row.references,
        style=lambda _: "muted",
        min_width=10,
        weight=1,
        hide_below=96,
    ),
    Column(
        "mapped",
        "Mapped to",
        lambda line: line.mapped,
        style=lambda _: "accent",
        min_width=16,
        weight=1,
        hide_below=96,
    ),
)


def _label(least: int) -> Column[FieldLine]:
    return Column(
        "label",
        "Label",
        lambda line: line.row.label,
        style=lambda _: "muted",
        min_width=least,
        weight=3,
    )


def _flags(hide_below: int) -> Column[FieldLine]:
    return Column(
        "flags",
        "Flags",
        flags_text,
        style=lambda _: "muted",
        width=13,
        shrink_to=8,
        searched=False,
        hide_below=hide_below,
    )


def field_columns(*, rated: bool = False) -> tuple[Column[FieldLine], ...]:
    """Return the columns of the fields of one object type; `rated` says how full they are."""
    name: Column[FieldLine] = Column(
        "name", "API name", lambda line: line.row.name, min_width=16, weight=3
    )
    shown = (_FILLED, _flags(66)) if rated else (_flags(50),)
    return (name, _label(11), _TYPE, *shown, _CHANGED, *_AROUND)


def all_columns() -> tuple[Column[FieldLine], ...]:
    """Return the columns of the fields of all object types."""
    name: Column[FieldLine] = Column(
        "name", "Object and field", lambda line: line.path, min_width=25, weight=4
    )
    return (name, _label(12), _TYPE, _flags(70), _CHANGED, *_AROUND)


def object_keys(now: Now) -> dict[str, KeyTest[ObjectLine]]:
    """Return the filter keys of the object types."""
    return {
        "object": lambda line, wanted: one_of(line.key, wanted),
        "custom": lambda line, wanted: yes_no(line.summary.custom, wanted),
        "stale": lambda line, wanted: yes_no(line.summary.is_stale, wanted),
        "mapped": lambda line, wanted: yes_no(line.mapped > 0, wanted),
        "changed": lambda line, wanted: has_changed(line.mark, line.changed_at, now(), wanted),
    }


def field_keys(now: Now) -> dict[str, KeyTest[FieldLine]]:
    """Return the filter keys of the fields."""
    return {
        "object": lambda line, wanted: one_of(line.row.object_type, wanted),
        "type": lambda line, wanted: (
            line.row.type.value.startswith(wanted) or one_of(line.row.native_type, wanted)
        ),
        "custom": lambda line, wanted: yes_no(line.row.custom, wanted),
        "required": lambda line, wanted: yes_no(line.row.required, wanted),
        "unique": lambda line, wanted: yes_no(line.row.unique, wanted),
        "calculated": lambda line, wanted: yes_no(line.row.calculated, wanted),
        "ref": lambda line, wanted: any(
            one_of(name.strip(), wanted) for name in line.row.references.split(",")
        ),
        "mapped": lambda line, wanted: is_mapped(line.mapped, wanted),
        "changed": lambda line, wanted: has_changed(line.mark, line.changed_at, now(), wanted),
    }


def object_searched(line: ObjectLine) -> Iterable[str]:
    """Return the texts of an object type in which words are looked for."""
    return line.key, line.summary.label


def field_searched(line: FieldLine) -> Iterable[str]:
    """Return the texts of a field in which words are looked for."""
    return line.row.name, line.row.label, line.mapped


def path_searched(line: FieldLine) -> Iterable[str]:
    """Return the same where fields of many object types stand together."""
    row = line.row
    return row.object_type, row.name, row.label, line.mapped


def flags_text(line: FieldLine) -> str:
    """Return what a field is, in short words: `req uniq cust calc`."""
    row = line.row
    words = []
    if row.required:
        words.append("req")
    if row.unique:
        words.append("uniq")
    if row.custom:
        words.append("cust")
    if row.calculated:
        words.append("calc")
    if line.mapped:
        words.insert(0, "map")
    return " ".join(words)


def age_text(line: ObjectLine, now: datetime) -> str:
    """Return how long ago an object type was read, and whether that is too long."""
    age = ago(line.summary.discovered_at, now)
    return age.replace(" ago", "") + " stale" if line.summary.is_stale else age


def mark_text(mark: Mark | None) -> str:
    """Return a mark as sign, number and word; empty where nothing changed."""
    if mark is None:
        return ""
    return f"{SIGNS[mark.severity]} {mark.number:,} {mark.severity.value}"


def mark_state(mark: Mark | None) -> str:
    """Return the state of a mark's cell."""
    return STATES[mark.severity] if mark is not None else ""


def mark_rank(mark: Mark | None) -> tuple[int, int] | None:
    """Return what marks are sorted by: the worst and most first; unmarked lines come last."""
    return (-mark.severity.rank, -mark.number) if mark is not None else None


_SPAN = re.compile(r"(\d{1,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def has_changed(mark: Mark | None, changed_at: datetime | None, now: datetime, wanted: str) -> bool:
    """Return whether a line changed as `changed:` asks: `yes`, `no`, a severity, `7d`, `12h`."""
    span = _SPAN.fullmatch(wanted)
    if span:
        within = timedelta(**{_UNITS[span[2]]: int(span[1])})
        return changed_at is not None and now - changed_at <= within
    return yes_no(mark is not None, wanted) or (
        mark is not None and mark.severity.value.startswith(wanted)
    )


def is_mapped(mapped: str, wanted: str) -> bool:
    """Return whether a field is mapped as `mapped:` asks: `yes`, `no`, or a PartnerOS name."""
    return yes_no(bool(mapped), wanted) or (len(wanted) > 3 and wanted in mapped.casefold())
