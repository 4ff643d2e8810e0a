"""Filtering and sorting in slices gives what filtering and sorting gives."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from crmdeck.tui.widgets.table.columns import (
    FILL,
    GAP,
    MOST_MEASURED,
    Column,
    fitted,
    measured,
    place,
    some,
)
from crmdeck.tui.widgets.table.order import RUN, Order, Plan, advance, work

Row = tuple[int, int | None]


def order(plan: Plan[Row]) -> Order:
    result = advance(work(plan), 60)
    assert result is not None
    return result


@given(st.lists(st.integers(0, 9) | st.none()), st.booleans(), st.integers(0, 9))
def test_is_a_stable_sort_with_the_keyless_last(
    keys: list[int | None], descending: bool, most: int
) -> None:
    rows: list[Row] = list(enumerate(keys))
    column: Column[Row] = Column("k", "k", lambda row: str(row[1]), sort_key=lambda row: row[1])
    result = order(
        Plan(rows, lambda row: row[1] is None or row[1] <= most, column, descending)
    ).indexes
    kept = [row for row in rows if row[1] is None or row[1] <= most]
    keyed = sorted(
        (row for row in kept if row[1] is not None), key=lambda row: row[1] or 0, reverse=descending
    )
    expected = [row[0] for row in keyed] + [row[0] for row in kept if row[1] is None]
    assert list(result) == expected


def test_merges_many_runs_and_finds_the_row_again() -> None:
    number = RUN * 5 + 7
    rows: list[Row] = [(index, index * 7919 % number) for index in range(number)]
    column: Column[Row] = Column("k", "k", lambda row: "", sort_key=lambda row: row[1])
    result = order(Plan(rows, None, column, key=lambda row: row[0], wanted=5))
    assert [rows[index][1] for index in result.indexes] == list(range(number))
    assert result.found == 5 * 7919 % number


def test_works_in_small_steps() -> None:
    rows: list[Row] = [(index, -index) for index in range(10_000)]
    column: Column[Row] = Column("k", "k", lambda row: "", sort_key=lambda row: row[1])
    assert sum(1 for _ in work(Plan(rows, lambda _: True, column))) > 100


@given(
    st.lists(st.tuples(st.none() | st.integers(4, 30), st.integers(4, 20)), min_size=1, max_size=8),
    st.integers(20, 250),
)
def test_columns_never_overlap_and_use_the_width(
    specs: list[tuple[int | None, int]], available: int
) -> None:
    columns: list[Column[Row]] = [
        Column(str(index), "", lambda row: "", width=width, least=least)
        for index, (width, least) in enumerate(specs)
    ]
    placed = place(columns, available, 2, wanted=measured(columns, ()))
    for one, next_ in itertools.pairwise(placed):
        assert one.start + one.width + GAP == next_.start
    end = placed[-1].start + placed[-1].width
    if any(width is None for width, _ in specs):
        assert end >= available
        if any(one.width > one.column.least for one in placed if one.column.width is None):
            assert end == available


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 40)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), max_size=12),
    st.integers(0, 200),
)
def test_columns_that_give_way_waste_no_cell(
    specs: list[tuple[int, int]], steps: list[tuple[int, int]], room: int
) -> None:
    columns: list[Column[Row]] = [
        Column(str(index), "T", lambda row: "", least=least, most=most)
        for index, (least, most) in enumerate(specs)
    ]
    wanted = {column.id: column.most for column in columns}
    gives = [(str(index), least) for index, least in steps if index < len(specs)]
    cells = fitted(columns, wanted, gives, room)
    used = sum(cells.values()) + GAP * max(0, len(cells) - 1)
    assert all(0 < cells[id_] <= wanted[id_] for id_ in cells)
    if used > room:
        # All gave way as far as they can.
        assert all(cells.get(id_, 0) <= max(least, 0) for id_, least in gives[-1:])
    narrowed = [id_ for id_, number in cells.items() if number < wanted[id_]]
    assert not narrowed or used >= room
    # In a wide table nothing gives way, and the last column that fills gets the rest.
    assert fitted(columns, wanted, gives, 1000) == wanted
    filling = [*columns[:-1], replace(columns[-1], most=FILL)]
    filled = fitted(filling, wanted, gives, 1000)
    assert sum(filled.values()) + GAP * (len(filled) - 1) == 1000


def test_columns_measure_texts_and_leave_out_what_no_row_needs() -> None:
    columns: list[Column[Row]] = [
        Column("sign", "", lambda row: "!" * 50, width=1, reach=lambda row: "name"),
        Column("name", "Name", lambda row: "x" * row[0], least=4, most=9),
        Column("wide", "Wide", lambda row: "日本", least=1, most=9),
        Column("key", "Key", lambda row: str(row[1]), most=9, needed=some(lambda row: row[1])),
        Column("rest", "Rest", lambda row: "long" * 9, least=3, joins="name"),
    ]
    rows: list[Row] = [(number, None) for number in (1, 7)]
    wanted = measured(columns, rows)
    assert wanted == {"sign": 1, "name": 7, "wide": 4, "key": 0, "rest": 3}
    assert measured(columns, [(1, 0)] * (MOST_MEASURED + 1))["name"] == 9
    some_columns = [columns[0], columns[1], columns[4]]
    placed = place(some_columns, 12, 2, gives=[("name", 0)], wanted=wanted)
    assert [one.column.id for one in placed] == ["sign", "rest"]
    assert placed[-1].text(rows[1]).startswith("xxxxxxx: long")
