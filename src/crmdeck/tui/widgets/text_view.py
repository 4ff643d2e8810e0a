"""Text to scroll through."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from crmdeck.tui.actions import EVERYWHERE, Action, ActionHost, Actions

Draw = Callable[[int], Content]
"""Gives the text for lines of so many cells."""


class TextView(ActionHost, VerticalScroll, inherit_bindings=False):
    """Text that scrolls by the same keys as a list."""

    SCOPE = "text"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)
    ACTIONS: ClassVar[Actions] = tuple(
        Action(f"text.{name}", title, keys, run, palette=False)
        for name, title, keys, run in (
            ("scroll_down", "scroll down", ("j", "down"), VerticalScroll.action_scroll_down),
            ("scroll_up", "scroll up", ("k", "up"), VerticalScroll.action_scroll_up),
            ("page_down", "next page", ("pagedown", "ctrl+f"), VerticalScroll.action_page_down),
            ("page_up", "previous page", ("pageup", "ctrl+b"), VerticalScroll.action_page_up),
            ("scroll_home", "to the top", ("g", "home"), VerticalScroll.action_scroll_home),
            ("scroll_end", "to the end", ("G", "end"), VerticalScroll.action_scroll_end),
        )
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._body = Static("", markup=False)
        self._draw: Draw = lambda _: Content("")

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield self._body

    def show(self, draw: Draw, *, anew: bool = False) -> None:
        """Show what `draw` gives, now and whenever the width is another; `anew` from its top."""
        self._draw = draw
        self._update()
        if anew:
            self.scroll_home(animate=False)

    def on_resize(self, _event: events.Resize) -> None:
        """Lay the lines out anew."""
        self._update()

    def _update(self) -> None:
        # The sheet keeps the scrollbar's place free.
        width = self.size.width - self.styles.scrollbar_size_vertical
        self._body.update(self._draw(max(20, width)))
