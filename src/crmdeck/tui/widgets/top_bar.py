"""The header line: the product, the panes with their keys, and what is special here."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from crmdeck.tui.panes.registry import PaneSpec


class PaneTab(Static):
    """One pane in the header; a click goes there."""

    class Picked(Message):
        """The user clicked on a pane."""

        def __init__(self, pane_id: str) -> None:
            super().__init__()
            self.pane_id = pane_id

    def __init__(self, spec: PaneSpec) -> None:
        label = Content.assemble((f"{spec.key} ", "$muted"), spec.title)
        super().__init__(label, markup=False)
        self.spec = spec

    def on_click(self, event: events.Click) -> None:
        """Go to the pane."""
        event.stop()
        self.post_message(self.Picked(self.spec.id))


class TopBar(Widget):
    """`crmdeck  1 Health  2 Schema ...`, and at the right `read-only` where it is."""

    def __init__(self, specs: Sequence[PaneSpec], note: str = "") -> None:
        super().__init__()
        self._specs = specs
        self._note = note

    def compose(self) -> ComposeResult:
        """Lay the line out."""
        yield Static("crmdeck", classes="brand", markup=False)
        for spec in self._specs:
            yield PaneTab(spec)
        yield Static(self._note, classes="note", markup=False)

    def show_pane(self, pane_id: str) -> None:
        """Mark the pane that shows."""
        for tab in self.query(PaneTab):
            tab.set_class(tab.spec.id == pane_id, "-current")
