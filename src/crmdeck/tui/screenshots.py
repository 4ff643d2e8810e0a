"""Pictures of the console, drawn by the running console over a demo that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.pilot import Pilot

from crmdeck.errors import CrmdeckError
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.panes.registry import PANES
from crmdeck.tui.requests import is_loading
from crmdeck.tui.screens.main import MainScreen

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

MOMENT = datetime(2026, 5, 16, 12, tzinfo=UTC)
CONNECTION = "acme-prod"
THEME = "crmdeck-dark"
SIZE = (120, 36)
PATIENCE = 120.0
LOOK_AGAIN = 0.05
QUIET_LOOKS = 3


class ScreenshotsDifferError(CrmdeckError):
    """The pictures that are kept are not what the console draws now."""

    code = "SCREENSHOTS_DIFFER"


def draw_screenshots(folder: Path, *, check: bool = False) -> tuple[Path, ...]:
    """Draw one SVG a pane into `folder` and return their paths.

    With `check` nothing is written: ScreenshotsDifferError names what is not as it is drawn now.
    """
    from crmdeck.workspace import open_demo

    with open_demo(at=MOMENT) as workspace, _as_published():
        pictures = asyncio.run(_draw(workspace))
    if check:
        differing = [name for name, svg in pictures.items() if _kept(folder / f"{name}.svg") != svg]
        if differing:
            raise ScreenshotsDifferError(
                f"Not what the console draws now: {', '.join(differing)}.",
                remedy="Draw them again: crmdeck screenshots",
            )
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, svg in pictures.items():
        path = folder / f"{name}.svg"
        path.write_text(svg, encoding="utf-8", newline="\n")
        paths.append(path)
    return tuple(paths)


async def _draw(workspace: Workspace) -> dict[str, str]:
    pictures = {}
    app = CrmdeckApp(workspace, theme=THEME, still=True)
    async with app.run_test(size=SIZE) as pilot:
        await _settle(pilot)
        screen = app.screen
        if isinstance(screen, MainScreen):
            screen.show_connection(workspace.connections.get(CONNECTION).id)
        for spec in PANES:
            await pilot.press(spec.key)
            await _settle(pilot)
            pictures[spec.id] = app.export_screenshot(title="crmdeck")
    return pictures


async def _settle(pilot: Pilot[None]) -> None:
    """Wait until nothing is loading any more and everything is painted."""
    app = pilot.app
    async with asyncio.timeout(PATIENCE):
        quiet = 0
        while quiet < QUIET_LOOKS:
            await pilot.pause(LOOK_AGAIN)
            quiet = 0 if is_loading(app.screen) else quiet + 1


@contextmanager
def _as_published() -> Iterator[None]:
    """Leave the settings of this terminal out of the pictures."""
    import os

    before = {name: os.environ.pop(name, None) for name in ("NO_COLOR", "TEXTUAL_THEME")}
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _kept(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
