"""The audit pane over a real log."""

from __future__ import annotations

import json

from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import Workspace
from tests.tui.pilot import audit_console, screen_text, settle


async def test_one_connection_or_all_and_one_entry_in_full(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        table = app.screen.query_one(Table)
        mine = len(workspace.audit("acme"))
        assert table.total_count == mine
        await pilot.press("a")
        await settle(pilot)
        assert table.total_count == len(workspace.audit()) > mine
        assert "all connections" in screen_text(pilot)
        await pilot.press("G")
        await settle(pilot)
        entry = table.cursor_row
        assert entry is not None
        assert f"{entry.event} by dana" in screen_text(pilot)
        await pilot.press("c")
        assert json.loads(app.clipboard)["id"] == entry.id
