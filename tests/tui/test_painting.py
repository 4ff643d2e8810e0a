"""What the console sends to a terminal, frame after frame, adds up to what it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.screen import Screen

from crmdeck.credentials import MemorySecrets
from crmdeck.tui.app import CrmdeckApp
from crmdeck.workspace import Workspace
from tests.tui.pilot import screen_text, settle

SENT = re.compile(r"\x1b\[(?:(\d+);(\d+)H|[0-9;]*m)|(\n)|([^\x1b\n])")


KEYS = ("1", "2", "tab", "down", "3", "4", "5", "1", "slash", "escape", "question_mark", "escape")


class Terminal(CrmdeckApp):
    """Keeps what a terminal would show."""

    def on_mount(self) -> None:
        super().on_mount()
        self.cells: dict[tuple[int, int], str] = {}

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, renderable)
        if screen is not self.screen or not hasattr(renderable, "render_segments"):
            return
        x = y = 0
        for line, column, end, character in SENT.findall(renderable.render_segments(self.console)):
            if line:
                x, y = int(column) - 1, int(line) - 1
            elif end:
                x, y = 0, y + 1
            elif character:
                self.cells[y, x] = character
                x += cell_len(character)

    def text(self) -> str:
        """Return the text of the terminal, line by line."""
        width, height = self.size
        return "\n".join(
            "".join(self.cells.get((y, x), " ") for x in range(width)).rstrip()
            for y in range(height)
        )


@pytest.mark.every_frame
async def test_frames_add_up_to_the_whole(home: Path) -> None:
    with Workspace.open(home, secrets=MemorySecrets()) as workspace:
        app = Terminal(workspace)
        async with app.run_test(size=(120, 30)) as pilot:
            for key in KEYS:
                await pilot.press(key)
                await settle(pilot)
                assert app.text() == screen_text(pilot), key
