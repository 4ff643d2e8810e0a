"""The details of one object or field, as text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from crmdeck.model import DriftEvent, Field, FieldUsage, Impact, Severity
from crmdeck.text import ago
from crmdeck.tui.layout import BETWEEN, beside, hanging, labeled
from crmdeck.tui.marks import SEVERITY_SIGNS
from crmdeck.tui.panes.samples import Fullness, filled_text, values_text
from crmdeck.tui.panes.schema.history import changed_at_source, dated, event_lines, event_text
from crmdeck.tui.panes.schema.rows import ARROWS, FieldLine, ObjectLine, SchemaData
from crmdeck.tui.panes.usage import usage_lines
from crmdeck.tui.text import count, display_block, display_text
from crmdeck.workspace import DIRECTION_WORDS, NearestField, percent, rule_lines

NAME_WIDTH = 12
NO_FLAGS = "not marked required, unique or custom"
LONGEST_LINE = 400
LONGEST_BLOCK = 20_000
TWO_COLUMNS = 92
"""Width from which on history and matches are next to the facts, not below them."""
LEFT_SHARE = 55
MOST_EVENTS = 8
MOST_NEAR = 3

Nearest = Sequence[NearestField]


def named(name: str, text: str | Content, width: int) -> Content:
    """Return a name and its value, in lines of at most `width` cells. The text must be safe."""
    return labeled(name, Content(text) if isinstance(text, str) else text, width, NAME_WIDTH)


def object_brief(
    line: ObjectLine, data: SchemaData, to_map: Sequence[FieldLine], width: int
) -> Content:
    """Return an object in a few lines: its facts, age, next steps and changes.

    `to_map` are its required fields without a mapping.
    """
    left, right = _shares(width)
    summary, expiry = line.summary, ago(line.summary.expires_at, data.now)
    fresh = f"fresh, expires {expiry}"
    if summary.is_stale:
        fresh = f"stale for {expiry.removesuffix(' ago')}"
    lines = [
        *_label(summary.label, line.key, left),
        named("refreshed", f"{summary.discovered_at:%Y-%m-%d %H:%M} UTC, {fresh}", left),
    ]
    if to_map:
        names = ", ".join(one.row.name for one in to_map)
        wanted = f"required but not mapped: {display_text(names, LONGEST_LINE)}"
        lines.append(named("to map", Content.styled(wanted, "$warn"), left))
    if hidden := data.overview.hidden.get(line.key):
        names = display_text(", ".join(hidden), LONGEST_LINE)
        lines.append(named("hidden", f"from crmdeck's user: {names}", left))
    lines += _rules_of(data, summary.object_type, None, left)
    if line.open_changes is not None:
        lines.append(named("changed", line.open_changes.text, left))
    events = data.object_history(line.key)[:MOST_EVENTS]
    history = [dated(event, right, with_field=True) for event in events]
    if width < TWO_COLUMNS or not history:
        return Content("\n").join([*lines, *history])
    changes = [_heading("What changed"), *history]
    return beside(Content("\n").join(lines), Content("\n").join(changes), left)


def field_brief(
    line: FieldLine,
    data: SchemaData,
    field: Field | None,
    fullness: Fullness,
    nearest: Nearest | None,
    width: int,
) -> Content:
    """Return a field in a few lines, to show below the table.

    `nearest` are the best-matching PartnerOS fields, or None while they are unknown.
    """
    row, (left, right) = line.row, _shares(width)
    is_narrow = width < TWO_COLUMNS
    kind = " · ".join([_type(line, field), *_flags(line, field)])
    lines = [*_label(row.label, row.name, left), named("type", kind, left)]
    history = data.history(row.object_type, row.name)
    # Narrow details have no room for the whole history and all matches: the first of each.
    if is_narrow and history:
        latest = history[0]
        who = f"  by {display_text(latest.changed_by, 40)}" if latest.changed_by else ""
        when = f"{ago(latest.detected_at, data.now)}  "
        text = Content.assemble((when, "$muted"), event_text(latest), (who, "$muted"))
        lines.append(named("changed", text, left))
    lines += _mapped(line, data, nearest if is_narrow else None, left)
    if field is not None and (field.sync_user is not None or not is_narrow):
        lines += _access(field, left)
    lines += _fullness(line, data, fullness, left)
    if row.references:
        lines.append(named("refers to", display_text(row.references, 120), left))
    if field is not None:
        if field.picklist:
            some = ", ".join(value.label or value.value for value in field.picklist[:6])
            values = f"{_number_of_values(field)}: {display_text(some, 160)}"
            lines.append(named("values", values, left))
        if field.formula:
            lines.append(named("formula", display_text(field.formula, LONGEST_LINE), left))
        if field.description:
            lines.append(named("help", display_text(field.description, LONGEST_LINE), left))
    if is_narrow:
        return Content("\n").join(lines)
    beside_it = [_heading("History"), *event_lines(line, data, right)]
    beside_it += _near_block(line, data, nearest, right)
    return beside(Content("\n").join(lines), Content("\n").join(beside_it), left)


def field_facts(
    line: FieldLine,
    data: SchemaData,
    field: Field,
    fullness: Fullness,
    usage: FieldUsage | None = None,
    nearest: Nearest | None = None,
    impact: Impact | None = None,
    width: int = 80,
) -> Content:
    """Return all facts about a field except its picklist values, which are a table."""
    row, (left, right) = line.row, _shares(width)
    lines = [
        *_label(row.label, row.name, left),
        named("type", _type(line, field), left),
        named("flags", " · ".join(_flags(line, field)) or NO_FLAGS, left),
        *_access(field, left),
    ]
    for name, text in (
        ("refers to", ", ".join(field.references)),
        ("part of", field.compound),
        ("default", field.default),
        ("group", field.group),
    ):
        if text:
            lines.append(named(name, display_text(text, LONGEST_LINE), left))
    lines += _mapped(line, data, (), left, in_full=True)
    lines += _fullness(line, data, fullness, left)
    if field.picklist:
        lines.append(named("values", _number_of_values(field), left))
    lines += _rules_of(data, row.object_type, row.name, left)
    if source := changed_at_source(field):
        lines.append(named("in the CRM", source, left))
    for title, block in (("Help", field.description), ("Formula", field.formula)):
        if block:
            lines += [Content(""), _heading(title), Content(display_block(block, LONGEST_BLOCK))]
    history = [_heading("History"), *event_lines(line, data, right)]
    usages = [_heading("Where used"), *usage_lines(usage, data.now, right)]
    if impact is not None:
        usages += [Content(""), _heading("If removed"), *impact_lines(impact, usage, right)]
    near = _near_block(line, data, nearest, right)
    if width < TWO_COLUMNS:
        return Content("\n").join([*lines, *near, Content(""), *usages, Content(""), *history])
    beside_it = [*history, *near, Content(""), *usages]
    return beside(Content("\n").join(lines), Content("\n").join(beside_it), left)


def impact_lines(impact: Impact, usage: FieldUsage | None, width: int) -> Iterator[Content]:
    """Yield the effects of removing a field, the worst first; `usage` shows its own gaps."""
    if not impact.effects:
        yield Content.styled("nothing that crmdeck can see", "$muted")
    for effect in impact.effects:
        kind = effect.kind.replace("_", " ")
        within = f"{effect.object_type}." if effect.object_type and kind != "mapping" else ""
        text = f"{kind} {within}{effect.name}: {effect.text}"
        yield hanging(Content(f"{SEVERITY_SIGNS[effect.severity]} "), text, width)
    known = usage.not_checked if usage is not None else ()
    for sentence in impact.not_checked:
        if sentence not in known:
            yield hanging(Content("? "), sentence, width).stylize("$muted")


def _shares(width: int) -> tuple[int, int]:
    """Return the widths of both columns, or twice the whole width if there is only one."""
    if width < TWO_COLUMNS:
        return width, width
    left = width * LEFT_SHARE // 100
    return left, width - left - len(BETWEEN)


def _heading(text: str) -> Content:
    return Content.styled(text, "bold $info")


def _label(label: str, name: str, width: int) -> Iterator[Content]:
    if label not in ("", name):
        yield named("label", display_text(label, 120), width)


def object_state(line: ObjectLine) -> str:
    """Return the kind and the size of an object, for the frame of its details."""
    summary = line.summary
    kind = "custom" if summary.custom else "standard" if summary.custom is False else ""
    mapped = f"{line.mapped:,} mapped" if line.mapped else ""
    return ", ".join(filter(None, (kind, count(summary.field_count, "field"), mapped)))


def _mapped(
    line: FieldLine, data: SchemaData, nearest: Nearest | None, width: int, *, in_full: bool = False
) -> Iterator[Content]:
    mapped = data.overview.mapped.get(line.key, ())
    for one in mapped:
        before = f"{one.object_pair}:" if in_full else ARROWS[one.direction]
        words = f"{before} {one.partner_field} ({DIRECTION_WORDS[one.direction]})"
        text = display_text(words, 200)
        yield named("mapped to", Content.styled(text, "$mark"), width)
    if not mapped and data.overview.at is None:
        near = f"; best match {near_text(nearest[0])}" if nearest else ""
        key = f"   Enter opens it in {display_text(line.connection, 40)}"
        key = key if line.connection else "   o m maps it"
        nothing = Content.assemble(("none" + near, "$muted"), (key, "bold $info"))
        yield named("mapped to", nothing, width)


def near_text(near: NearestField) -> str:
    """Return a PartnerOS field with its match: `deal_registration.contactEmail 86%`."""
    return display_text(f"{near.path} {percent(near.confidence)}", 120)


def _near_block(
    line: FieldLine, data: SchemaData, nearest: Nearest | None, width: int
) -> list[Content]:
    # Matches are only asked for today, and only for fields of the chosen connection.
    if data.overview.mapped.get(line.key) or data.overview.at is not None or line.connection:
        return []
    title = Content.assemble(_heading("Best matches in PartnerOS"), ("   by name only", "$muted"))
    if not nearest:
        none = "Not checked yet" if nearest is None else "No matches"
        return [Content(""), title, Content.styled(none, "$muted")]
    rows = (hanging(Content(""), near_text(near), width) for near in nearest[:MOST_NEAR])
    return [Content(""), title, *rows]


def _rules_of(
    data: SchemaData, object_type: str, field_name: str | None, width: int
) -> Iterator[Content]:
    face = data.overview.faces.get(object_type)
    for one in () if face is None else rule_lines(face, field_name):
        # The label already says `rule`.
        title = one.title.removeprefix("rule ")
        text = display_text(f"{title}: {one.text}", LONGEST_LINE)
        name, style = ("rule", "") if one.known else ("unknown", "$muted")
        yield named(name, Content.styled(text, style), width)


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
        flags += [(field.external_id, "external ID"), (field.archived, "archived")]
    return [word for applies, word in flags if applies]


def _access(field: Field, width: int) -> Iterator[Content]:
    looks = {True: ("✓ ", "$good"), False: ("✕ no ", "$muted"), None: ("? ", "$muted")}
    access = ((field.readable, "read"), (field.createable, "create"), (field.updateable, "update"))
    shown = Content("   ").join(
        Content.styled(looks[allowed][0] + word, looks[allowed][1]) for allowed, word in access
    )
    yield named("sync user" if field.sync_user else "access", shown, width)
    if field.sync_user is not None and field.sync_user.why:
        yield named("", display_text(field.sync_user.why, LONGEST_LINE), width)


def _type(line: FieldLine, field: Field | None) -> str:
    row = line.row
    native = f" ({row.native_type})" if row.native_type not in ("", row.type.value) else ""
    text = f"{row.type.value}{native}"
    if field is not None:
        text += f", {count(field.length, 'character')}" if field.length else ""
        text += f", {count(field.precision, 'digit')}" if field.precision else ""
        text += f", {field.scale} decimals" if field.scale else ""
    return display_text(text, 120)


def _number_of_values(field: Field) -> str:
    inactive = sum(not value.active for value in field.picklist)
    parts = [f"{len(field.picklist):,}"]
    if inactive:
        parts.append(f"{inactive:,} inactive")
    if field.restricted is not None:
        parts.append("restricted" if field.restricted else "other values allowed")
    return ", ".join(parts)


def _fullness(
    line: FieldLine, data: SchemaData, fullness: Fullness, width: int
) -> Iterator[Content]:
    rate, values = fullness.rates.get(line.row.name), fullness.values.get(line.row.name)
    if rate is not None:
        yield named("filled", filled_text(rate, data.overview.now), width)
    if values is not None:
        yield named("samples", Content.styled(values_text(values), "$mark"), width)


def counted(events: Iterable[DriftEvent]) -> str:
    """Return the number of changes, and of the breaking and risky ones among them."""
    severities = [event.severity for event in events]
    text = count(len(severities), "change")
    for severity in (Severity.BREAKING, Severity.RISKY):
        if number := severities.count(severity):
            text += f", {SEVERITY_SIGNS[severity]} {number} {severity.value}"
    return text
