"""The title and the progress of the pair, and its next steps. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from textual.content import Content

from crmdeck.tui.layout import fit_steps
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import Group, MappingRow, MappingSession, left_out_text, pair_text

BAR_CELLS = 12
SAVING_FROM = 2
"""Waiting writes from which on the state mentions them."""

TO_DO = "To do:"


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


def next_steps(session: MappingSession, width: int) -> Content:
    required = sum(row.is_open for row in session.required)
    steps = list(_steps(session.rows, required))
    if not steps:
        return Content.styled("All done. e exports the mapping.", "$good")
    text = fit_steps(steps, width - len(TO_DO) - 1)
    return Content.assemble((TO_DO, "bold"), " ", text)


def _steps(rows: Sequence[MappingRow], required: int) -> Iterator[tuple[str, str]]:
    """Yield each step in words, and in fewer."""
    groups = Counter(row.group for row in rows)
    if failing := groups[Group.FAILING]:
        yield f"f fixes {count(failing, 'failing row')}", f"f fixes {failing} failing"
    if review := groups[Group.REVIEW]:
        yield f"f fixes {count(review, 'row')} to review", f"{review} to review"
    if required:
        long = f"Enter maps {count(required, 'required field')}"
        yield long, f"Enter maps {required} required"
    if high := groups[Group.HIGH]:
        unsure = [row for row in rows if row.group is Group.HIGH and not row.is_sure]
        sure, left = high - len(unsure), left_out_text(unsure)
        if sure:
            more = f" ({left})" if left else ""
            yield (
                f"A accepts {count(sure, 'high match', 'high matches')}{more}",
                f"A accepts {sure} high",
            )
        elif all(not row.can_sync for row in unsure):
            yield (f"X for {high} that can't sync",) * 2
        else:
            yield f"a or x for {high} high ({left})", f"a or x for {high} high"
    if groups[Group.CHECK]:
        yield (f"a or x for {groups[Group.CHECK]} to check",) * 2
    if number := groups[Group.NO_MATCH]:
        yield f"Enter or X for {number} without a match", f"Enter or X for {number} unmatched"
