"""A menu of actions: those of a row, or the ways to open it elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from textual.screen import Screen

from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.keys.actions import is_shown, offers


class MenuStep(NamedTuple):
    """An action by id, with other words than its title, and another key than its own."""

    id: str
    words: str = ""
    key: str = ""


def open_menu(
    screen: Screen[Any],
    title: str,
    steps: Iterable[MenuStep],
    *,
    asking: Collection[str] = (),
    refused: bool = False,
) -> None:
    """Ask for one of the actions on `screen`, and run it.

    `refused` includes those that can't run now. The cursor begins at the first one that writes
    nothing, or that asks more before it writes.
    """
    offered = {offer.action.id: offer for offer in offers(screen, refused=True)}
    found = {
        step: offered[step.id]
        for step in steps
        if step.id in offered and (refused or not offered[step.id].refused)
    }
    choices = [
        Choice(
            step.id,
            step.words or offer.title,
            "" if step.words else offer.action.sentence,
            step.key or next(iter(offer.keys), ""),
            offer.refused,
        )
        for step, offer in found.items()
    ]
    first = next(
        (step.id for step, one in found.items() if step.id in asking or not one.action.writes), None
    )

    async def on_submit(action_id: str | None) -> None:
        # A key pressed in the meantime may have opened something else.
        if action_id is not None and is_shown(offered[action_id].host):
            offer = offered[action_id]
            await screen.app.run_action(offer.action.command, offer.host)

    cancel = "" if first else "change nothing"
    screen.app.push_screen(Choose(title, choices, current=first, cancel=cancel), on_submit)
