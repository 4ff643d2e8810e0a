"""Saved views and chosen columns: kept per user and table."""

from __future__ import annotations

from crmdeck.tui.state.saved_views import SavedView, views_of, with_view
from crmdeck.tui.state.ui_state import UiState
from crmdeck.tui.widgets.table import Column, Sort, Table
from crmdeck.tui.widgets.table.columns import arranged
from crmdeck.workspace import Workspace
from tests.tui.pilot import audit_console, screen_text, settle, type_text, until


def test_saved_views_ignore_invalid_parts_of_a_state() -> None:
    view = SavedView("mine", "who:dana", ("at", True), ("at", "summary"))
    assert views_of([view.to_state(), 3, {"name": "x"}, None]) == [view]
    assert views_of([{**view.to_state(), "sort": ["at"], "columns": 3}]) == [
        SavedView("mine", "who:dana")
    ]
    other = SavedView("mine", "else")
    assert with_view([view, SavedView("b")], other) == [other, SavedView("b")]


def test_a_column_without_a_title_stays_where_it_belongs() -> None:
    columns = [Column(name, title, str) for name, title in (
        ("sign", ""), ("a", "A"), ("mark", ""), ("b", "B"), ("c", "C"),
    )]  # fmt: skip
    ids = [column.id for column in arranged(columns, ("c", "a", "gone"))]
    assert ids == ["sign", "c", "a", "mark"]
    assert arranged(columns, ("gone",)) == columns


async def test_a_view_is_saved_shown_replaced_and_deleted(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(110, 30)) as pilot:
        await settle(pilot)
        table = app.screen.query_one(Table)
        every = table.shown_count
        await pilot.press("slash")
        await type_text(pilot, "event:connection", "enter")
        await settle(pilot)
        table.set_sort(Sort("summary"))
        await settle(pilot)
        few = table.shown_count
        assert 0 < few < every

        # Move the first column behind the second, and hide another.
        await pilot.press("unbound-view.saved")
        await type_text(pilot, "columns", "enter")
        await until(pilot, lambda: "Show or hide" in screen_text(pilot))
        first, second, third = [column.id for column in table.columns if column.title][:3]
        await pilot.press("J", "down", "space", "enter")
        await settle(pilot)
        shown = [placed.column.id for placed in table.placed if placed.column.title]
        assert shown[:2] == [second, first]
        assert third not in shown

        await pilot.press("unbound-view.saved")
        await type_text(pilot, "save this", "enter")
        await until(pilot, lambda: "Save this view as" in screen_text(pilot))
        await type_text(pilot, "mornings", "enter")
        await settle(pilot)

        # Change the view, then return to the saved one by name.
        await pilot.press("escape")
        table.set_sort(None)
        table.choose_columns(())
        await settle(pilot)
        assert table.shown_count == every
        await pilot.press("unbound-view.saved")
        await until(pilot, lambda: "event:connection, by Event" in screen_text(pilot))
        await type_text(pilot, "morn", "enter")
        await settle(pilot)
        assert (table.shown_count, table.sort) == (few, Sort("summary"))
        again = [placed.column.id for placed in table.placed if placed.column.title]
        assert again[:2] == [second, first]

        kept = UiState.load(workspace.home)
        (saved,) = views_of(kept.views["audit/log"])
        assert (saved.name, saved.filter, saved.sort) == (
            "mornings", "event:connection", ("summary", False),
        )  # fmt: skip
        assert kept.columns["audit/log"][:2] == [second, first]

        await pilot.press("escape", "unbound-view.saved")
        await type_text(pilot, "+ save", "enter")
        await type_text(pilot, "mornings", "enter")
        await settle(pilot)
        (saved,) = views_of(UiState.load(workspace.home).views["audit/log"])
        assert saved.filter == ""
        await pilot.press("unbound-view.saved")
        await type_text(pilot, "+ delete", "enter")
        await pilot.press("enter")
        await settle(pilot)
        assert views_of(UiState.load(workspace.home).views["audit/log"]) == []
