"""The screen below a dialog, tinted as Textual does, each style once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen


class Tint(BackgroundScreen):
    """A screen below another one: it is drawn whenever the one above draws anything of itself."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        """Yield the segments in the tint, without what can be clicked."""
        for segment in segments:
            text, style, control = segment
            yield segment if control else Segment(text, _tinted(style, color))


@lru_cache(maxsize=4096)
def _tinted(style: Style | None, color: Color) -> Style | None:
    (segment,) = BackgroundScreen.process_segments([Segment(" ", style)], color)
    return segment.style
