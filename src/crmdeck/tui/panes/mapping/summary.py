"""The line of counts above the table: what is done, what blocks, what broke. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from textual.content import Content

from crmdeck.model import DecisionState, Direction, Field, Severity
from crmdeck.tui.panes.mapping.columns import SIGNS, STATE_WORDS, trouble
from crmdeck.tui.panes.mapping.lines import Line
from crmdeck.tui.text import display_text

BAR_CELLS, FEW_CELLS = 12, 4
NAMED = 3
"""How many unfed fields are named."""

SAVING_FROM = 2
"""How many writes may wait before that is worth a word."""

Styled = tuple[str, str]
_STYLES = {
    DecisionState.ACCEPTED: "$good",
    DecisionState.REJECTED: "$muted",
    DecisionState.PENDING: "$info",
}


def progress_text(lines: Sequence[Line], *, compact: bool = False) -> str:
    """Return `━━━━━╌╌╌╌ 6 of 21 decided`."""
    decided = sum(not line.is_open for line in lines)
    cells = FEW_CELLS if compact else BAR_CELLS
    filled = cells * decided // len(lines) if lines else 0
    bar = "━" * filled + "╌" * (cells - filled)
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
    lines: Sequence[Line],
    required: Sequence[Field],
    *,
    unsaved: int = 0,
    compact: bool = False,
) -> Content:
    """Return the counts, zeros left out: the states, then what is wrong, the gravest first.

    `compact` begins with what is wrong: how much is decided stands in the heading.
    """
    states = list(_states(lines))
    wrong = [*_blocked(lines, required), *_warned(lines)]
    found = [*wrong, *states] if compact else [*states, *wrong]
    if unsaved > SAVING_FROM:
        found.append((f"saving {unsaved}", "$muted"))
    return Content("  ").join(Content.styled(text, style) for text, style in found)


def _states(lines: Sequence[Line]) -> Iterator[Styled]:
    states = Counter(line.state for line in lines)
    for state in (DecisionState.ACCEPTED, DecisionState.REJECTED, DecisionState.PENDING):
        if states[state]:
            yield f"{SIGNS[state]} {states[state]} {STATE_WORDS[state][1]}", _STYLES[state]


def _blocked(lines: Sequence[Line], required: Sequence[Field]) -> Iterator[Styled]:
    broken = sum(line.severity is Severity.BREAKING for line in lines)
    if broken:
        yield f"✕ {broken} broken", "bold $bad"
    missing = unfed(required, lines)
    if missing:
        named = ", ".join(display_text(name, 30) for name in missing[:NAMED])
        more = f" +{len(missing) - NAMED}" if len(missing) > NAMED else ""
        yield f"✕ unfed: {named}{more}", "bold $bad"


def _warned(lines: Sequence[Line]) -> Iterator[Styled]:
    words = Counter(trouble(line).word for line in lines)
    locked, drifted = words.pop("locked", 0), words.pop("drift", 0)
    warned = sum(words.values()) - words["broken"] - words[""]
    for number, sign, word, style in (
        (locked, "✕", "locked", "$bad"),
        (drifted, "▲", "drifted", "$warn"),
        (warned, "▲", "warned", "$warn"),
    ):
        if number:
            yield f"{sign} {number} {word}", style
