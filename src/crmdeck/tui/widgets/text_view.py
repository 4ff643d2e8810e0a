"""Text to scroll through."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Static

from crmdeck.tui.keys.actions import EVERYWHERE, Action, ActionHost, Actions

Draw = Callable[[int], Content]
"""Gives the text for lines of so many cells."""

Step = Callable[[int], bool]
"""Moves a mark in the text on (1) or back (-1), and tells whether there was where to."""

MARK = "▌"
"""Stands before each marked line."""


class TextView(ActionHost, VerticalScroll, inherit_bindings=False):
    """Text that scrolls by the same keys as a list.

    Where it has the class `detail` it tells of a row of a table, and Esc goes back there.
    """

    SCOPE = "text"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)

    class Left(Message):
        """The user is done with the details of a row."""

    ACTIONS: ClassVar[Actions] = (
        Action(
            "text.leave",
            "back",
            ("escape",),
            lambda view: view.post_message(TextView.Left()),
            help="from the details back to the table",
            hint=95,
            applies=lambda view: view.has_class("detail"),
            palette=False,
        ),
        *(
            Action(f"text.{name}", title, keys, run, palette=False)
            for name, title, keys, run in (
                ("scroll_down", "scroll down", ("j", "down"), lambda view: view.go(1)),
                ("scroll_up", "scroll up", ("k", "up"), lambda view: view.go(-1)),
                ("page_down", "next page", ("pagedown", "ctrl+f"), VerticalScroll.action_page_down),
                ("page_up", "previous page", ("pageup", "ctrl+b"), VerticalScroll.action_page_up),
                ("scroll_home", "to the top", ("g", "home"), VerticalScroll.action_scroll_home),
                ("scroll_end", "to the end", ("G", "end"), VerticalScroll.action_scroll_end),
            )
        ),
    )

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._body = Static("", markup=False)
        self._text = Content("")
        self._draw: Draw = lambda _: Content("")
        self.step: Step = lambda _: False

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield self._body

    def show(self, draw: Draw, *, anew: bool = False) -> None:
        """Show what `draw` gives, now and whenever the width is another; `anew` from its top."""
        self._draw = draw
        self._update()
        if anew:
            self.scroll_home(animate=False)

    def go(self, direction: int) -> None:
        """Move the mark, or where it is at its end, or there is none, the text by a line."""
        if self.step(direction):
            self.show_mark()
        else:
            self.scroll_relative(y=direction, animate=False)

    def show_mark(self) -> None:
        """Scroll to what is marked, as little as that takes."""
        self.call_after_refresh(self._scroll_to_mark)

    def _scroll_to_mark(self) -> None:
        lines = self._text.plain.split("\n")
        marked = [number for number, line in enumerate(lines) if line.startswith(MARK)]
        if marked:
            region = Region(0, marked[0], self.size.width, len(marked))
            self.scroll_to_region(region, animate=False, force=True)

    def on_resize(self, _event: events.Resize) -> None:
        """Lay the lines out anew."""
        self._update()

    def _update(self) -> None:
        # The sheet keeps the scrollbar's place free.
        width = self.size.width - self.styles.scrollbar_size_vertical
        self._text = self._draw(max(20, width))
        self._body.update(self._text)
