"""What the drift pane reads, and lays out as folds and filter say; both behind what shows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Protocol

from crmdeck.tui.filters import Filter, compile_filter
from crmdeck.tui.host import PaneHost
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.panes.drift.arrangement import Arrangement, Folds, arrange
from crmdeck.tui.panes.drift.columns import filter_keys, searched
from crmdeck.workspace import Entry, Timeline

Arranged = tuple[Arrangement, Filter[Entry]]


class TimelineView(Protocol):
    """What shows the timeline; all on the event loop."""

    filter_text: str

    @property
    def is_zoomed(self) -> bool:
        """Whether the details have the most of the room."""

    def show_lines(self, found: Filter[Entry], cursor: str | None) -> None:
        """Show the arrangement; `found` is the filter that it passed."""

    def replace_filter(self, text: str) -> None:
        """Filter by `text` from here on."""

    def zoom(self, zoomed: bool) -> None:
        """Give the details more room, or less again."""

    def show_done(self, text: str) -> None:
        """Say what was done, if there is a word for it, and show what has become of it."""


class TimelineLoader:
    """Holds the drift read last, and how it is laid out.

    `everywhere`: of all connections. `is_flat`: without titles, for a table that is sorted.
    `cursor` is the line to go to once all is laid out. `just_seen` are the events that were noted
    as seen since the pane came up: they are still shown as new.
    """

    def __init__(self, host: PaneHost, requests: Loader, view: TimelineView) -> None:
        self.timeline: Timeline | None = None
        self.arrangement: Arrangement | None = None
        self.ref: str | None = None
        self.everywhere = False
        self.is_flat = False
        self.folds = Folds()
        self.cursor: str | None = None
        self.just_seen: set[str] = set()
        self._looked_at: set[str] = set()
        self._remembered: set[str] = set()
        self._kept: Kept[Timeline] = Kept()
        self._host = host
        self._requests = requests
        self._view = view

    def read(self, ref: str | None) -> None:
        """Read the drift of a connection, or of all."""
        self.just_seen = set()
        self._read(ref, anew=ref == self.ref)

    def read_again(self) -> None:
        """Read what shows again; what was new when it came up stays so while it shows."""
        self._read(self.ref, anew=True)

    def _read(self, ref: str | None, *, anew: bool) -> None:
        self.ref = ref
        if ref is None and not self.everywhere:
            return
        workspace, of = self._host.workspace, None if self.everywhere else ref
        new = frozenset(self.just_seen)

        def work(_: Job) -> Timeline:
            found = self._kept.read(workspace, of, lambda: workspace.drift.timeline(of), anew=anew)
            return found.with_unseen(new) if new else found

        self._requests.load(
            "timeline",
            work,
            self._took,
            label="reading drift",
        )

    def arrange(self) -> None:
        """Lay out what passes the filter."""
        timeline = self.timeline
        if timeline is None:
            return
        self._requests.load(
            "lines",
            partial(_arranged, timeline, self._view.filter_text, self.folds, self.is_flat),
            self._show,
            label="arranging",
        )

    def look(self, entries: Iterable[Entry]) -> None:
        """Note that the operator has these on screen; `remember` writes it down."""
        fresh = {one.event.id for one in entries if not one.seen}
        self._looked_at |= fresh - self._remembered

    def remember(self) -> None:
        """Write down what the operator has had on screen since the last time."""
        ids, self._looked_at = list(self._looked_at), set()
        if not ids:
            return
        self._remembered.update(ids)
        self.just_seen.update(ids)
        workspace = self._host.workspace
        self._requests.load(
            "seen",
            lambda _: workspace.drift.see(ids),
            lambda _: None,
            failed=lambda _: self._remembered.difference_update(ids),
            quiet=True,
            cancellable=False,
        )

    def fold(self, key: str) -> None:
        """Turn a story over, with the cursor on it."""
        self.folds, self.cursor = self.folds.toggled(key), key
        self.arrange()

    def _took(self, timeline: Timeline) -> None:
        self.timeline = timeline
        wanted = timeline.by_id.get(self.cursor or "")
        if wanted is not None:
            self.folds = self.folds.showing(wanted)
        self.arrange()

    def _show(self, arranged: Arranged) -> None:
        self.arrangement, found = arranged
        cursor = self.cursor
        # What is wanted may be among what is still being read.
        if not self._requests.is_loading:
            self.cursor = None
        self._view.show_lines(found, cursor)


def _arranged(timeline: Timeline, text: str, folds: Folds, flat: bool, _job: Job) -> Arranged:
    found = compile_filter(text, searched=searched, keys=filter_keys(timeline.now, timeline.names))
    return arrange(timeline, found.predicate, folds, flat=flat), found
