"""Pictures of the console, drawn by the running console over a demo that stands still."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.notifications import SeverityLevel
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from crmdeck.errors import CrmdeckError, NotFoundError, UsageError
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.keys.actions import key_label, offers
from crmdeck.tui.loading.requests import is_loading
from crmdeck.tui.pictures.stories import STORIES, Step, Story
from crmdeck.tui.pictures.svg import FONTS, Frame, draw
from crmdeck.tui.screens.main import MainScreen

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

MOMENT = datetime(2026, 5, 16, 12, tzinfo=UTC)
PATIENCE = 120.0
LOOK_AGAIN = 0.05
QUIET_LOOKS = 3
FOR_EVER = 86_400.0
PNG_WIDTH = 1600


class ScreenshotsDifferError(CrmdeckError):
    """The pictures that are kept are not what the console draws now."""

    code = "SCREENSHOTS_DIFFER"


class StoryError(CrmdeckError):
    """A story does something that the console does not offer there."""

    code = "STORY_BROKEN"


def draw_screenshots(
    folder: Path, *, check: bool = False, only: Collection[str] = (), png: bool = False
) -> tuple[Path, ...]:
    """Draw the stories, those that `only` names or all, into `folder` and return their paths.

    With `png` each still is there as a PNG too. With `check` nothing is written:
    ScreenshotsDifferError names what is not as it is drawn now. Raises NotFoundError for a story
    that is not there, UsageError where what draws a PNG is not installed, StoryError where a story
    can't be played any more.
    """
    from crmdeck.workspace import open_demo

    stories = _chosen(only)
    as_png = png_drawer() if png else None
    pictures = {}
    with tempfile.TemporaryDirectory(prefix="crmdeck-pictures-") as scratch, _as_published():
        built = Path(scratch) / "built"
        with open_demo(at=MOMENT, folder=built):
            pass
        for story in stories:
            # Each its own: what one decides is not decided in the next.
            folder_of_story = Path(scratch) / story.name
            shutil.copytree(built, folder_of_story)
            with open_demo(at=MOMENT, folder=folder_of_story) as workspace:
                pictures[story.name] = asyncio.run(_play(workspace, story))
    if check:
        differing = [name for name, svg in pictures.items() if _kept(folder / f"{name}.svg") != svg]
        if differing:
            raise ScreenshotsDifferError(
                f"Not what the console draws now: {', '.join(differing)}.",
                remedy=f"Draw them again: crmdeck screenshots {folder}",
            )
        return ()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for story in stories:
        path = folder / f"{story.name}.svg"
        path.write_text(pictures[story.name], encoding="utf-8", newline="\n")
        paths.append(path)
        if as_png is not None and not story.played:
            paths.append(path.with_suffix(".png"))
            paths[-1].write_bytes(as_png(pictures[story.name]))
    return tuple(paths)


def _chosen(only: Collection[str]) -> tuple[Story, ...]:
    names = [story.name for story in STORIES]
    for name in only:
        if name not in names:
            raise NotFoundError(
                f"There is no picture called {name}.", remedy=f"There are {', '.join(names)}."
            )
    return tuple(story for story in STORIES if not only or story.name in only)


async def _play(workspace: Workspace, story: Story) -> str:
    """Return the picture of a story."""
    app = _Still(workspace, theme=story.theme, still=True)
    frames: list[Frame] = []
    async with app.run_test(size=story.size) as pilot:
        await _settle(pilot)
        screen = app.screen
        if isinstance(screen, MainScreen):
            screen.show_connection(workspace.connections.get(story.connection).id)
        caption = ""
        for step in story.steps:
            caption = step.caption or caption
            key = await _do(pilot, story, step)
            if story.played:
                frames.append(Frame(await _screen(pilot), step.seconds, key, caption))
                # What was told is read by now.
                app.clear_notifications()
        if not story.played:
            frames.append(Frame(await _screen(pilot)))
    return draw(frames, story.size, f"crmdeck, {story.title}")


class _Still(CrmdeckApp):
    """The console, in which a message stays until it is taken away."""

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Show a toast, whatever the speed of this machine."""
        super().notify(message, title=title, severity=severity, timeout=FOR_EVER, markup=markup)


async def _do(pilot: Pilot[None], story: Story, step: Step) -> str:
    """Do what a step says, and return the name of the key that it took."""
    keys: Sequence[str] = step.press
    if step.run:
        offered = {offer.action.id: offer.keys for offer in offers(pilot.app.screen)}
        if step.run not in offered:
            raise StoryError(
                f"The picture {story.name} can't be drawn: {step.run} is not offered.",
                remedy="Change the story in crmdeck/tui/pictures/stories.py.",
            )
        keys = offered[step.run][:1]
    for key in (*keys, *step.type):
        await pilot.press(_KEYS.get(key, key))
        await _settle(pilot)
    return step.type or " ".join(map(key_label, dict.fromkeys(keys)))


_KEYS = {" ": "space", ".": "full_stop", "_": "underscore", "-": "minus"}
"""How Textual calls characters that are typed."""


async def _screen(pilot: Pilot[None]) -> str:
    """Return what shows, without a cursor that blinks."""
    for line in pilot.app.screen.query(Input):
        line.cursor_blink = False
    await pilot.pause()
    return pilot.app.export_screenshot(title="crmdeck", simplify=True)


async def _settle(pilot: Pilot[None]) -> None:
    """Wait until nothing is loaded or stored any more and everything is painted."""
    async with asyncio.timeout(PATIENCE):
        quiet = 0
        while quiet < QUIET_LOOKS:
            await pilot.pause(LOOK_AGAIN)
            quiet = 0 if any(map(_is_busy, pilot.app.screen_stack)) else quiet + 1


def _is_busy(screen: Screen[Any]) -> bool:
    return is_loading(screen) or (isinstance(screen, MainScreen) and screen.is_reading)


@contextmanager
def _as_published() -> Iterator[None]:
    """Leave the settings of this terminal out of the pictures."""
    import os

    before = {name: os.environ.pop(name, None) for name in ("NO_COLOR", "TEXTUAL_THEME")}
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _kept(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def png_drawer() -> Callable[[str], bytes]:
    """Return what draws an SVG as a PNG; raises UsageError where something is missing for it."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise UsageError(
            "Pictures as PNG need an extra that is not installed.",
            cause=f"{error.name} is missing.",
            remedy="pip install 'crmdeck[png]'",
            code="EXTRA_MISSING",
        ) from None

    def drawn(svg: str) -> bytes:
        return bytes(svg_to_bytes(svg_string=svg, width=PNG_WIDTH))

    page = '<svg viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    letter = f'<text y="9" font-family="{FONTS}">x</text>'
    if drawn(page.format(letter)) == drawn(page.format("")):
        raise UsageError(
            "Pictures as PNG need a font of fixed width, and this machine has none.",
            remedy="Install one, such as DejaVu Sans Mono.",
            code="FONT_MISSING",
        )
    return drawn
