"""Helpers for the tests of the console."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget

from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.loading.requests import is_loading
from crmdeck.tui.panes.registry import PANES
from crmdeck.workspace import Workspace
from tests.tui.frames import draw


def audit_console(workspace: Workspace, **options: Any) -> CrmdeckApp:
    """Return a console with only the audit pane: the main screen is the same over every pane."""
    panes = [spec for spec in PANES if spec.id == "audit"]
    return CrmdeckApp(workspace, panes=panes, **options)


QUIET_LOOKS = 3
"""Idle checks in a row before a console counts as settled: messages travel in between."""


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until nothing loads or sorts, and all messages have arrived."""
    app = pilot.app
    quiet = 0
    for _ in range(800):
        await pilot.pause()
        ordering = any(worker.group == "order" for worker in app.workers)
        if is_loading(app.screen_stack[0]) or ordering or has_keys(app):
            quiet = 0
            await asyncio.sleep(0.005)
            continue
        quiet += 1
        if quiet == QUIET_LOOKS:
            break
    await pilot.pause()
    draw(app)


def has_keys(app: App[Any]) -> bool:
    """True if a pressed key has not taken effect yet, and the console still runs."""
    return isinstance(app, CrmdeckApp) and app.is_running and app.has_keys


async def type_text(pilot: Pilot[Any], text: str, *keys: str) -> None:
    """Type `text` at once into the focused line, then press `keys`.

    Pressing keys one by one waits for the console after each.
    """
    driver = pilot.app._driver
    assert driver is not None
    for character in text:
        driver.send_message(events.Key(character, character))
    await pilot.pause()
    await until(pilot, lambda: not has_keys(pilot.app))
    if keys:
        await pilot.press(*keys)


async def until(pilot: Pilot[Any], condition: Callable[[], bool]) -> None:
    """Wait up to 30 seconds until `condition` is true, else fail."""
    ends = monotonic() + 30
    while not condition():
        if monotonic() > ends:
            raise AssertionError("Timed out.\n" + screen_text(pilot))
        await pilot.pause(0.005)
    draw(pilot.app)


def screen_text(pilot: Pilot[Any]) -> str:
    """Return the text of the screen, line by line."""
    screen = pilot.app.screen
    return "\n".join(strip.text.rstrip() for strip in screen._compositor.render_strips())


def line_text(widget: Widget, y: int) -> str:
    """Return one line of a widget."""
    return widget.render_line(y).text
