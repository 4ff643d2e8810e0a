"""How objects and fields look as lines. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from crmdeck.model import Severity
from crmdeck.tui.health import ago
from crmdeck.tui.panes.schema.rows import FieldLine, Mark, ObjectLine
from crmdeck.tui.samples import percent_filled
from crmdeck.tui.severity import SIGNS, STATES
from crmdeck.tui.widgets.table import Column

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
            lambda line: mark_text(line.mark) or since_text(line.changed_at, now()),
            style=lambda line: mark_state(line.mark),
            width=12,
            sort_key=lambda line: changed_rank(line.mark, line.changed_at),
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


def _changed(now: Now, hide_below: int = 0) -> Column[FieldLine]:
    """Return the column of what nobody has acknowledged, or else of when a field changed."""

    def text(line: FieldLine, width: int = 10) -> str:
        if line.mark is not None:
            return severity_text(line.mark.severity, width)
        return since_text(line.changed_at, now()).replace(" ago", "")

    return Column(
        "changed",
        "Changed",
        text,
        fit=text,
        style=lambda line: mark_state(line.mark),
        width=10,
        shrink_to=7,
        sort_key=lambda line: changed_rank(line.mark, line.changed_at),
        searched=False,
        hide_below=hide_below,
    )


def _label(least: int, hide_below: int = 0) -> Column[FieldLine]:
    return Column(
        "label",
        "Label",
        lambda line: line.row.label,
        style=lambda _: "muted",
        min_width=least,
        weight=3,
        hide_below=hide_below,
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


def field_columns(now: Now, lines: Sequence[FieldLine] = ()) -> tuple[Column[FieldLine], ...]:
    """Return the columns of the fields of one object type.

    How full fields are has a column where that is known of any of `lines`. What changed has one
    in a narrow table too where any is marked; then the label leaves, since the details have it.
    """
    rated = any(line.filled is not None for line in lines)
    name: Column[FieldLine] = Column(
        "name", "API name", lambda line: line.row.name, min_width=16, weight=5
    )
    shown = (_FILLED, _flags(66)) if rated else (_flags(50),)
    if not _any_marked(lines):
        return (name, _label(11), _TYPE, *shown, _changed(now, hide_below=66), *_AROUND)
    return (name, _label(11, hide_below=66), _TYPE, *shown, _changed(now), *_AROUND)


def all_columns(now: Now, lines: Sequence[FieldLine] = ()) -> tuple[Column[FieldLine], ...]:
    """Return the columns of the fields of all object types."""
    name: Column[FieldLine] = Column(
        "name", "Object and field", lambda line: line.path, min_width=25, weight=6
    )
    if not _any_marked(lines):
        return (name, _label(12), _TYPE, _flags(70), _changed(now, hide_below=76), *_AROUND)
    return (name, _label(12, hide_below=70), _TYPE, _flags(76), _changed(now), *_AROUND)


def _any_marked(lines: Sequence[FieldLine]) -> bool:
    return any(line.mark is not None for line in lines)


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


WORDS = {Severity.BREAKING: "break", Severity.RISKY: "risky", Severity.SAFE: "safe"}
"""Severities in five cells, for where the whole word has no room."""


def severity_text(severity: Severity, width: int = 10) -> str:
    """Return a severity as its sign and its word, on `width` cells (7 at least)."""
    text = f"{SIGNS[severity]} {severity.value}"
    return text if len(text) <= width else f"{SIGNS[severity]} {WORDS[severity]}"


def mark_text(mark: Mark | None) -> str:
    """Return a mark as sign, number and word; empty where nothing changed."""
    if mark is None:
        return ""
    return f"{SIGNS[mark.severity]} {mark.number:,} {mark.severity.value}"


def since_text(changed_at: datetime | None, now: datetime) -> str:
    """Return how long ago something changed; empty where it never did."""
    return ago(changed_at, now) if changed_at is not None else ""


def mark_state(mark: Mark | None) -> str:
    """Return the state of a cell that tells a mark, or only when something changed."""
    return STATES[mark.severity] if mark is not None else "muted"


def changed_rank(mark: Mark | None, changed_at: datetime | None) -> tuple[float, float] | None:
    """Return what lines are sorted by: the worst and most first, then what changed last."""
    if mark is not None:
        return (-mark.severity.rank, -mark.number)
    return (1, -changed_at.timestamp()) if changed_at is not None else None
