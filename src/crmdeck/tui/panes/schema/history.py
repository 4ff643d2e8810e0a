"""The history of a field as text: changes, acknowledgments, and users. Pure."""

from __future__ import annotations

from textual.content import Content

from crmdeck.model import DriftEvent, DriftKind, Field
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
        for change in event.changes:
            before = display_text(value_text(change.before), LONGEST_VALUE)
            after = display_text(value_text(change.after), LONGEST_VALUE)
            name = (f"{change.attribute}  ", "$muted")
            text = Content.assemble(name, before, (" → ", "$muted"), after)
            lines.append(hanging(Content(" " * INDENT), text, width))
        notes = [event.attribution or ""]
        if event.changed_by is not None or event.changed_at is not None:
            who = event.changed_by or "an unknown user"
            at = f" at {event.changed_at:%Y-%m-%d %H:%M} UTC" if event.changed_at else ""
            via = f" ({event.attribution})" if event.attribution else ""
            notes = [f"changed by {who}{at}{via}"]
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
        for note in filter(None, notes):
            text = Content.styled(display_text(note, 200), "$muted")
            lines.append(hanging(Content(" " * INDENT), text, width))
    # A field that was added later was not there at the baseline.
    if not any(event.kind is DriftKind.FIELD_ADDED for event in history):
        lines.append(_beginning(line, data, width))
    return lines


def _beginning(line: FieldLine, data: SchemaData, width: int) -> Content:
    of_object = data.history(line.row.object_type, None)
    added = [one.detected_at for one in of_object if one.kind is DriftKind.OBJECT_ADDED]
    day = added[0] if added else data.overview.first_look
    if day is None:
        return Content.styled("No changes", "$muted")
    date = Content.styled(f"{day:%Y-%m-%d}  ", "$muted")
    if added:
        return hanging(date, Content("added with its object"), width)
    return hanging(date, Content.styled("present at baseline", "$muted"), width)


def changed_at_source(field: Field) -> str:
    """Return who last changed a field and when, if the CRM includes this in the field.

    HubSpot's properties carry `createdAt`, `createdUserId`, `updatedAt` and `updatedUserId`.
    """
    parts = []
    for word, at, who in (
        ("changed", "updatedAt", "updatedUserId"),
        ("created", "createdAt", "createdUserId"),
    ):
        moment, user = field.native.get(at), field.native.get(who)
        when = f" {moment[:16].replace('T', ' ')}" if moment and isinstance(moment, str) else ""
        by = f" by user {user}" if user and isinstance(user, str) else ""
        if when or by:
            parts.append(f"{word}{when}{by}")
    return display_text(", ".join(parts), 160)
