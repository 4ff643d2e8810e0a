"""Changes of the window and of the process: nothing is lost, and everything fits."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from textual.messages import ExitApp

from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.state.ui_state import UiState
from crmdeck.workspace import Workspace
from tests.tui.pilot import audit_console, resize, screen_text, settle, until


async def test_a_window_resized_beneath_a_dialog_fits_afterwards(
    workspace: Workspace,
) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        app.push_screen(Confirm("Continue?", yes="Continue", opened_by="x"))
        await resize(pilot, 50, 20)
        assert "Continue?" in screen_text(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert "needs at least 60 columns" in screen_text(pilot)
        await resize(pilot, 80, 24)
        assert "Audit log: acme " in screen_text(pilot)


async def hang_up(_: CrmdeckApp) -> None:
    os.kill(os.getpid(), signal.SIGHUP)


async def close_tab(app: CrmdeckApp) -> None:
    # As Textual does for textual-serve.
    app.post_message(ExitApp())


@pytest.mark.parametrize("close", [hang_up, close_tab])
async def test_a_closed_terminal_loses_nothing(
    workspace: Workspace, close: Callable[[CrmdeckApp], Awaitable[None]]
) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"dana", "enter", "s")
        await close(app)
        await until(pilot, lambda: "filter" in UiState.load(workspace.home).panes.get("audit", {}))
    kept = UiState.load(workspace.home).panes["audit"]
    assert kept["filter"] == "dana"
    assert kept["sort"] == ["at", False]
