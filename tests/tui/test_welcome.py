"""The welcome page of an empty workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.form import Form
from crmdeck.tui.screens.main import MainScreen
from crmdeck.workspace import Workspace
from tests.tui.conftest import Clock, write_describe
from tests.tui.pilot import resize, screen_text, settle, type_text, until

SIZE = (80, 24)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    """A new workspace."""
    with Workspace.open(
        tmp_path / "home", clock=Clock(), actor="dana", secrets=MemorySecrets()
    ) as workspace:
        yield workspace


async def test_explains_crmdeck_and_offers_three_ways(empty: Workspace) -> None:
    app = CrmdeckApp(empty)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        text = screen_text(pilot)
        for shown in (
            "Welcome to crmdeck",
            "d  Explore the demo",
            "f  Open a folder of exported schemas",
            "s  Sign in to a CRM",
            "secrets go into the system keyring",
            "In a shell: crmdeck demo, or crmdeck connections add NAME",
            "Enter Choose  d Demo  f Folder  s Sign in",
        ):
            assert shown in text
        assert "/ Filter" not in text


async def test_the_demo_is_next(empty: Workspace) -> None:
    app = CrmdeckApp(empty)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: app.host.wants_demo)
    assert app.host.wants_demo


async def test_a_folder_is_added_and_read(empty: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "exported schemas"
    folder.mkdir()
    write_describe(folder, "Account", "Name", "Industry")
    app = CrmdeckApp(empty)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Form))
        await type_text(pilot, "/nowhere", "enter")
        await until(pilot, lambda: "Nothing exists at /nowhere." in screen_text(pilot))
        (tmp_path / "empty").mkdir()
        await pilot.press(*["backspace"] * 8)
        await type_text(pilot, str(tmp_path / "empty"), "enter", "enter", "enter")
        await until(pilot, lambda: "No schema files in" in screen_text(pilot))
        assert empty.connections.all() == ()
        # The error goes as the path is edited. A list walks into folders, and Tab completes.
        await pilot.press("ctrl+u")
        await until(pilot, lambda: "No schema files in" not in screen_text(pilot))
        path = app.screen.query_one("#path", Input)
        await type_text(pilot, f"{tmp_path}/ex", "tab")
        await until(pilot, lambda: path.value == f"{folder}/")
        await pilot.press("ctrl+u")
        await type_text(pilot, f"{tmp_path}/e")
        # Keys that are pressed before the list is there act on it.
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "Account.json" in screen_text(pilot))
        assert path.value == f"{folder}/"
        await pilot.press("down", "up", "enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await settle(pilot)
        await until(pilot, lambda: "baseline" in screen_text(pilot))
        assert re.search(r"● +exported-schemas +active", screen_text(pilot))
        await pilot.press("unbound-health.test")
        await until(pilot, lambda: "answered" in screen_text(pilot))
    connection = empty.connections.get("exported-schemas")
    assert (connection.source, connection.platform) == (Source.FILES, "salesforce")
    assert connection.path == str(folder)


async def test_the_ways_are_visible_in_any_window(empty: Workspace) -> None:
    async with CrmdeckApp(empty).run_test(size=SIZE) as pilot:
        for size in ((60, 12), (64, 16), (60, 22), (80, 20), (80, 24)):
            await resize(pilot, *size)
            for shown in (
                "Welcome to crmdeck",
                "Explore the demo",
                "Sign in to a CRM",
                "PartnerOS",
            ):
                assert shown in screen_text(pilot), size


async def test_read_only_offers_the_demo_only(empty: Workspace) -> None:
    assert empty.health.statuses() == ()
    with Workspace.open(empty.home, read_only=True, secrets=MemorySecrets()) as workspace:
        app = CrmdeckApp(workspace)
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            text = screen_text(pilot)
            assert "This workspace is read-only" in text
            assert "Sign in to a CRM" not in text
            await pilot.press("s", "f")
            assert isinstance(app.screen, MainScreen)
