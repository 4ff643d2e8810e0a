"""The connection under the cursor in full, to scroll through."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from crmdeck.tui.actions import EVERYWHERE, Action, ActionHost, Actions
from crmdeck.tui.panes.health.board import Entry
from crmdeck.tui.panes.health.detail import Hint, detail


def _scroll(name: str, title: str, *keys: str) -> Action[Any]:
    return Action(f"record.{name}", title, keys, palette=False)


class DetailView(ActionHost, VerticalScroll, inherit_bindings=False):
    """Text that scrolls by the same keys as a list."""

    SCOPE = "record"
    WITHIN: ClassVar[tuple[str, ...]] = ("health", EVERYWHERE)
    ACTIONS: ClassVar[Actions] = (
        _scroll("scroll_down", "scroll down", "j", "down"),
        _scroll("scroll_up", "scroll up", "k", "up"),
        _scroll("page_down", "next page", "pagedown", "ctrl+f"),
        _scroll("page_up", "previous page", "pageup", "ctrl+b"),
        _scroll("scroll_home", "to the top", "g", "home"),
        _scroll("scroll_end", "to the end", "G", "end"),
    )

    def __init__(self, hint: Hint, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hint = hint
        self._shown: tuple[Entry, datetime] | None = None

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield Static("", markup=False)

    def show_entry(self, entry: Entry | None, now: datetime | None) -> None:
        """Show a connection, from its top where it is another."""
        if self._shown is not None and entry is self._shown[0]:
            return
        before = self._shown[0].id if self._shown else None
        self._shown = (entry, now) if entry is not None and now is not None else None
        self._draw()
        if self._shown is None or before != self._shown[0].id:
            self.scroll_home(animate=False)

    def on_resize(self, _event: events.Resize) -> None:
        """Cut the lines anew."""
        self._draw()

    def _draw(self) -> None:
        if self._shown is None:
            self.query_one(Static).update("")
            return
        # The sheet keeps the scrollbar's place free.
        width = max(20, self.size.width - self.styles.scrollbar_size_vertical)
        self.query_one(Static).update(detail(*self._shown, width, self._hint))
