"""Go to anything: its matches, where Enter goes, and late answers."""

from __future__ import annotations

from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.go_to import GoTo, Option
from crmdeck.tui.panes.schema.pane import SchemaPane
from crmdeck.workspace import GoToTarget, Workspace
from tests.tui.pilot import screen_text, settle, type_text, until


def dialog_of(app: CrmdeckApp) -> GoTo:
    assert isinstance(app.screen, GoTo)
    return app.screen


async def test_finds_and_opens_places_actions_and_settings(workspace: Workspace) -> None:
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+k")
        dialog = dialog_of(app)
        await until(pilot, lambda: not dialog._reading)

        # Before typing: places, the connections first.
        assert isinstance(dialog.row, GoToTarget)
        assert dialog.row.kind == "connection"
        assert "health: Test" not in screen_text(pilot)

        # A sign lists one kind.
        await type_text(pilot, ">")
        await until(pilot, lambda: "health: Test" in screen_text(pilot))
        await type_text(pilot, "test")
        await until(pilot, lambda: isinstance(dialog.row, Option) and dialog.row.name == "Test")
        await pilot.press("ctrl+u")

        await type_text(pilot, "email")
        await until(
            pilot, lambda: isinstance(dialog.row, GoToTarget) and dialog.row.name == "Email"
        )
        assert "· field       Contact.Email" in screen_text(pilot)
        assert "Enter opens it in Schema" in screen_text(pilot)
        await pilot.press("enter")
        await settle(pilot)
        pane = app.screen.query_one(SchemaPane)
        assert pane.address[1:3] == ("Contact", "Email")
        assert pane.display

        # Letters that arrive together with Enter count, and Enter opens the best match.
        await pilot.press("colon")
        await type_text(pilot, "beta", "enter")
        await settle(pilot)
        assert pane.connection_name == "beta"

        # Recent places are listed. A refused action explains why.
        await pilot.press("ctrl+p")
        dialog = dialog_of(app)
        await until(pilot, lambda: "↶ recent      Contact.Email" in screen_text(pilot))
        await type_text(pilot, "export what")
        await until(pilot, lambda: isinstance(dialog.row, Option) and dialog.row.within == "view")
        assert "Nothing to export here." in screen_text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: bool(app._notifications))
        assert [toast.message for toast in app._notifications] == ["Nothing to export here."]

        await pilot.press("ctrl+k")
        dialog = dialog_of(app)
        await type_text(pilot, "cache_wait")
        await until(pilot, lambda: isinstance(dialog.row, Option) and dialog.row.kind == "setting")
        await pilot.press("enter")
        await until(pilot, lambda: "Setting cache_wait" in screen_text(pilot))
        await pilot.press("escape")

        # A typo in a name still finds it.
        await pilot.press("ctrl+k")
        dialog = dialog_of(app)
        await type_text(pilot, "contct emial")
        await until(
            pilot, lambda: isinstance(dialog.row, GoToTarget) and dialog.row.name == "Email"
        )
        await pilot.press("escape")

        # An answer that arrives while the dialog closes is dropped.
        await pilot.press("ctrl+k", "escape")
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert app._exception is None
