"""The start: the frame first, then the workspace, whatever the user does in between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

from crmdeck.errors import UsageError
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.panes.schema.pane import SchemaPane
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.state.ui_state import UiState
from crmdeck.workspace import PendingWorkspace, Workspace
from tests.tui.pilot import screen_text, settle, type_text, until

FRAME = """
import sys, crmdeck.cli.launch, crmdeck.tui.console
from pathlib import Path
from crmdeck.tui.screens.main import MainScreen
from crmdeck.workspace import PendingWorkspace
late = ("pydantic", "typer", "duckdb", "numpy", "keyring", "crmdeck.workspace.workspace",
    "crmdeck.tui.filters", "crmdeck.tui.panes.pane", "crmdeck.tui.dialogs.dialog")
async def painted(screen):
    print("late:", *[name for name in late if name in sys.modules], flush=True)
    screen.app.exit()
MainScreen._open = painted
opening = PendingWorkspace(Path(sys.argv[1]), True, None)
crmdeck.tui.console.CrmdeckApp(opening).run(headless=True)
"""


def test_the_frame_imports_nothing_that_only_data_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FRAME, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["late:"]


async def test_the_frame_shows_before_the_workspace(workspace: Workspace) -> None:
    gate = threading.Event()

    def open_late() -> Workspace:
        gate.wait(10)
        return workspace

    app = CrmdeckApp(PendingWorkspace(workspace.home, False, open_late))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "opening" in screen_text(pilot))
        assert "2 Schema" in screen_text(pilot)
        await pilot.press("3", "2", "slash", *"cont", "enter")
        assert "opening" in screen_text(pilot)
        gate.set()
        await settle(pilot)
        text = screen_text(pilot)
        assert "● acme" in text
        assert "2 objects, 5 fields" in text, "the pane of the key pressed in between"
        assert "1 of 2" in text, "the filter that was typed before the pane was there"


async def test_a_key_chooses_the_pane_that_the_console_is_mounting(workspace: Workspace) -> None:
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        await until(pilot, lambda: screen.host.is_open)
        # At its start the console shows the first pane; keys ask for Schema as it is mounted.
        await asyncio.gather(
            screen.action_show_pane("schema"),
            screen._show_first_pane(),
            screen.action_show_pane("schema"),
        )
        await settle(pilot)
        assert isinstance(screen.pane, SchemaPane)


async def test_quitting_immediately_keeps_the_last_pane(workspace: Workspace) -> None:
    UiState(pane="audit").save(workspace.home)
    gate = threading.Event()

    def open_late() -> Workspace:
        gate.wait(10)
        return workspace

    app = CrmdeckApp(PendingWorkspace(workspace.home, False, open_late))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("q")
        gate.set()
    assert UiState.load(workspace.home).pane == "audit"


async def test_a_workspace_that_fails_to_open_stops_the_console(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("theme = [")
    app = CrmdeckApp(PendingWorkspace(tmp_path, False, lambda: Workspace.open(tmp_path)))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: not app.is_running or app.host.failure is not None)
    assert isinstance(app.host.failure, UsageError)
    assert "is not valid TOML" in app.host.failure.message


async def test_the_theme_and_keys_of_the_settings_apply(workspace: Workspace) -> None:
    (workspace.home / "settings.toml").write_text(
        'theme = "light"\n[keys]\n"view.filter" = "f4"\n"welcome.demo" = "D"\n"form.take" = "f5"\n'
    )
    with Workspace.open(workspace.home) as opened:
        app = CrmdeckApp(opened)
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            await settle(pilot)
            await pilot.press("2")
            await settle(pilot)
            assert app.theme == "crmdeck-light"
            assert "F4 Filter" in screen_text(pilot)
            assert "Key map" not in screen_text(pilot), "all panes' keys"


async def test_keys_typed_while_a_pane_opens_act_when_it_is_open(workspace: Workspace) -> None:
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await type_text(pilot, "2j")
        await settle(pilot)
        pane = app.screen_stack[0].query_one(SchemaPane)
        assert pane.table.cursor_key == "Contact"


def test_console_killed_before_first_frame_keeps_state(workspace: Workspace) -> None:
    app = CrmdeckApp(workspace)
    app.get_default_screen()
    app.host.ui_state.pane = "drift"
    app.host.collect_state()
    assert app.host.ui_state.pane == "drift"
