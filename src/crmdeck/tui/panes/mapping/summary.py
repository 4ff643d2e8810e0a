"""The line of counts above the table: what is done, what blocks, what broke. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from textual.content import Content

from crmdeck.model import DecisionState, Field, Severity
from crmdeck.tui.text import display_text
from crmdeck.workspace import SIGNS, STATE_WORDS, MappingRow

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


def progress_text(rows: Sequence[MappingRow], *, compact: bool = False) -> str:
    """Return `━━━━━╌╌╌╌ 6 of 21 decided`."""
    decided = sum(not row.is_open for row in rows)
    cells = FEW_CELLS if compact else BAR_CELLS
    filled = cells * decided // len(rows) if rows else 0
    bar = "━" * filled + "╌" * (cells - filled)
    return f"{bar} {decided} of {len(rows)} decided"


def summary(
    rows: Sequence[MappingRow],
    unfed: Sequence[Field],
    *,
    unsaved: int = 0,
    compact: bool = False,
) -> Content:
    """Return the counts, zeros left out: the states, then what is wrong, the gravest first.

    `compact` begins with what is wrong: how much is decided stands in the heading.
    """
    states = list(_states(rows))
    wrong = [*_blocked(rows, unfed), *_warned(rows)]
    found = [*wrong, *states] if compact else [*states, *wrong]
    if unsaved > SAVING_FROM:
        found.append((f"saving {unsaved}", "$muted"))
    return Content("  ").join(Content.styled(text, style) for text, style in found)


def _states(rows: Sequence[MappingRow]) -> Iterator[Styled]:
    states = Counter(row.state for row in rows)
    for state in (DecisionState.ACCEPTED, DecisionState.REJECTED, DecisionState.PENDING):
        if states[state]:
            yield f"{SIGNS[state]} {states[state]} {STATE_WORDS[state][1]}", _STYLES[state]


def _blocked(rows: Sequence[MappingRow], unfed: Sequence[Field]) -> Iterator[Styled]:
    broken = sum(row.severity is Severity.BREAKING for row in rows)
    if broken:
        yield f"✕ {broken} broken", "bold $bad"
    if unfed:
        named = ", ".join(display_text(field.name, 30) for field in unfed[:NAMED])
        more = f" +{len(unfed) - NAMED}" if len(unfed) > NAMED else ""
        yield f"✕ unfed: {named}{more}", "bold $bad"


def _warned(rows: Sequence[MappingRow]) -> Iterator[Styled]:
    words = Counter(row.trouble.word for row in rows)
    locked, drifted = words.pop("locked", 0), words.pop("drift", 0)
    warned = sum(words.values()) - words["broken"] - words[""]
    for number, sign, word, style in (
        (locked, "✕", "locked", "$bad"),
        (drifted, "▲", "drifted", "$warn"),
        (warned, "▲", "warned", "$warn"),
    ):
        if number:
            yield f"{sign} {number} {word}", style
