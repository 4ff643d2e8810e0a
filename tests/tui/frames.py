"""Draws what a test waits for or looks at, but not each frame on the way there.

A console without a terminal drops its frames, and to draw them was half of what it did.
"""

from __future__ import annotations

from typing import Any

import pytest
from textual._compositor import Compositor
from textual.app import App

_render = Compositor.render_update


def _put_off(
    compositor: Compositor, full: bool = False, screen_stack: Any = None, simplify: bool = False
) -> Any:
    """Leave what changed to the next `draw`, unless a picture of the whole is asked for."""
    return _render(compositor, full, screen_stack, simplify) if full else None


def put_off_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the consoles of a test draw when `draw` is called only."""
    monkeypatch.setattr(Compositor, "render_update", _put_off)


def draw(app: App[Any]) -> None:
    """Draw what changed on the topmost screen since it was drawn; a fault in it is raised."""
    if app.is_running and app.screen_stack:
        _render(app.screen._compositor, screen_stack=app._background_screens)
