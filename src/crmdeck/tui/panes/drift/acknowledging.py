"""The way of `a` and `A`: ask for a note (and first whether, for all), then acknowledge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.text import count, display_text
from crmdeck.workspace import Entry, place_of

if TYPE_CHECKING:
    from crmdeck.tui.panes.drift.board import Board

NAMED = 4
"""Changes that the question names; the others are counted."""


def ask_and_acknowledge(pane: Board, items: Sequence[Entry]) -> None:
    """Ask for a note, then acknowledge `items`."""

    def noted(note: str | None) -> None:
        if note is not None:
            acknowledge(pane, items, note.strip())

    pane.app.push_screen(
        Prompt(
            f"Acknowledge {count(len(items), 'change')}",
            _named(items),
            placeholder="a note for who comes next, or nothing",
        ),
        noted,
    )


def ask_for_all(pane: Board, items: Sequence[Entry]) -> None:
    """Ask whether, then for a note, then acknowledge all `items`."""

    def answered(sure: bool | None) -> None:
        if sure:
            ask_and_acknowledge(pane, items)

    number = count(len(items), "change")
    what = "that pass the filter" if pane.filter_text else "that there are"
    pane.app.push_screen(
        Confirm(
            f"Acknowledge all {number} shown?",
            f"All {what} and are not acknowledged yet, those in folded days and stories too. "
            "It can't be taken back.",
            yes=f"Acknowledge {len(items):,}",
            opened_by="A",
        ),
        answered,
    )


def acknowledge(pane: Board, items: Sequence[Entry], note: str) -> None:
    """Acknowledge `items`; say how many, and show them so."""
    ids = [item.event.id for item in items]

    def done(number: int) -> None:
        pane.say_done(f"Acknowledged {count(number, 'change')}" + (f": {note}" if note else ""))

    pane.load(
        "acknowledge",
        lambda _: pane.workspace.drift.acknowledge(ids, note),
        done,
        label=f"acknowledging {count(len(ids), 'change')}",
        cancellable=False,
    )


def _named(items: Sequence[Entry]) -> str:
    lines = [
        f"{display_text(place_of(item.event), 60)}  {display_text(item.what, 60)}"
        for item in items[:NAMED]
    ]
    rest = len(items) - len(lines)
    return "\n".join([*lines, *([f"and {rest:,} more"] if rest else [])])
