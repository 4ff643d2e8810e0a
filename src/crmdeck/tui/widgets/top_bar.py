"""The header line: the product, the panes with their keys, and what is special here."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from crmdeck.tui.panes.registry import PaneSpec

PANE = "pane"


class TopBar(Widget):
    """`crmdeck  1 Health  2 Schema ...`, and at the right `read-only` where it is.

    One widget draws the line, since it is the first thing that a start paints. A click on a
    pane goes there.
    """

    current: reactive[str] = reactive("")
    hovered: reactive[str] = reactive("")

    class Picked(Message):
        """The user clicked on a pane."""

        def __init__(self, pane_id: str) -> None:
            super().__init__()
            self.pane_id = pane_id

    def __init__(self, specs: Sequence[PaneSpec], note: str = "") -> None:
        super().__init__()
        self._specs = specs
        self._note = Content.styled(note, "$warn")

    def render(self) -> RenderResult:
        """Return the line."""
        tabs = Content("").join(self._tab(spec) for spec in self._specs)
        line = Content.assemble(("crmdeck  ", "bold $primary"), tabs)
        room = self.size.width - line.cell_length - self._note.cell_length
        return Content.assemble(line, " " * max(1, room), self._note)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show what a click would do."""
        self.hovered = event.style.meta.get(PANE, "")

    def on_leave(self) -> None:
        """Show nothing of the kind any more."""
        self.hovered = ""

    def on_click(self, event: events.Click) -> None:
        """Go to the pane."""
        if pane_id := event.style.meta.get(PANE):
            event.stop()
            self.post_message(self.Picked(pane_id))

    def _tab(self, spec: PaneSpec) -> Content:
        label = Content.assemble((f"{spec.key} ", "$muted"), (spec.title, self._colour(spec)))
        if spec.id == self.current:
            label = label.stylize("bold underline")
        tab = Content.assemble(" ", label, " ").stylize(Style.from_meta({PANE: spec.id}))
        return tab.stylize("on $boost") if spec.id == self.hovered else tab

    def _colour(self, spec: PaneSpec) -> str:
        return "$foreground" if spec.id in (self.current, self.hovered) else "$muted"
