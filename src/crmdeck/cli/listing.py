"""The options of every command that lists something: format, file, order, columns and limit."""

from __future__ import annotations

import functools
import heapq
import json
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice, starmap
from operator import methodcaller
from tempfile import TemporaryFile
from typing import Any, TypeAlias, TypeVar

from crmdeck import model, workspace
from crmdeck.cli.options import LISTED
from crmdeck.cli.output import (
    Cells,
    Output,
    TextTable,
    cell,
    emit,
    emit_table,
    ending_line,
    filtered,
    say,
    write_file,
)
from crmdeck.errors import UsageError
from crmdeck.text import did_you_mean, nearest

T = TypeVar("T")
Record: TypeAlias = Mapping[str, object]

_SUFFIXES = {".txt": "table"} | {
    suffix: name for suffix, name in workspace.SUFFIXES.items() if name in LISTED
}
_SORTED_AT_ONCE = 10_000
_MERGED_AT_ONCE = 50
# A value sorts by kind, number and text: numbers before texts, and blanks after both.
_BLANK = (2, 0.0, "")


@dataclass
class Listing(Output):
    """The rows, order, columns and format that the user wants of a list."""

    limit: int | None = None
    sort: str | None = None
    columns: str | None = None
    order: tuple[str, ...] = field(init=False)
    shown: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in LISTED:
            raise _unknown("format", self.format, LISTED)
        self.format = self.resolve(_SUFFIXES)
        self.as_json = self.format == "json"
        self.order = _names("--sort", self.sort)
        self.shown = _names("--columns", self.columns)

    @property
    def is_plain(self) -> bool:
        """True if no option limits, sorts or changes the rows and columns."""
        return not (self.limit or self.order or self.shown)

    def require(self, known: Sequence[str]) -> None:
        """Raise UsageError if a column to show or to sort by isn't one of `known`."""
        for name in (*self.shown, *(each.removeprefix("-") for each in self.order)):
            if name not in known:
                raise _unknown("column", name, known)

    def pick(self, items: Iterable[T], record: Callable[[T], Record]) -> Iterable[T]:
        """Return the items to show, in their order.

        No more than these are in memory, and to sort an iterator without a limit a part of them.
        """
        if not self.order:
            return islice(items, self.limit)
        names = [(column.removeprefix("-"), column.startswith("-")) for column in self.order]

        def order(item: T) -> list[tuple[int, float, str]]:
            row = record(item)
            return [_order(row.get(name)) for name, _ in names]

        # A comparison instead of a sort key, because no key of a text sorts in descending order.
        def compare(one: tuple[T, Any], other: tuple[T, Any]) -> int:
            for a, b, (_, down) in zip(one[1], other[1], names, strict=True):
                if a != b:
                    # Both orders put rows without a value last.
                    return 1 if (a > b) is not (down and _BLANK not in (a, b)) else -1
            return 0

        pairs, key = ((item, order(item)) for item in items), functools.cmp_to_key(compare)
        if self.limit is not None:
            ordered: Iterable[tuple[T, object]] = heapq.nsmallest(self.limit, pairs, key=key)
        elif isinstance(items, Sized):
            ordered = sorted(pairs, key=key)
        else:
            ordered = _sort_on_disk(pairs, key)
        return (item for item, _ in ordered)

    def emit(
        self,
        items: Iterable[T],
        *,
        columns: Sequence[str],
        table: Cells | Callable[[Any], TextTable],
        least: Sequence[str] = (),
        below: str | None = None,
        record: Callable[[T], Record] = methodcaller("to_wire"),
        wire: Callable[[T], Record] | None = None,
        answer: Callable[[Any], object] = lambda rows: rows,
    ) -> bool:
        """Write the list; True if a reader gets a table and also needs the messages.

        `columns` are all columns of a `record`. JSON is the `answer` made of the items in their
        `wire` shapes (default: their records). `table` is what the table has of each item, with
        `least` and `below` of `TextTable`, or makes it of all. Items of an iterator are written
        while they are read: `table` and `answer` get iterators, otherwise lists. Raises UsageError
        for an unknown column.
        """
        self.require(columns)
        number = 0
        # A table is for a reader; what reads a pipe gets the same as from --format csv.
        piped = self.format is None and self.output is None and not sys.stdout.isatty()
        format = "csv" if piped else self.format

        # Counted while it is written, because an iterator has no length.
        def count_each(items: Iterable[T]) -> Iterator[T]:
            nonlocal number
            for item in items:
                number += 1
                yield item

        is_whole = isinstance(items, Sized)
        collect: Callable[[Iterable[Any]], Any] = list if is_whole else iter
        picked = count_each(self.pick(items, record))
        # A list that can't be read fails here, before its header is written.
        picked = chain(list(islice(picked, 1)), picked)
        if format == "json":
            dumps = partial(json.dumps, indent=2)
            if self.shown:
                rows = ({name: record(item).get(name) for name in self.shown} for item in picked)
            else:
                rows = (dict((wire or record)(item)) for item in picked)
            self._write(filtered(workspace.json_pieces(answer(collect(rows)), dumps)))
        elif format not in (None, "table"):
            self._write(workspace.stream_rows(map(record, picked), format, self.shown or columns))
        else:
            if self.shown:
                values = ([_text(record(item).get(n)) for n in self.shown] for item in picked)
                drawn = TextTable(self.shown, values)
            elif isinstance(table, Mapping):
                drawn = TextTable.of(collect(picked), table, least, below)
            else:
                drawn = table(collect(picked))
            if self.format is None and self.output is None:
                emit_table(drawn)
            else:
                from crmdeck.cli import tables

                cells = ([cell(value) for value in row] for row in drawn.rows)
                self._write([tables.draw(drawn.columns, list(cells))])
        if self.format in (None, "table"):
            if isinstance(items, Sized) and number < len(items):
                say(f"Showing {number:,} of {len(items):,}.")
            elif number == self.limit:
                say(f"Showing the first {number:,}.")
        return self.format in (None, "table")

    def _write(self, pieces: Iterable[str]) -> None:
        found = iter(pieces)
        # An expression of --jq can leave nothing, and then not even a line break is written.
        start = next(filter(None, found), "")
        if self.output is not None:
            write_file(self.output, ending_line(chain([start], found)))
        elif not start:
            return
        else:
            emit(chain([start], found), exactly=self.format not in ("json", "table"))


def wire_columns(record: type[model.WireModel], *more: str) -> tuple[str, ...]:
    """Return the wire names of a model's attributes, and `more`."""
    fields = record.model_fields.items()
    return (*(field.serialization_alias or name for name, field in fields), *more)


def _unknown(kind: str, name: str, known: Sequence[str]) -> UsageError:
    near = nearest(name, known, most=1)
    return UsageError(
        f"No {kind} named '{name}'.",
        cause=did_you_mean(near) if near else None,
        remedy=f"Use one of: {', '.join(known)}",
        code=f"BAD_{kind.upper()}",
    )


def _names(option: str, text: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    if text is not None and not names:
        raise UsageError(f"{option} has no column.", remedy=f"Enter names: {option} name,label")
    return names


def _sort_on_disk(pairs: Iterator[T], key: Callable[[T], Any]) -> Iterator[T]:
    """Yield the pairs in order: sort parts of them into a temporary file, then merge these."""
    with TemporaryFile(prefix="crmdeck-") as file:
        parts: list[tuple[int, int]] = []
        while part := sorted(islice(pairs, _SORTED_AT_ONCE), key=key):
            start = file.tell()
            # In small batches, because merging has one batch of each part in memory.
            for first in range(0, len(part), _MERGED_AT_ONCE):
                pickle.dump(part[first : first + _MERGED_AT_ONCE], file)
            parts.append((start, file.tell()))

        def read(position: int, end: int) -> Iterator[T]:
            while position < end:
                file.seek(position)
                found: list[T] = pickle.load(file)  # noqa: S301, written above.
                position = file.tell()
                yield from found

        yield from heapq.merge(*starmap(read, parts), key=key)


def _order(value: object) -> tuple[int, float, str]:
    if value in (None, ""):
        return _BLANK
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, str(_text(value)).casefold()


def _text(value: object) -> object:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
