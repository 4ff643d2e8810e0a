"""The table, driven by its keys and the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from crmdeck.tui.sheets import sheets
from crmdeck.tui.themes import THEMES, roles
from crmdeck.tui.widgets.table import Column, Sort, Table
from tests.tui.conftest import HOSTILE
from tests.tui.pilot import line_text, resize, settle


class Row(NamedTuple):
    name: str
    kind: str
    size: int | None


COLUMNS: tuple[Column[Row], ...] = (
    Column("name", "Name", lambda row: row.name, least=12),
    Column("kind", "Kind", lambda row: row.kind, width=8, style=lambda row: "warn"),
    Column(
        "size",
        "Size",
        lambda row: "" if row.size is None else str(row.size),
        width=6,
        align="right",
        sort_key=lambda row: row.size,
        searched=False,
    ),
    Column("note", "Note", lambda row: "n", width=10),
)
ROWS = (
    Row("alpha", "text", 3),
    Row("Beta", "date", None),
    Row("gamma", "text", 1),
    Row("delta", "url", 2),
)


class TableApp(App[None]):
    def __init__(self, rows: Sequence[Row] = ROWS, theme: str = THEMES[0].name) -> None:
        super().__init__(css_path=[*sheets()])
        for own in THEMES:
            self.register_theme(own)
        self.theme = theme
        self.table = Table(
            COLUMNS, rows, gives=(("note", 0),), key=lambda row: row.name, empty="No row yet."
        )
        self.seen: list[tuple[str, str | None]] = []

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        variables |= roles(self.current_theme, variables)
        self.theme_variables = variables
        return variables

    def compose(self) -> ComposeResult:
        yield self.table

    def on_table_highlighted(self, message: Table.Highlighted) -> None:
        self.seen.append(("highlighted", message.row and message.row.name))

    def on_table_selected(self, message: Table.Selected) -> None:
        self.seen.append(("selected", message.row.name))

    def on_table_marks_changed(self, message: Table.MarksChanged) -> None:
        self.seen.append(("marks", ",".join(row.name for row in message.table.marked())))


def names(table: Table[Row]) -> list[str]:
    return [row.name for row in table.shown()]


async def press(pilot: Pilot[Any], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


async def test_moves_and_reports_its_row() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "j", "j", "k", "G", "g", "end", "enter")
        walked = [name for kind, name in app.seen if kind == "highlighted"]
        assert walked == ["alpha", "Beta", "gamma", "Beta", "delta", "alpha", "delta"]
        assert app.seen[-1] == ("selected", "delta")
        assert line_text(app.table, 4).startswith("▌ delta")


async def test_a_title_above_the_cursor_stays_in_view() -> None:
    app = TableApp()
    app.table.is_passed = lambda row: row.name == "alpha"  # type: ignore[method-assign]
    async with app.run_test(size=(60, 2)) as pilot:
        app.table.move_to(1)
        await resize(pilot, 60, 4)
        assert [line_text(app.table, line)[2:7] for line in (1, 2)] == ["alpha", "Beta "]


async def test_sorts_by_key_by_title_and_back() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "G", "s")
        assert names(app.table) == ["alpha", "Beta", "delta", "gamma"]
        assert "Name" in line_text(app.table, 0)
        assert "▲" in line_text(app.table, 0)
        assert app.table.cursor_row == ROWS[3]
        await press(pilot, "s")
        assert names(app.table) == ["gamma", "delta", "Beta", "alpha"]
        size = next(place for place in app.table.placed if place.column.id == "size")
        await pilot.click(app.table, offset=(size.start + 1, 0))
        await pilot.pause()
        assert names(app.table) == ["gamma", "delta", "alpha", "Beta"]
        await pilot.click(app.table, offset=(size.start + 1, 0))
        await pilot.pause()
        assert names(app.table) == ["alpha", "delta", "gamma", "Beta"]
        await press(pilot, "s")
        assert names(app.table) == [row.name for row in ROWS]


async def test_filtering_keeps_the_cursor_and_counts() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "j", "j")
        app.table.set_filter(words=("TEXT",))
        await settle(pilot)
        assert names(app.table) == ["alpha", "gamma"]
        assert app.table.count_text == "2 of 4"
        assert app.table.cursor_row == ROWS[2]
        app.table.set_filter(words=("nowhere",))
        await settle(pilot)
        assert "No rows match the filter." in line_text(app.table, 2)
        app.table.set_filter()
        app.table.set_rows(())
        await settle(pilot)
        assert "No row yet." in line_text(app.table, 2)


async def test_highlights_the_match() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.table.set_filter(words=("amm",))
        await settle(pilot)
        segments = list(app.table.render_line(1))
        marked = [each.text for each in segments if each.style and each.style.underline]
        assert marked == ["amm"]


async def test_marks_single_rows_and_ranges() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "space")
        assert [row.name for row in app.table.marked()] == ["alpha"]
        assert app.table.cursor == 1
        assert "✓" in line_text(app.table, 1)
        await press(pilot, "unbound-table.range", "j")
        assert [row.name for row in app.table.chosen()] == ["alpha", "Beta", "gamma"]
        await press(pilot, "unbound-table.range")
        assert [row.name for row in app.table.marked()] == ["alpha", "Beta", "gamma"]
        app.table.set_rows(tuple(reversed(ROWS)))
        await settle(pilot)
        assert {row.name for row in app.table.marked()} == {"alpha", "Beta", "gamma"}
        await press(pilot, "escape")
        assert app.table.marked() == ()
        assert app.table.chosen() == (app.table.cursor_row,)


async def test_a_range_stays_open_while_the_same_rows_arrive_again() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "j", "unbound-table.range", "j")
        app.table.set_rows((Row("new", "text", 0), *ROWS))
        await press(pilot, "j")
        assert [row.name for row in app.table.chosen()] == ["Beta", "gamma", "delta"]
        app.table.set_rows(tuple(reversed(ROWS)))
        await settle(pilot)
        assert [row.name for row in app.table.chosen()] == ["delta"]


async def test_the_mouse_goes_marks_and_opens() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.click(app.table, offset=(6, 3))
        assert app.table.cursor_row == ROWS[2]
        await pilot.click(app.table, offset=(1, 2))
        assert app.table.marked() == (ROWS[1],)
        await pilot.click(app.table, offset=(6, 4), times=2)
        await pilot.pause()
        assert ("selected", "delta") in app.seen


async def test_narrow_tables_drop_columns_then_scroll_beside_the_first() -> None:
    app = TableApp()
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        assert "Note" in line_text(app.table, 0)
        await resize(pilot, 42, 10)
        assert "Note" not in line_text(app.table, 0)
        await resize(pilot, 26, 10)
        assert line_text(app.table, 0).endswith("›")
        await press(pilot, "right")
        assert line_text(app.table, 1).startswith("▌ alpha")
        assert "3" in line_text(app.table, 1)


async def test_fifty_thousand_rows_page_sort_and_filter() -> None:
    many = [Row(f"row {index:05}", "text", -index) for index in range(50_000)]
    app = TableApp(many)
    async with app.run_test(size=(60, 12)) as pilot:
        await press(pilot, "pagedown", "G")
        assert app.table.cursor_row == many[-1]
        assert "row 49999" in line_text(app.table, 11)
        app.table.set_sort(Sort("size"))
        await settle(pilot)
        assert app.table.cursor == 0
        app.table.set_filter(words=("777",))
        app.table.set_filter(words=("0777",))
        await settle(pilot)
        assert names(app.table)[:2] == ["row 40777", "row 30777"]


@pytest.mark.parametrize("theme", ["crmdeck-dark", "crmdeck-light", "nord", "ansi-dark"])
async def test_the_cursor_shows_without_color(theme: str) -> None:
    app = TableApp(theme=theme)
    async with app.run_test(size=(60, 10)) as pilot:
        await press(pilot, "j")
        assert line_text(app.table, 2).startswith("▌")
        row, other = (next(iter(app.table.render_line(y))) for y in (2, 1))
        assert row.style != other.style


async def test_hostile_text_stays_in_its_cell() -> None:
    app = TableApp([Row(text, text, index) for index, text in enumerate(HOSTILE)])
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        for y in range(len(HOSTILE) + 1):
            strip = app.table.render_line(y)
            assert strip.cell_length == app.table.scrollable_content_region.width
            assert "\x1b" not in strip.text
            assert "\n" not in strip.text
        assert "[bold red]brackets[/]" in line_text(app.table, 1)


async def test_a_filter_set_during_ordering_filters_those_rows() -> None:
    many = tuple(Row(f"row {number}", "text", number) for number in range(20_000))
    app = TableApp()
    async with app.run_test(size=(80, 10)) as pilot:
        await settle(pilot)
        app.table.set_sort(Sort("size", descending=True))
        app.table.set_rows(many, cursor="row 7")
        app.table.set_filter(words=["row 7"])
        await settle(pilot)
        assert app.table.total_count == len(many)
        assert app.table.cursor_key == "row 7"


async def test_tooltips_explain_signs_and_show_cut_text_whole() -> None:
    app = TableApp([Row("a" * 90, "text", 3)])
    async with app.run_test(size=(60, 10)) as pilot:
        await settle(pilot)
        signs = replace(COLUMNS[1], tooltip=lambda row: f"it is a {row.kind}")
        app.table.set_columns((COLUMNS[0], signs, *COLUMNS[2:]))
        await pilot.pause()
        name, kind, size, *_ = app.table.placed
        for cell, told in ((name, "a" * 90), (kind, "it is a text"), (size, "None")):
            await pilot.hover(Table, offset=(cell.start + 1, 1))
            assert str(app.table.tooltip) == told
