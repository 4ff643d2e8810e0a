"""Names of the demo in all panes: whole while their row has room, and no two rows alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.style import Style

from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.pictures.screenshots import MOMENT
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.text import ELLIPSIS
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.table.strips import Look, RowState, row_strip
from crmdeck.workspace import open_demo
from tests.tui.pilot import resize, settle

NONE = Style()
LOOK = Look(NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, lambda _: NONE)
WIDTHS = (80, 120, 200)
PLACES = {
    "drift": ("3", {"where"}),
    "mapping": ("4", {"field", "crm"}),
    "objects": ("2", {"object"}),
    "all fields": ("asterisk", {"name"}),
    "health": ("1", {"connection"}),
    "connections": ("full_stop", {"name", "state"}),
    "audit": ("5", {"at"}),
    "audit of all": ("asterisk", {"at"}),
}
"""Where names stand: the key that goes there, and the columns that hold them."""


def drawn(table: Table[Any], ids: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield of every row, on screen or not: how it looks, and each name with how it looks."""
    placed = table.placed
    assert ids & {one.column.id for one in placed}
    for row in table.shown():
        strip = row_strip(row, placed, RowState(), (), LOOK).text
        for one in placed:
            if one.column.id in ids:
                yield strip, one.column.text(row), strip[one.start :]


async def test_no_name_of_the_demo_is_cut_and_no_two_rows_look_alike(tmp_path: Path) -> None:
    with open_demo(folder=tmp_path / "demo", at=MOMENT) as workspace:
        app = CrmdeckApp(workspace, still=True)
        async with app.run_test(size=(WIDTHS[0], 30)) as pilot:
            await settle(pilot)
            screen = app.screen
            assert isinstance(screen, MainScreen)
            screen.show_connection(workspace.connections.get("acme-prod").id)
            for name, (key, ids) in PLACES.items():
                await pilot.press(key)
                await settle(pilot)
                for width in WIDTHS:
                    await resize(pilot, width, 30)
                    hold(screen, f"{name} at {width}", ids)


def hold(screen: MainScreen, where: str, ids: set[str]) -> None:
    """Hold that each name is whole in its row, and that rows differ."""
    assert screen.pane is not None
    table = next(one for one in screen.pane.query(Table) if one.display and one.total_count)
    rows = list(drawn(table, ids))
    assert rows, where
    assert not table.max_scroll_x, f"{where}: the table is wider than its frame"
    for strip, name, cell in rows:
        assert name in cell, f"{where}: {strip}"
        if not where.startswith("all fields"):
            # What happened, and what is to be known, is said more briefly, and not cut; where no
            # words are left to spare, a name is cut in its middle.
            cut = f"{ELLIPSIS} " if where.startswith("audit") else ELLIPSIS
            assert cut not in f"{strip} ", f"{where}: {strip}"
    looks = [strip for strip, *_ in rows if not where.startswith("audit")]
    alike = [one for one in set(looks) if looks.count(one) > len(ids)]
    assert not alike, f"{where}: {alike[:3]}"
