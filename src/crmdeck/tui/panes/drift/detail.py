"""The details: one change in full, or the counts of several; and the headline. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import (
    ChangeGroup,
    ChangeState,
    ConnectionStatus,
    DriftEvent,
    FieldUsage,
    Severity,
)
from crmdeck.text import ago
from crmdeck.tui.layout import BETWEEN, LABEL, beside, half, hanging, side_by_side, wrap
from crmdeck.tui.marks import SEVERITY_COLORS, SEVERITY_SIGNS
from crmdeck.tui.panes.drift.arrangement import TimelineRow
from crmdeck.tui.panes.drift.columns import SETTLED_SIGNS, settled_words
from crmdeck.tui.panes.drift.density import DAYS, bar, slots
from crmdeck.tui.panes.to_do import KeyStep, clickable, key_lines
from crmdeck.tui.panes.usage import usage_lines
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import (
    KIND_WORDS,
    STORY_WORDS,
    VALUE_SIGNS,
    ChangeEntry,
    DayCount,
    Timeline,
    ValueChange,
    attribute_word,
    mapping_text,
    name_in,
    place_of,
    shown_changes,
    value_text,
    worst,
)

GAP = 2
SPARK_CELLS = 30
LEAST_STATE = 12
"""Cells next to a title on the frame, for the state."""
ARROW = " → "
BESIDE = 96
"""Cells from which the next steps are next to the changes, not below."""

MOST_VALUES = 40
"""Number of picklist values of each kind that are listed; a key lists all."""

LONGEST_VALUE = 4000
MOST_NAMES = 60
BEFORE, AFTER = "$muted", "bold"
"""Not red and green: the new value may be the bad one."""
VALUE_COLORS = {"removed": "$bad", "added": "$good", "changed": "$warn"}


def line_detail(
    timeline: Timeline,
    line: TimelineRow,
    usage: FieldUsage | None,
    steps: Sequence[KeyStep],
    width: int,
) -> Content:
    """Return the details of a row."""
    if line.entry is not None:
        return event_detail(timeline, line.entry, width, usage, steps)
    if line.story is not None:
        return story_detail(timeline, line, line.story, width)
    return Content("\n").join(_counts(line.entries, width))


def line_title(line: TimelineRow) -> str:
    return display_text(place_of(line.entry.event) if line.entry is not None else line.where)


def line_state(line: TimelineRow) -> tuple[Content, ...]:
    if line.is_title:
        return ()
    if line.settled is None:
        word = "open" if line.is_open else "safe"
        return (Content.styled(word, SEVERITY_COLORS[line.severity]),)
    words = settled_words(line.entry.standing) if line.entry is not None else "all settled"
    return (Content.styled(words, "$muted"),)


def event_detail(
    timeline: Timeline,
    entry: ChangeEntry,
    width: int,
    usage: FieldUsage | None,
    steps: Sequence[KeyStep],
) -> Content:
    """Return the details of one change in lines of at most `width` cells.

    `usage` says where its field is used, if the CRM was asked.
    """
    event = entry.event
    lines = _headline(timeline, event, entry, width)
    lines += [Content(line) for line in wrap(event.reason, width)] if event.reason else []
    lines += _rename(timeline, entry, width)
    lines += _mappings(timeline, event, width)
    left = width * 60 // 100 if width >= BESIDE else width
    changes = list(_changes(entry, left, width >= BESIDE)) if event.changes else []
    if width >= BESIDE:
        lines.append(Content(""))
        offered = list(_offered(steps, width - left - len(BETWEEN)))
        left_text, right_text = Content("\n").join(changes), Content("\n").join(offered)
        if changes or offered:
            lines += beside(left_text, right_text, left).split("\n")
    else:
        # The keys come first, or they would be below the edge of a low window.
        lines += [*key_lines(steps, width), *changes]
    lines.append(Content(""))
    lines += again(timeline, event)
    lines += _history(timeline, entry, width)
    if event.field_name and not event.rule:
        lines += usage_lines(usage, timeline.now, width)
    # Parts without lines leave two empty ones.
    kept = [line for before, line in pairwise([Content(""), *lines]) if before or line]
    return Content("\n").join(kept)


def _offered(steps: Sequence[KeyStep], width: int) -> Iterator[Content]:
    if not steps:
        return
    yield Content.styled("Next steps", "bold $info")
    cells = max(cell_len(step.key) for step in steps) + GAP
    for step in steps:
        label = Content.styled(f"{step.key:<{cells}}", "bold")
        yield from clickable(hanging(label, step.text, width), step.action).split("\n")


def _headline(
    timeline: Timeline, event: DriftEvent, entry: ChangeEntry, width: int
) -> list[Content]:
    color, place = SEVERITY_COLORS[event.severity], display_text(place_of(event))
    head = Content.assemble(
        (f"{SEVERITY_SIGNS[event.severity]} {event.severity.value}  ", f"bold {color}"),
        (f"{place}  " if cell_len(place) + LEAST_STATE > width else "", "bold"),
        display_text(entry.what),
    )
    who = f"{event.changed_by}, " if event.changed_by else ""
    at = (event.changed_at if event.changed_by else None) or event.detected_at
    source = display_text(f"{who}{at:%Y-%m-%d %H:%M} UTC, {ago(at, timeline.now)}")
    room = width - head.cell_length - cell_len(source)
    if room >= GAP:
        return [Content.assemble(head, " " * room, (source, "$muted"))]
    return [*head.wrap(width), *(Content.styled(line, "$muted") for line in wrap(source, width))]


def again(timeline: Timeline, event: DriftEvent) -> Iterator[Content]:
    """Yield the last 90 days of a field as bars, if it changed more than once.

    Of a long timeline, other changes of the field may be unread.
    """
    if timeline.long is not None:
        return
    place = (event.connection_id, event.object_type, event.field_name, event.rule)
    first = timeline.now.date() - timedelta(days=DAYS - 1)
    same = [
        one
        for one in timeline.entries
        if place
        == (one.event.connection_id, one.event.object_type, one.event.field_name, one.event.rule)
        and one.event.detected_at.date() >= first
    ]
    if event.field_name is None or len(same) < 2:
        return
    counted = Counter(one.event.detected_at.date() for one in same)
    days = [DayCount(day, number, worst(same)) for day, number in counted.items()]
    cells = slots(days, timeline.now.date(), SPARK_CELLS)
    most = max(cell.events for cell in cells)
    yield Content.assemble(
        (f"{DAYS} days  ", "$muted"),
        ("".join(bar(cell.events, most) for cell in cells), SEVERITY_COLORS[worst(same)]),
        f"  {count(len(same), 'change')} to this field",
    )


def _history(timeline: Timeline, entry: ChangeEntry, width: int) -> Iterator[Content]:
    event = entry.event
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
    together = display_text(" · ".join(parts))
    if cell_len(together) <= width:
        yield Content.styled(together, "$muted")
    else:
        for part in parts:
            yield from (Content.styled(line, "$muted") for line in wrap(part, width))
    settled = ""
    if event.acknowledged_at is not None:
        note = f": {event.note}" if event.note else ""
        settled = (
            f"✓ acknowledged by {event.acknowledged_by}, "
            f"{event.acknowledged_at:%Y-%m-%d %H:%M} UTC{note}"
        )
    elif entry.standing.state.is_settled:
        standing = entry.standing
        settled = f"{SETTLED_SIGNS[standing.state]} {settled_words(standing)}"
        if standing.excuse is not None:
            settled += f" by the policy: {standing.excuse.reason}"
        elif standing.state is ChangeState.RESOLVED:
            settled += f", {standing.at:%H:%M} UTC"
    yield from (Content.styled(line, "$good") for line in wrap(settled, width))


def _rename(timeline: Timeline, entry: ChangeEntry, width: int) -> Iterator[Content]:
    halves = timeline.rename_of(entry)
    if halves is None:
        return
    old, new = (name_in(half.event) for half in halves)
    done = all(half.acknowledged for half in halves)
    moved = not timeline.mapped_to(halves[0].event)
    taken = done and moved
    if not taken and new in entry.event.reason:
        # The reason of the change names the rename already.
        return
    text = f"{'Accepted rename' if taken else 'Probably renamed'}: {old} → {new}"
    yield from (Content.styled(line, "$info") for line in wrap(text, width))


def _mappings(timeline: Timeline, event: DriftEvent, width: int) -> Iterator[Content]:
    for key in event.affected_mappings:
        decision = timeline.standing.get((event.connection_id, key))
        text = mapping_text(event, key, decision)
        if decision is None:
            color = "$muted"
        # The PartnerOS field has another CRM field by now, so that this change can't break it.
        elif event.field_name not in (None, decision.crm_field):
            color = "$good"
        else:
            color = "$mark"
        yield from (Content.styled(line, color) for line in wrap(text, width))


def _changes(entry: ChangeEntry, width: int, wide: bool) -> Iterator[Content]:
    cells = half(width)
    if wide and any(change.attribute != "picklist" for change in entry.event.changes):
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
                [(line, BEFORE) for line in wrap(before, cells)],
                [(line, AFTER) for line in wrap(after, cells)],
                width,
            )
        elif LABEL + len(before) + len(after) + len(ARROW) <= width:
            yield Content.assemble(
                (f"{label:<{LABEL}}", "$muted"),
                (display_text(before), BEFORE),
                ARROW,
                (display_text(after), AFTER),
            )
        else:
            yield from _stacked(label, before, after, width)


def _stacked(label: str, before: str, after: str, width: int) -> Iterator[Content]:
    for name, value, color in (("before", before, BEFORE), ("after", after, AFTER)):
        for index, line in enumerate(wrap(value, width - LABEL - 8)):
            first = index == 0
            yield Content.assemble(
                (f"{label if first and name == 'before' else '':<{LABEL}}", "$muted"),
                (f"{name if first else '':<8}", "$muted"),
                (line, color),
            )


def _picklist(values: Sequence[ValueChange], width: int, *, wide: bool) -> Iterator[Content]:
    cells = half(width) if wide else width - LABEL
    removed, added, changed = (
        _value_lines(how, [value for value in values if value.how == how], cells)
        for how in ("removed", "added", "changed")
    )
    if wide:
        yield from side_by_side("picklist", removed, added, width)
        yield from _labeled("" if removed or added else "picklist", changed)
    else:
        yield from _labeled("picklist", [*removed, *added, *changed])


def _labeled(label: str, lines: Sequence[tuple[str, str]]) -> Iterator[Content]:
    for index, (text, color) in enumerate(lines):
        yield Content.assemble((f"{label if index == 0 else '':<{LABEL}}", "$muted"), (text, color))


def _value_lines(how: str, values: Sequence[ValueChange], width: int) -> list[tuple[str, str]]:
    lines = []
    for value in values[:MOST_VALUES]:
        detail = f"  ({value.detail})" if value.detail else ""
        text = f"{VALUE_SIGNS[how]} {value.value or '(empty)'}{detail}"
        lines.append((display_text(text, width), VALUE_COLORS[how]))
    if len(values) > MOST_VALUES:
        more = count(len(values) - MOST_VALUES, "value")
        lines.append((f"  and {more} more", "$muted"))
    return lines


def story_detail(timeline: Timeline, line: TimelineRow, story: ChangeGroup, width: int) -> Content:
    """Return the details of a change group: its title, kind, severities and objects."""
    word = f"{SEVERITY_SIGNS[line.severity]} {line.severity.value}  "
    lines = [
        Content.assemble(
            (word, f"bold {SEVERITY_COLORS[line.severity]}"),
            (STORY_WORDS.get(story.kind, display_text(story.kind, 40)), "$muted"),
        )
    ]
    # The frame above cuts such a title.
    if cell_len(story.title) + LEAST_STATE > width:
        lines += [Content.styled(text, "bold") for text in wrap(story.title, width)]
    found = f"found {story.detected_at:%Y-%m-%d %H:%M} UTC, {ago(story.detected_at, timeline.now)}"
    turn = "collapses" if line.open else "expands"
    lines.append(Content.styled(f"{found} · Enter {turn} it", "$muted"))
    lines += _counts(line.entries, width)
    return Content("\n").join(lines)


def _counts(entries: Sequence[ChangeEntry], width: int) -> Iterator[Content]:
    by_severity = Counter(entry.event.severity for entry in entries)
    parts = [
        (
            f"{SEVERITY_SIGNS[severity]} {by_severity[severity]:,} {severity.value}   ",
            SEVERITY_COLORS[severity],
        )
        for severity in reversed(Severity)
        if by_severity[severity]
    ]
    open_ = sum(entry.is_open for entry in entries)
    settled = sum(entry.standing.state.is_settled for entry in entries)
    yield Content.assemble(*parts, (f"{open_:,} open · ✓ {settled:,} settled", "$muted"))
    happened = []
    for entry in entries:
        names = [attribute_word(one.attribute) for one in shown_changes(entry.event.changes)]
        words = f"{' and '.join(names[:2])} changed" if names else KIND_WORDS[entry.event.kind]
        happened.append(words)
    kinds = _most(happened, width)
    objects = _most((entry.event.object_type for entry in entries), width)
    for label, lines in (("changes  ", kinds), ("objects  ", objects)):
        for index, text in enumerate(lines):
            yield Content.assemble((label if index == 0 else " " * 9, "$muted"), text)


def _most(names: Iterable[str], width: int) -> list[str]:
    counted = Counter(names)
    shown = [
        display_text(name, 60) + (f" {times:,}" if times > 1 else "")
        for name, times in counted.most_common(MOST_NAMES)
    ]
    rest = len(counted) - len(shown)
    return wrap(" · ".join(shown) + (f" and {rest:,} more" if rest else ""), width - 9)


def summary(timeline: Timeline, *, short: bool) -> Iterator[str | Content]:
    """Yield the parts of the headline, most important first."""
    if not timeline.total:
        return
    changes = timeline.open_changes
    counted = {Severity.BREAKING: changes.breaking, Severity.RISKY: changes.risky}
    parts = [
        f"{SEVERITY_SIGNS[severity]} {number:,}" + ("" if short else f" {severity.value}")
        for severity, number in counted.items()
        if number
    ]
    if changes.severity is not None:
        color = SEVERITY_COLORS[changes.severity]
        yield Content.styled(f"{changes.count:,} open: {', '.join(parts)}", color)
    else:
        yield "none open"


def nothing_yet(status: ConnectionStatus | None) -> str:
    """Return why the pane is empty, and the key that fills it."""
    if status is None or status.last_sync_at is None:
        return (
            "Not refreshed yet: no schema.\n\n"
            "r refreshes the connection. The first refresh is the baseline. Changes in the CRM "
            "since then appear here, with their severity and the mappings they touch."
        )
    return (
        "No changes since the baseline.\n\n"
        "crmdeck compares each refresh with the previous one. Changes appear here, with their "
        "severity and the mappings they touch. r refreshes now."
    )
