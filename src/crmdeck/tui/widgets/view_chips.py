"""The views of a pane as chips; a click or a key shows another view."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

VIEW = "view"

KEYS = ". ,"
WIDE = 100
"""Minimum width of a window with the keys next to the views."""


class ViewChips(Widget):
    """`unseen  mine  breaking  all   . ,`.

    `names` are the views, `chosen` is the position of the current one, or -1. `compact` shows only
    that one.
    """

    names: reactive[tuple[str, ...]] = reactive((), layout=True)
    chosen: reactive[int] = reactive(-1)
    compact: reactive[bool] = reactive(False, layout=True)

    class Picked(Message):
        """The user clicked on a view."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def show(self, names: Sequence[str], chosen: int) -> None:
        """Show the views; without any the line is hidden."""
        self.names, self.chosen = tuple(names), chosen
        self.display = bool(names)

    def get_content_width(self, container: object, viewport: object) -> int:
        return self.cells(compact=self.compact)

    def cells(self, *, compact: bool) -> int:
        """Return the width of the line in cells."""
        return self._line(compact).cell_length

    def render(self) -> RenderResult:
        return self._line(self.compact)

    def on_click(self, event: events.Click) -> None:
        position = event.style.meta.get(VIEW)
        if position is not None:
            event.stop()
            self.post_message(self.Picked(position))

    def _line(self, compact: bool) -> Content:
        keys = Content.styled(f"  {KEYS}", "$muted")
        shown = [self.chosen] if compact and self.chosen >= 0 else range(len(self.names))
        return Content.assemble(*map(self._chip, shown), keys if self._wide or compact else "")

    @property
    def _wide(self) -> bool:
        return self.app.size.width >= WIDE

    def _chip(self, position: int) -> Content:
        # Reversed, because a color alone may be invisible in the terminal's own colors.
        look = "bold reverse" if position == self.chosen else "$muted"
        chip = Content.styled(f" {self.names[position]} ", look)
        return chip.stylize(Style.from_meta({VIEW: position}))
