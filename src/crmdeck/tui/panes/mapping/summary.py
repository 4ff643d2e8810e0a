"""The two lines above the table: the pair with its progress, and the next steps. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from textual.content import Content

from crmdeck.tui.layout import wrap_hanging
from crmdeck.tui.text import display_text
from crmdeck.workspace import Group, MappingRow, MappingSession, left_out_text, pair_text

BAR_CELLS, FEW_CELLS, FEWEST_CELLS = 12, 4, 3
SAVING_FROM = 2
"""Waiting writes from which on the line mentions them."""

TO_DO = "To do: "


def heading(session: MappingSession, connection: str, width: int) -> Content:
    """Return the pair, its connection, its progress, and what is broken or required.

    In fewer than all `width` cells the bar and the connection give way.
    """
    for cells, with_connection in (
        (BAR_CELLS, True),
        (FEW_CELLS, True),
        (FEW_CELLS, False),
        (FEWEST_CELLS, False),
        (0, False),
    ):
        found = _heading(session, connection if with_connection else "", cells)
        if found.cell_length <= width:
            break
    return found


def _heading(session: MappingSession, connection: str, cells: int) -> Content:
    rows, required = session.rows, sum(row.is_open for row in session.required)
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
    if required:
        parts.append(Content.styled(f"✕ {required} required", "bold $bad"))
    return Content("  ").join(parts)


def next_step(session: MappingSession, width: int, *, refining: bool) -> Content:
    """Return the next steps in as many lines as they need; `refining`: matches may change."""
    required = sum(row.is_open for row in session.required)
    parts = list(_steps(session.rows, required))
    found = []
    if refining:
        found.append(Content.styled("quick match, refining…", "$warn"))
    if parts:
        found.append(Content(wrap_hanging(f"{TO_DO}{', '.join(parts)}", width, len(TO_DO))))
    else:
        found.append(Content.styled("All decided. e exports the mapping.", "$good"))
    if session.unsaved > SAVING_FROM:
        found.append(Content.styled(f"saving {session.unsaved}", "$muted"))
    together = sum(one.cell_length for one in found) + 3 * len(found)
    return Content("   " if together <= width else "\n").join(found)


def _steps(rows: Sequence[MappingRow], required: int) -> Iterator[str]:
    groups = Counter(row.group for row in rows)
    if broken := groups[Group.BROKEN]:
        yield f"f repairs {broken} broken"
    if required:
        yield f"Enter maps {required} required"
    if high := groups[Group.HIGH]:
        unsure = [row for row in rows if row.group is Group.HIGH and not row.is_sure]
        left = left_out_text(unsure)
        if high > len(unsure):
            yield f"A accepts {high - len(unsure)} high" + (f" ({left})" if left else "")
        elif all(not row.can_sync for row in unsure):
            yield f"X for {high} that can't sync"
        else:
            yield f"a or x for {high} high ({left})"
    if groups[Group.CHECK]:
        yield f"a or x for {groups[Group.CHECK]} to check"
    if groups[Group.NO_MATCH]:
        yield f"Enter or X for {groups[Group.NO_MATCH]} without a match"
