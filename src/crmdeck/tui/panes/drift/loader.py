"""Read the changes of the drift pane, and arrange those that match the filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from crmdeck.tui.filters import Filter, FilterSource, compile_filter
from crmdeck.tui.loading.kept import Kept
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.drift.arrangement import STORY_PREFIX, Arrangement, arrange
from crmdeck.tui.panes.drift.columns import filter_keys, searched
from crmdeck.tui.panes.pane import Pane
from crmdeck.workspace import Entry, Timeline

Show = Callable[[Filter[Entry], str | None], None]
"""Shows the arrangement: gets the filter it matches, and the key of the row for the cursor."""


class TimelineLoader:
    """The changes read last, and their arrangement on screen.

    `expanded` are the keys of the expanded change groups.
    `everywhere` is True for all connections, `is_flat` for a sorted table without titles.
    `cursor` is the row to go to after the next arrangement. `just_seen` are the changes that
    became seen since the pane came up; they still show as unseen.
    """

    def __init__(self, pane: Pane, show: Show) -> None:
        self.arrangement: Arrangement | None = None
        self.ref: str | None = None
        self.everywhere = False
        self.is_flat = False
        self.expanded: frozenset[str] = frozenset()
        self.cursor: str | None = None
        self.just_seen: set[str] = set()
        self._timeline: Timeline | None = None
        self._on_screen: set[str] = set()
        self._remembered: set[str] = set()
        self._kept: Kept[Timeline] = Kept()
        self._pane = pane
        self._show = show

    def read(self, ref: str | None) -> None:
        """Read the changes of a connection, or of all."""
        self.just_seen = set()
        self._read(ref, fresh=ref == self.ref)

    def read_again(self) -> None:
        """Read the changes again; those that were unseen when the pane came up stay so."""
        self._read(self.ref, fresh=True)

    def _read(self, ref: str | None, *, fresh: bool) -> None:
        self.ref = ref
        if ref is None and not self.everywhere:
            return
        workspace, of = self._pane.host.workspace, None if self.everywhere else ref
        unseen = frozenset(self.just_seen)

        def work(_: Job) -> Timeline:
            found = self._kept.read(
                workspace, of, lambda: workspace.drift.timeline(of), fresh=fresh
            )
            return found.with_unseen(unseen) if unseen else found

        def done(timeline: Timeline) -> None:
            self._timeline = timeline
            wanted = timeline.by_id.get(self.cursor or "")
            if wanted is not None and wanted.event.story:
                self.expanded |= {f"{STORY_PREFIX}{wanted.event.story}"}
            self.arrange()

        self._pane.loader.load("timeline", work, done, label="loading drift")

    @property
    def filter_source(self) -> FilterSource[Entry]:
        """The changes of the timeline, and the keys to filter them by."""
        if self._timeline is None:
            return FilterSource((), {})
        return FilterSource(self._timeline.entries, filter_keys(self._timeline))

    def arrange(self) -> None:
        """Arrange the changes that match the filter."""
        timeline, expanded, flat = self._timeline, self.expanded, self.is_flat
        text = self._pane.filter_text
        if timeline is None:
            return

        def work(_: Job) -> tuple[Arrangement, Filter[Entry]]:
            keys = filter_keys(timeline)
            found = compile_filter(text, searched=searched, keys=keys)
            return arrange(timeline, found.predicate, expanded, flat=flat), found

        def done(answer: tuple[Arrangement, Filter[Entry]]) -> None:
            self.arrangement, found = answer
            cursor = self.cursor
            # The wanted row may be in an answer that is still loading.
            if not self._pane.loader.is_loading:
                self.cursor = None
            self._show(found, cursor)

        self._pane.loader.load("lines", work, done, label="arranging")

    def fold(self, key: str) -> None:
        """Expand or collapse a group, with the cursor on it."""
        self.expanded, self.cursor = self.expanded ^ {key}, key
        self.arrange()

    def fold_all(self) -> None:
        """Expand all groups, or collapse them if all are expanded."""
        keys = frozenset(self.arrangement.foldable if self.arrangement is not None else ())
        self.expanded = self.expanded - keys if keys <= self.expanded else self.expanded | keys
        self.arrange()

    def look(self, entries: Iterable[Entry]) -> None:
        """Note that these changes are on screen; `remember` stores it."""
        fresh = {one.event.id for one in entries if not one.seen}
        self._on_screen |= fresh - self._remembered

    def remember(self) -> None:
        """Store which changes were on screen since the last call."""
        ids, self._on_screen = list(self._on_screen), set()
        if not ids:
            return
        self._remembered.update(ids)
        self.just_seen.update(ids)
        workspace = self._pane.host.workspace
        self._pane.loader.load(
            "seen",
            lambda _: workspace.drift.see(ids),
            lambda _: None,
            failed=lambda _: self._remembered.difference_update(ids),
            quiet=True,
            cancellable=False,
        )
