"""A menu of actions: those of a row, or the ways to open it elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

from textual.screen import Screen

from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.keys.actions import Refused, is_shown, offers


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
    still: Callable[[], bool] = lambda: True,
) -> None:
    """Ask for one of the actions on `screen`, and run it.

    `refused` includes those that can't run now. The cursor begins at the first one that writes
    nothing, or that asks more before it writes. No action runs if `still` is false by then, because
    it is about another row.
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
        offer = offered.get(action_id or "")
        # A key pressed in the meantime may have opened something else.
        if offer is None or not is_shown(offer.host):
            return
        if still():
            await screen.app.run_action(offer.action.command, offer.host)
        else:
            offer.host.post_message(Refused("The cursor left this row. Nothing was changed."))

    cancel = "" if first else "change nothing"
    screen.app.push_screen(Choose(title, choices, current=first, cancel=cancel), on_submit)
