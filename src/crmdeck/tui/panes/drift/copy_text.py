"""Changes as plain text and as JSON, to be pasted elsewhere. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from crmdeck.tui.panes.drift.arrangement import Line
from crmdeck.workspace import Entry, Timeline, attribute_word, place_of, shown_changes, value_text

WHOLE = 100_000


def line_text(timeline: Timeline, line: Line) -> str:
    """Return a line as text: an event in full, a story or a day as a list."""
    if line.entry is not None:
        return "\n".join(_event_lines(timeline, line.entry))
    title = line.story.title if line.story is not None else f"{line.at:%Y-%m-%d}"
    return "\n".join([title, *(f"- {_headline(entry)}" for entry in line.entries)])


def entry_json(entry: Entry) -> str:
    """Return an event as it is on the wire."""
    return json.dumps(entry.event.to_wire(), ensure_ascii=False, indent=2)


def _headline(entry: Entry) -> str:
    return f"{entry.event.severity.value.upper()} {place_of(entry.event)}: {entry.what}"


def _event_lines(timeline: Timeline, entry: Entry) -> Iterator[str]:
    event = entry.event
    yield _headline(entry)
    if event.reason:
        yield event.reason
    name = timeline.names.get(event.connection_id, event.connection_id)
    yield f"Found in {name} on {event.detected_at:%Y-%m-%d %H:%M} UTC"
    if event.changed_by:
        when = f" on {event.changed_at:%Y-%m-%d %H:%M} UTC" if event.changed_at else ""
        yield f"Changed by {event.changed_by}{when}"
    for key in event.affected_mappings:
        yield f"Mapped: {key}"
    for change in shown_changes(event.changes):
        name = attribute_word(change.attribute)
        if change.attribute == "picklist":
            for value in entry.values:
                yield f"{name}: {value.how} {value.value}" + (
                    f" ({value.detail})" if value.detail else ""
                )
        else:
            before, after = (
                value_text(change.before, listed=WHOLE),
                value_text(change.after, listed=WHOLE),
            )
            yield f"{name}: {before} -> {after}"
    if event.acknowledged_at is not None:
        note = f": {event.note}" if event.note else ""
        yield f"Acknowledged by {event.acknowledged_by}{note}"
