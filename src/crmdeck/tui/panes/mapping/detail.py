"""One row in full: both fields, the direction, what speaks for and against, what was decided.

Pure: from a row to styled text of a given width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import DecisionState, DriftEvent, Field, Severity
from crmdeck.text import ago
from crmdeck.tui.layout import GAP, half, side_by_side, wrap, wrap_hanging
from crmdeck.tui.marks import SEVERITY_COLORS, SEVERITY_SIGNS
from crmdeck.tui.panes.samples import Fullness, filled_text, percent_filled, values_text
from crmdeck.tui.text import display_text
from crmdeck.workspace import (
    DIRECTION_WORDS,
    Candidate,
    MappingRow,
    RowBuilder,
    access_text,
    decision_text,
    matched_values_text,
    percent,
    type_text,
    yes_no,
)

HISTORY = 6
BAR_CELLS = 7
CANDIDATE_CELLS = 5
LABEL_CELLS = 9


@dataclass(frozen=True)
class Around:
    """What is around a row: the rules and both schemas, how full CRM fields are, the time."""

    builder: RowBuilder
    fullness: Fullness
    now: datetime


def row_detail(row: MappingRow, around: Around, width: int, *, compact: bool) -> Content:
    """Return a row in full; `compact` where there is room for a few lines only."""
    parts = _compact(row, around, width) if compact else _full(row, around, width)
    return Content("\n").join(parts)


def field_notes(
    row: MappingRow, builder: RowBuilder, now: datetime, crm_field: str
) -> list[tuple[str, str]]:
    """Return what is to be known of choosing `crm_field`: flow, warnings, how full; styled."""
    verdict = builder.judge(row.partner, builder.crm_fields[crm_field])
    notes = [(f"{DIRECTION_WORDS[verdict.direction]}; {verdict.reason}", "$muted")]
    notes += [(f"▲ {warning.text}", "$warn") for warning in verdict.warnings]
    rate = builder.review.rates.get(crm_field)
    if rate is not None:
        notes.insert(1, (f"filled: {filled_text(rate, now)}", "$muted"))
    return notes


def _full(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    arrow = row.direction.arrow if row.crm_field is not None else "→"
    yield _wrapped(f"{row.title} {arrow} {_target_title(row)}", width, "bold", hang=0)
    yield from _sides(row, around, width)
    for text, style in _against(row, around.now):
        yield _wrapped(text, width, style, hang=2)
    if row.crm_field is None and row.is_open:
        yield _muted("Enter chooses among all fields.", width)
    why = f"Why  {percent(row.confidence)}" if row.confidence is not None else "Why"
    yield from _section(why, _reasons(row, width))
    yield from _section("Other candidates", _alternatives(row, around, width))
    yield from _section("PartnerOS suggests", _from_source(row, around, width))
    decided = list(_history(row, around.now, width)) or [_muted("nothing yet", width)]
    yield from _section("Decided", iter(decided))


def _sides(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    """Yield what either side is, beside each other; what a source does not say is unknown."""
    left, right = row.partner, row.right
    called = left.name, _other_label(right) if right else ""
    pairs = [
        ("type", type_text(left), type_text(right) if right else ""),
        ("required", yes_no(left.required), yes_no(right.required) if right else ""),
        ("access", access_text(left, partner=True), access_text(right) if right else ""),
    ]
    if right is not None:
        rate = around.fullness.rates.get(right.name)
        filled = filled_text(rate, around.now) if rate is not None else "unknown"
        pairs.append(("filled", "unknown", filled))
    titles = ("", "PartnerOS", "CRM")
    cells = _split([titles, ("", *called), *pairs], width)
    beside = cells is not None
    cells = cells or _split([titles, *pairs], width) or half(width, LABEL_CELLS)
    yield from _side_by_side("", "PartnerOS", "CRM" if right else "", width, cells, "$muted")
    if beside:
        pairs.insert(0, ("called", *called))
    else:
        # Beside each other names would break within.
        yield _labeled("called", "\n".join(filter(None, called)), width)
    for label, one, other in pairs:
        yield from _side_by_side(label, one, other, width, cells)
    held = around.fullness.values.get(right.name) if right is not None else None
    if held is not None:
        # Over the whole width: half of it would break most values in the middle.
        yield _labeled("holds", values_text(held), width, "$mark")
    if row.values:
        yield _labeled("values", f"{matched_values_text(row)} (v opens them)", width)


def _split(pairs: Sequence[tuple[str, str, str]], width: int) -> int | None:
    """Return the cells of the left side where no word breaks on either side; None: it does."""
    left, right = (
        max(cell_len(word) for pair in pairs for word in pair[side].split(" ")) for side in (1, 2)
    )
    slack = width - LABEL_CELLS - GAP - left - right
    return left + slack // 2 if slack >= 0 else None


def _side_by_side(
    label: str, one: str, other: str, width: int, cells: int, style: str = ""
) -> Iterator[Content]:
    rest = width - LABEL_CELLS - GAP - cells
    left, right = (
        [(line, style) for line in wrap(text, room)] for text, room in ((one, cells), (other, rest))
    )
    return side_by_side(label, left, right, width, LABEL_CELLS, cells)


def _compact(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    arrow, right = (row.direction.arrow if row.crm_field is not None else "→"), row.right
    named = _shown(f"{row.title} {arrow} {_target_title(row)}")
    label = _shown(_other_label(right)) if right is not None else ""
    if cell_len(named) + 2 + cell_len(label) <= width:
        yield Content.assemble((named, "bold"), (f"  {label}".rstrip(), "$muted"))
    else:
        yield _wrapped(f"{named}  {label}", width, "bold", hang=2)
    sides = _side(row.partner)
    if right is not None:
        sides += f" {arrow} {_side(right)}, {_access(right)}, {_filled_or_not(right, around)}"
    yield _wrapped(sides, width, "$muted", hang=2)
    values = around.fullness.values.get(row.crm_field or "")
    if values is not None:
        yield _labeled("holds", values_text(values), width)
    if row.values:
        yield _labeled("values", f"{matched_values_text(row)} (v opens them)", width)
    for text, style in _against(row, around.now):
        yield _wrapped(text, width, style, hang=2)
    if row.candidate is not None and row.candidate.reasons:
        reasons = "; ".join(reason.text for reason in row.candidate.reasons)
        yield _labeled("why", reasons, width)
    yield from _else(row, around, width)
    if row.source_suggestions:
        told = (f"{one.crm_field} {percent(one.confidence)}" for one in row.source_suggestions)
        yield _labeled("source", "  ".join(told), width)
    yield from _history(row, around.now, width)


def _side(field: Field) -> str:
    """Return in a few words what a side is; what its source does not say is unknown."""
    required = {True: "required", False: "optional", None: "required unknown"}[field.required]
    return f"{type_text(field)}, {required}"


def _access(field: Field) -> str:
    access = access_text(field)
    return "access unknown" if access == "unknown" else access


def _filled_or_not(field: Field, around: Around) -> str:
    return _filled(field.name, around) or "filled unknown"


def _else(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    """Yield the alternatives on one line, or one a line where what they hold is shown."""
    values = around.fullness.values
    others = [one for one in row.candidates if one.crm_field != row.crm_field]
    named = {
        one.crm_field: " ".join(filter(None, (one.crm_field, _sure(one), _share(one, around))))
        for one in others
    }
    likely = {one.crm_field for one in others if _sure(one) != "0%"}
    together = [text for name, text in named.items() if name not in values and name in likely]
    for name, text in named.items():
        if name in values:
            yield _labeled("else", f"{text}  {values_text(values[name])}", width)
    if together:
        yield _labeled("else", "  ".join(together), width)


def _against(row: MappingRow, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what speaks against a row, the gravest first, with its style."""
    told = any(event.severity is Severity.BREAKING for event in row.drift)
    if row.state is DecisionState.ACCEPTED and row.right is None and not told:
        yield f"✕ {row.crm_field} is no longer in the schema", "$bad"
    if row.crm_field is not None and not row.can_sync:
        yield f"✕ nothing can flow {DIRECTION_WORDS[row.direction]}", "$bad"
    for event in row.drift:
        text = (
            f"{SEVERITY_SIGNS[event.severity]} {_drift_text(event)}, {ago(event.detected_at, now)}"
        )
        yield text, SEVERITY_COLORS[event.severity]
    found = row.verdict.warnings if row.verdict is not None else ()
    for warning in found:
        if warning.code in row.hidden_warnings:
            yield f"known: {warning.text}", "$muted"
        elif warning.code != "NOTHING_CAN_FLOW" and warning in row.warnings:
            yield f"▲ {warning.text}", "$warn" if row.is_open else "$muted"


def _drift_text(event: DriftEvent) -> str:
    changed = ", ".join(change.attribute for change in event.changes[:3])
    what = event.reason.rstrip(".") or event.kind.value.replace("_", " ")
    return f"{what} ({changed})" if changed and changed not in what else what


def _reasons(row: MappingRow, width: int) -> Iterator[Content]:
    named = row.candidate
    for reason in named.reasons if named is not None else ():
        bar = "█" * max(1, round(reason.share * BAR_CELLS))
        first, *more = wrap(reason.text, max(8, width - BAR_CELLS - 1)) or [""]
        yield Content.assemble((f"{bar:<{BAR_CELLS}} ", "$muted"), first)
        for line in more:
            yield Content(" " * (BAR_CELLS + 1) + line)


def _alternatives(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    for one in row.candidates:
        if one.crm_field == row.crm_field:
            continue
        right = around.builder.crm_fields.get(one.crm_field)
        kind = type_text(right) if right is not None else ""
        name = wrap_hanging(f"{_sure(one):>3}  {one.crm_field}", width, CANDIDATE_CELLS)
        beside = "\n" not in name and cell_len(name) + 2 + len(kind) <= width
        yield Content.assemble(
            (name[:CANDIDATE_CELLS], "$muted"),
            name[CANDIDATE_CELLS:],
            (f"  {kind}" if beside else "", "$muted"),
        )
        if not beside:
            yield _indented(kind, width, "$muted")
        yield from _fullness(one.crm_field, around, width)
        if one.reasons:
            reasons = "; ".join(reason.text for reason in one.reasons[:2])
            yield _indented(reasons, width, "$muted")
        if right is not None:
            for warning in around.builder.judge(row.partner, right).warnings[:1]:
                yield _indented(f"▲ {warning.text}", width, "$warn")


def _from_source(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    """Yield what the connection's own ranker says, whatever was decided meanwhile."""
    for one in row.source_suggestions:
        right = around.builder.crm_fields.get(one.crm_field)
        kind = type_text(right) if right is not None else "not in the schema"
        flow = one.direction.arrow
        name = _shown(one.crm_field, max(8, width - 8 - len(kind)))
        sure = f"{percent(one.confidence)}  {flow} "
        yield Content.assemble((sure, "$muted"), f"{name}  ", (kind, "$muted"))


def _history(row: MappingRow, now: datetime, width: int) -> Iterator[Content]:
    for decision in list(reversed(row.history))[:HISTORY]:
        who = f"{_shown(decision.decided_by, 20)}, {ago(decision.decided_at, now)}"
        what = _shown(decision_text(decision), width)
        if len(what) + 2 + len(who) <= width:
            yield Content.assemble(f"{what}  ", (who, "$muted"))
        else:
            yield Content(what)
            yield _muted(f"  {who}", width)
        if decision.note:
            yield _muted(f"  {decision.note}", width)


def _filled(crm_field: str, around: Around) -> str:
    rate = around.fullness.rates.get(crm_field)
    return f"{percent_filled(rate.rate)} filled" if rate is not None else ""


def _share(candidate: Candidate, around: Around) -> str:
    filled = _filled(candidate.crm_field, around)
    return f"({filled})" if filled else ""


def _fullness(crm_field: str, around: Around, width: int) -> Iterator[Content]:
    filled, values = _filled(crm_field, around), around.fullness.values.get(crm_field)
    if filled and values is not None:
        held = _shown(values_text(values), max(8, width - 6 - len(filled)))
        yield Content.assemble((f"    {filled}  ", "$muted"), (held, "$mark"))
    elif filled:
        yield _muted(f"    {filled}", width)


def _section(title: str, entries: Iterator[Content]) -> Iterator[Content]:
    found = list(entries)
    if found:
        yield Content("")
        yield Content.styled(title, "bold $info")
        yield from found


def _other_label(field: Field) -> str:
    return field.label if field.label != field.name else ""


def _target_title(row: MappingRow) -> str:
    if row.crm_field is None:
        return "unmapped" if row.state is DecisionState.REJECTED else "nothing suggested"
    return row.crm_field


def _labeled(label: str, text: str, width: int, style: str = "") -> Content:
    """Return safe text beside a label, in as many lines as it takes."""
    lines = wrap(text, max(12, width - LABEL_CELLS)) or [""]
    body = f"\n{' ' * LABEL_CELLS}".join(lines)
    return Content.assemble((f"{label:<{LABEL_CELLS}}", "$muted"), (body, style))


def _sure(candidate: Candidate) -> str:
    return percent(candidate.confidence) if candidate.confidence is not None else ""


def _muted(text: str, width: int) -> Content:
    return _wrapped(text, width, "$muted")


def _wrapped(text: str, width: int, style: str, *, hang: int = 0) -> Content:
    """Return safe text in as many lines as it takes, all but the first indented by `hang`."""
    return Content.styled(wrap_hanging(text, max(12, width), hang), style)


def _indented(text: str, width: int, style: str) -> Content:
    """Return safe text below a candidate's name."""
    lines = wrap(text, max(12, width - CANDIDATE_CELLS))
    return Content.styled("\n".join(" " * CANDIDATE_CELLS + line for line in lines), style)


def _shown(text: str, width: int | None = None) -> str:
    return display_text(text, width)
