"""The two lines above the table: how far it has come, and what to do next. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from textual.content import Content

from crmdeck.tui.layout import wrap_hanging
from crmdeck.tui.text import display_text
from crmdeck.workspace import Group, MappingRow, MappingSession, pair_text

BAR_CELLS, FEW_CELLS, FEWEST_CELLS = 12, 4, 3
NAMED = 3
"""How many fields that no value reaches are named."""

SAVING_FROM = 2
"""How many writes may wait before that is worth a word."""


def heading(session: MappingSession, connection: str, width: int) -> Content:
    """Return the pair, its connection, how far it has come, and what stands in the way.

    In `width` cells it says all that there is room for; names of fields give way to their number.
    """
    for cells, named, with_connection in (
        (BAR_CELLS, NAMED, True),
        (FEW_CELLS, NAMED, True),
        (FEW_CELLS, NAMED, False),
        (FEW_CELLS, 1, False),
        (FEW_CELLS, 0, False),
        (FEWEST_CELLS, 0, False),
        (0, 0, False),
    ):
        found = _heading(session, connection if with_connection else "", cells, named)
        if found.cell_length <= width:
            break
    return found


def _heading(session: MappingSession, connection: str, cells: int, named: int) -> Content:
    rows, required_unmapped = session.rows, session.required_unmapped
    decided = sum(not row.is_open for row in rows)
    filled = cells * decided // len(rows) if rows else 0
    bar = "━" * filled + "╌" * (cells - filled)
    parts = [Content.styled(display_text(pair_text(session.pair)), "bold")]
    if connection:
        parts.append(Content.styled(display_text(connection, 40), "$muted"))
    parts.append(Content(f"{bar} {decided} of {len(rows)}".lstrip()))
    broken = sum(row.group is Group.BROKEN for row in rows)
    if broken:
        parts.append(Content.styled(f"✕ {broken} broken", "bold $bad"))
    if required_unmapped:
        names = ", ".join(display_text(field.name) for field in required_unmapped[:named])
        rest = len(required_unmapped) - named
        more = f" +{rest}" if named and rest > 0 else ""
        told = f": {names}{more}" if named else f" {len(required_unmapped)}"
        parts.append(Content.styled(f"✕ no value reaches{told}", "$bad"))
    return Content("  ").join(parts)


NEXT = "next: "


def next_step(session: MappingSession, width: int, *, refining: bool) -> Content:
    """Return what to do next in words, in as many lines as it takes; `refining`: figures move."""
    parts = list(_steps(session.rows))
    found = []
    if refining:
        found.append(Content.styled("quick match, refining…", "$warn"))
    if parts:
        found.append(Content(wrap_hanging(f"{NEXT}{', '.join(parts)}", width, len(NEXT))))
    else:
        found.append(Content.styled("all decided: e exports the mapping", "$good"))
    if session.unsaved > SAVING_FROM:
        found.append(Content.styled(f"saving {session.unsaved}", "$muted"))
    together = sum(one.cell_length for one in found) + 3 * len(found)
    return Content("   " if together <= width else "\n").join(found)


def _steps(rows: Sequence[MappingRow]) -> Iterator[str]:
    groups = Counter(row.group for row in rows)
    if broken := groups[Group.BROKEN]:
        yield f"f repairs {broken} broken"
    if groups[Group.HIGH]:
        stuck = sum(not row.can_sync for row in rows if row.group is Group.HIGH)
        sure = groups[Group.HIGH] - stuck
        out = f" ({stuck} can't flow)" if stuck else ""
        yield f"A accepts {sure} sure{out}" if sure else f"X for {stuck} that can't flow"
    if groups[Group.CHECK]:
        yield f"a or x for {groups[Group.CHECK]} to check"
    if groups[Group.NO_MATCH]:
        yield f"Enter or X for {groups[Group.NO_MATCH]} without a match"
