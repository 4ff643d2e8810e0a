"""Legibility of every text in every theme, measured on the screen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.pilot import Pilot
from textual.widgets._tooltip import Tooltip

from crmdeck.settings import Theme
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.panes.drift.pane import DriftPane
from crmdeck.tui.themes import (
    DARK,
    LIGHT,
    OWN_CONTRAST,
    TERMINAL,
    TERMINAL_LIGHT,
    contrast,
    theme_name,
)
from crmdeck.workspace import Workspace
from tests.tui.drift_desk import console, go_to, make_home, opened
from tests.tui.pilot import press, settle, until


@pytest.fixture
def drifted(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with changes to mapped fields."""
    with opened(make_home(tmp_path)) as found:
        yield found


SIGNS_CONTRAST = 3.0
PATIENCE = 60.0
DRAWN = frozenset("─━╌│┃╭╮╰╯├┤┬┴┼▏▌▁▂▃▄▅▆▇█▔·")
"""Signs other than text: frames, rules, bars, scrollbars."""


def unreadable(pilot: Pilot[Any], text_least: float) -> list[str]:
    """Return the pieces of the screen with too little contrast."""
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
    """Return the contrast of a style, or None if the terminal decides on a color."""
    front, ground = style.color, style.bgcolor
    if front is None or ground is None:
        return None
    if front.triplet is None or ground.triplet is None:
        return None
    return contrast(opaque(front), opaque(ground))


def opaque(color: RichColor) -> Color:
    """Return a color of the screen."""
    return Color.from_rich_color(color)


NOWHERE = (0, 1)
"""An empty cell."""


async def hovered(pilot: Pilot[Any], text: str) -> bool:
    """Move the pointer to a text of the screen. True if a tooltip shows."""
    app = pilot.app
    lines = [strip.text for strip in app.screen._compositor.render_strips()]
    y = next(y for y, line in enumerate(lines) if text in line)
    at = (lines[y].index(text), y)
    await pilot.hover(offset=at)
    await pilot.pause()
    told = app.screen.query_one(Tooltip)
    if app.screen.get_widget_at(*at)[0].tooltip is not None:
        async with asyncio.timeout(PATIENCE):
            while not told.display:
                # A tooltip shows from the next movement on.
                await pilot.hover(offset=at)
                await pilot.pause(0.05)
    return bool(told.display)


HOVERED = ("2 Schema", "? Help", "✕ breaking", "3 values removed", "calm")
"""Texts with a tooltip: a tab, a key of the footer, a sign, a cut text, a connection."""


async def test_text_contrast_in_all_themes_and_states(
    drifted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: CrmdeckApp = console(drifted)
    monkeypatch.setattr(type(app), "TOOLTIP_DELAY", 0.01)
    async with app.run_test(size=(140, 40), tooltips=True) as pilot:
        await settle(pilot)
        await go_to(pilot, "Opportunity.StageName")
        await press(pilot, "a", "enter")
        await press(pilot, "space", "space")
        pane = app.screen.query_one(DriftPane)
        aliases = {TERMINAL, TERMINAL_LIGHT, "dark", "light"}
        assert {*get_args(Theme)} == {*app.available_themes, *aliases}, "crmdeck.settings"
        themes = [name for name, theme in app.available_themes.items() if not theme.ansi]
        assert {DARK, LIGHT} < set(themes)
        others = [theme for theme in themes if theme not in (DARK, LIGHT)]
        told = 0
        # All tooltips in our own themes, one of them in each of the others.
        for place, text in enumerate(HOVERED):
            shown = await hovered(pilot, text)
            told += shown
            for theme in (DARK, LIGHT, *others[place :: len(HOVERED)]):
                app.theme = theme
                least = OWN_CONTRAST if theme in (DARK, LIGHT) else SIGNS_CONTRAST
                for left in (True, False):
                    pane.set_class(left, "-left")
                    await pilot.pause()
                    assert bool(app.screen.query_one(Tooltip).display) is shown
                    assert not unreadable(pilot, least), f"{theme}, {text}"
            await pilot.hover(offset=NOWHERE)
            await until(pilot, lambda: not app.screen.query_one(Tooltip).display)
        assert told


PALETTES = {
    # The text, the ground, and the sixteen colors of each.
    "xterm, dark": "ffffff 000000 000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 "
    "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
    "xterm, light": "000000 ffffff 000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 "
    "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
    "VS Code, dark": "cccccc 1e1e1e 000000 cd3131 0dbc79 e5e510 2472c8 bc3fbc 11a8cd e5e5e5 "
    "666666 f14c4c 23d18b f5f543 3b8eea d670d6 29b8db e5e5e5",
    "VS Code, light": "333333 ffffff 000000 cd3131 107c10 949800 0451a5 bc05bc 0598bc 555555 "
    "666666 cd3131 14ce14 b5ba00 0451a5 bc05bc 0598bc a5a5a5",
    "GNOME, dark": "d0cfcc 171421 171421 c01c28 26a269 a2734c 12488b a347ba 2aa1b3 d0cfcc "
    "5e5c64 f66151 33d17a e9ad0c 2a7bde c061cb 33c7de ffffff",
    "GNOME, light": "171421 ffffff 171421 c01c28 26a269 a2734c 12488b a347ba 2aa1b3 d0cfcc "
    "5e5c64 f66151 33d17a e9ad0c 2a7bde c061cb 33c7de ffffff",
    "Solarized, dark": "839496 002b36 073642 dc322f 859900 b58900 268bd2 d33682 2aa198 eee8d5 "
    "002b36 cb4b16 586e75 657b83 839496 6c71c4 93a1a1 fdf6e3",
    "Solarized, light": "657b83 fdf6e3 073642 dc322f 859900 b58900 268bd2 d33682 2aa198 eee8d5 "
    "002b36 cb4b16 586e75 657b83 839496 6c71c4 93a1a1 fdf6e3",
}
HELD = {"GNOME, dark": 4.4, "Solarized, dark": 3.0, "Solarized, light": 3.0}
"""What a text reaches at least where a palette has no colors for more: Solarized's own text has
4.1 to 4.7."""


def dim(front: Color, ground: Color) -> Color:
    """Return a color as terminals dim it."""
    return front.blend(ground, 1 / 3)


def in_palette(style: Style, colors: Sequence[Color]) -> float:
    """Return the contrast of a style in a terminal with these colors: text, ground, sixteen."""

    def shown(color: RichColor | None, own: Color) -> Color:
        if color is None or color.is_default:
            return own
        if color.number is not None and color.number < 16:
            return colors[2 + color.number]
        return opaque(color)

    front, ground = shown(style.color, colors[0]), shown(style.bgcolor, colors[1])
    if style.dim:
        front = dim(front, ground)
    return contrast(front, ground)


async def test_in_the_terminals_own_colors_every_text_can_be_read(drifted: Workspace) -> None:
    app: CrmdeckApp = console(drifted)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await go_to(pilot, "Opportunity.StageName")
        await press(pilot, "a", "enter")
        await press(pilot, "space", "space")
        pane = app.screen.query_one(DriftPane)
        for theme, light in ((TERMINAL, False), (TERMINAL_LIGHT, True)):
            app.theme = theme_name(theme, set(app.available_themes))
            for state in ("", "-left", "1", "2", "4", "5", "question_mark", "dialog"):
                pane.set_class(state == "-left", "-left")
                if state == "dialog":
                    await press(pilot, "escape")
                    app.host.say("A message.", severity="warning")
                    await app.push_screen(Confirm("Go?", "Nothing is deleted.", yes="Go"))
                elif state not in ("", "-left"):
                    await press(pilot, state)
                await pilot.pause()
                segments = [
                    (one.text.strip(), one.style)
                    for strip in app.screen._compositor.render_strips()
                    for one in strip
                    if one.style is not None and one.text.strip(" ".join(DRAWN))
                ]
                assert segments
                for name, palette in PALETTES.items():
                    if light is not name.endswith("light"):
                        continue
                    colors = [Color.parse(f"#{one}") for one in palette.split()]
                    for text, style in segments:
                        wordy = any(map(str.isalnum, text))
                        least = HELD.get(name, OWN_CONTRAST) if wordy else SIGNS_CONTRAST
                        reached = in_palette(style, colors)
                        assert reached >= least, f"{name}, {state}: {reached:.2f} {text!r} {style}"
            await press(pilot, "escape")
            await press(pilot, "3")


async def test_terminal_colors_set_text_with_background(
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
