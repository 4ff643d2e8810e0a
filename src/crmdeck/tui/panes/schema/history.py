"""The history of a field as text: changes, acknowledgments, and users. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from crmdeck.model import Change, DriftEvent, DriftKind, Field
from crmdeck.tui.layout import hanging
from crmdeck.tui.marks import SEVERITY_COLORS, SEVERITY_SIGNS
from crmdeck.tui.panes.schema.rows import FieldLine, SchemaData
from crmdeck.tui.text import display_text
from crmdeck.workspace import value_text

LONGEST_VALUE = 80
INDENT = 12


def event_text(event: DriftEvent, *, with_field: bool = False) -> Content:
    """Return a change in one line: its severity, its field, and the reason."""
    severity = event.severity
    sign = Content.styled(
        f"{SEVERITY_SIGNS[severity]} {severity.value}  ", SEVERITY_COLORS[severity]
    )
    about = f"{event.field_name}: " if with_field and event.field_name else ""
    reason = event.reason or event.kind.value.replace("_", " ")
    return Content.assemble(sign, display_text(about + reason, 300))


def dated(event: DriftEvent, width: int, *, with_field: bool = False) -> Content:
    """Return a change after its date, in lines of at most `width` cells."""
    date = Content.styled(f"{event.detected_at:%Y-%m-%d}  ", "$muted")
    return hanging(date, event_text(event, with_field=with_field), width)


def event_lines(line: FieldLine, data: SchemaData, width: int = 80) -> list[Content]:
    """Return the history of a field, newest first, back to the baseline."""
    lines: list[Content] = []
    history = data.history(*line.key)
    for event in history:
        lines.append(dated(event, width))
        lines += [_change(change, width) for change in event.changes]
        notes = [who_text(event)]
        if event.rename_of:
            notes.append(f"probably renamed from {event.rename_of}")
        if event.affected_mappings:
            notes.append(f"affects {', '.join(event.affected_mappings)}")
        if event.acknowledged_at is not None:
            note = f": {event.note}" if event.note else ""
            notes.append(
                f"acknowledged by {event.acknowledged_by or 'an unknown user'} on "
                f"{event.acknowledged_at:%Y-%m-%d}{note}"
            )
        lines += [_note(note, width) for note in notes if note]
    if not any(event.kind is DriftKind.FIELD_ADDED for event in history):
        lines.append(_beginning(line, data, width))
    return lines


def _beginning(line: FieldLine, data: SchemaData, width: int) -> Content:
    added = next(
        (
            event
            for event in data.history(line.row.object_type, None)
            if event.kind is DriftKind.OBJECT_ADDED
        ),
        None,
    )
    if added is not None:
        date = Content.styled(f"{added.detected_at:%Y-%m-%d}  ", "$muted")
        return hanging(date, "added with its object", width)
    if data.overview.first_look is None:
        return Content.styled("No changes", "$muted")
    date = Content.styled(f"{data.overview.first_look:%Y-%m-%d}  ", "$muted")
    return hanging(date, Content.styled("present at baseline", "$muted"), width)


def who_text(event: DriftEvent) -> str:
    """Return the user, the time and the source of a change, or why the user is unknown."""
    if event.changed_by is None and event.changed_at is None:
        return event.attribution or ""
    who = event.changed_by or "an unknown user"
    when = f" at {event.changed_at:%Y-%m-%d %H:%M} UTC" if event.changed_at is not None else ""
    via = f" ({event.attribution})" if event.attribution else ""
    return f"changed by {who}{when}{via}"


def changed_at_source(field: Field) -> str:
    """Return who last changed a field and when, if the CRM includes this in the field.

    HubSpot's properties carry `createdAt`, `createdUserId`, `updatedAt` and `updatedUserId`.
    """
    parts = []
    for word, at, who in (
        ("changed", "updatedAt", "updatedUserId"),
        ("created", "createdAt", "createdUserId"),
    ):
        moment, user = _text(field.native, at), _text(field.native, who)
        if moment or user:
            when = f" {moment[:16].replace('T', ' ')}" if moment else ""
            parts.append(f"{word}{when}" + (f" by user {user}" if user else ""))
    return display_text(", ".join(parts), 160)


def _change(change: Change, width: int) -> Content:
    before = display_text(value_text(change.before), LONGEST_VALUE)
    after = display_text(value_text(change.after), LONGEST_VALUE)
    text = Content.assemble((f"{change.attribute}  ", "$muted"), before, (" → ", "$muted"), after)
    return hanging(Content(" " * INDENT), text, width)


def _note(note: str, width: int) -> Content:
    text = Content.styled(display_text(note, 200), "$muted")
    return hanging(Content(" " * INDENT), text, width)


def _text(native: Mapping[str, object], name: str) -> str:
    value = native.get(name)
    return value if isinstance(value, str) else ""
