"""The header: the panes with their keys and counts, and the connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from crmdeck.tui.widgets.tab_counts import TabCount

PANE = "pane"
CONNECTION = "connection"
"""Keys in the meta of a cell for the pane or the connection that it is about."""


class Tab(NamedTuple):
    """The tab of a pane; `key` shows the pane."""

    id: str
    title: str
    key: str


class TopBar(Widget):
    """`crmdeck  1 Health ✕1  2 Schema  3 Drift 29 ✕6 ...`, and at the right `read-only`.

    `counts` are the open items of a pane, by its id. `strips` show the connections, the longest
    first; the first one that fits is drawn. `away` is shown instead of `note` while the workspace
    is unavailable. `connections` are the tooltips of connections, by id.

    One widget draws the line, because it is the first thing that a start paints.
    """

    current: reactive[str] = reactive("")
    hovered: reactive[str] = reactive("")
    strips: reactive[tuple[Content, ...]] = reactive(())
    counts: reactive[Mapping[str, TabCount]] = reactive({})
    away: reactive[str] = reactive("")
    connections: reactive[Mapping[str, Content]] = reactive({})
    note: reactive[str] = reactive("")

    @dataclass
    class Picked(Message):
        """The user clicked on a tab."""

        pane_id: str

    @dataclass
    class PickedConnection(Message):
        """The user clicked on a connection."""

        connection_id: str

    def __init__(self, tabs: Sequence[Tab], note: str = "") -> None:
        super().__init__()
        self._tabs = tabs
        # Before it is mounted, a widget can't react to a value.
        self.set_reactive(TopBar.note, note)

    def render(self) -> RenderResult:
        shown = Content("").join(self._shown(tab) for tab in self._tabs)
        line = Content.assemble(("crmdeck  ", "bold $info"), shown)
        away = Content.styled(f"✕ {self.away}", "bold $bad")
        note = away if self.away else Content.styled(self.note, "$warn")
        least = self.strips[-1].cell_length if self.strips else 0
        if self.size.width - line.cell_length - note.cell_length < least + 2:
            # The product name is the least useful part of the line.
            line = shown
        room = self.size.width - line.cell_length - note.cell_length
        strip = next((one for one in self.strips if one.cell_length < room - 1), Content(""))
        gap = room - strip.cell_length - (1 if strip and note else 0)
        return Content.assemble(line, " " * max(1, gap), strip, " " if strip and note else "", note)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = event.style.meta.get(PANE, "")
        waits = self.counts.get(self.hovered)
        connection_id = event.style.meta.get(CONNECTION, "")
        self.tooltip = Content(waits.tooltip) if waits else self.connections.get(connection_id)

    def on_leave(self) -> None:
        self.hovered = ""

    def on_click(self, event: events.Click) -> None:
        if pane_id := event.style.meta.get(PANE):
            event.stop()
            self.post_message(self.Picked(pane_id))
        elif connection_id := event.style.meta.get(CONNECTION):
            event.stop()
            self.post_message(self.PickedConnection(connection_id))

    def _shown(self, tab: Tab) -> Content:
        look = "$foreground" if tab.id in (self.current, self.hovered) else "$muted"
        label = Content.assemble((f"{tab.key} ", "$muted"), (tab.title, look))
        if tab.id == self.current:
            label = label.stylize("bold underline")
        counted = self.counts.get(tab.id)
        waits = counted.shown if counted is not None else Content("")
        shown = Content.assemble(" ", label, " " if waits else "", waits, " ").stylize(
            Style.from_meta({PANE: tab.id})
        )
        return shown.stylize("on $boost") if tab.id == self.hovered else shown
