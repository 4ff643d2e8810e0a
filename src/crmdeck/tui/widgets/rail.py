"""The rail: every connection with its health, two lines each; folded, it is a strip of one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from crmdeck.tui.actions import EVERYWHERE, Action, ActionHost, Actions
from crmdeck.tui.health import PLATFORM_NAMES, Health, health_of
from crmdeck.tui.text import display_text

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus


MOST_NAMED = 6
"""Connections that a strip names one by one; more are counted by their state."""

LONGEST_NAME = 20

_COLOURS = {"ok": "$good", "warn": "$warn", "error": "$bad"}


class Rail(ActionHost, OptionList, inherit_bindings=False):
    """Moving through the rail shows the connection under the cursor at once."""

    SCOPE = "rail"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[Actions] = (
        *(
            Action(f"rail.{name}", title, keys, run, palette=False)
            for name, title, keys, run in (
                ("cursor_down", "next connection", ("j", "down"), OptionList.action_cursor_down),
                ("cursor_up", "previous connection", ("k", "up"), OptionList.action_cursor_up),
                ("first", "first connection", ("g", "home"), OptionList.action_first),
                ("last", "last connection", ("G", "end"), OptionList.action_last),
            )
        ),
        Action(
            "rail.select",
            "go to its pane",
            ("enter",),
            OptionList.action_select,
            hint=40,
            palette=False,
        ),
    )

    class Chosen(Message):
        """Another connection is chosen; `enter` tells whether to go on to its pane."""

        def __init__(self, connection_id: str, enter: bool) -> None:
            super().__init__()
            self.connection_id = connection_id
            self.enter = enter

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._statuses: tuple[ConnectionStatus, ...] = ()
        self._width = 0

    @property
    def statuses(self) -> tuple[ConnectionStatus, ...]:
        """What the rail shows."""
        return self._statuses

    def set_statuses(self, statuses: Sequence[ConnectionStatus], chosen: str | None) -> None:
        """Show `statuses`, the cursor on the connection `chosen`."""
        self._statuses = tuple(statuses)
        self._fill(chosen)

    def choose(self, connection_id: str) -> None:
        """Put the cursor on a connection; tells nobody."""
        ids = [status.id for status in self._statuses]
        if connection_id in ids:
            with self.prevent(OptionList.OptionHighlighted):
                self.highlighted = ids.index(connection_id)

    def on_resize(self, _event: events.Resize) -> None:
        """Cut the names anew."""
        if self._width != self.content_size.width:
            self._width = self.content_size.width
            current = self.highlighted_option
            self._fill(current.id if current is not None else None)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Pass the choice on."""
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Chosen(event.option_id, enter=False))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Pass the choice on, to go there."""
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Chosen(event.option_id, enter=True))

    def _fill(self, chosen: str | None) -> None:
        width = max(8, self.content_size.width - 2)
        with self.prevent(OptionList.OptionHighlighted):
            self.set_options(
                Option(connection_lines(status, width), id=status.id) for status in self._statuses
            )
            if chosen is not None:
                self.choose(chosen)


def connection_lines(status: ConnectionStatus, width: int) -> Content:
    """Return the two lines of a connection: sign and name; word and platform."""
    health = health_of(status)
    platform = f" · {PLATFORM_NAMES[status.platform]}"
    below = health.word + (platform if len(health.word + platform) <= width - 2 else "")
    return Content.assemble(
        _sign(health),
        (display_text(status.name, width - 2), "bold"),
        "\n  ",
        (display_text(below, width - 2), "$muted"),
    )


def strips(statuses: Sequence[ConnectionStatus], chosen: str | None) -> tuple[Content, ...]:
    """Return the connections as one line, the fullest first and then what takes less room.

    All are named unless they are many; then they are counted by state, and only `chosen` is
    named; then only that.
    """
    counts = Counter(health_of(status)[::2] for status in statuses)
    states = [
        Content.assemble((f"{sign} ", _COLOURS.get(state, "$muted")), str(count))
        for (sign, state), count in counts.items()
    ]
    current = [_short(status, True) for status in statuses if status.id == chosen]
    named = [_short(status, status.id == chosen) for status in statuses]
    fullest = [named] if len(named) <= MOST_NAMED else []
    return tuple(map(Content("  ").join, [*fullest, [*states, *current], current]))


def _short(status: ConnectionStatus, chosen: bool) -> Content:
    name = display_text(status.name, LONGEST_NAME)
    # Underlined, since colour alone would not tell it in the terminal's own colours.
    return Content.assemble(_sign(health_of(status)), (name, "bold underline" if chosen else ""))


def _sign(health: Health) -> tuple[str, str]:
    return f"{health.sign} ", _COLOURS.get(health.state, "$muted")
