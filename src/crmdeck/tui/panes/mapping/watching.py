"""What others do to the object pair that shows: another console, the command line, a refresh."""

from __future__ import annotations

from functools import partial

from crmdeck.errors import CrmdeckError
from crmdeck.tui.host import PaneHost
from crmdeck.tui.panes.mapping.asking import AskingPane
from crmdeck.tui.requests import Job
from crmdeck.tui.text import count
from crmdeck.workspace import MappingSession, Review

WATCH_EVERY = 2.0
"""Seconds between two looks at whether anybody wrote to the cache."""


class WatchingPane(AskingPane):
    """Reads the object pair again once the cache has changed, behind what shows."""

    def __init__(self, host: PaneHost, *, id: str | None = None) -> None:
        super().__init__(host, id=id)
        self._touched = 0

    def on_mount(self) -> None:
        """Begin to look."""
        self.set_interval(WATCH_EVERY, self._watch)

    def _rank(self, *, quiet: bool) -> None:
        raise NotImplementedError

    def _not_read(self, ref: str, pair: str | None, error: CrmdeckError) -> None:
        raise NotImplementedError

    def _watch(self) -> None:
        if self.sitting is None or not self.display or self.is_loading or self.sitting.unsaved:
            return
        self.load(
            "watch",
            lambda _: self.workspace.head(),
            self._watched,
            failed=lambda _: None,
            quiet=True,
        )

    def _watched(self, touched: int) -> None:
        if touched != self._touched:
            self._read_again()

    def _read_again(self) -> None:
        """Read the object pair and have it ranked; what shows stays meanwhile."""
        sitting = self.sitting
        if sitting is None:
            return
        writes = sitting.writes

        def work(_: Job) -> Review:
            self._touched = self.workspace.head()
            return self.workspace.mappings.review(sitting.ref, sitting.pair)

        def took(review: Review) -> None:
            if sitting is self.sitting:
                self._take_review(sitting, review, writes)
                self.lines.update_rows(sitting.rows)
                self._paint()
                self._rank(quiet=True)

        self.load(
            "again",
            work,
            took,
            failed=partial(self._not_read, sitting.ref, sitting.pair),
            quiet=True,
        )

    def _take_review(self, sitting: MappingSession, review: Review, writes: int) -> None:
        """Show what was read when `writes` decisions had been made here; say what others did."""
        if sitting.unsaved or sitting.writes != writes:
            # Decisions made here meanwhile would pass for those of somebody else.
            self._touched = 0
            return
        news = sitting.take_review(review)
        if news:
            fields = {decision.partner_field for decision in news}
            who = " and ".join(sorted({decision.decided_by for decision in news}))
            self.say(f"{who} decided on {count(len(fields), 'line')} meanwhile.", True)
