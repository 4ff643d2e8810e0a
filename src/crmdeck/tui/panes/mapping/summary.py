"""The two lines above the table: how far it has come, and what to do next. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from textual.content import Content

from crmdeck.tui.text import display_text
from crmdeck.workspace import Group, MappingRow, MappingSession, pair_text

BAR_CELLS, FEW_CELLS = 12, 4
NAMED = 3
"""How many fields that no value reaches are named."""

SAVING_FROM = 2
"""How many writes may wait before that is worth a word."""


def heading(session: MappingSession, connection: str, *, compact: bool) -> Content:
    """Return the pair, its connection, how far it has come, and what stands in the way."""
    rows, cells = session.rows, FEW_CELLS if compact else BAR_CELLS
    decided = sum(not row.is_open for row in rows)
    filled = cells * decided // len(rows) if rows else 0
    bar = "━" * filled + "╌" * (cells - filled)
    parts = [
        Content.styled(display_text(pair_text(session.pair), 60), "bold"),
        Content(f"{bar} {decided} of {len(rows)}"),
    ]
    if not compact:
        parts.insert(1, Content.styled(display_text(connection, 40), "$muted"))
    broken = sum(row.group is Group.BROKEN for row in rows)
    if broken:
        parts.append(Content.styled(f"✕ {broken} broken", "bold $bad"))
    if session.unfed:
        named = ", ".join(display_text(field.name, 40) for field in session.unfed[:NAMED])
        more = f" +{len(session.unfed) - NAMED}" if len(session.unfed) > NAMED else ""
        parts.append(Content.styled(f"✕ no value reaches: {named}{more}", "$bad"))
    return Content("  ").join(parts)


def next_step(session: MappingSession, *, refining: bool) -> Content:
    """Return what to do next, in words; `refining` while figures are still being made."""
    parts = list(_steps(session.rows))
    text = ", ".join(parts) if parts else "all decided: e exports the mapping"
    found = [Content.styled(f"next: {text}" if parts else text, "" if parts else "$good")]
    if refining:
        found.insert(0, Content.styled("quick match, refining…", "$warn"))
    if session.unsaved > SAVING_FROM:
        found.append(Content.styled(f"saving {session.unsaved}", "$muted"))
    return Content("   ").join(found)


def _steps(rows: Sequence[MappingRow]) -> Iterator[str]:
    groups = Counter(row.group for row in rows)
    if broken := groups[Group.BROKEN]:
        yield f"f repairs {broken} broken"
    if groups[Group.SURE]:
        stuck = sum(not row.can_flow for row in rows if row.group is Group.SURE)
        out = f" ({stuck} can't flow)" if stuck else ""
        yield f"A accepts {groups[Group.SURE] - stuck} sure{out}"
    if groups[Group.CHECK]:
        yield f"a or x for {groups[Group.CHECK]} to check"
    if groups[Group.UNMATCHED]:
        yield f"Enter or X for {groups[Group.UNMATCHED]} without a match"
