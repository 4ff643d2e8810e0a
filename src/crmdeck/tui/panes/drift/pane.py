"""The drift pane: what changed, day by day, and what can be done about it."""

from __future__ import annotations

from typing import ClassVar

from textual import on

from crmdeck.tui.actions import Actions
from crmdeck.tui.panes.drift.acknowledging import ask_and_acknowledge, ask_for_all
from crmdeck.tui.panes.drift.board import Board
from crmdeck.tui.panes.drift.density import Density
from crmdeck.tui.panes.drift.detail_view import DetailView
from crmdeck.tui.panes.drift.keys import DRIFT_ACTIONS
from crmdeck.tui.panes.drift.leaving import ask_and_repair, go_to_schema, show_values
from crmdeck.tui.panes.drift.lines import Line
from crmdeck.tui.panes.drift.quick import toggled
from crmdeck.tui.panes.drift.renaming import ask_and_take_rename
from crmdeck.tui.panes.drift.telling import item_json
from crmdeck.tui.panes.drift.timeline import TimelineTable
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import once


class DriftPane(Board):
    """The keys of the pane, over what its board shows."""

    SCOPE = "drift"
    ACTIONS: ClassVar[Actions] = DRIFT_ACTIONS

    # Actions: folds, days, filters

    @on(TimelineTable.Folded)
    def _folded(self, message: TimelineTable.Folded) -> None:
        self._fold(message.key)

    @on(Table.Selected)
    def _selected(self, message: Table.Selected) -> None:
        line: Line = message.row
        if line.open is not None:
            self._fold(line.key)
        else:
            self._zoom(not self.is_zoomed)

    def _fold(self, key: str) -> None:
        self.folds = self.folds.toggled(key)
        self._wanted = key
        self._arrange()

    def _zoom(self, zoomed: bool) -> None:
        self.is_zoomed = zoomed
        self.set_class(zoomed, "-zoomed")
        self.refresh_bindings()

    def action_fold(self) -> None:
        """Fold or unfold the line, or what it is in."""
        line = self.line
        key = None if line is None else line.key if line.open is not None else line.parent
        if key is not None:
            self._fold(key)

    def action_fold_all(self) -> None:
        """Unfold all stories, or fold them again."""
        self.folds = self.folds.all_turned(self.arrangement.foldable if self.arrangement else ())
        self._arrange()

    def action_older(self) -> None:
        """Go to the day before that of the cursor."""
        self._go_to_day(1)

    def action_newer(self) -> None:
        """Go to the day after that of the cursor."""
        self._go_to_day(-1)

    def _go_to_day(self, step: int) -> None:
        lines = self.timeline.shown()
        position = self.timeline.cursor + step
        while 0 <= position < len(lines):
            if lines[position].day is not None:
                self.timeline.move_to(position)
                return
            position += step

    @on(Density.Picked)
    def _picked(self, message: Density.Picked) -> None:
        lines = self.timeline.shown()
        for position, line in enumerate(lines):
            if message.first <= line.at.date() <= message.last:
                self.timeline.move_to(position)
                return

    def action_unacknowledged(self) -> None:
        """Show only what is not acknowledged."""
        self.replace_filter(toggled(self.filter_text, "ack:no"))

    def action_breaking(self) -> None:
        """Show only what is breaking."""
        self.replace_filter(toggled(self.filter_text, "severity:breaking"))

    def action_mapped(self) -> None:
        """Show only what touches a mapping."""
        self.replace_filter(toggled(self.filter_text, "mapped:yes"))

    def action_everywhere(self) -> None:
        """Show all connections, or this one only."""
        self.everywhere = not self.everywhere
        self.reload()

    def action_scroll_down(self) -> None:
        """Scroll the details on."""
        self.query_one(DetailView).step(1)

    def action_scroll_up(self) -> None:
        """Scroll the details back."""
        self.query_one(DetailView).step(-1)

    def action_smaller(self) -> None:
        """Give the timeline its room back."""
        self._zoom(False)

    # Actions: deciding and leaving

    def action_acknowledge(self) -> None:
        """Acknowledge what is chosen."""
        ask_and_acknowledge(self, once(self.open_items()))

    def action_acknowledge_all(self) -> None:
        """Acknowledge all that pass the filter."""
        ask_for_all(self, once(self.open_items(everything=True)))

    def action_rename(self) -> None:
        """Take two changes as one rename."""
        halves = self.rename()
        if halves is not None and self.book is not None:
            ask_and_take_rename(self, *halves, self.book.mapped_to(halves[0].event))

    def action_repair(self) -> None:
        """Open the mapping that the change touches, with the ranker's replacement."""
        ask_and_repair(self, self.broken())

    def action_values(self) -> None:
        """List all picklist values that changed."""
        if self.item is not None:
            show_values(self, self.item)

    def action_schema(self) -> None:
        """Open the field in the Schema pane."""
        if self.item is not None:
            go_to_schema(self, self.item)

    def action_copy_json(self) -> None:
        """Copy the change as JSON."""
        if self.item is not None:
            self.deck.copy(item_json(self.item))
