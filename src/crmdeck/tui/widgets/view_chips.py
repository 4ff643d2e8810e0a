"""The views of a pane as chips: one is chosen, a click or a key shows another."""

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
"""Cells of the window from which on the keys stand beside the views."""


class ViewChips(Widget):
    """`unseen  mine  breaking  all   . ,`, in fewer words where there is less room.

    `names` are the views, `chosen` the place of the one that shows, or -1. `compact` leaves only
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
        """Show the views; nothing where there are none."""
        self.names, self.chosen = tuple(names), chosen
        self.display = bool(names)

    def get_content_width(self, container: object, viewport: object) -> int:
        """Return the cells of the line."""
        return self.cells(compact=self.compact)

    def cells(self, *, compact: bool) -> int:
        """Return the cells of the line, whole or `compact`."""
        return self._line(compact).cell_length

    def render(self) -> RenderResult:
        """Return the line."""
        return self._line(self.compact)

    def on_click(self, event: events.Click) -> None:
        """Ask for the view."""
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
        # Reversed, since color alone would not tell it in the terminal's own colors.
        look = "bold reverse" if position == self.chosen else "$muted"
        chip = Content.styled(f" {self.names[position]} ", look)
        return chip.stylize(Style.from_meta({VIEW: position}))
