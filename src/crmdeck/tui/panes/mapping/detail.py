"""The details of one row: both fields, the direction, reasons, problems and decisions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from crmdeck.model import DecisionState, Field, Reason, Severity
from crmdeck.text import ago
from crmdeck.tui.dialogs.preflight import OUTCOME_STYLES
from crmdeck.tui.layout import GAP, half, rule, side_by_side, wrap, wrap_hanging
from crmdeck.tui.marks import SEVERITY_COLORS, SEVERITY_SIGNS, STATE_COLORS
from crmdeck.tui.panes.samples import Fullness, filled_text, percent_filled, values_text
from crmdeck.tui.panes.to_do import clickable
from crmdeck.tui.text import display_text
from crmdeck.workspace import (
    DIRECTION_WORDS,
    Candidate,
    MappingRow,
    RequiredRow,
    RowBuilder,
    access_text,
    decision_text,
    failure_text,
    matched_values_text,
    percent,
    row_line,
    type_text,
    yes_no,
)

HISTORY = 6
FAILURE_STYLES = {one: STATE_COLORS.get(state, "") for one, state in OUTCOME_STYLES.items()}
BAR_CELLS = 7
CANDIDATE_CELLS = 5
LABEL_CELLS = 9


@dataclass(frozen=True)
class Around:
    """What the details of a row need besides the row: rules, schemas, fill rates, the time."""

    builder: RowBuilder
    fullness: Fullness
    now: datetime


def row_detail(row: MappingRow, around: Around, width: int, *, compact: bool) -> Content:
    parts = _compact(row, around, width) if compact else _full(row, around, width)
    return Content("\n").join(parts)


def required_detail(row: RequiredRow, now: datetime, width: int) -> Content:
    label = _other_label(row.field)
    parts = [
        *_if_cut(row.title, width),
        *([_wrapped(label, width, "")] if label else []),
        _wrapped(f"{type_text(row.field)}, required, no default", width, "$muted", hang=2),
    ]
    if row.is_open:
        text = "✕ The CRM rejects new records: no PartnerOS field is mapped to this field."
        parts.append(_wrapped(text, width, "$bad", hang=2))
        for id_, key, text in (
            ("mapping.choose", "Enter", "Choose a PartnerOS field"),
            ("mapping.values", "v", "Enter the value that fills it"),
            ("mapping.unmap", "X", "Mark it as filled by PartnerOS or by automation"),
            ("mapping.accept", "a", "Accept the risk until a day"),
        ):
            parts.append(clickable(_labeled(key, text, width), id_))
    else:
        text = "PartnerOS or automation fills this field. c clears the mark."
        parts.append(_wrapped(text, width, ""))
    parts += _section("History", _history(row, now, width), width)
    return Content("\n").join(parts)


def pair_notes(
    left: Field, right: Field, builder: RowBuilder, now: datetime
) -> list[tuple[str, str]]:
    """Return notes on mapping two fields, each with its style: direction, fill rate, warnings."""
    verdict = builder.judge(left, right)
    notes = [(f"{DIRECTION_WORDS[verdict.direction]}; {verdict.reason}", "$muted")]
    rate = builder.review.rates.get(right.name)
    if rate is not None:
        notes.append((f"filled: {filled_text(rate, now)}", "$muted"))
    notes += [(failure_text(one), FAILURE_STYLES[one.outcome]) for one in verdict.failures]
    return notes + [(f"▲ {warning.text}", "$warn") for warning in verdict.warnings]


def _full(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    yield from _if_cut(row_titles(row)[-1], width)
    yield from _sides(row, around, width)
    for text, style in _problems(row, around.now):
        yield _wrapped(text, width, style, hang=2)
    if row.failures and around.builder.review.assumed:
        yield _wrapped(around.builder.review.assumed, width, "$muted", hang=2)
    if row.crm_field is None and row.is_open:
        yield _wrapped("Enter searches all fields.", width, "$muted")
    at = f" {percent(row.confidence)}" if row.confidence is not None else ""
    # The reasons are those of the latest ranking, the match is the one that was accepted.
    why = f"Accepted at{at}" if at and row.state is DecisionState.ACCEPTED else f"Why{at}"
    yield from _section(why, _reasons(row, width), width)
    yield from _section("Alternatives", _alternatives(row, around, width), width)
    yield from _section("PartnerOS suggests", _from_source(row, around, width), width)
    history = list(_history(row, around.now, width))
    yield from _section("History", history or [Content.styled("undecided", "$muted")], width)


def _compact(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    right, title = row.right, row_titles(row)[0]
    label = _other_label(right) if right is not None else ""
    yield from _if_cut(title, width)
    sides = _side(row.partner)
    if right is not None:
        access = access_text(right)
        # Among other facts, "unknown" alone does not show which fact.
        access = "access unknown" if access == "unknown" else access
        filled = _filled(right.name, around) or "filled unknown"
        sides += f" {_arrow(row)} {_side(right)}, {access}, {filled}"
        sides += f", {label}" if label else ""
    yield _wrapped(sides, width, "$muted", hang=2)
    values = around.fullness.values.get(row.crm_field or "")
    if values is not None:
        yield _labeled("samples", values_text(values), width)
    if row.values:
        yield _labeled("values", f"{matched_values_text(row)} (v opens them)", width)
    for text, style in _problems(row, around.now):
        yield _wrapped(text, width, style, hang=2)
    if row.candidate is not None and row.candidate.reasons:
        yield _labeled("why", _reason_text(row.candidate.reasons), width)
    yield from _others(row, around, width)
    if row.source_suggestions:
        named = "  ".join(
            f"{one.crm_field} {percent(one.confidence)}" for one in row.source_suggestions
        )
        yield _labeled("source", named, width)
    yield from _history(row, around.now, width)
    if row.failures and around.builder.review.assumed:
        yield _wrapped(around.builder.review.assumed, width, "$muted", hang=2)


def _arrow(row: MappingRow) -> str:
    return row.direction.arrow if row.crm_field is not None else "→"


def row_text(row: MappingRow | RequiredRow) -> str:
    return display_text(row_line(row) if isinstance(row, MappingRow) else row.title)


def row_titles(row: MappingRow) -> tuple[str, str]:
    unmapped = "unmapped" if row.state is DecisionState.REJECTED else "no suggestion"
    whole = f"{row.title} {_arrow(row)} {row.crm_field or unmapped}"
    return display_text(whole), display_text(row.crm_field or row.title)


def _if_cut(title: str, width: int) -> Iterator[Content]:
    """Yield a title that doesn't fit into the frame above `width` cells of text."""
    if cell_len(title) > width - 2:
        yield _wrapped(title, width, "bold", hang=2)


def _side(field: Field) -> str:
    required = {True: "required", False: "optional", None: "required unknown"}[field.required]
    return f"{type_text(field)}, {required}"


def _other_label(field: Field) -> str:
    return field.label if field.label != field.name else ""


def _sides(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    """Yield the facts of both fields side by side; what the source doesn't report is unknown."""
    left, right = row.partner, row.right
    names = left.name, _other_label(right) if right else ""
    facts = [
        ("type", type_text(left), type_text(right) if right else ""),
        ("required", yes_no(left.required), yes_no(right.required) if right else ""),
        ("access", access_text(left, partner=True), access_text(right) if right else ""),
    ]
    if right is not None:
        rate = around.fullness.rates.get(right.name)
        filled = filled_text(rate, around.now) if rate is not None else "unknown"
        facts.append(("filled", "unknown", filled))
    titles = ("", "PartnerOS", "CRM")
    cells = _split([titles, ("", *names), *facts], width)
    beside = cells is not None
    cells = cells or _split([titles, *facts], width) or half(width, LABEL_CELLS)
    yield from _side_by_side("", "PartnerOS", "CRM" if right else "", width, cells, "$muted")
    if beside:
        facts.insert(0, ("names", *names))
    else:
        # Side by side, a name would be broken.
        yield _labeled("names", "\n".join(filter(None, names)), width)
    for label, one, other in facts:
        yield from _side_by_side(label, one, other, width, cells)
    samples = around.fullness.values.get(right.name) if right is not None else None
    if samples is not None:
        # In half of the width most values would be broken.
        yield _labeled("samples", values_text(samples), width, "$mark")
    if row.values:
        yield _labeled("values", f"{matched_values_text(row)} (v opens them)", width)


def _split(facts: Sequence[tuple[str, str, str]], width: int) -> int | None:
    """Return the cells of the left side that break no word on either side, if there are such."""
    left, right = (
        max(cell_len(word) for fact in facts for word in fact[side].split(" ")) for side in (1, 2)
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


def _others(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    """Yield the alternatives in one line, and those with samples in a line each."""
    values = around.fullness.values
    likely: list[str] = []
    for one in row.candidates:
        if one.crm_field == row.crm_field:
            continue
        match, filled = _match(one), _filled(one.crm_field, around)
        parts = (one.crm_field, match, f"({filled})" if filled else "")
        text = " ".join(filter(None, parts))
        if one.crm_field in values:
            yield _labeled("others", f"{text}  {values_text(values[one.crm_field])}", width)
        elif match != percent(0):
            likely.append(text)
    if likely:
        yield _labeled("others", "  ".join(likely), width)


def _problems(row: MappingRow, now: datetime) -> Iterator[tuple[str, str]]:
    # The change that removed the field says more about it.
    explained = any(event.severity is Severity.BREAKING for event in row.open_drift)
    if row.state is DecisionState.ACCEPTED and row.right is None and not explained:
        yield f"✕ {row.crm_field} is no longer in the schema", "$bad"
    if row.crm_field is not None and not row.can_sync:
        yield f"✕ can't sync {DIRECTION_WORDS[row.direction]}", "$bad"
    for event in row.drift:
        sign, style = SEVERITY_SIGNS[event.severity], SEVERITY_COLORS[event.severity]
        if event.id in row.settled:
            sign, style = "✓", "$muted"
        changed = ", ".join(change.attribute for change in event.changes[:3])
        what = event.reason.rstrip(".") or event.kind.value.replace("_", " ")
        what += f" ({changed})" if changed and changed not in what else ""
        yield f"{sign} {what}, {ago(event.detected_at, now)}", style
    for one in row.failures:
        yield failure_text(one), FAILURE_STYLES[one.outcome] if row.is_open else "$muted"
    for warning in row.warnings_of_direction:
        if warning.code in row.hidden_warnings:
            yield f"hidden: {warning.text}", "$muted"
        elif warning.code != "NOTHING_CAN_FLOW" and warning in row.warnings:
            yield f"▲ {warning.text}", "$warn" if row.is_open else "$muted"


def _reasons(row: MappingRow, width: int) -> Iterator[Content]:
    for reason in row.candidate.reasons if row.candidate is not None else ():
        bar = "█" * max(1, round(reason.share * BAR_CELLS))
        first, *more = wrap(reason.text, max(8, width - BAR_CELLS - 1)) or [""]
        yield Content.assemble((f"{bar:<{BAR_CELLS}} ", "$muted"), first)
        for line in more:
            yield Content(" " * (BAR_CELLS + 1) + line)


def _reason_text(reasons: Iterable[Reason]) -> str:
    return "; ".join(reason.text for reason in reasons)


def _alternatives(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    for one in row.candidates:
        unlikely = _match(one) == percent(0) and not one.was_put_back
        if one.crm_field == row.crm_field or unlikely:
            continue
        right = around.builder.crm_fields.get(one.crm_field)
        kind = type_text(right) if right is not None else ""
        name = wrap_hanging(f"{_match(one):>3}  {one.crm_field}", width, CANDIDATE_CELLS)
        beside = "\n" not in name and cell_len(name) + 2 + len(kind) <= width
        yield Content.assemble(
            (name[:CANDIDATE_CELLS], "$muted"),
            name[CANDIDATE_CELLS:],
            (f"  {kind}" if beside else "", "$muted"),
        )
        if not beside:
            yield _indented(kind, width, "$muted")
        filled = _filled(one.crm_field, around)
        values = around.fullness.values.get(one.crm_field)
        if filled:
            start = " " * CANDIDATE_CELLS + filled
            held = ""
            if values is not None:
                held = f"  {display_text(values_text(values), max(8, width - len(start) - 2))}"
            yield Content.assemble((start, "$muted"), (held, "$mark"))
        if one.reasons:
            yield _indented(_reason_text(one.reasons[:2]), width, "$muted")
        if right is not None:
            verdict = around.builder.judge(row.partner, right)
            # The worst is enough to compare candidates. The list of all fields has the others.
            for failure in verdict.failures[:1]:
                yield _indented(failure_text(failure), width, FAILURE_STYLES[failure.outcome])
            for warning in () if verdict.failures else verdict.warnings[:1]:
                yield _indented(f"▲ {warning.text}", width, "$warn")


def _from_source(row: MappingRow, around: Around, width: int) -> Iterator[Content]:
    for one in row.source_suggestions:
        right = around.builder.crm_fields.get(one.crm_field)
        kind = type_text(right) if right is not None else "not in the schema"
        match = f"{percent(one.confidence)}  {one.direction.arrow} "
        name = display_text(one.crm_field, max(8, width - len(match) - 2 - len(kind)))
        yield Content.assemble((match, "$muted"), f"{name}  ", (kind, "$muted"))


def _history(row: MappingRow | RequiredRow, now: datetime, width: int) -> Iterator[Content]:
    for decision in list(reversed(row.history))[:HISTORY]:
        who = f"{display_text(decision.decided_by, 20)}, {ago(decision.decided_at, now)}"
        what = display_text(decision_text(decision), width)
        if len(what) + 2 + len(who) <= width:
            yield Content.assemble(f"{what}  ", (who, "$muted"))
        else:
            yield Content(what)
            yield _wrapped(f"  {who}", width, "$muted")
        if decision.note:
            yield _wrapped(f"  {decision.note}", width, "$muted")


def _filled(crm_field: str, around: Around) -> str:
    rate = around.fullness.rates.get(crm_field)
    return f"{percent_filled(rate.rate)} filled" if rate is not None else ""


def _match(candidate: Candidate) -> str:
    return percent(candidate.confidence) if candidate.confidence is not None else ""


def _section(title: str, entries: Iterable[Content], width: int) -> Iterator[Content]:
    found = list(entries)
    if found:
        yield Content("")
        yield rule(title, width)
        yield from found


def _labeled(label: str, text: str, width: int, style: str = "") -> Content:
    lines = wrap(text, max(12, width - LABEL_CELLS)) or [""]
    body = f"\n{' ' * LABEL_CELLS}".join(lines)
    return Content.assemble((f"{label:<{LABEL_CELLS}}", "$muted"), (body, style))


def _wrapped(text: str, width: int, style: str, *, hang: int = 0) -> Content:
    return Content.styled(wrap_hanging(text, max(12, width), hang), style)


def _indented(text: str, width: int, style: str) -> Content:
    lines = wrap(text, max(12, width - CANDIDATE_CELLS))
    return Content.styled("\n".join(" " * CANDIDATE_CELLS + line for line in lines), style)
