"""The tinted screen below a dialog, with each style computed once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen


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
