"""One event in full, several at a glance, and what stands there while there is none. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import ConnectionStatus, DriftEvent, FieldUsage, Severity
from crmdeck.tui.health import ago
from crmdeck.tui.layout import LABEL, half, side_by_side, wrap
from crmdeck.tui.panes.drift.arrangement import Line
from crmdeck.tui.severity import COLOURS, SIGNS
from crmdeck.tui.text import count, display_text
from crmdeck.tui.usage import usage_lines
from crmdeck.workspace import (
    KIND_WORDS,
    STORY_WORDS,
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
MOST_NAMES = 60
VALUE_COLOURS = {"removed": "$bad", "added": "$good", "changed": "$warn"}


def event_detail(
    timeline: Timeline, entry: Entry, width: int, usage: FieldUsage | None = None
) -> Content:
    """Return everything about one event in lines of at most `width` cells.

    `usage` is where its field is used, as far as the CRM was asked.
    """
    event = entry.event
    lines = [_headline(event, entry, width)]
    lines += [Content(line) for line in wrap(event.reason, width)] if event.reason else []
    lines += _history(timeline, event, width)
    lines += _rename(timeline, entry, width)
    lines += _mappings(timeline, event, width)
    if event.field_name and not event.rule:
        lines += usage_lines(usage, timeline.now, width)
    if event.changes:
        lines += _changes(entry, width)
    return Content("\n").join(lines)


def _headline(event: DriftEvent, entry: Entry, width: int) -> Content:
    word = f"{SIGNS[event.severity]} {event.severity.value}  "
    place = display_text(place_of(event), max(8, width - len(word)))
    room = width - len(word) - cell_len(place) - 2
    what = display_text(entry.what)
    return Content.assemble(
        (word, f"bold {COLOURS[event.severity]}"),
        (place, "bold"),
        (f"  {what}" if cell_len(what) <= room else "", "$muted"),
    )


def _history(timeline: Timeline, event: DriftEvent, width: int) -> Iterator[Content]:
    found = f"found {event.detected_at:%Y-%m-%d %H:%M} UTC, {ago(event.detected_at, timeline.now)}"
    if timeline.everywhere:
        found = f"{timeline.names.get(event.connection_id, '')}: {found}"
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


def _rename(timeline: Timeline, entry: Entry, width: int) -> Iterator[Content]:
    halves = timeline.rename_of(entry)
    if halves is None:
        return
    old, new = (half.event.field_name or "" for half in halves)
    done = all(half.acknowledged for half in halves)
    moved = not timeline.mapped_to(halves[0].event)
    offer = "" if done and moved else "   m takes it as a rename"
    text = f"It looks like a rename: {old} → {new}"
    lines = wrap(text + offer, width)
    yield from (Content.styled(line, "$info") for line in lines)


def _mappings(timeline: Timeline, event: DriftEvent, width: int) -> Iterator[Content]:
    for key in event.affected_mappings:
        stands = timeline.standing.get((event.connection_id, key))
        text = mapping_text(event, key, stands)
        if stands is None:
            colour = "$muted"
        elif event.field_name not in (None, stands.crm_field):
            colour = "$good"
        else:
            text, colour = f"{text}   f repairs it", "$mark"
        yield from (Content.styled(line, colour) for line in wrap(text, width))


def _changes(entry: Entry, width: int) -> Iterator[Content]:
    wide = width >= SIDE_BY_SIDE
    cells = half(width)
    yield Content("")
    if wide:
        yield from side_by_side("", [("before", "$muted")], [("after", "$muted")], width)
    for change in shown_changes(entry.event.changes):
        if change.attribute == "picklist":
            yield from _picklist(entry.values, width, wide=wide)
            continue
        label = display_text(attribute_word(change.attribute), LABEL - 1)
        before, after = (
            value_text(value, LONGEST_VALUE, listed=LONGEST_VALUE)
            for value in (change.before, change.after)
        )
        if wide:
            yield from side_by_side(
                label,
                [(line, "$bad") for line in wrap(before, cells)],
                [(line, "$good") for line in wrap(after, cells)],
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
        how: _value_lines(how, values, half(width) if wide else width - LABEL)
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


def story_detail(timeline: Timeline, line: Line, width: int) -> Content:
    """Return what a story is about: its title, its kind, how bad, and where."""
    story = line.story
    if story is None:
        return Content("")
    word = f"{SIGNS[line.severity]} {line.severity.value}  "
    lines = [
        Content.assemble(
            (word, f"bold {COLOURS[line.severity]}"),
            (STORY_WORDS.get(story.kind, display_text(story.kind, 40)), "$muted"),
        )
    ]
    lines += [Content.styled(text, "bold") for text in wrap(story.title, width)]
    found = f"found {story.detected_at:%Y-%m-%d %H:%M} UTC, {ago(story.detected_at, timeline.now)}"
    lines.append(Content.styled(f"{found} · Enter {_turns(line)}", "$muted"))
    lines += _counts(line.entries, width)
    return Content("\n").join(lines)


def day_detail(timeline: Timeline, line: Line, width: int) -> Content:
    """Return what happened on a day, or under a title, counted."""
    if line.is_title:
        return Content("\n").join(
            [Content.styled(line.where, "bold"), *_counts(line.entries, width)]
        )
    moments = sorted({entry.event.detected_at for entry in line.entries})
    when = f"{moments[0]:%A %Y-%m-%d}, {ago(moments[-1], timeline.now)}"
    lines = [
        Content.styled(when, "bold"),
        Content.styled(
            f"found by {count(len(moments), 'refresh', 'refreshes')} · Enter {_turns(line)}",
            "$muted",
        ),
        *_counts(line.entries, width),
    ]
    return Content("\n").join(lines)


def _turns(line: Line) -> str:
    return "folds it" if line.open else "unfolds it"


def _counts(entries: Sequence[Entry], width: int) -> Iterator[Content]:
    by_severity = Counter(entry.event.severity for entry in entries)
    parts = [
        (f"{SIGNS[severity]} {by_severity[severity]:,} {severity.value}   ", COLOURS[severity])
        for severity in reversed(Severity)
        if by_severity[severity]
    ]
    done = sum(entry.acknowledged for entry in entries)
    yield Content.assemble(*parts, (f"✓ {done:,} of {len(entries):,} acknowledged", "$muted"))
    kinds = _most((_kind(entry) for entry in entries), width)
    objects = _most((entry.event.object_type for entry in entries), width)
    for label, lines in (("what   ", kinds), ("where  ", objects)):
        for index, text in enumerate(lines):
            yield Content.assemble((label if index == 0 else " " * 7, "$muted"), text)


def _kind(entry: Entry) -> str:
    names = [attribute_word(change.attribute) for change in shown_changes(entry.event.changes)]
    return f"{' and '.join(names[:2])} changed" if names else KIND_WORDS[entry.event.kind]


def _most(names: Iterable[str], width: int) -> list[str]:
    counted = Counter(names)
    shown = [
        display_text(name, 60) + (f" {times:,}" if times > 1 else "")
        for name, times in counted.most_common(MOST_NAMES)
    ]
    rest = len(counted) - len(shown)
    return wrap(" · ".join(shown) + (f" and {rest:,} more" if rest else ""), width - 7)


def nothing_yet(status: ConnectionStatus | None) -> str:
    """Return why there is nothing to see yet, and what to do for it."""
    if status is None or status.last_sync_at is None:
        return (
            "The schema has not been read yet.\n\n"
            "r reads it: that first look is the baseline. What is added, removed or changed in "
            "the CRM after it is told here, with how bad it is and which mappings it touches."
        )
    return (
        "Nothing has changed since the first look.\n\n"
        "Each refresh is compared with the one before: what differs is told here, with how bad "
        "it is and which mappings it touches. r refreshes now."
    )
