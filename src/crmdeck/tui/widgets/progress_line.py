"""The line below the header: what to do next, or a progress bar while something loads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from crmdeck.tui.loading.requests import Busy, BusyChanged, Loader
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.top_bar import CONNECTION, TopBar

SHOW_AFTER = 0.15
"""Seconds before the line shows that something loads."""

TICK = 0.1

EDGE, LEAST_GAP = 1, 3
"""Cells at both ends of the line, and at least between its parts."""

BAR = 8
"""Minimum width of the bar, in cells."""

STEP = "step"
"""Key in the meta of a cell for the position of the step that it is about."""


class ProgressLine(Widget):
    """Shows the next steps, or the latest request of any loader on the screen.

    `steps` returns the next steps for so many cells; `undo` is what a key undoes, if it fits.
    """

    steps: reactive[Callable[[int], Content] | None] = reactive(None)
    undo: reactive[str] = reactive("")

    busy: reactive[Busy | None] = reactive(None)
    tick = reactive(0)

    @dataclass
    class PickedStep(Message):
        """The user clicked on a step."""

        position: int

    def __init__(self) -> None:
        super().__init__()
        self._loads: dict[Loader, Busy] = {}

    def on_mount(self) -> None:
        self._timer = self.set_interval(TICK, self._advance, pause=True)

    def on_click(self, event: events.Click) -> None:
        meta = event.style.meta
        if STEP in meta:
            self.post_message(self.PickedStep(meta[STEP]))
        elif connection_id := meta.get(CONNECTION):
            self.post_message(TopBar.PickedConnection(connection_id))

    def take(self, message: BusyChanged) -> None:
        """Take over what a loader does now."""
        self._loads.pop(message.loader, None)
        if message.busy is None:
            self._show()
            return
        self._loads[message.loader] = message.busy
        if self.busy is not None or message.busy.progress is not None:
            self._show()
        else:
            self.set_timer(SHOW_AFTER, self._show)

    def render(self) -> RenderResult:
        if self.busy is None:
            room = self.size.width - 2 * EDGE
            line = self.steps(room) if self.steps is not None else Content("")
            gap = room - line.cell_length - cell_len(self.undo)
            undo = " " * gap + self.undo if gap >= LEAST_GAP else ""
            return Content.assemble(" " * EDGE, line, (undo, "$muted"))
        progress = self.busy.progress
        room = max(0, self.size.width - BAR)
        text = display_text(f" {describe(self.busy, room - 1)}", room)
        room = self.size.width - cell_len(text)
        if progress is not None and progress.total:
            start, done = 0, min(room, room * progress.done // progress.total)
        else:
            # If the total is unknown, a piece of the bar moves.
            done = max(1, room // 6)
            start = self.tick % max(1, room - done)
        is_waiting = progress is not None and progress.waiting
        return Content.assemble(
            ("─" * start, "$border-blurred"),
            ("━" * done, "$primary"),
            ("─" * (room - start - done), "$border-blurred"),
            (text, "$warn" if is_waiting else "$muted"),
        )

    def _show(self) -> None:
        self.busy = next(reversed(self._loads.values()), None)
        if self.busy is None:
            # A timer that only ticks would wake the console ten times a second.
            self._timer.pause()
        else:
            self._timer.resume()

    def _advance(self) -> None:
        self.tick += 3


def describe(busy: Busy, width: int = 0) -> str:
    """Return `refreshing acme  120 of 1,019  Account  Esc cancels`.

    A wait is shown instead of the current object. If not all fits into `width` cells, it is shown
    instead of the count as well.
    """
    progress = busy.progress
    count, at = "", ""
    if progress is not None:
        total = f" of {progress.total:,}" if progress.total else ""
        count = f"{progress.done:,}{total}"
        at = display_text(progress.waiting, 48) or display_text(progress.label, 32)
        if progress.waiting and not progress.total:
            count = ""
    parts = [busy.label, count, at, "Esc cancels" if busy.cancellable else ""]
    text = "  ".join(filter(None, parts))
    if progress is not None and progress.waiting and width and cell_len(text) > width:
        parts[1] = ""
    return "  ".join(filter(None, parts))
