"""Sync errors explained: the file, the causes, a message, the export, and the way to the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.preflight import ShowPreflight
from crmdeck.tui.panes.schema.pane import SchemaPane
from crmdeck.workspace import Workspace
from tests.tui.pilot import press, screen_text, settle, type_text

ERRORS = """sf__Id,sf__Error
003A,STRING_TOO_LONG:Email: data value too large: [red]x[/] (max length=80):Email --
003B,UNABLE_TO_LOCK_ROW:busy:--
003C,No such column 'Email' on entity 'Contact'
"""


async def test_causes_show_copy_export_and_open(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "failed.csv").write_text(ERRORS, "utf-8")
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("unbound-connection.explain")
        await type_text(pilot, str(tmp_path / "nosuch.csv"), "enter")
        await settle(pilot)
        assert "No file at" in screen_text(pilot)
        await pilot.press("ctrl+u")
        await type_text(pilot, str(tmp_path / "failed.csv"), "enter")
        await settle(pilot)
        dialog = app.screen
        assert isinstance(dialog, ShowPreflight)
        text = screen_text(pilot)
        assert "3 errors in failed.csv, 3 causes. The schema caused 2 errors." in text
        assert "• 1  whole record" in text

        await press(pilot, "y")
        assert "Copied a message" in screen_text(pilot)
        assert "1 record of our sync with PartnerOS failed." in app.clipboard
        assert "Next step: " in app.clipboard

        await press(pilot, "e", "enter")
        assert "Exported to" in screen_text(pilot)
        assert "lock,,,003B,3" in (tmp_path / "crmdeck-retry.csv").read_text("utf-8")

        rows = dialog.result.rows if dialog.result is not None else ()
        known = next(row.number for row in rows if "doesn't exist" in row.words)
        await press(pilot, *["j"] * known, "enter")
        pane = app.screen.query_one(SchemaPane)
        assert pane.address[1:3] == ("Contact", "Email")
    (entry,) = workspace.audit.entries(event="errors.explained")
    assert entry.details == {"lock": 1, "field_missing": 1, "too_long": 1}
