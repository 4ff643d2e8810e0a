"""The line of counts above the table: what is done, what blocks, what broke. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from textual.content import Content

from crmdeck.model import DecisionState, Direction, Field, Severity
from crmdeck.tui.panes.mapping.columns import SIGNS, trouble
from crmdeck.tui.panes.mapping.lines import Line
from crmdeck.tui.text import display_text

BAR_CELLS = 12
_STYLES = {
    DecisionState.ACCEPTED: "$good",
    DecisionState.REJECTED: "$muted",
    DecisionState.PENDING: "$info",
}


def progress_text(lines: Sequence[Line]) -> str:
    """Return `━━━━━╌╌╌╌ 6 of 21 decided`."""
    decided = sum(not line.is_open for line in lines)
    filled = BAR_CELLS * decided // len(lines) if lines else 0
    bar = "━" * filled + "╌" * (BAR_CELLS - filled)
    return f"{bar} {decided} of {len(lines)} decided"


def unfed(required: Sequence[Field], lines: Sequence[Line]) -> tuple[str, ...]:
    """Return the names of required CRM fields that no accepted line writes into."""
    fed = {
        line.crm_field
        for line in lines
        if line.state is DecisionState.ACCEPTED and line.direction is not Direction.PULL
    }
    return tuple(field.name for field in required if field.name not in fed)


def summary(
    lines: Sequence[Line], required: Sequence[Field], *, unsaved: int = 0, read_only: bool = False
) -> Content:
    """Return the counts, the gravest trouble first after the states; zeros are left out."""
    states = Counter(line.state for line in lines)
    parts = [
        (f"{SIGNS[state]} {states[state]} {state.value}", _STYLES[state])
        for state in (DecisionState.ACCEPTED, DecisionState.REJECTED, DecisionState.PENDING)
        if states[state]
    ]
    if read_only:
        parts.insert(0, ("read-only: look, don't decide", "$warn"))
    broken = sum(line.severity is Severity.BREAKING for line in lines)
    risky = sum(line.severity is Severity.RISKY for line in lines)
    words = Counter(trouble(line).word for line in lines if not line.drift)
    stuck = words.pop("no flow", 0)
    warned = sum(found for word, found in words.items() if word and word != "broken")
    missing = unfed(required, lines)
    if broken:
        parts.append((f"✕ {broken} broken", "bold $bad"))
    if missing:
        named = ", ".join(display_text(name, 30) for name in missing[:4])
        more = ", …" if len(missing) > 4 else ""
        parts.append((f"✕ unfed: {named}{more}", "bold $bad"))
    if stuck:
        parts.append((f"✕ {stuck} no flow", "$bad"))
    if risky:
        parts.append((f"▲ {risky} drifted", "$warn"))
    if warned:
        parts.append((f"▲ {warned} warned", "$warn"))
    if unsaved > 2:
        parts.append((f"saving {unsaved}", "$muted"))
    return Content("  ").join(Content.styled(text, style) for text, style in parts)
