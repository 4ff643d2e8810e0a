"""Numbers of rows by kind, severity, author and the like, as bars to filter by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.filters import MOST_OFFERS, FilterSource
from crmdeck.tui.widgets.table import Column

R = TypeVar("R")

BAR_CELLS = 16


class Count(NamedTuple):
    """A value of a filter key, the number of its rows, and the most of any value of the key.

    `words` are what the screen shows for the value.
    """

    key: str
    value: str
    words: str
    rows: int
    most: int
    is_first: bool

    @property
    def bar(self) -> str:
        return "█" * max(1, round(BAR_CELLS * self.rows / self.most))


COLUMNS: tuple[Column[Choice[Count]], ...] = (
    Column(
        "key",
        "",
        lambda choice: choice.value.key if choice.value.is_first else "",
        style=lambda _: "muted",
        width=10,
    ),
    Column("value", "", lambda choice: choice.label, least=16),
    Column(
        "rows", "", lambda choice: f"{choice.value.rows:,}", width=7, align="right", searched=False
    ),
    Column(
        "bar",
        "",
        lambda choice: choice.value.bar,
        style=lambda _: "accent",
        width=BAR_CELLS,
        searched=False,
    ),
)


def counts(source: FilterSource[R], names: Iterable[str]) -> Iterator[Count]:
    """Yield the values of some filter keys, those with the most rows first. Reads all rows once."""
    keys = {name: source.keys[name] for name in names if name in source.keys}
    counted: dict[str, Counter[str]] = {name: Counter() for name in keys}
    for row in source.rows:
        for name, key in keys.items():
            # A set, because a row is counted once for each of its values.
            counted[name].update({value for value in key.values(row) if value})
    for name, values in counted.items():
        found = values.most_common(MOST_OFFERS)
        for place, (value, rows) in enumerate(found):
            yield Count(name, value, keys[name].words(value), rows, found[0][1], place == 0)


def choose_count(title: str) -> Choose[Count]:
    """Return the dialog, which answers with a `Count`; fill it with `count_choices`."""
    return Choose(title, None, columns=COLUMNS, text="Of the rows shown. Enter filters by a value.")


def count_choices(source: FilterSource[R], keys: Iterable[str]) -> tuple[Choice[Count], ...]:
    """Return the rows of the dialog. Reads all rows of the source."""
    return tuple(Choice(one, one.words, one.key) for one in counts(source, keys))
