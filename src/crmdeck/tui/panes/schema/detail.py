"""One object type or one field in words, from what is known of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from textual.content import Content

from crmdeck.model import DriftEvent, Field, FieldUsage, Severity
from crmdeck.tui.health import ago
from crmdeck.tui.panes.schema.columns import mark_text
from crmdeck.tui.panes.schema.history import changed_at_source, event_lines, event_text
from crmdeck.tui.panes.schema.rows import ARROWS, FieldLine, ObjectLine, SchemaData
from crmdeck.tui.samples import Fullness, filled_text, values_text
from crmdeck.tui.severity import SIGNS
from crmdeck.tui.text import count, display_block, display_text
from crmdeck.tui.usage import usage_lines

NAME_WIDTH = 10
NOT_SAID = "not said to be required, unique or custom"
LONGEST_LINE = 400
LONGEST_BLOCK = 20_000


def named(name: str, text: str | Content) -> Content:
    """Return a line of a name and what it is; the text is safe already."""
    return Content.assemble((f"{name:<{NAME_WIDTH}}  ", "$muted"), text)


def object_brief(line: ObjectLine, data: SchemaData) -> Content:
    """Return an object type in a few lines: what it is, how fresh, what changed last."""
    summary = line.summary
    label = display_text(summary.label, 80)
    kind = "custom" if summary.custom else "standard" if summary.custom is False else ""
    facts = [kind, count(summary.field_count, "field")]
    if line.mapped:
        facts.append(f"{line.mapped} mapped")
    expiry = ago(summary.expires_at, data.now)
    fresh = f"stale since {expiry}" if summary.is_stale else f"fresh, expires {expiry}"
    lines = [
        Content.assemble((label + "  ", "bold"), (" · ".join(filter(None, facts)), "$muted")),
        named("read", f"{summary.discovered_at:%Y-%m-%d %H:%M} UTC, {fresh}"),
    ]
    if line.mark is not None:
        total = count(line.mark.total, "change")
        lines.append(named("changed", f"{mark_text(line.mark)}, {total} not acknowledged"))
    for event in data.object_history(line.key)[:8]:
        lines.append(named(f"{event.detected_at:%Y-%m-%d}", event_text(event, with_field=True)))
    return Content("\n").join(lines)


def field_brief(
    line: FieldLine, data: SchemaData, field: Field | None, fullness: Fullness
) -> Content:
    """Return a field in a few lines, for beneath the table."""
    row = line.row
    lines = [
        Content.assemble(
            (display_text(row.label or row.name, 60) + "  ", "bold"),
            (display_text(line.path, 120), "$muted"),
        ),
        named("type", _type(line, field)),
        named("is", " · ".join(_flags(line, field)) or NOT_SAID),
    ]
    # A low window cuts the end off: what changed must not be there.
    if history := data.history(row.object_type, row.name):
        lines.append(named("changed", _latest(history, data.now)))
    lines += _fullness(line, data, fullness)
    if row.references:
        lines.append(named("refers to", display_text(row.references, 120)))
    for one in data.overview.mapped.get(line.key, ()):
        mapped = f"{ARROWS[one.direction]} {one.partner_field} ({one.direction.value})"
        lines.append(named("mapped to", Content.styled(display_text(mapped, 120), "$mark")))
    if field is not None:
        if field.picklist:
            lines.append(named("values", _values(field)))
        if field.formula:
            lines.append(named("formula", display_text(field.formula, LONGEST_LINE)))
        if field.description:
            lines.append(named("help", display_text(field.description, LONGEST_LINE)))
    return Content("\n").join(lines)


def field_facts(
    line: FieldLine,
    data: SchemaData,
    field: Field,
    fullness: Fullness,
    usage: FieldUsage | None = None,
    width: int = 80,
) -> Content:
    """Return everything known of a field but its picklist values, which are a table."""
    row = line.row
    lines = [
        Content.styled(display_text(row.label or row.name, 120), "bold"),
        named("API name", display_text(line.path, 200)),
        named("type", _type(line, field)),
        named("is", " · ".join(_flags(line, field)) or NOT_SAID),
        named("access", _access(field)),
    ]
    for name, text in (
        ("refers to", ", ".join(field.references)),
        ("part of", field.compound),
        ("default", field.default),
        ("group", field.group),
    ):
        if text:
            lines.append(named(name, display_text(text, LONGEST_LINE)))
    mapped = data.overview.mapped.get(line.key, ())
    for one in mapped:
        target = f"{one.object_pair}: {one.partner_field} ({one.direction.value})"
        lines.append(named("mapped to", Content.styled(display_text(target, 120), "$mark")))
    if not mapped:
        lines.append(named("mapped to", Content.styled("nothing", "$muted")))
    lines += _fullness(line, data, fullness)
    if field.picklist:
        lines.append(named("values", _number_of_values(field)))
    if source := changed_at_source(field):
        lines.append(named("in the CRM", source))
    lines += _block("Help", field.description)
    lines += _block("Formula", field.formula)
    lines += [Content(""), Content.styled("Where else it is used", "bold $info")]
    lines += usage_lines(usage, data.now, width)
    lines += [Content(""), Content.styled("History", "bold $info"), *event_lines(line, data)]
    return Content("\n").join(lines)


def _block(title: str, text: str | None) -> list[Content]:
    if not text:
        return []
    shown = Content(display_block(text, LONGEST_BLOCK))
    return [Content(""), Content.styled(title, "bold $info"), shown]


def _flags(line: FieldLine, field: Field | None) -> list[str]:
    row = line.row
    flags = [
        (row.required, "required"),
        (row.required is False, "optional"),
        (row.unique, "unique"),
        (row.custom, "custom"),
        (row.calculated, "calculated"),
    ]
    if field is not None:
        flags += [(field.external_id, "external id"), (field.archived, "archived")]
    return [word for told_so, word in flags if told_so]


def _access(field: Field) -> Content:
    parts = []
    for allowed, word in (
        (field.readable, "read"),
        (field.createable, "create"),
        (field.updateable, "update"),
    ):
        if allowed is None:
            parts.append(Content.styled(f"? {word}", "$muted"))
        elif allowed:
            parts.append(Content.styled(f"✓ {word}", "$good"))
        else:
            parts.append(Content.styled(f"✕ no {word}", "$muted"))
    return Content("   ").join(parts)


def _sized(field: Field | None) -> str:
    if field is None:
        return ""
    parts = []
    if field.length:
        parts.append(count(field.length, "character"))
    if field.precision:
        parts.append(count(field.precision, "digit"))
    if field.scale:
        parts.append(f"{field.scale} after the point")
    return "".join(f", {part}" for part in parts)


def _type(line: FieldLine, field: Field | None) -> str:
    row = line.row
    native = f" ({row.native_type})" if row.native_type not in ("", row.type.value) else ""
    return display_text(f"{row.type.value}{native}{_sized(field)}", 120)


def _values(field: Field) -> str:
    shown = ", ".join(value.label or value.value for value in field.picklist[:6])
    return f"{_number_of_values(field)}: {display_text(shown, 160)}"


def _number_of_values(field: Field) -> str:
    inactive = sum(not value.active for value in field.picklist)
    parts = [f"{len(field.picklist):,}"]
    if inactive:
        parts.append(f"{inactive:,} inactive")
    if field.restricted is not None:
        parts.append("restricted" if field.restricted else "others are taken too")
    return ", ".join(parts)


def _fullness(line: FieldLine, data: SchemaData, fullness: Fullness) -> Iterator[Content]:
    rate, values = fullness.rates.get(line.row.name), fullness.values.get(line.row.name)
    if rate is not None:
        yield named("filled", filled_text(rate, data.overview.now))
    if values is not None:
        yield named("holds", Content.styled(values_text(values), "$mark"))


def _latest(history: Sequence[DriftEvent], now: datetime) -> Content:
    event = history[0]
    when = ago(event.detected_at, now)
    who = f"  by {display_text(event.changed_by, 40)}" if event.changed_by else ""
    return Content.assemble((f"{when}  ", "$muted"), event_text(event), (who, "$muted"))


def counted(events: Iterable[DriftEvent]) -> str:
    """Return how many changes there are, and how many of them are bad: for a list of moments."""
    severities = [event.severity for event in events]
    text = count(len(severities), "change")
    for severity in (Severity.BREAKING, Severity.RISKY):
        if number := severities.count(severity):
            text += f", {SIGNS[severity]} {number} {severity.value}"
    return text
