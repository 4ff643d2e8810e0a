"""Filtering and sorting in slices gives what filtering and sorting gives."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from crmdeck.tui.widgets.table.columns import GAP, Column, place
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
    st.lists(
        st.tuples(st.none() | st.integers(4, 30), st.integers(4, 20), st.integers(1, 5)),
        min_size=1,
        max_size=8,
    ),
    st.integers(20, 250),
)
def test_columns_never_overlap_and_use_the_width(
    specs: list[tuple[int | None, int, int]], available: int
) -> None:
    columns: list[Column[Row]] = [
        Column(
            str(index), "", lambda row: "", width=width, min_width=least, weight=weight, shrink_to=4
        )
        for index, (width, least, weight) in enumerate(specs)
    ]
    placed = place(columns, available, 2)
    for one, next_ in itertools.pairwise(placed):
        assert one.start + one.width + GAP == next_.start
    end = placed[-1].start + placed[-1].width
    if any(width is None for width, _, _ in specs):
        assert end >= available
        if all(
            place.width > place.column.min_width for place in placed if place.column.width is None
        ):
            assert end == available
