"""How the console looks: frames, marks at the edge, and panes that load."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from textual.color import Color

from crmdeck.model import ConnectionStatus, Severity
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.loading.requests import Loader
from crmdeck.tui.pictures.screenshots import MOMENT
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.themes import LEAST_CONTRAST, contrast
from crmdeck.tui.widgets.sidebar import Sidebar
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import Workspace, open_demo
from tests.tui.pilot import press, resize, screen_text, settle, until


async def test_frames_are_seen_in_every_theme_and_without_color(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with open_demo(folder=tmp_path / "demo", at=MOMENT) as workspace:
        app = CrmdeckApp(workspace, still=True)
        assert app.no_color
        async with app.run_test(size=(80, 24)) as pilot:
            await press(pilot, "3")
            for strip in app.screen._compositor.render_strips():
                colors = {one.style.color for one in strip if one.style and one.style.color}
                assert all(len({*Color.from_rich_color(one).rgb}) == 1 for one in colors)
            for name in [name for name, one in app.available_themes.items() if not one.ansi]:
                app.theme = name
                named = {key: app.theme_variables[key] for key in ("border", "scrollbar")}
                ground = Color.parse(app.theme_variables["background"])
                for color in map(Color.parse, named.values()):
                    assert contrast(color, ground) >= LEAST_CONTRAST, (name, named)


async def test_last_column_leaves_a_free_cell_before_the_frame(tmp_path: Path) -> None:
    with open_demo(folder=tmp_path / "demo", at=MOMENT) as workspace:
        app = CrmdeckApp(workspace, still=True)
        async with app.run_test(size=(80, 24)) as pilot:
            for key in "12345":
                await press(pilot, key)
                for size in ((80, 24), (140, 40)):
                    await resize(pilot, *size)
                    for table in app.screen.query(Table):
                        if table.region and table.placed:
                            last, region = table.placed[-1], table.scrollable_content_region
                            free = region.width - last.start - last.width
                            assert free >= 1 or table.max_scroll_x, (key, size, table)


async def test_sidebar_keeps_marks_next_to_long_names(workspace: Workspace) -> None:
    app = CrmdeckApp(workspace, still=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await press(pilot, "2")
        sidebar = app.screen.query_one(Sidebar)
        status: ConnectionStatus = workspace.health.statuses()[0]
        changes = status.open_changes.model_copy(
            update={"count": 1234, "severity": Severity.BREAKING}
        )
        names = [f"connection-{number:02}-of-emea-north" for number in range(60)]
        many = [
            status.model_copy(update={"id": name, "name": name, "open_changes": changes})
            for name in names
        ]
        sidebar.set_statuses(many, None)
        await settle(pilot)
        lines = [line[: sidebar.region.right] for line in screen_text(pilot).split("\n")]
        rows = [line for line in lines if "connection-" in line or "connec" in line]
        assert len(rows) > 20
        assert all("✕ 1,234" in line for line in rows), rows[:3]


async def test_titles_name_the_connection_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, load = threading.Event(), Loader.load

    def late(loader: Loader, name: str, work: Any, *args: Any, **options: Any) -> Any:
        def wait(job: Any) -> Any:
            gate.wait(30)
            return work(job)

        return load(loader, name, wait, *args, **options)

    monkeypatch.setattr(Loader, "load", late)
    gate.set()
    with open_demo(folder=tmp_path / "demo", at=MOMENT) as workspace:
        app = CrmdeckApp(workspace, still=True)
        async with app.run_test(size=(120, 36)) as pilot:
            await settle(pilot)
            assert isinstance(app.screen, MainScreen)
            for key in "2345":
                app.screen.show_connection(workspace.connections.get("acme-prod").id)
                await press(pilot, key)
                gate.clear()
                await pilot.press("left_square_bracket", "s")
                await pilot.pause()
                pane = app.screen.pane
                assert pane is not None
                title = pane.panel._captions[pane._main].titles[0]
                assert "acme-marketing" not in title, key
                assert pane.refuses_writes(), key
                gate.set()
                await settle(pilot)
                title = pane.panel._captions[pane._main].titles[0]
                assert "acme-marketing" in title, key


async def test_mapping_shows_its_frame_while_it_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_demo(folder=tmp_path / "demo", at=MOMENT) as workspace:
        go, loads = threading.Event(), type(workspace.mappings).review

        def slow(*args: Any, **options: Any) -> Any:
            go.wait(30)
            return loads(*args, **options)

        monkeypatch.setattr(type(workspace.mappings), "review", slow)
        app = CrmdeckApp(workspace, still=True)
        async with app.run_test(size=(120, 36)) as pilot:
            await settle(pilot)
            assert isinstance(app.screen, MainScreen)
            await pilot.press("4")
            await until(pilot, lambda: "Loading the object pair" in screen_text(pilot))
            assert "╭─ Mapping of " in screen_text(pilot)
            go.set()
            await settle(pilot)
            assert "deal_registration → Opportunity" in screen_text(pilot)
