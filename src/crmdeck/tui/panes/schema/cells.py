"""What lists of objects and of fields share: cells, filter keys, and a heading. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from textual.content import Content

from crmdeck.model import OpenChanges, Severity
from crmdeck.text import ago
from crmdeck.tui.filters import FilterKey, moment_of, parse, yes_no
from crmdeck.tui.marks import STATE_COLORS, open_mark
from crmdeck.tui.panes.schema.loader import SchemaLoader
from crmdeck.tui.panes.schema.place import Heading
from crmdeck.tui.panes.schema.rows import FieldLine, ObjectLine, SchemaData
from crmdeck.tui.text import count

Now = Callable[[], datetime]

_FLAGS = ("custom", "stale", "required", "unique", "calculated")


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


def changed_key(now: Now) -> FilterKey[Any]:
    """Return the key `changed:`.

    `7d` and `12h` (within that time), `2026-05-01` (since then), `yes` and `no` (open changes), the
    severity of the worst open change.
    """

    def worst(line: ObjectLine | FieldLine) -> str:
        severity = line.open_changes.severity if line.open_changes is not None else None
        return severity.value if severity is not None else ""

    def test(line: ObjectLine | FieldLine, wanted: str) -> bool:
        since, severity = moment_of(wanted, now()), worst(line)
        if since is not None:
            return line.changed_at is not None and line.changed_at >= since
        return yes_no(bool(severity), wanted) or (severity != "" and severity.startswith(wanted))

    def values(line: ObjectLine | FieldLine) -> Iterable[str]:
        return ("yes", worst(line)) if worst(line) else ("no",)

    return FilterKey(test, values, ("7d",))


def value_hint(text: str) -> str:
    """Return a hint on a value of the filter that no row can have."""
    for term in parse(text):
        for value in filter(None, term.value.split(",")):
            if term.key in _FLAGS:
                known: tuple[str, ...] = ("yes", "no", "unknown", "true", "false")
                examples = "yes no unknown"
            # At any time: this asks only if the value names a time at all.
            elif term.key == "changed" and moment_of(value, datetime.now(UTC)) is None:
                known = ("yes", "no", *(severity.value for severity in Severity))
                examples = "7d 12h 2026-05-01 yes breaking"
            else:
                continue
            if not any(word.startswith(value) for word in known):
                return f"{term.key}:{value}? Try {examples}"
    return ""


def warning(text: str) -> Content:
    return Content.styled(text, "$warn")


def overview_heading(
    data: SchemaData, to_map: Mapping[str, Sequence[FieldLine]], changes: OpenChanges, objects: bool
) -> Heading:
    """Return the heading for all `objects` of a connection, or for all fields.

    `to_map` are the required fields without a mapping, by object.
    """
    stale = sum(line.summary.is_stale for line in data.objects)
    fields = count(sum(line.summary.field_count for line in data.objects), "field")
    size = f"{count(len(data.objects), 'object')}, {fields}" if objects else fields
    # Open changes and missing mappings are those of today.
    if data.overview.at is not None:
        return (size,)
    mark, state = open_mark(changes)
    missing = sum(map(len, to_map.values()))
    ends = min((line.summary.expires_at for line in data.objects), default=None)
    return (
        Content.styled(f"{mark} open", STATE_COLORS[state]) if mark else "",
        warning(f"{count(missing, 'required field')} not mapped") if missing else "",
        warning(f"▲ {stale:,} stale: press r") if stale else "",
        size,
        f"expires {ago(ends, data.now)}" if ends and not stale else "",
    )


def past_banner(schema: SchemaLoader, _width: int) -> str:
    """Return the time of a past schema, and the way back."""
    if schema.data is None or schema.at is None:
        return ""
    passed = ago(schema.at, schema.data.overview.now)
    return f"AS OF {schema.at:%Y-%m-%d %H:%M} UTC  {passed}, Esc returns to today"
