"""The views of a pane as chips; a click or a key shows another view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

VIEW = "view"

KEYS = ". Views"
BETWEEN = Content.styled("│", "$muted")


class ViewChips(Widget):
    """`[Open 7] │ Breaks a mapping 3 │ Unseen            . Views`.

    `names` are the views, `chosen` is the position of the current one, or -1. Only that one shows
    if there is no room for all.
    """

    names: reactive[tuple[str, ...]] = reactive(())
    chosen: reactive[int] = reactive(-1)

    @dataclass
    class Picked(Message):
        """The user clicked on a view."""

        position: int

    def show(self, names: Sequence[str], chosen: int) -> None:
        """Show the views; without any the line is hidden."""
        self.names, self.chosen = tuple(names), chosen
        self.display = bool(names)

    def render(self) -> RenderResult:
        width = self.content_size.width
        line = BETWEEN.join(map(self._chip, range(len(self.names))))
        if line.cell_length > width and self.chosen >= 0:
            line = self._chip(self.chosen)
        gap = width - line.cell_length - len(KEYS)
        return Content.assemble(line, " " * gap, (KEYS, "$muted")) if gap > 0 else line

    def on_click(self, event: events.Click) -> None:
        position = event.style.meta.get(VIEW)
        if position is not None:
            event.stop()
            self.post_message(self.Picked(position))

    def _chip(self, position: int) -> Content:
        # Reversed, because a color alone may be invisible in the terminal's own colors.
        look = "bold reverse" if position == self.chosen else "$muted"
        chip = Content.styled(f" {self.names[position]} ", look)
        return chip.stylize(Style.from_meta({VIEW: position}))
