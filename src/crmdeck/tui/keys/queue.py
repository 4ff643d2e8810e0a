"""A queue of keys: each is handled after the one before has had its effect.

Textual sends a key to the widget that has the focus when it arrives, and the key's effect comes
later. In a burst (a slow connection, a macro, a fast typist) letters meant for a list that is
about to open would act on the pane below it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

PATIENCE = 2.0
"""Seconds after which the next key is sent, even if the last one had no effect yet."""

TRY_AGAIN = 0.05
"""Seconds until a rejected key is tried again."""

Typed = events.Key | events.Paste


class KeyQueue:
    """Keys and pastes typed into `app` and not handled yet; `send` gives one to Textual.

    The queue keeps keys while `can_send` rejects the first one. `is_busy` is true while anything
    typed has no effect yet. Use it on the event loop only.
    """

    def __init__(
        self,
        app: App[None],
        send: Callable[[Typed], Awaitable[None]],
        can_send: Callable[[Typed], bool],
    ) -> None:
        self._app = app
        self._send = send
        self._can_send = can_send
        self._waiting: deque[Typed] = deque()
        self._count = 0
        self.is_busy = False

    async def put(self, event: Typed) -> None:
        """Send `event` when its turn comes."""
        self._waiting.append(event)
        if not self.is_busy:
            await self._send_next()
        elif len(self._waiting) == 1:
            self._watch()

    async def _send_next(self) -> None:
        self._count += 1
        if not self._app.screen_stack:
            self._waiting.clear()
        self.is_busy = bool(self._waiting)
        if not self._waiting:
            return
        if not self._can_send(self._waiting[0]):
            self._app.set_timer(TRY_AGAIN, self._next_after(self._count))
            return
        screen = self._app.screen
        way: list[MessagePump] = []
        # A screen that isn't mounted yet has no widget for a key.
        if screen.is_mounted:
            way = list((self._app.focused or screen).ancestors_with_self)
            await self._send(self._waiting.popleft())
        self._follow(iter(way), self._count)
        if self._waiting:
            self._watch()

    def _follow(self, way: Iterator[MessagePump], number: int) -> None:
        """Follow the path of a key, from the focused widget up to the application.

        When its turn comes, each has handled the key. After that, the current screen has
        done what the key started, and has set its focus.
        """
        if not any(pump.call_later(self._follow, way, number) for pump in way):
            send_next = self._next_after(number)
            if not self._app.screen.call_later(self._app.call_later, send_next):
                self._app.call_later(send_next)

    def _watch(self) -> None:
        self._app.set_timer(PATIENCE, self._next_after(self._count))

    def _next_after(self, number: int) -> Callable[[], Awaitable[None]]:
        async def send_next() -> None:
            if number == self._count:
                await self._send_next()

        return send_next
