"""Comparisons and earlier schemas: any two sides, restarts, and obstacles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from crmdeck.tui.dialogs.before_after import BeforeAfter
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.panes.pane import Pane
from crmdeck.workspace import Workspace
from tests.restored import Restored
from tests.tui.pilot import press, resize, screen_text, settle, type_text, until
from tests.tui.schema_desk import (
    AMOUNT,
    NAME,
    Hands,
    app_over,
    choose,
    field,
    filter_by,
    make,
    opened,
    start,
    table,
    write,
)


def make_more(root: Path) -> None:
    """Make the desk, and refresh `sandbox` again, without Trial__c and with Next__c."""
    make(root)
    with opened(root, Hands()) as workspace:
        write(root / "sandbox", "Account", NAME, field("Next__c", custom=True))
        workspace.refreshes.run("sandbox")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    return Restored(tmp_path_factory.mktemp("desk"), make_more)


@pytest.fixture
def tmp_path(desk: Restored) -> Path:
    """The folder with the workspace and its schema files."""
    return desk.anew()


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def workspace(tmp_path: Path, clock: Hands) -> Iterator[Workspace]:
    with opened(tmp_path, clock) as found:
        yield found


def differing(pilot: Pilot[Any]) -> list[str]:
    return sorted({line.field_name for line in table(pilot, "difference").shown()})


async def test_two_connections_at_any_two_moments(workspace: Workspace) -> None:
    async with app_over(workspace).run_test(size=(80, 24)) as pilot:
        await start(pilot)
        await choose(pilot, "at", "05-01")
        await choose(pilot, "equals_sign", "sandbox")
        assert isinstance(pilot.app.screen, Choose)
        text = screen_text(pilot)
        assert "Compare prod 2026-05-01 12:00 with sandbox as of" in text
        assert "baseline" in text
        await type_text(pilot, "05-01", "enter")
        await settle(pilot)
        text = screen_text(pilot)
        assert "− left prod 2026-05-01 12:00" in text
        assert "+ right sandbox 2026-05-01 12:00" in text
        await press(pilot, "enter")
        assert differing(pilot) == ["Industry", "Trial__c"]


async def test_the_visible_object_is_compared_first(workspace: Workspace) -> None:
    async with app_over(workspace).run_test(size=(120, 30), notifications=True) as pilot:
        await start(pilot)
        await press(pilot, "enter")
        text = await choose(pilot, "equals_sign", "05-01")
        assert "prod › Opportunity" in text
        assert differing(pilot) == ["Old__c", "Region__c", "Stage"]
        await press(pilot, "j", "j")
        kept = table(pilot, "difference").cursor_key
        assert kept == ("Opportunity", "Stage", "picklist")
        assert "Stage: picklist" in await press(pilot, "v")
        assert isinstance(pilot.app.screen, BeforeAfter)
        await press(pilot, "escape")
        assert "prod › Opportunity › Stage" in await press(pilot, "enter")
        assert "− left prod" in await press(pilot, "escape")
        assert table(pilot, "difference").cursor_key == kept
        assert "1 of 2 objects differ" in await press(pilot, "escape")
        await press(pilot, "escape", "escape", "G", "enter")
        assert "prod › Account" in screen_text(pilot)
        text = await choose(pilot, "equals_sign", "05-01")
        assert "Account doesn't differ." in text
        assert "1 of 2 objects differ" in text


async def test_comparison_is_restored_and_refreshed(
    workspace: Workspace, tmp_path: Path, clock: Hands
) -> None:
    async with app_over(workspace).run_test(size=(120, 30)) as pilot:
        await start(pilot)
        await choose(pilot, "equals_sign", "05-01")
        await press(pilot, "enter")
        await filter_by(pilot, "!stage")
        await press(pilot, "j")
        kept = table(pilot, "difference").cursor_key
        assert kept is not None
        await press(pilot, "q")
    async with app_over(workspace).run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        text = screen_text(pilot)
        assert "− left prod 2026-05-01 12:00   + right prod today" in text
        assert "prod › Opportunity" in text
        assert differing(pilot) == ["Old__c", "Region__c"]
        assert table(pilot, "difference").cursor_key == kept
        await press(pilot, "unbound-go.pane", "escape", "escape")
        assert "1 of 2 objects differ" in screen_text(pilot)
        assert table(pilot, "comparison").cursor_key == "Opportunity"
        clock.moment += timedelta(hours=1)
        write(tmp_path / "prod", "Account", NAME, field("Sector"))
        text = await press(pilot, "r")
        assert "2 of 2 objects differ" in text
        assert "+ right prod today" in text


COMPARING = [["objects", "", "", ""], ["comparison", "", "", ""], ["difference", "Gone", "", ""]]
FIRST, TODAY = ["prod", "2026-05-01T12:00:00+00:00"], ["prod", None]


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"at": "2001-01-01T00:00:00"}, "No snapshot that old"),
        ({"trail": COMPARING, "sides": [TODAY, ["gone", None]]}, "Can't compare"),
        (
            {
                "trail": COMPARING,
                "sides": "nonsense",
                "at": "never",
                "cursor": [["a"], {}],
                "sorts": {"comparison": 3, "nowhere": ["a", True]},
            },
            "",
        ),
    ],
)
async def test_what_is_gone_leads_to_the_objects_of_today(
    workspace: Workspace, state: dict[str, Any], told: str
) -> None:
    app = app_over(workspace)
    app.host.ui_state.panes = {"schema": state}
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await start(pilot)
        await until(pilot, lambda: "2 objects, 7 fields" in screen_text(pilot))
        text = screen_text(pilot)
        assert told in text
        assert "AS OF" not in text
        assert app.screen_stack[0].query_one("#pane-schema", Pane).error is None
        assert "prod › Opportunity ─" in await press(pilot, "g", "enter")


async def test_an_object_that_no_longer_differs_leads_to_those_that_do(
    workspace: Workspace,
) -> None:
    app = app_over(workspace)
    app.host.ui_state.panes = {"schema": {"trail": COMPARING, "sides": [FIRST, TODAY]}}
    app.host.ui_state.connection_id = workspace.connections.get("prod").id
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert "1 of 2 objects differ" in screen_text(pilot)


@pytest.fixture
def broken(workspace: Workspace, tmp_path: Path, clock: Hands) -> Workspace:
    """The workspace after the type of the mapped Amount changed too."""
    clock.moment += timedelta(hours=1)
    write(tmp_path / "prod", "Opportunity", {**AMOUNT, "type": "string"}, field("Region__c"))
    workspace.refreshes.run("prod")
    return workspace


def line_of(text: str, name: str) -> str:
    """Return the line of a table that begins with `name`."""
    lines = (line.strip("│┃").rpartition("│")[2].strip("▌ ") for line in text.splitlines())
    return next(line for line in lines if line.startswith(name))


async def test_at_80_columns_every_state_has_its_word(broken: Workspace) -> None:
    async with app_over(broken).run_test(size=(140, 40)) as pilot:
        await start(pilot)
        text = await press(pilot, "enter")
        assert "✕ breaking" in line_of(text, "Amount")
        await resize(pilot, 80, 24)
        text = screen_text(pilot)
        assert "✕ break" in line_of(text, "Amount")
        # A safe change is never open.
        assert "safe" not in line_of(text, "Region__c")
        text = await press(pilot, "j")
        assert "✕ breaking" in text
        text = await press(pilot, "asterisk")
        assert line_of(text, "Opportunity  Amount").endswith("✕ breaking")
        await press(pilot, "escape", "G")
        text = await press(pilot, "enter")
        assert line_of(text, "API name").split() == ["API", "name", "Label", "Type", "Flags"]
        await press(pilot, "escape")
        text = await choose(pilot, "equals_sign", "05-01")
        header = line_of(text, "Object")
        assert header.split()[-6:] == ["−", "left", "+", "right", "≠", "differ"]


async def test_read_only_can_compare_and_view_earlier_schemas(tmp_path: Path, clock: Hands) -> None:
    with opened(tmp_path, clock) as made:
        home = made.home
    with Workspace.open(home, clock=clock, read_only=True) as workspace:
        async with app_over(workspace).run_test(size=(100, 30)) as pilot:
            await start(pilot)
            assert "AS OF" in await choose(pilot, "at", "05-01")
            assert "− left prod 2026-05-01" in await choose(pilot, "equals_sign", "today")


async def test_resized_while_it_loads_and_below_60_columns(workspace: Workspace) -> None:
    async with app_over(workspace).run_test(size=(140, 40)) as pilot:
        for width in (50, 80, 140, 59, 100):
            await resize(pilot, width, 24)
        await start(pilot)
        await choose(pilot, "equals_sign", "05-01")
        await resize(pilot, 50, 24)
        await until(pilot, lambda: "at least 60 columns" in screen_text(pilot))
        assert "prod" not in screen_text(pilot)
        await resize(pilot, 80, 24)
        await until(pilot, lambda: "− left prod 2026-05-01 12:00" in screen_text(pilot))
