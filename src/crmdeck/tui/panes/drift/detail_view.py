"""The lower part of the pane: what the line under the cursor is about, to be scrolled."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from crmdeck.model import FieldUsage
from crmdeck.tui.panes.drift.arrangement import Line
from crmdeck.tui.panes.drift.detail import Steps, event_detail, story_detail, title_detail
from crmdeck.workspace import Timeline

LEAST_WIDTH = 24


class DetailView(VerticalScroll, can_focus=False):
    """Lays its text out anew when its width changes."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="detail")
        self._timeline: Timeline | None = None
        self._line: Line | None = None
        self._usage: FieldUsage | None = None
        self._steps: Steps = ()
        self._instead = ""
        self._width = 0

    def compose(self) -> ComposeResult:
        """Yield the text."""
        yield Static("", markup=False)

    def show(
        self,
        timeline: Timeline | None,
        line: Line | None,
        instead: str = "",
        usage: FieldUsage | None = None,
        steps: Steps = (),
    ) -> None:
        """Show what `line` is about; `instead` where there is none.

        `usage` is where the field of its event is used, as far as that is known, `steps` what can
        be done about it.
        """
        other = line is None or self._line is None or line.key != self._line.key
        self._usage, self._steps = usage, steps
        self._timeline, self._line, self._instead = timeline, line, instead
        self._draw()
        if other:
            self.scroll_home(animate=False)

    def on_resize(self, _event: events.Resize) -> None:
        """Lay out for another width."""
        if self._width != self.scrollable_content_region.width:
            self._draw()

    def _draw(self) -> None:
        self._width = self.scrollable_content_region.width
        self.query_one(Static).update(self._content(max(LEAST_WIDTH, self._width)))

    def _content(self, width: int) -> Content:
        timeline, line = self._timeline, self._line
        if timeline is None or line is None:
            return Content.styled(self._instead, "$muted")
        if line.entry is not None:
            return event_detail(timeline, line.entry, width, self._usage, self._steps)
        if line.story is not None:
            return story_detail(timeline, line, width)
        return title_detail(line, width)
