"""Names of a real org in the search over all fields: whole while their row has room, none alike."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.style import Style

from crmdeck.model import FieldRow, FieldType
from crmdeck.tui.panes.schema.fields import all_columns
from crmdeck.tui.panes.schema.rows import FieldLine
from crmdeck.tui.widgets.table.columns import measured, place
from crmdeck.tui.widgets.table.strips import GUTTER, Look, RowState, row_strip

DATA = Path(__file__).parents[2].parent / "shared" / "data"
EXPORT = DATA / "salesforce" / "org-b" / "all-objects.3.json.gz"
NOW = datetime(2026, 5, 16, 12, tzinfo=UTC)
LONGEST = 300
"""How many of the longest names are drawn; shorter ones have more room."""

NONE = Style()
LOOK = Look(NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, lambda _: NONE)


@pytest.fixture(scope="module")
def lines() -> tuple[FieldLine, ...]:
    """All fields of the org."""
    if not EXPORT.exists():
        pytest.skip("there are no real schemas here")
    objects = json.loads(gzip.decompress(EXPORT.read_bytes()))
    return tuple(
        FieldLine(row(one["name"], field["name"], field["label"]), "", None, None)
        for one in objects
        for field in one["fields"]
    )


def row(object_type: str, name: str, label: str) -> FieldRow:
    """Return a field of which only its names matter."""
    return FieldRow(
        object_type, name, label, FieldType.STRING, "string", None, None, None, None, ""
    )


@pytest.mark.parametrize("width", [80, 100, 120, 140, 200])
def test_no_name_is_cut_and_no_two_rows_look_alike(
    lines: tuple[FieldLine, ...], width: int
) -> None:
    columns, gives = all_columns(lambda: NOW, lines)
    texts = [columns[0].text(line) for line in lines]
    assert len(set(texts)) == len(lines)
    placed = place(columns, width, GUTTER, gives=gives, wanted=measured(columns, lines))
    longest = sorted(lines, key=lambda line: len(columns[0].text(line)))[-LONGEST:]
    for line in longest:
        drawn = row_strip(line, placed, RowState(), (), LOOK).text
        assert line.row.object_type in drawn
        assert line.row.name in drawn
        assert len(drawn) <= width
