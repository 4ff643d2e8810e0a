"""Draws what a test looks at and where it ends, but not each frame on the way there.

A console without a terminal drops its frames, and to draw them was half of what it did.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual._compositor import Compositor
from textual.app import App

_render = Compositor.render_update
_shut_down = App._shutdown


def _put_off(
    compositor: Compositor, full: bool = False, screen_stack: Any = None, simplify: bool = False
) -> Any:
    """Leave what changed to the next `draw`, unless a picture of the whole is asked for."""
    return _render(compositor, full, screen_stack, simplify) if full else None


async def _draw_and_shut_down(app: App[Any]) -> None:
    try:
        if app._exception is None:
            draw(app)
    finally:
        await _shut_down(app)


def put_off_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the consoles of a test draw when a test looks at the screen, and once when they end."""
    monkeypatch.setattr(Compositor, "render_update", _put_off)
    monkeypatch.setattr(App, "_shutdown", _draw_and_shut_down)


def draw(app: App[Any]) -> None:
    """Draw what changed on the topmost screen since it was drawn; a fault in it is raised."""
    if app.is_running and app.screen_stack:
        _render(app.screen._compositor, screen_stack=app._background_screens)
