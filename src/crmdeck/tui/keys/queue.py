"""Keys, one after the other: each is handed on once the one before has had its effect.

Textual hands a key to whatever has the focus as it arrives, and what the key does comes later.
In a burst (a slow line, a macro, a fast hand) the letters typed into a list that is about to open
would so act on the pane below it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

PATIENCE = 2.0
"""Seconds after which the next key is handed on, whatever became of the last."""

Typed = events.Key | events.Paste


class KeyQueue:
    """What was typed into `app` and not handed on yet; `hand_on` gives a key to the toolkit.

    To be called in the application's own turn only.
    """

    def __init__(self, app: App[Any], hand_on: Callable[[Typed], Awaitable[None]]) -> None:
        self._app = app
        self._hand_on = hand_on
        self._waiting: deque[Typed] = deque()
        self._count = 0
        self._is_busy = False

    @property
    def is_busy(self) -> bool:
        """Whether anything typed has yet to have its effect."""
        return self._is_busy

    async def put(self, event: Typed) -> None:
        """Hand `event` on as soon as its turn comes."""
        self._waiting.append(event)
        if not self._is_busy:
            await self._go_on()
        elif len(self._waiting) == 1:
            self._watch()

    async def _go_on(self) -> None:
        self._count += 1
        self._is_busy = bool(self._waiting)
        if not self._waiting:
            return
        screen = self._app.screen
        way: list[MessagePump] = []
        # A screen that is not made yet has nothing that could take a key.
        if screen.is_mounted:
            way = list((self._app.focused or screen).ancestors_with_self)
            await self._hand_on(self._waiting.popleft())
        self._follow(iter(way), self._count)
        if self._waiting:
            self._watch()

    def _follow(self, way: Iterator[MessagePump], number: int) -> None:
        """Take the way of a key, from what had the focus up to the application.

        Each has dealt with the key once its turn comes. What the key set off comes next: the
        screen that shows now stands and has done its work, and the focus is where it wants it.
        """
        if not any(pump.call_later(self._follow, way, number) for pump in way):
            go_on = self._go_on_after(number)
            if not self._app.screen.call_later(self._app.call_later, go_on):
                self._app.call_later(go_on)

    def _watch(self) -> None:
        """Go on in any case after a while."""
        self._app.set_timer(PATIENCE, self._go_on_after(self._count))

    def _go_on_after(self, number: int) -> Callable[[], Awaitable[None]]:
        async def go_on() -> None:
            if number == self._count:
                await self._go_on()

        return go_on
