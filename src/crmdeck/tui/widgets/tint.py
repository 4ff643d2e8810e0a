"""The screen below a dialog: tinted, and painted only when it changes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen
from textual.widget import Widget


class Tint(BackgroundScreen):
    """Textual's background screen, which is drawn whenever the screen above draws anything."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        for segment in segments:
            text, style, control = segment
            yield segment if control else Segment(text, _tinted(style, color))


@lru_cache(maxsize=4096)
def _tinted(style: Style | None, color: Color) -> Style | None:
    (segment,) = BackgroundScreen.process_segments([Segment(" ", style)], color)
    return segment.style


def repaint_once(screen: Widget) -> None:
    """Clear the repaint mark of a covered screen, after it has passed its changes up.

    Textual 8 sets the mark again on each message to the screen, and then paints both screens
    whole, for as long as the upper one is open.
    """
    if screen is not screen.app.screen:
        screen._repaint_required = False
