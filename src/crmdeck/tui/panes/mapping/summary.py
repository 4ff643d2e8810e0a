"""The title and the progress of the pair, and its next steps. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from textual.content import Content

from crmdeck.tui.panes.mapping.table import AnyRow
from crmdeck.tui.panes.to_do import ToDo
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import (
    Group,
    MappingRow,
    MappingSession,
    left_out_text,
    pair_text,
)

BAR_CELLS = 12
SAVING_FROM = 2
"""Waiting writes from which on the state mentions them."""

Do = Callable[[str, Collection[str]], object]
"""Runs an action, by its ID, on one of these rows."""


def titles(session: MappingSession, connection: str) -> tuple[str, str]:
    """Return the title with the connection, and without it."""
    pair = display_text(pair_text(session.pair))
    return f"{pair}, {display_text(connection, 40)}", pair


def progress(session: MappingSession, *, refining: bool) -> Iterator[Content]:
    """Yield the state of the pair; `refining`: matches may change."""
    rows = session.rows
    done = sum(row.group is Group.DONE for row in rows)
    filled = BAR_CELLS * done // len(rows) if rows else 0
    yield Content.assemble(
        ("━" * filled, "$good"),
        ("╌" * (BAR_CELLS - filled), "$muted"),
        f" {done} of {len(rows)} done",
    )
    if refining:
        yield Content.styled("quick match, refining…", "$warn")
    if session.unsaved > SAVING_FROM:
        yield Content.styled(f"saving {session.unsaved}", "$muted")


def steps(session: MappingSession, do: Do) -> Iterator[ToDo]:
    """Yield the next steps.

    They count the rows of the session: a pair without a decision is in no finding yet, and a row
    moves before its decision is stored. The judgment of the rows is that of the findings.
    """
    groups: dict[Group, list[MappingRow]] = {group: [] for group in Group}
    for row in session.rows:
        groups[row.group].append(row)

    def step(words: str, short: str, action: str, rows: Iterable[AnyRow]) -> ToDo:
        names = [row.name for row in rows]
        return ToDo(words, short, lambda: do(action, names))

    required = [row for row in session.required if row.is_open]
    failing: list[AnyRow] = [*groups[Group.FAILING], *required]
    if failing:
        number = len(failing)
        words = f"f fixes {count(number, 'failing row')}"
        yield step(words, f"f fixes {number} failing", "mapping.repair", failing)
    if review := groups[Group.REVIEW]:
        number = len(review)
        words = f"f fixes {count(number, 'row')} to review"
        yield step(words, f"{number} to review", "mapping.repair", review)
    if high := groups[Group.HIGH]:
        number = len(high)
        unsure = [row for row in high if not row.is_sure]
        sure, left = number - len(unsure), left_out_text(unsure)
        if sure:
            words = f"A accepts {count(sure, 'high match', 'high matches')}"
            more = f" ({left})" if left else ""
            yield step(words + more, f"A accepts {sure} high", "mapping.accept_all", ())
        elif all(not row.can_sync for row in unsure):
            words = f"X for {number} that can't sync"
            yield step(words, words, "mapping.unmap", high)
        else:
            short = f"a or x for {number} high"
            yield step(f"{short} ({left})", short, "table.select", high)
    if rows := groups[Group.CHECK]:
        words = f"a or x for {len(rows)} to check"
        yield step(words, words, "table.select", rows)
    if rows := groups[Group.NO_MATCH]:
        words = f"Enter or X for {len(rows)} without a match"
        yield step(words, f"Enter or X for {len(rows)} unmatched", "table.select", rows)
