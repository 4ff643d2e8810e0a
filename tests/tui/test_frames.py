"""Frames that are put off are drawn where a test looks and where it ends."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget

from tests.tui.pilot import screen_text, settle, until


class Drawn(Widget):
    """Counts how often it was drawn, and can't be drawn once it is `torn`."""

    count = 0
    torn = False

    def render(self) -> str:
        if self.torn:
            raise RuntimeError("torn")
        self.count += 1
        return str(self.count)


class Page(App[None]):
    def compose(self) -> ComposeResult:
        yield Drawn()


async def test_frames_are_drawn_where_a_test_looks() -> None:
    app = Page()
    async with app.run_test() as pilot:
        drawn = app.query_one(Drawn)
        for _ in range(3):
            await settle(pilot)
            drawn.refresh()
        assert drawn.count == 0
        assert "1" in screen_text(pilot)
        drawn.refresh()
        await until(pilot, lambda: "2" in screen_text(pilot))
        drawn.refresh()
    assert drawn.count == 3
    with pytest.raises(RuntimeError, match="torn"):
        await end_torn()


async def end_torn() -> None:
    async with Page().run_test() as pilot:
        pilot.app.query_one(Drawn).torn = True
        pilot.app.query_one(Drawn).refresh()
