"""One line in full: both fields, the direction, what speaks for and against, what was decided.

Pure: from a line to styled text of a given width.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from textual.content import Content

from crmdeck.model import Decision, DecisionState, Direction, DriftEvent, Field, FieldType, Severity
from crmdeck.tui.health import ago
from crmdeck.tui.panes.mapping.building import LineBuilder
from crmdeck.tui.panes.mapping.columns import ARROWS, confidence_bar, percent
from crmdeck.tui.panes.mapping.lines import Candidate, Line
from crmdeck.tui.text import count, display_text, pad

HISTORY = 6
LONGEST = 300
FLOWS = {
    Direction.PUSH: "PartnerOS to CRM",
    Direction.PULL: "CRM to PartnerOS",
    Direction.BIDIRECTIONAL: "both ways",
}

_DRIFT_STYLES = {Severity.BREAKING: "$bad", Severity.RISKY: "$warn", Severity.SAFE: "$muted"}


def line_detail(
    line: Line, builder: LineBuilder, now: datetime, width: int, *, compact: bool
) -> Content:
    """Return a line in full; `compact` where there is room for a few lines only."""
    parts = _compact(line, now, width) if compact else _full(line, builder, now, width)
    return Content("\n").join(parts)


def type_text(field: Field) -> str:
    """Return a field's type with what limits it: `string(80)`, `picklist of 5`."""
    name = field.type.value
    if field.length and field.type not in (FieldType.PICKLIST, FieldType.MULTIPICKLIST):
        return f"{name}({field.length})"
    if field.picklist:
        return f"{name} of {len(field.picklist):,}"
    if field.references:
        return f"{name} to {', '.join(field.references[:3])}"
    return name


def decision_text(decision: Decision) -> str:
    """Return what a decision did, in words."""
    if decision.undoes is not None:
        return "took back" + (f" {decision.crm_field}" if decision.crm_field else "")
    if decision.crm_field is None:
        return "left unmapped" if decision.state is DecisionState.REJECTED else "set back"
    arrow = f" {ARROWS[decision.direction]}" if decision.state is DecisionState.ACCEPTED else ""
    mapped = f", {count(len(decision.value_map), 'value')}" if decision.value_map else ""
    return f"{decision.state.value}{arrow} {decision.crm_field}{mapped}"


def _full(line: Line, builder: LineBuilder, now: datetime, width: int) -> Iterator[Content]:
    yield Content.styled(_shown(line.title, width), "bold")
    yield _muted(f"{line.name}  {type_text(line.partner)}")
    if line.partner.description:
        yield _muted(line.partner.description)
    yield Content("")
    yield from _target(line, width)
    yield from _against(line, now)
    if line.better is not None:
        yield _better(line.better)
    yield from _section("Why", _reasons(line))
    yield from _section("Instead", _alternatives(line, builder, width))
    yield from _section("Decided", _history(line, now))


def _compact(line: Line, now: datetime, width: int) -> Iterator[Content]:
    yield Content.assemble(
        (f"{_shown(line.title, width // 3)} ", "bold"),
        (f"{type_text(line.partner)}  ", "$muted"),
        (f"{ARROWS[line.direction] if line.crm_field else '→'} ", "$mark"),
        (f"{_shown(_target_title(line), width // 3)} ", "bold"),
        (type_text(line.right) if line.right is not None else "", "$muted"),
    )
    yield from (one.truncate(width, ellipsis=True) for one in _against(line, now))
    if line.better is not None:
        yield _better(line.better)
    if line.crm_field is not None and line.verdict is not None:
        yield _labelled("flows", f"{FLOWS[line.direction]}; {line.verdict.reason}", width)
    reasons = _named(line)
    if reasons is not None and reasons.reasons:
        yield _labelled("why", "; ".join(reason.text for reason in reasons.reasons), width)
    others = [one for one in line.candidates if one.crm_field != line.crm_field]
    if others:
        named = "  ".join(f"{one.crm_field} {_sure(one)}".rstrip() for one in others)
        yield _labelled("else", named, width)
    for entry in list(_history(line, now))[:2]:
        yield entry.truncate(width, ellipsis=True)


def _target(line: Line, width: int) -> Iterator[Content]:
    if line.crm_field is None:
        empty = line.state is DecisionState.REJECTED
        yield _muted("stays unmapped" if empty else "Nothing is suggested: Enter chooses a field.")
        return
    bar = confidence_bar(line.confidence)
    room = max(8, width - 4 - len(bar))
    yield Content.assemble(
        (f"{ARROWS[line.direction]} ", "bold $mark"),
        (pad(_shown(line.crm_field, room), room) + "  ", "bold"),
        (bar, "$good" if (line.confidence or 0) >= 0.9 else "$muted"),
    )
    if line.right is not None:
        label = line.right.label if line.right.label != line.right.name else ""
        yield _muted("  " + f"{label}  {type_text(line.right)}".strip())
    if line.verdict is not None:
        yield _muted(f"  {FLOWS[line.direction]}; {line.verdict.reason}")
    if line.value_map is not None:
        left = line.unmapped_values
        state = "complete" if not left else f"incomplete, {count(left, 'value')} left out"
        yield Content.styled(f"  value map: {state}", "$good" if not left else "$warn")


def _against(line: Line, now: datetime) -> Iterator[Content]:
    if line.state is DecisionState.ACCEPTED and line.right is None:
        gone = f"✕ {line.crm_field} is not in the schema any more"
        yield Content.styled(_shown(gone), "$bad")
    if line.crm_field is not None and not line.can_flow:
        reason = line.verdict.reason if line.verdict is not None else ""
        flow = FLOWS[line.direction]
        yield Content.styled(_shown(f"✕ nothing can flow {flow}: {reason}"), "$bad")
    for event in line.drift:
        sign = {Severity.BREAKING: "✕", Severity.RISKY: "▲"}.get(event.severity, "·")
        text = f"{sign} {_drift_text(event)}, {ago(event.detected_at, now)}"
        yield Content.styled(_shown(text), _DRIFT_STYLES[event.severity])
    for warning in line.warnings:
        if warning.code != "NOTHING_CAN_FLOW":
            yield Content.styled(_shown(f"▲ {warning.text}"), "$warn")


def _drift_text(event: DriftEvent) -> str:
    changed = ", ".join(change.attribute for change in event.changes[:3])
    what = event.reason or event.kind.value.replace("_", " ")
    return f"{what} ({changed})" if changed and changed not in what else what


def _better(candidate: Candidate) -> Content:
    text = f"now preferred: {candidate.crm_field} {_sure(candidate)}, Enter chooses it"
    return Content.styled(_shown(text), "$info")


def _reasons(line: Line) -> Iterator[Content]:
    named = _named(line)
    for reason in named.reasons if named is not None else ():
        yield Content.assemble((f"{percent(reason.share):>3} ", "$muted"), _shown(reason.text))


def _alternatives(line: Line, builder: LineBuilder, width: int) -> Iterator[Content]:
    for one in line.candidates:
        if one.crm_field == line.crm_field:
            continue
        right = builder.crm_fields.get(one.crm_field)
        sure = f"{_sure(one):>3} "
        name = _shown(one.crm_field, max(8, width - 6))
        kind = type_text(right) if right is not None else ""
        yield Content.assemble((sure, "$muted"), (f"{name} ", "bold"), (kind, "$muted"))
        if one.reasons:
            yield _muted("    " + "; ".join(reason.text for reason in one.reasons[:2]))
        if right is not None:
            warnings = builder.judge(line.partner, right).warnings
            if warnings:
                yield Content.styled(_shown(f"    ▲ {warnings[0].text}"), "$warn")


def _history(line: Line, now: datetime) -> Iterator[Content]:
    for decision in list(reversed(line.history))[:HISTORY]:
        yield Content.assemble(
            (_shown(decision_text(decision), 60) + " ", ""),
            (f"{_shown(decision.decided_by, 30)}, {ago(decision.decided_at, now)}", "$muted"),
        )
        if decision.note:
            yield _muted(f"  {decision.note}")


def _section(title: str, entries: Iterator[Content]) -> Iterator[Content]:
    found = list(entries)
    if found:
        yield Content("")
        yield Content.styled(title, "bold $primary")
        yield from found


def _named(line: Line) -> Candidate | None:
    return next((one for one in line.candidates if one.crm_field == line.crm_field), None)


def _target_title(line: Line) -> str:
    if line.crm_field is None:
        return "unmapped" if line.state is DecisionState.REJECTED else "nothing suggested"
    return line.crm_field


def _labelled(label: str, text: str, width: int) -> Content:
    return Content.assemble((f"{label:<6}", "$muted"), _shown(text, max(8, width - 6)))


def _sure(candidate: Candidate) -> str:
    return percent(candidate.confidence) if candidate.confidence is not None else ""


def _muted(text: str) -> Content:
    return Content.styled(_shown(text), "$muted")


def _shown(text: str, width: int = LONGEST) -> str:
    return display_text(text, width)
