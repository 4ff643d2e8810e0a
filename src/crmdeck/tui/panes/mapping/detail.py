"""One line in full: both fields, the direction, what speaks for and against, what was decided.

Pure: from a line to styled text of a given width.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from crmdeck.model import DecisionState, DriftEvent, Field, Severity
from crmdeck.tui.health import ago
from crmdeck.tui.panes.mapping.columns import SURE, confidence_bar
from crmdeck.tui.samples import Fullness, filled_text, percent_filled, values_text
from crmdeck.tui.text import count, display_text, pad
from crmdeck.workspace import (
    FLOWS,
    Candidate,
    MappingRow,
    RowBuilder,
    decision_text,
    percent,
    type_text,
)

HISTORY = 6
LONGEST = 300
_DRIFT_STYLES = {Severity.BREAKING: "$bad", Severity.RISKY: "$warn", Severity.SAFE: "$muted"}


@dataclass(frozen=True)
class Around:
    """What is around a line: the rules and both schemas, how full CRM fields are, the time."""

    builder: RowBuilder
    fullness: Fullness
    now: datetime


def line_detail(line: MappingRow, around: Around, width: int, *, compact: bool) -> Content:
    """Return a line in full; `compact` where there is room for a few lines only."""
    parts = _compact(line, around, width) if compact else _full(line, around, width)
    return Content("\n").join(parts)


def _full(line: MappingRow, around: Around, width: int) -> Iterator[Content]:
    yield Content.styled(_shown(line.title, width), "bold")
    yield _muted(f"{line.name}  {type_text(line.partner)}", width)
    if line.partner.description:
        yield _wrapped(line.partner.description, width, "$muted")
    yield Content("")
    yield from _target(line, around, width)
    for text, style in _against(line, around.now):
        yield _wrapped(text, width, style, hang=2)
    if line.better is not None:
        yield _wrapped(_better(line.better), width, "$info")
    yield from _section("Decided", _history(line, around.now, width))
    yield from _section("Why", _reasons(line, width))
    yield from _section("Instead", _alternatives(line, around, width))


def _compact(line: MappingRow, around: Around, width: int) -> Iterator[Content]:
    arrow = line.direction.arrow if line.crm_field is not None else "→"
    room = max(8, width - min(len(line.title), width // 2) - 3)
    yield Content.assemble(
        (f"{_shown(line.title, width // 2)} ", "bold"),
        (f"{arrow} ", "$mark"),
        _shown(_target_title(line), room),
    )
    types = f"{type_text(line.partner)} {arrow} "
    if line.right is not None:
        parts = type_text(line.right), _filled(line.right.name, around), _other_label(line.right)
        types += "  ".join(filter(None, parts))
    yield _muted(types.rstrip(f" {arrow}"), width)
    values = around.fullness.values.get(line.crm_field or "")
    if values is not None:
        yield _labelled("holds", values_text(values), width)
    for text, style in list(_against(line, around.now))[:2]:
        yield Content.styled(_shown(text, width), style)
    if line.better is not None:
        yield Content.styled(_shown(_better(line.better), width), "$info")
    if line.verdict is not None:
        yield _labelled("flows", _flow(line), width)
    named = line.candidate
    if named is not None and named.reasons:
        yield _labelled("why", "; ".join(reason.text for reason in named.reasons), width)
    yield from _else(line, around, width)
    yield from list(_history(line, around.now, width))[:2]


def _else(line: MappingRow, around: Around, width: int) -> Iterator[Content]:
    """Yield the alternatives on one line, or one a line where what they hold is shown."""
    values = around.fullness.values
    others = [one for one in line.candidates if one.crm_field != line.crm_field]
    named = {
        one.crm_field: " ".join(filter(None, (one.crm_field, _sure(one), _share(one, around))))
        for one in others
    }
    together = [text for name, text in named.items() if name not in values]
    for name, text in named.items():
        if name in values:
            yield _labelled("else", f"{text}  {values_text(values[name])}", width)
    if together:
        yield _labelled("else", "  ".join(together), width)


def _target(line: MappingRow, around: Around, width: int) -> Iterator[Content]:
    if line.crm_field is None:
        empty = line.state is DecisionState.REJECTED
        text = "stays unmapped" if empty else "Nothing is suggested: Enter chooses a field."
        yield _wrapped(text, width, "$muted")
        return
    bar = confidence_bar(line.confidence)
    room = max(8, width - 4 - len(bar))
    yield Content.assemble(
        (f"{line.direction.arrow} ", "bold $mark"),
        (pad(_shown(line.crm_field, room), room) + "  ", "bold"),
        (bar, "$good" if (line.confidence or 0) >= SURE else "$muted"),
    )
    if line.right is not None:
        yield _muted(f"  {_other_label(line.right)}  {type_text(line.right)}", width)
        rate = around.fullness.rates.get(line.right.name)
        if rate is not None:
            yield _muted(f"  filled: {filled_text(rate, around.now)}", width)
        values = around.fullness.values.get(line.right.name)
        if values is not None:
            yield Content.styled(_shown(f"  holds {values_text(values)}", width), "$mark")
    if line.verdict is not None:
        yield _wrapped(f"  {_flow(line)}", width, "$muted", hang=2)
    if line.value_map is not None:
        left = line.unmapped_values
        state = "complete" if not left else f"incomplete, {count(left, 'value')} left out"
        yield Content.styled(f"  value map: {state}", "$good" if not left else "$warn")


def _against(line: MappingRow, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what speaks against a line, the gravest first, with its style."""
    told = any(event.severity is Severity.BREAKING for event in line.drift)
    if line.state is DecisionState.ACCEPTED and line.right is None and not told:
        yield f"✕ {line.crm_field} is not in the schema any more", "$bad"
    if line.crm_field is not None and not line.can_flow:
        yield f"✕ nothing can flow {FLOWS[line.direction]}", "$bad"
    for event in line.drift:
        sign = {Severity.BREAKING: "✕", Severity.RISKY: "▲"}.get(event.severity, "·")
        text = f"{sign} {_drift_text(event)}, {ago(event.detected_at, now)}"
        yield text, _DRIFT_STYLES[event.severity]
    for warning in line.warnings:
        if warning.code != "NOTHING_CAN_FLOW":
            yield f"▲ {warning.text}", "$warn"


def _drift_text(event: DriftEvent) -> str:
    changed = ", ".join(change.attribute for change in event.changes[:3])
    what = event.reason.rstrip(".") or event.kind.value.replace("_", " ")
    return f"{what} ({changed})" if changed and changed not in what else what


def _better(candidate: Candidate) -> str:
    return f"now preferred: {candidate.crm_field} {_sure(candidate)}; shown when you move on"


def _reasons(line: MappingRow, width: int) -> Iterator[Content]:
    named = line.candidate
    for reason in named.reasons if named is not None else ():
        text = _shown(reason.text, width - 4)
        yield Content.assemble((f"{percent(reason.share):>2}  ", "$muted"), text)


def _alternatives(line: MappingRow, around: Around, width: int) -> Iterator[Content]:
    for one in line.candidates:
        if one.crm_field == line.crm_field:
            continue
        right = around.builder.crm_fields.get(one.crm_field)
        kind = type_text(right) if right is not None else ""
        name = _shown(one.crm_field, max(8, width - 6 - len(kind)))
        yield Content.assemble((f"{_sure(one):>2}  ", "$muted"), f"{name}  ", (kind, "$muted"))
        yield from _fullness(one.crm_field, around, width)
        if one.reasons:
            reasons = "; ".join(reason.text for reason in one.reasons[:2])
            yield _muted(f"    {reasons}", width)
        if right is not None:
            for warning in around.builder.judge(line.partner, right).warnings[:1]:
                yield Content.styled(_shown(f"    ▲ {warning.text}", width), "$warn")


def _history(line: MappingRow, now: datetime, width: int) -> Iterator[Content]:
    for decision in list(reversed(line.history))[:HISTORY]:
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
        yield Content.styled(title, "bold $primary")
        yield from found


def _flow(line: MappingRow) -> str:
    reason = line.verdict.reason if line.verdict is not None else ""
    return f"{FLOWS[line.direction]} · {reason}"


def _other_label(field: Field) -> str:
    return field.label if field.label != field.name else ""


def _target_title(line: MappingRow) -> str:
    if line.crm_field is None:
        return "unmapped" if line.state is DecisionState.REJECTED else "nothing suggested"
    return line.crm_field


def _labelled(label: str, text: str, width: int) -> Content:
    return Content.assemble((f"{label:<6}", "$muted"), _shown(text, max(8, width - 6)))


def _sure(candidate: Candidate) -> str:
    return percent(candidate.confidence) if candidate.confidence is not None else ""


def _muted(text: str, width: int) -> Content:
    return Content.styled(_shown(text, width), "$muted")


def _wrapped(text: str, width: int, style: str, *, hang: int = 0) -> Content:
    """Return safe text in as many lines as it takes, all but the first indented by `hang`."""
    safe = _shown(text, LONGEST)
    lines = textwrap.wrap(safe, max(12, width), subsequent_indent=" " * hang) or [""]
    return Content.styled("\n".join(lines), style)


def _shown(text: str, width: int) -> str:
    return display_text(text, width)
