"""A view of text that scrolls."""

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

from crmdeck.tui.keys.actions import ACTION, EVERYWHERE, Action, ActionHost, Actions, RunAction

Draw = Callable[[int], Content]
"""Returns the text for lines of so many cells."""

Step = Callable[[int], bool]
"""Moves a mark in the text forward (1) or back (-1). True if it could move."""

MARK = "▌"
"""Start of each marked line."""


class TextView(ActionHost, VerticalScroll, inherit_bindings=False):
    """Text that scrolls by the keys of a table.

    With the class `detail` it shows the details of a row, and Esc goes back to the table.
    """

    SCOPE = "text"
    WITHIN: ClassVar[tuple[str, ...]] = (EVERYWHERE,)

    class Left(Message):
        """The user leaves the details of a row."""

    ACTIONS: ClassVar[Actions] = (
        Action(
            "text.leave",
            "Back",
            ("escape",),
            lambda view: view.post_message(TextView.Left()),
            help="Go back from the details to the table.",
            hint=95,
            applies=lambda view: view.has_class("detail"),
            palette=False,
        ),
        *(
            Action(f"text.{name}", title, keys, run, palette=False)
            for name, title, keys, run in (
                ("scroll_down", "Scroll down", ("j", "down"), lambda view: view.go(1)),
                ("scroll_up", "Scroll up", ("k", "up"), lambda view: view.go(-1)),
                ("page_down", "Next page", ("pagedown",), VerticalScroll.action_page_down),
                ("page_up", "Previous page", ("pageup",), VerticalScroll.action_page_up),
                ("scroll_home", "Go to top", ("g", "home"), VerticalScroll.action_scroll_home),
                ("scroll_end", "Go to end", ("G", "end"), VerticalScroll.action_scroll_end),
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
        yield self._body

    def show(self, draw: Draw, *, from_top: bool = False) -> None:
        """Show the text of `draw`, now and at every other width; `from_top` scrolls back."""
        self._draw = draw
        self._update()
        if from_top:
            self.scroll_home(animate=False)

    def on_click(self, event: events.Click) -> None:
        if wanted := event.style.meta.get(ACTION):
            event.stop()
            self.post_message(RunAction(wanted))

    def go(self, direction: int) -> None:
        """Move the mark; scroll by a line if it can't move."""
        if self.step(direction):
            self.show_mark()
        else:
            self.scroll_relative(y=direction, animate=False)

    def show_mark(self) -> None:
        """Scroll just far enough to show the marked lines."""
        # The height of a new text is known once it is laid out.
        self.call_after_refresh(self._scroll_to_mark)

    def _scroll_to_mark(self) -> None:
        lines = self._text.plain.split("\n")
        marked = [number for number, line in enumerate(lines) if line.startswith(MARK)]
        if marked:
            region = Region(0, marked[0], self.size.width, len(marked))
            self.scroll_to_region(region, animate=False, force=True)

    def on_resize(self, _event: events.Resize) -> None:
        self._update()

    def _update(self) -> None:
        # Before its first layout the width is zero.
        self._text = self._draw(max(20, self.size.width))
        self._body.update(self._text)
