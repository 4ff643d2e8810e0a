"""Frames that are put off are drawn all the same where a test waits, and faults in them found."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widget import Widget

from tests.tui.pilot import settle, until


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


async def test_what_a_test_waits_for_is_drawn_and_can_fail() -> None:
    app = Page()
    async with app.run_test() as pilot:
        drawn = app.query_one(Drawn)
        for _ in range(3):
            await pilot.pause()
            drawn.refresh()
        assert drawn.count == 0
        await settle(pilot)
        assert drawn.count == 1
        drawn.refresh()
        await pilot.pause()
        await until(pilot, lambda: True)
        assert drawn.count == 2
        drawn.torn = True
        drawn.refresh()
        with pytest.raises(RuntimeError, match="torn"):
            await settle(pilot)
        drawn.torn = False
