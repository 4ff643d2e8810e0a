"""Draw screenshots: the running console over a demo whose clock stands still."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from textual.notifications import SeverityLevel
from textual.pilot import Pilot
from textual.widgets import Input

from crmdeck.errors import CrmdeckError, NotFoundError, UsageError, install_hint
from crmdeck.home import create_folder
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.keys.actions import key_label, offers
from crmdeck.tui.loading.requests import is_loading
from crmdeck.tui.pictures.scenes import DEALS, DEALS_FILE, SCENES, Scene, SceneStep
from crmdeck.tui.pictures.svg import FONTS, Frame, draw
from crmdeck.tui.screens.main import MainScreen
from crmdeck.workspace import Workspace, open_demo

MOMENT = datetime(2026, 5, 16, 12, tzinfo=UTC)
PATIENCE = 120.0
LOOK_AGAIN = 0.05
QUIET_LOOKS = 3
FOR_EVER = 86_400.0
PNG_WIDTH = 1600


class ScreenshotsDifferError(CrmdeckError):
    """The screenshots differ from what the console draws now."""

    code = "SCREENSHOTS_DIFFER"


class SceneError(CrmdeckError):
    """A scene runs an action that the console doesn't offer at that point."""

    code = "SCENE_BROKEN"


def draw_screenshots(
    folder: Path, *, check: bool = False, only: Collection[str] = (), png: bool = False
) -> tuple[Path, ...]:
    """Draw all scenes, or those that `only` names, into `folder` and return their paths.

    `png` adds a PNG of each still. `check` doesn't write, and raises ScreenshotsDifferError with
    the names of the differing files. Raises NotFoundError for an unknown scene, UsageError if the
    PNG renderer is missing, SceneError if a step of a scene is not offered.
    """
    names = [scene.name for scene in SCENES]
    if unknown := sorted({*only}.difference(names)):
        raise NotFoundError(
            f"No screenshot named '{unknown[0]}'.", remedy=f"Choose one of {', '.join(names)}."
        )
    scenes = [scene for scene in SCENES if not only or scene.name in only]
    as_png = png_drawer() if png else None
    if not check:
        create_folder(folder)
    pictures = {}
    with tempfile.TemporaryDirectory(prefix="crmdeck-pictures-") as scratch, _as_published():
        built, deals = Path(scratch) / "built", Path(scratch) / "deals.csv"
        deals.write_text(DEALS, encoding="utf-8")
        # Opened once so that it is built.
        with open_demo(at=MOMENT, folder=built):
            pass
        for scene in scenes:
            # One copy each, so that decisions in one scene don't show in the next.
            scene_folder = Path(scratch) / scene.name
            shutil.copytree(built, scene_folder)
            with open_demo(at=MOMENT, folder=scene_folder) as workspace:
                pictures[scene.name] = asyncio.run(_play(workspace, scene, deals))
    if check:
        differing = []
        for name, svg in pictures.items():
            path = folder / f"{name}.svg"
            if not path.is_file() or path.read_text(encoding="utf-8") != svg:
                differing.append(name)
        if differing:
            raise ScreenshotsDifferError(
                f"The console now draws these screenshots differently: {', '.join(differing)}.",
                remedy=f"Draw them again: crmdeck screenshots {folder}",
            )
        return ()
    paths = []
    for scene in scenes:
        path = folder / f"{scene.name}.svg"
        path.write_text(pictures[scene.name], encoding="utf-8", newline="\n")
        paths.append(path)
        if as_png is not None and not scene.played:
            paths.append(path.with_suffix(".png"))
            paths[-1].write_bytes(as_png(pictures[scene.name]))
    return tuple(paths)


async def _play(workspace: Workspace, scene: Scene, deals: Path) -> str:
    app = _Still(workspace, theme=scene.theme, still=True)
    frames: list[Frame] = []
    async with app.run_test(size=scene.size) as pilot:
        await _settle(pilot)
        screen = app.screen
        if isinstance(screen, MainScreen):
            screen.show_connection(workspace.connections.get(scene.connection).id)
        caption = ""
        for step in scene.steps:
            caption = step.caption or caption
            key = await _do(pilot, scene, step, deals)
            if scene.played:
                frames.append(Frame(await _screen(pilot), step.seconds, key, caption))
                # The viewer has read the toasts of this frame.
                app.clear_notifications()
        if not scene.played:
            frames.append(Frame(await _screen(pilot)))
    return draw(frames, scene.size, f"crmdeck, {scene.title}")


class _Still(CrmdeckApp):
    """The console with toasts that stay, however slow the machine is."""

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        super().notify(message, title=title, severity=severity, timeout=FOR_EVER, markup=markup)


async def _do(pilot: Pilot[None], scene: Scene, step: SceneStep, deals: Path) -> str:
    """Do a step, and return the label of the keys pressed."""
    keys: Sequence[str] = step.press
    if step.run:
        offered = {offer.action.id: offer.keys for offer in offers(pilot.app.screen)}
        if step.run not in offered:
            raise SceneError(
                f"Can't draw screenshot {scene.name}: {step.run} isn't available.",
                remedy="Change the scene in crmdeck/tui/pictures/scenes.py.",
            )
        keys = offered[step.run][:1]
    for key in (*keys, *step.type.replace(DEALS_FILE, str(deals))):
        await pilot.press(_KEYS.get(key, key))
        await _settle(pilot)
    return step.type or " ".join(map(key_label, dict.fromkeys(keys)))


_KEYS = {" ": "space", ".": "full_stop", "_": "underscore", "-": "minus"}
"""Textual's key names of typed characters."""


async def _screen(pilot: Pilot[None]) -> str:
    # A blinking cursor would be in some screenshots and not in others.
    for line in pilot.app.screen.query(Input):
        line.cursor_blink = False
    await pilot.pause()
    return pilot.app.export_screenshot(title="crmdeck", simplify=True)


async def _settle(pilot: Pilot[None]) -> None:
    # One idle moment is not enough: a response may start the next request.
    async with asyncio.timeout(PATIENCE):
        quiet = 0
        while quiet < QUIET_LOOKS:
            await pilot.pause(LOOK_AGAIN)
            is_busy = any(
                is_loading(screen) or (isinstance(screen, MainScreen) and screen.is_reading)
                for screen in pilot.app.screen_stack
            )
            quiet = 0 if is_busy else quiet + 1


@contextmanager
def _as_published() -> Iterator[None]:
    """Ignore the settings of this terminal."""
    before = {name: os.environ.pop(name, None) for name in ("NO_COLOR", "TEXTUAL_THEME")}
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in before.items() if value is not None})


def png_drawer() -> Callable[[str], bytes]:
    """Return a function that renders an SVG as a PNG.

    Raises UsageError if the renderer or a monospaced font is missing.
    """
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise UsageError(
            "PNG screenshots need the png extra.",
            cause=f"The {error.name} package isn't installed.",
            remedy=install_hint("png"),
            code="EXTRA_MISSING",
        ) from None

    def drawn(svg: str) -> bytes:
        return bytes(svg_to_bytes(svg_string=svg, width=PNG_WIDTH))

    page = '<svg viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg">{}</svg>'
    letter = f'<text y="9" font-family="{FONTS}">x</text>'
    if drawn(page.format(letter)) == drawn(page.format("")):
        raise UsageError(
            "Screenshots as PNG need a monospaced font.",
            cause="This machine has no monospaced font.",
            remedy="Install one, such as DejaVu Sans Mono.",
            code="FONT_MISSING",
        )
    return drawn
