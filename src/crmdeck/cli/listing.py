"""The options of every command that lists something: format, file, order, columns and limit."""

from __future__ import annotations

import functools
import heapq
import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import typer

from crmdeck import model, workspace
from crmdeck.cli.options import ForceOption, JsonOption, OutputOption, add_options
from crmdeck.cli.output import (
    Table,
    chosen_format,
    draw_table,
    emit,
    emit_pieces,
    emit_table,
    json_text,
    say,
    write_file,
)
from crmdeck.cli.session import failing
from crmdeck.errors import UsageError
from crmdeck.text import did_you_mean, nearest

T = TypeVar("T")
Record: TypeAlias = Mapping[str, object]

FORMATS = ("table", "json", "jsonl", "csv", "tsv", "markdown")
_SUFFIXES = {
    ".txt": "table",
    ".json": "json",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".md": "markdown",
}

FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="table, json, jsonl, csv, tsv or markdown (default: by the file name, else table).",
        show_default=False,
    ),
]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Maximum number of rows.")]
SortOption = Annotated[
    str | None,
    typer.Option("--sort", metavar="COLUMN,...", help="Sort by columns; -COLUMN for descending."),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option("--columns", metavar="COLUMN,...", help="Columns to show, by their JSON names."),
]


def _wire(item: Any) -> Record:
    found: Record = item.to_wire()
    return found


@dataclass(frozen=True)
class Listing:
    """The rows, order, columns and format that the user wants of a list."""

    format: str | None = None
    output: Path | None = None
    limit: int | None = None
    sort: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    @property
    def as_json(self) -> bool:
        """True if errors and data are JSON."""
        return self.format == "json"

    @property
    def is_plain(self) -> bool:
        """True if no option limits, sorts or changes the rows and columns."""
        return not (self.limit or self.sort or self.columns)

    def require(self, known: Sequence[str]) -> None:
        """Raise UsageError if a column to show or to sort by isn't one of `known`."""
        for name in (*self.columns, *(each.removeprefix("-") for each in self.sort)):
            if name not in known:
                near = nearest(name, known, most=1)
                raise UsageError(
                    f"No column named '{name}'.",
                    cause=did_you_mean(near) if near else None,
                    remedy=f"Use one of: {', '.join(known)}",
                    code="BAD_COLUMN",
                )

    def pick(self, items: Iterable[T], record: Callable[[T], Record]) -> Sequence[T]:
        """Return the items to show, in their order; with a limit, no more than these are held."""
        if not self.sort:
            return list(islice(items, self.limit))
        names = [(column.removeprefix("-"), column.startswith("-")) for column in self.sort]

        def compare(one: tuple[T, Record], other: tuple[T, Record]) -> int:
            for name, down in names:
                left, right = one[1].get(name), other[1].get(name)
                # Both orders put rows without a value last.
                ranks = (left in (None, ""), right in (None, ""))
                if ranks[0] != ranks[1]:
                    return 1 if ranks[0] else -1
                a, b = _order(left), _order(right)
                if a != b:
                    return 1 if (a > b) is not down else -1
            return 0

        pairs, key = ((item, record(item)) for item in items), functools.cmp_to_key(compare)
        if self.limit is None:
            return [item for item, _ in sorted(pairs, key=key)]
        return [item for item, _ in heapq.nsmallest(self.limit, pairs, key=key)]

    def emit(
        self,
        items: Iterable[T],
        *,
        columns: Sequence[str],
        table: Callable[[Sequence[T]], Table],
        record: Callable[[T], Record] = _wire,
        wire: Callable[[T], Record] | None = None,
        answer: Callable[[Sequence[Record]], object] = lambda rows: rows,
    ) -> bool:
        """Write the list; True if it is a table for a reader, who also needs the messages.

        `columns` are all columns of a `record`. JSON is the `answer` made of the items in their
        `wire` shapes (default: their records). Raises UsageError for an unknown column.
        """
        self.require(columns)
        picked = self.pick(items, record)
        if self.format == "json":
            if self.columns:
                shown = [{name: record(item).get(name) for name in self.columns} for item in picked]
            else:
                shown = [dict((wire or record)(item)) for item in picked]
            self._write(json_text(answer(shown)))
        elif self.format not in (None, "table"):
            names = self.columns or columns
            self._write(workspace.render(map(record, picked), self.format or "", columns=names))
        else:
            drawn = table(picked)
            if self.columns:
                rows = [[_text(record(item).get(name)) for name in self.columns] for item in picked]
                drawn = Table(self.columns, rows)
            if self.format is None and self.output is None:
                emit_table(drawn.columns, drawn.rows, least=drawn.least, below=drawn.below)
            else:
                self._write(draw_table(drawn))
            if isinstance(items, Sized) and len(picked) < len(items):
                say(f"Showing {len(picked):,} of {len(items):,}.")
            elif len(picked) == self.limit:
                say(f"Showing the first {len(picked):,}.")
        return self.format in (None, "table")

    def _write(self, text: str) -> None:
        if self.output is not None:
            write_file(self.output, text if text.endswith("\n") else f"{text}\n")
        elif not text:
            return
        elif self.format in ("json", "table"):
            emit(text)
        else:
            emit_pieces([text])


def lists(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of every list, as its argument `listing`."""
    options = {
        "format": FormatOption,
        "output": OutputOption,
        "force": ForceOption,
        "limit": LimitOption,
        "sort": SortOption,
        "columns": ColumnsOption,
        "as_json": JsonOption,
    }

    @functools.wraps(command)
    def run(**given: Any) -> None:
        values = {name: given.pop(name, None) for name in options}
        with failing(bool(values["as_json"])):
            listing = _listing(**values)
        command(listing=listing, **given)

    add_options(run, command, options, instead_of="listing")
    return run


def wire_columns(record: type[model.WireModel], *more: str) -> tuple[str, ...]:
    """Return the wire names of a model's attributes, and `more`."""
    fields = record.model_fields.items()
    return (*(field.serialization_alias or name for name, field in fields), *more)


def _listing(
    *,
    format: str | None,
    output: Path | None,
    force: bool,
    limit: int | None,
    sort: str | None,
    columns: str | None,
    as_json: bool,
) -> Listing:
    if format is not None and format not in FORMATS:
        near = nearest(format, FORMATS, most=1)
        raise UsageError(
            f"No format named '{format}'.",
            cause=did_you_mean(near) if near else None,
            remedy=f"Use one of: {', '.join(FORMATS)}",
            code="BAD_FORMAT",
        )
    wanted = chosen_format(format, output, _SUFFIXES, as_json=as_json, force=force)
    return Listing(wanted, output, limit, _names("--sort", sort), _names("--columns", columns))


def _names(option: str, text: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    if text is not None and not names:
        raise UsageError(f"{option} has no column.", remedy=f"Enter names: {option} name,label")
    return names


def _order(value: object) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, str(_text(value)).casefold()


def _text(value: object) -> object:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
