"""One event in full: what, why, who, what it touches, and before beside after. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import DriftEvent
from crmdeck.tui.health import ago
from crmdeck.tui.panes.drift.layout import GAP, LABEL, side_by_side, wrap
from crmdeck.tui.severity import COLOURS, SIGNS
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import (
    VALUE_SIGNS,
    Entry,
    Timeline,
    ValueChange,
    attribute_word,
    mapping_text,
    place_of,
    shown_changes,
    value_text,
)

SIDE_BY_SIDE = 72
"""Cells from which on before and after stand beside each other, not below."""

MOST_VALUES = 40
"""Picklist values of a kind that are listed here; `p` lists all."""

LONGEST_VALUE = 4000
VALUE_COLOURS = {"removed": "$bad", "added": "$good", "changed": "$warn"}


def event_detail(book: Timeline, item: Entry, width: int) -> Content:
    """Return everything about one event in lines of at most `width` cells."""
    event = item.event
    lines = [_headline(event, item, width)]
    lines += [Content(line) for line in wrap(event.reason, width)] if event.reason else []
    lines += _history(book, event, width)
    lines += _rename(book, item, width)
    lines += _mappings(book, event, width)
    if event.changes:
        lines += _changes(item, width)
    return Content("\n").join(lines)


def _headline(event: DriftEvent, item: Entry, width: int) -> Content:
    word = f"{SIGNS[event.severity]} {event.severity.value}  "
    place = display_text(place_of(event), max(8, width - len(word)))
    room = width - len(word) - cell_len(place) - 2
    what = display_text(item.what)
    return Content.assemble(
        (word, f"bold {COLOURS[event.severity]}"),
        (place, "bold"),
        (f"  {what}" if cell_len(what) <= room else "", "$muted"),
    )


def _history(book: Timeline, event: DriftEvent, width: int) -> Iterator[Content]:
    found = f"found {event.detected_at:%Y-%m-%d %H:%M} UTC, {ago(event.detected_at, book.now)}"
    if book.everywhere:
        found = f"{book.names.get(event.connection_id, '')}: {found}"
    parts = [found]
    if event.changed_by:
        when = f", {event.changed_at:%Y-%m-%d %H:%M} UTC" if event.changed_at else ""
        where = f" ({event.attribution})" if event.attribution else ""
        parts.append(f"changed by {event.changed_by}{when}{where}")
    elif event.attribution:
        parts.append(event.attribution)
    yield from (Content.styled(line, "$muted") for line in _joined(parts, width))
    if event.acknowledged_at is not None:
        note = f": {event.note}" if event.note else ""
        text = (
            f"✓ acknowledged by {event.acknowledged_by}, "
            f"{event.acknowledged_at:%Y-%m-%d %H:%M} UTC{note}"
        )
        yield from (Content.styled(line, "$good") for line in wrap(text, width))


def _joined(parts: Sequence[str], width: int) -> Iterator[str]:
    """Yield the parts on one line where they fit, else a line each."""
    together = display_text(" · ".join(parts))
    if cell_len(together) <= width:
        yield together
    else:
        for part in parts:
            yield from wrap(part, width)


def _rename(book: Timeline, item: Entry, width: int) -> Iterator[Content]:
    halves = book.rename_of(item)
    if halves is None:
        return
    old, new = (half.event.field_name or "" for half in halves)
    done = all(half.acknowledged for half in halves)
    moved = not book.mapped_to(halves[0].event)
    offer = "" if done and moved else "   t takes it as a rename"
    text = f"It looks like a rename: {old} → {new}"
    lines = wrap(text + offer, width)
    yield from (Content.styled(line, "$info") for line in lines)


def _mappings(book: Timeline, event: DriftEvent, width: int) -> Iterator[Content]:
    for key in event.affected_mappings:
        stands = book.standing.get((event.connection_id, key))
        text = mapping_text(event, key, stands)
        if stands is None:
            colour = "$muted"
        elif event.field_name not in (None, stands.crm_field):
            colour = "$good"
        else:
            text, colour = f"{text}   f repairs it", "$mark"
        yield from (Content.styled(line, colour) for line in wrap(text, width))


def _changes(item: Entry, width: int) -> Iterator[Content]:
    wide = width >= SIDE_BY_SIDE
    half = (width - LABEL - GAP) // 2
    yield Content("")
    if wide:
        yield from side_by_side("", [("before", "$muted")], [("after", "$muted")], width)
    for change in shown_changes(item.event.changes):
        if change.attribute == "picklist":
            yield from _picklist(item.values, width, wide=wide)
            continue
        label = display_text(attribute_word(change.attribute), LABEL - 1)
        before, after = (
            value_text(value, LONGEST_VALUE, listed=LONGEST_VALUE)
            for value in (change.before, change.after)
        )
        if wide:
            yield from side_by_side(
                label,
                [(line, "$bad") for line in wrap(before, half)],
                [(line, "$good") for line in wrap(after, half)],
                width,
            )
        else:
            yield from _stacked(label, before, after, width)


def _stacked(label: str, before: str, after: str, width: int) -> Iterator[Content]:
    for name, value, colour in (("before", before, "$bad"), ("after", after, "$good")):
        for index, line in enumerate(wrap(value, width - LABEL - 8)):
            first = index == 0
            yield Content.assemble(
                (f"{label if first and name == 'before' else '':<{LABEL}}", "$muted"),
                (f"{name if first else '':<8}", "$muted"),
                (line, colour),
            )


def _picklist(values: Sequence[ValueChange], width: int, *, wide: bool) -> Iterator[Content]:
    groups: dict[str, list[ValueChange]] = {"removed": [], "added": [], "changed": []}
    for value in values:
        groups[value.how].append(value)
    columns = {
        how: _value_lines(how, values, ((width - LABEL - GAP) // 2 if wide else width - LABEL))
        for how, values in groups.items()
    }
    if wide:
        yield from side_by_side("picklist", columns["removed"], columns["added"], width)
        yield from _labelled(
            "" if groups["removed"] or groups["added"] else "picklist", columns["changed"]
        )
    else:
        yield from _labelled(
            "picklist", [*columns["removed"], *columns["added"], *columns["changed"]]
        )


def _labelled(label: str, lines: Sequence[tuple[str, str]]) -> Iterator[Content]:
    for index, (text, colour) in enumerate(lines):
        yield Content.assemble(
            (f"{label if index == 0 else '':<{LABEL}}", "$muted"), (text, colour)
        )


def _value_lines(how: str, values: Sequence[ValueChange], width: int) -> list[tuple[str, str]]:
    lines = []
    for value in values[:MOST_VALUES]:
        detail = f"  ({value.detail})" if value.detail else ""
        text = f"{VALUE_SIGNS[how]} {value.value or 'the empty value'}{detail}"
        lines.append((display_text(text, width), VALUE_COLOURS[how]))
    if len(values) > MOST_VALUES:
        more = count(len(values) - MOST_VALUES, "value")
        lines.append((f"  and {more} more: p lists all", "$muted"))
    return lines
