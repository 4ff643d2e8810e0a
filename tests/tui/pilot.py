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
from crmdeck.tui.panes.mapping.pane import MappingPane
from crmdeck.tui.panes.registry import PANES
from crmdeck.workspace import Workspace
from tests.tui.idle import idle


def audit_console(workspace: Workspace, **options: Any) -> CrmdeckApp:
    """Return a console with only the audit pane: the main screen is the same over every pane."""
    panes = [spec for spec in PANES if spec.id == "audit"]
    return CrmdeckApp(workspace, panes=panes, **options)


LONGEST_WAIT = 60.0
"""Seconds after which a console that never settles is looked at as it is."""


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until nothing loads, sorts or is stored, and all messages have arrived."""
    app = pilot.app
    ends = monotonic() + LONGEST_WAIT
    quiet = 0
    while quiet < 2 and monotonic() < ends:
        await idle()
        # The next frame lays out what changed, and what waits for it goes on.
        app.screen._on_timer_update()
        await idle()
        if is_busy(app):
            quiet = 0
            await asyncio.sleep(0.004)
        else:
            quiet += 1


async def press(pilot: Pilot[Any], *keys: str) -> str:
    """Press keys, wait after each until the console is idle, and return the screen's text."""
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    return screen_text(pilot)


async def resize(pilot: Pilot[Any], width: int, height: int) -> None:
    """Give the terminal another size, and wait until the console fits it."""
    await pilot.resize_terminal(width, height)
    await settle(pilot)


def is_busy(app: App[Any]) -> bool:
    """True while an answer, a decision, a key or a new size has not taken effect yet."""
    if has_keys(app) or app._resize_event is not None:
        return True
    if any(is_loading(screen) for screen in app.screen_stack):
        return True
    if any(worker.group == "order" for worker in app.workers):
        return True
    panes = app.screen_stack[0].query(MappingPane) if app.screen_stack else ()
    return any(pane.session is not None and pane.session.unsaved for pane in panes)


def has_keys(app: App[Any]) -> bool:
    """True if a pressed key has not taken effect yet, and the console still runs."""
    return isinstance(app, CrmdeckApp) and app.is_running and app._typed.is_busy


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
        await pilot.pause(0.02)


def screen_text(pilot: Pilot[Any]) -> str:
    """Return the text of the screen, line by line."""
    screen = pilot.app.screen
    return "\n".join(strip.text.rstrip() for strip in screen._compositor.render_strips())


def words_on(pilot: Pilot[Any]) -> str:
    """Return the words of the screen, without frames and line ends."""
    return " ".join(screen_text(pilot).translate(FRAME).split())


FRAME = str.maketrans(dict.fromkeys("│┃─╭╮╰╯├┤┬┴", " "))


def line_text(widget: Widget, y: int) -> str:
    """Return one line of a widget."""
    return widget.render_line(y).text
