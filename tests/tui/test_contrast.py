"""Whether what is drawn can be read, in every theme: measured over the lines of the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.pilot import Pilot

from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.panes.drift.pane import DriftPane
from crmdeck.tui.themes import DARK, LIGHT, OWN_CONTRAST, contrast
from crmdeck.workspace import Workspace
from tests.tui.drift_desk import console, go_to, make_home, opened, press
from tests.tui.pilot import settle


@pytest.fixture
def drifted(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace in which fields changed that are mapped."""
    with opened(make_home(tmp_path)) as found:
        yield found


SIGNS_CONTRAST = 3.0
DRAWN = frozenset("─━╌│▏▌▁▂▃▄▅▆▇█▔·")
"""What is no text: rules, bars, scrollbars."""


def unreadable(pilot: Pilot[Any], text_least: float) -> list[str]:
    """Return the pieces of the screen that have less contrast than they need."""
    found = []
    for strip in pilot.app.screen._compositor.render_strips():
        for segment in strip:
            text = "".join(sign for sign in segment.text if sign not in DRAWN).strip()
            if not text or segment.style is None:
                continue
            least = text_least if any(map(str.isalnum, text)) else SIGNS_CONTRAST
            reached = contrast_of(segment.style)
            if reached is not None and reached < least:
                found.append(f"{reached:.2f} {text!r} {segment.style}")
    return found


def contrast_of(style: Style) -> float | None:
    """Return the contrast of a style; None where the terminal decides on a colour."""
    front, ground = style.color, style.bgcolor
    if front is None or ground is None:
        return None
    if front.triplet is None or ground.triplet is None:
        return None
    return contrast(opaque(front), opaque(ground))


def opaque(colour: RichColor) -> Color:
    """Return a colour of the screen."""
    return Color.from_rich_color(colour)


async def test_every_text_can_be_read_in_every_theme_and_state_of_a_row(
    drifted: Workspace,
) -> None:
    app: CrmdeckApp = console(drifted)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await go_to(pilot, "Opportunity.StageName")
        await press(pilot, "a", "enter")
        await press(pilot, "space", "space")
        pane = app.screen.query_one(DriftPane)
        themes = [name for name, theme in app.available_themes.items() if not theme.ansi]
        assert {DARK, LIGHT} < set(themes)
        for theme in themes:
            app.theme = theme
            least = OWN_CONTRAST if theme in (DARK, LIGHT) else SIGNS_CONTRAST
            for left in (False, True):
                pane.set_class(left, "-left")
                await pilot.pause()
                assert not unreadable(pilot, least), theme


async def test_in_the_terminals_own_colours_no_ground_is_set_without_its_text(
    workspace: Workspace,
) -> None:
    app = CrmdeckApp(workspace, theme="terminal")
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for strip in app.screen._compositor.render_strips():
            for segment in strip:
                if segment.style is None or not segment.text.strip():
                    continue
                front, ground = segment.style.color, segment.style.bgcolor
                assert ground is None or ground.is_default or front is not None, segment
