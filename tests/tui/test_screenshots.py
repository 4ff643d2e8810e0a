"""Screenshots: drawing a frame, the timing of animations, and the scenes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from crmdeck.errors import UsageError
from crmdeck.tui import key_table
from crmdeck.tui.keys.actions import actions
from crmdeck.tui.pictures.scenes import SCENES
from crmdeck.tui.pictures.screenshots import png_drawer
from crmdeck.tui.pictures.svg import Frame, draw
from tests.cli.shell import Shell

KEPT = Path(__file__).parents[2] / "screenshots"
SIZE = (40, 4)
DRAWN_TEXT = re.compile(r'<text class="s\d+" x="([\d.]+)" y="20" textLength="([\d.]+)">([^<]*)<')


class Board(App[None]):
    """Shows a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        yield Static(self.text, markup=False)


async def screen(text: str) -> str:
    app = Board(text)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        return app.export_screenshot(simplify=True)


def shown_at(svg: str, second: float) -> str:
    """Return the texts that a browser shows at a second of the animation."""
    found = re.search(r"animation-duration:([\d.]+)s", svg)
    assert found is not None
    states = {}
    for name, frames in re.findall(r"@keyframes (\w+)\{(.*)\}", svg):
        for share, state in re.findall(r"([\d.]+)%\{visibility:(\w+)\}", frames):
            if float(share) <= 100 * second / float(found[1]):
                states[name] = state
    lines = re.findall(r'<g(?: class="(\w+)")? transform="translate\(0 [^>]*>(.*)</g>', svg)
    return " ".join(
        text
        for name, line in lines
        if states.get(name, "visible") == "visible"
        for text in re.findall(r">([^<>]+)</text>", line)
    )


async def test_a_still_shows_each_text_at_its_place_and_loads_nothing() -> None:
    svg = draw([Frame(await screen("a <b> &c   日本    end"))], SIZE, "<title>")
    texts = {text: (float(x), float(length)) for x, length, text in DRAWN_TEXT.findall(svg)}
    assert texts == {
        "a &lt;b&gt; &amp;c": (0, 97.6),
        "日本": (134.2, 48.8),
        "end": (231.8, 36.6),
    }
    assert "&lt;title&gt;" in svg
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]


async def test_an_animation_shows_each_frame_for_its_time() -> None:
    frames = [
        Frame(await screen("same\nfirst"), 2, caption="One"),
        Frame(await screen("same\nsecond"), 3, key="Enter", caption="Two"),
        Frame(await screen("same\nfirst"), 1, caption="One"),
    ]
    svg = draw(frames, SIZE, "session")
    assert [shown_at(svg, second) for second in (0, 1.9, 2.1, 4.9, 5.1)] == [
        "same first One",
        "same first One",
        "same second Two Enter",
        "same second Two Enter",
        "same first One",
    ]
    assert svg.count("first<") == 1


def test_scenes_run_known_actions() -> None:
    key_table.load_all_actions()
    known = {action.id for action in actions()}
    assert {step.run for scene in SCENES for step in scene.steps if step.run} <= known
    assert len({scene.name for scene in SCENES}) == len(SCENES)


def test_each_scene_has_a_screenshot_of_moderate_size() -> None:
    kept = {path.stem: path.stat().st_size for path in KEPT.glob("*.svg")}
    assert set(kept) == {scene.name for scene in SCENES}
    assert max(kept.values()) < 2_000_000


def test_unknown_screenshot_is_rejected(tmp_path: Path) -> None:
    done = Shell(tmp_path / "home").run(
        "screenshots", str(tmp_path / "pictures"), "--only", "nosuch", code=2
    )
    assert "No screenshot named 'nosuch'" in done.stderr
    assert not (tmp_path / "pictures").exists()


async def test_a_still_becomes_a_png() -> None:
    svg = draw([Frame(await screen("text"))], SIZE, "text")
    try:
        png = png_drawer()(svg)
    except UsageError as error:
        pytest.skip(error.message)
    assert png.startswith(b"\x89PNG")
