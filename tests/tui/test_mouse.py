"""The mouse: steps and connections are clicked, rows have a menu, frames are dragged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.pictures.screenshots import MOMENT
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.widgets.sidebar import Sidebar
from crmdeck.workspace import open_demo
from tests.tui.pilot import press, screen_text, settle


async def click_on(pilot: Pilot[Any], text: str, *, button: int = 1) -> str:
    """Click on the first place of a text on the screen, and return the screen's text."""
    lines = screen_text(pilot).split("\n")
    assert any(text in line for line in lines), screen_text(pilot)
    y = next(at for at, line in enumerate(lines) if text in line)
    assert await pilot.click(offset=(lines[y].index(text) + 1, y), button=button)
    await settle(pilot)
    return screen_text(pilot)


async def drag(pilot: Pilot[Any], start: tuple[int, int], end: tuple[int, int]) -> str:
    assert await pilot.mouse_down(offset=start)
    assert await pilot.hover(offset=end)
    assert await pilot.mouse_up(offset=end)
    await settle(pilot)
    return screen_text(pilot)


async def test_steps_menus_and_frames_work_with_the_mouse(tmp_path: Path) -> None:
    with open_demo(folder=tmp_path / "demo", at=MOMENT) as workspace:
        app = CrmdeckApp(workspace, still=True)
        async with app.run_test(size=(120, 36)) as pilot:
            await settle(pilot)
            screen = app.screen
            assert isinstance(screen, MainScreen)

            # The strip chooses a connection, a step of the details is done.
            await click_on(pilot, "acme-marketing 5 to review")
            assert workspace.connections.get("acme-marketing").id == app.host.connection_id
            await click_on(pilot, "acme-prod 5 failing")
            assert "Show the row" in await click_on(pilot, "All steps")
            await press(pilot, "escape")

            # The right button opens the menu of the row that it hits.
            menu = await click_on(pilot, "Account name can exceed", button=3)
            assert "Make the field longer" in menu
            await press(pilot, "escape")

            # A step of the to-do line goes to its row first.
            await press(pilot, "3", "G")
            assert "CRM field for Account domain" in await click_on(pilot, "f fixes 3 changes")
            await press(pilot, "escape", "3")
            await click_on(pilot, "Deal_Registration__c.Status__c", button=3)
            assert "Acknowledge" in screen_text(pilot)
            await press(pilot, "escape", "2")
            assert "As of" in await click_on(pilot, "Deal_Registration__c", button=3)
            await press(pilot, "escape")
            shown = await click_on(pilot, "4 shows 5 failing rows")
            assert "deal_registration → Opportunity" in shown

            # The edge of the details and that of the sidebar follow the mouse.
            await press(pilot, "3")
            edge = screen.pane.brief.region.y - 1 if screen.pane else 0
            await drag(pilot, (40, edge), (40, edge - 5))
            assert screen.pane is not None
            assert screen.pane.brief.region.y == edge - 4
            await press(pilot, "2")
            sidebar = screen.query_one(Sidebar)
            right = sidebar.region.right - 1
            await drag(pilot, (right, 10), (right + 7, 10))
            assert sidebar.region.right - 1 == right + 7
