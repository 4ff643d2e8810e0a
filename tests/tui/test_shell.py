"""The main screen over a real workspace."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from textual.widgets import Static
from textual.widgets._toast import Toast

from crmdeck.credentials import MemorySecrets
from crmdeck.model import CancelToken, Progress, ProgressCallback, RefreshResult, Scope
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.keys.actions import actions
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.state.ui_state import FILE_NAME, UiState
from crmdeck.tui.widgets.filter_bar import FilterBar
from crmdeck.tui.widgets.sidebar import Sidebar
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.top_bar import TopBar
from crmdeck.workspace import Workspace
from tests.tui.conftest import write_describe
from tests.tui.pilot import audit_console, press, resize, screen_text, settle, type_text, until


def main_screen(app: CrmdeckApp) -> MainScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen


def pane_of(app: CrmdeckApp) -> Pane:
    pane = main_screen(app).pane
    assert pane is not None
    return pane


async def test_shows_connections_with_sign_and_word_and_the_pane(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        text = screen_text(pilot)
        assert "● acme" in text
        assert "Audit log: acme " in text
        await pilot.press("unbound-view.fold")
        await settle(pilot)
        assert main_screen(app).sidebar.size.width == len("─ Connections ─")
        await pilot.hover(Sidebar, offset=(3, 1))
        assert "acme: active, Salesforce" in str(main_screen(app).sidebar.tooltip)
        assert "schema.refreshed" in text
        assert "/ Filter" in text
        await pilot.press("unbound-go.sidebar", "j")
        await settle(pilot)
        assert pane_of(app).connection_name == "beta"
        assert "Audit log: beta " in screen_text(pilot)
        await pilot.press("unbound-go.pane")
        assert pane_of(app).query_one(Table).has_focus
        await pilot.press("left_square_bracket")
        await settle(pilot)
        assert "Audit log: acme " in screen_text(pilot)


async def test_filters_in_place_and_escape_clears(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        table = pane_of(app).query_one(Table)
        whole = table.total_count
        await pilot.press("slash")
        await type_text(pilot, "event:schema", "enter")
        await settle(pilot)
        assert 0 < table.shown_count < whole
        assert re.search(r"\d of \d", screen_text(pilot))
        assert " / event:schema " in screen_text(pilot)
        assert table.has_focus
        await pilot.press("escape")
        await settle(pilot)
        assert table.shown_count == whole
        await pilot.press("slash")
        await type_text(pilot, "owner:x")
        await settle(pilot)
        assert "Unknown filter key 'owner'" in screen_text(pilot)
        await pilot.press("slash", "q", "question_mark")
        assert main_screen(app).filter_bar.text == "owner:x/q?"


async def test_the_filter_bar_counts_the_rows_of_the_pane_on_screen(workspace: Workspace) -> None:
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        health = pane_of(app)
        await press(pilot, "2", "slash")
        await type_text(pilot, "x", "enter")
        note = main_screen(app).filter_bar.query_one(".note", Static)
        await until(pilot, lambda: str(note.render()) == pane_of(app).note[0] != "")
        health.summarize("99")
        await settle(pilot)
        assert str(note.render()) == pane_of(app).note[0] != "99"


async def test_help_lists_the_keys_that_work_here(workspace: Workspace) -> None:
    app = audit_console(workspace, keys={"view.filter": "f"})
    async with app.run_test(size=(100, 70)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        assert isinstance(app.screen, Choose)
        text = screen_text(pilot)
        starts = {action.id: re.escape(action.sentence[:20]) for action in actions()}
        ids = ("audit.everywhere", "connection.refresh", "app.help")
        places = [re.search(f"  {starts[one]}", text) for one in ids]
        assert all(places)
        assert places == sorted(places, key=lambda place: place.start() if place else 0), (
            "the pane's own keys come first"
        )
        assert re.search(rf" f +{starts['view.filter']}", text)
        await type_text(pilot, "all conn", "enter")
        await until(pilot, lambda: "Audit log: all connections " in screen_text(pilot))
        await pilot.press("question_mark")
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.press("f")
        assert main_screen(app).stage.is_typing


async def test_the_sidebar_collapses_and_stays_collapsed(home: Path, workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("unbound-view.fold")
        await settle(pilot)
        assert "○ beta" not in screen_text(pilot).splitlines()[0]
        await pilot.press("unbound-view.fold")
        await settle(pilot)
        first, *rest = screen_text(pilot).splitlines()
        assert "● acme  ○ beta" in first
        assert not any("● beta" in line for line in rest)
        assert "[ ]" in first
        await pilot.hover(TopBar, offset=(first.index("beta"), 0))
        assert "beta: " in str(app.screen.query_one(TopBar).tooltip)
        await pilot.click(TopBar, offset=(first.index("beta"), 0))
        await settle(pilot)
        assert "Audit log: beta " in screen_text(pilot)
        app.host.save_state()
    assert UiState.load(home).sidebar_collapsed

    again = audit_console(workspace)
    async with again.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert "○ beta" in screen_text(pilot).splitlines()[0]
        await pilot.press("unbound-go.sidebar")
        await settle(pilot)
        assert main_screen(again).sidebar.has_focus
        assert "○ beta" not in screen_text(pilot).splitlines()[0]


async def test_a_refresh_reports_is_canceled_or_fails(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(
        ref: str,
        *,
        scope: Scope | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> RefreshResult:
        assert progress is not None
        assert cancel is not None
        progress(Progress(120, 1019, "Account"))
        cancel.wait(10)
        raise AssertionError("It was never canceled.")

    write_describe(tmp_path / "acme", "Account", "Name", "Industry", "Region")
    app = audit_console(workspace)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settle(pilot)
        before = pane_of(app).query_one(Table).total_count
        await pilot.press("r")
        await settle(pilot)
        assert [event.field_name for event in workspace.drift.report("acme").events] == ["Region"]
        assert pane_of(app).query_one(Table).total_count > before
        await until(pilot, lambda: "2 objects, 6 fields, 1 change" in screen_text(pilot))

        with monkeypatch.context() as patch:
            patch.setattr(workspace.refreshes, "run", slow)
            await pilot.press("r")
            running = "refreshing acme  120 of 1,019  Account"
            await until(pilot, lambda: running in screen_text(pilot))
            await pilot.press("escape")
            await settle(pilot)
        assert "refreshing" not in screen_text(pilot)
        assert pane_of(app).error is None

        shutil.rmtree(tmp_path / "acme")
        await pilot.press("r")
        await until(pilot, lambda: pane_of(app).error is not None)
        await settle(pilot)
        text = screen_text(pilot)
        assert "✕ " in text
        assert "Traceback" not in text
        assert "schema.refreshed" in text
        await pilot.press("y")
        assert json.loads(app.clipboard)["code"]
        await pilot.press("escape")
        assert pane_of(app).error is None


async def test_restores_the_last_session(home: Path, workspace: Workspace) -> None:
    app = audit_console(workspace, theme="light")
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("right_square_bracket")
        await settle(pilot)
        await pilot.press("slash", *"dana", "enter", "s", "q")
    assert (home / FILE_NAME).stat().st_mode & 0o077 == 0
    again = audit_console(workspace)
    async with again.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert again.theme == "crmdeck-light"
        assert pane_of(again).connection_name == "beta"
        assert pane_of(again).filter_text == "dana"
        sort = pane_of(again).query_one(Table).sort
        assert sort is not None
        assert sort.column_id == "at"


async def test_a_damaged_state_is_ignored(home: Path, workspace: Workspace) -> None:
    for damage in ("", "{", "[]", '{"version": 1, "panes": {"audit": 3}}'):
        (home / FILE_NAME).write_text(damage)
        assert UiState.load(home).panes == {}
    app = audit_console(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert "Audit log: acme " in screen_text(pilot)


async def test_read_only_says_so_and_does_not_refresh(home: Path) -> None:
    with Workspace.open(home, read_only=True, secrets=MemorySecrets()) as workspace:
        app = audit_console(workspace)
        async with app.run_test(size=(100, 30)) as pilot:
            await settle(pilot)
            assert "read-only" in screen_text(pilot)
            assert "r Refresh" not in screen_text(pilot)
            await pilot.press("r")
            await settle(pilot)
            assert pane_of(app).error is None


async def test_the_sidebar_and_the_pane_in_narrow_windows(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(50, 20)) as pilot:
        await settle(pilot)
        assert "needs at least 60 columns" in screen_text(pilot)
        assert "Audit log: acme " not in screen_text(pilot)
        await resize(pilot, 62, 20)
        # Two connections do not fit: the chosen one is named.
        assert "● acme" in screen_text(pilot).splitlines()[0]
        await resize(pilot, 70, 20)
        assert "Audit log: acme " in screen_text(pilot)
        assert "at least 60" not in screen_text(pilot)
        await resize(pilot, 99, 30)
        assert main_screen(app).sidebar.has_class("-collapsed")
        await pilot.press("unbound-view.fold")
        await settle(pilot)
        assert not main_screen(app).sidebar.has_class("-collapsed")
        assert not app.host.ui_state.sidebar_collapsed


async def test_exports_what_the_pane_shows(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = audit_console(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("e", "enter", "enter")
        await settle(pilot)
        await until(pilot, (tmp_path / "crmdeck-audit.json").exists)
    assert json.loads((tmp_path / "crmdeck-audit.json").read_text())


async def test_a_clashing_key_map_is_reported_and_toasts_wrap_evenly(workspace: Workspace) -> None:
    keys = {"view.export": "r", "view.copy": "slassh", "no.such": "x"}
    app = audit_console(workspace, keys=keys)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: bool(app._notifications))
        (told,) = app._notifications
        assert "connection.refresh" in told.message
        assert "no key named 'slassh'" in told.message
        assert "no action named 'no.such'" in told.message
        app.clear_notifications()
        await resize(pilot, 80, 24)
        app.host.say("Move to a field first: Enter opens an object, * lists all fields.")
        await until(pilot, lambda: len(app.screen.query(Toast)) == 1)
        assert "an object, * lists all fields." in screen_text(pilot)


async def test_opens_the_page_in_the_crm_and_keeps_messages(workspace: Workspace) -> None:
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(110, 30)) as pilot:
        await settle(pilot)
        await pilot.press("unbound-view.open_in_crm")
        await until(pilot, lambda: any("know the org" in m.text for m in app.host.messages))
        org = "https://acme.my.salesforce.com"
        workspace.connections.update("acme", instance_url=org)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("unbound-view.open_in_crm")
        await until(pilot, lambda: bool(app.clipboard))
        assert app.clipboard == f"{org}/lightning/setup/ObjectManager/Account/Details/view"

        await pilot.press("r")
        await until(pilot, lambda: any(one.command for one in app.host.messages))
        await settle(pilot)
        await pilot.press("unbound-app.messages")
        await until(pilot, lambda: "Messages (times in UTC)" in screen_text(pilot))
        assert "acme: 2 objects, 5 fields" in screen_text(pilot)
        assert "Can't open" in screen_text(pilot)
        assert "$ crmdeck refresh --home" in screen_text(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.clipboard.startswith("crmdeck refresh --home ")


async def test_the_filter_offers_keys_and_then_the_values_of_a_key(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        await until(pilot, lambda: "event:  people:  failed:" in screen_text(pilot))
        # Offers that arrived before the bar had a width appear when it has one.
        app.screen.query_one(FilterBar).query_one(".offers", Static).update("")
        await resize(pilot, 81, 24)
        assert "event:  people:  failed:" in screen_text(pilot)
        # Half a key is no filter yet, and offers its values.
        await type_text(pilot, "ev")
        await until(pilot, lambda: "event:connection.added 1" in screen_text(pilot))
        assert "2 entries" in screen_text(pilot)
        await type_text(pilot, "ent:connection.ad")
        bar = app.screen.query_one(FilterBar)
        await until(pilot, lambda: [one.shown for one in bar._offers] == ["connection.added"])
        await pilot.press("tab", "enter")
        await settle(pilot)
        assert bar.text == "event:connection.added"
        assert "Tab completes" not in screen_text(pilot)
