"""The formats of records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import TypeAlias

from crmdeck.errors import UsageError
from crmdeck.exports import report_html
from crmdeck.exports.csvtext import render_csv, render_tsv
from crmdeck.exports.jsontext import json_pieces, to_json
from crmdeck.exports.markdown import render_markdown
from crmdeck.exports.report import Report, Section, Table
from crmdeck.exports.tables import Exportable, Record, columns_for, named, records
from crmdeck.exports.yamltext import to_yaml
from crmdeck.model import WireModel

Records: TypeAlias = Iterable[Mapping[str, object]]
Renderer: TypeAlias = Callable[[Records, Sequence[str], str], Iterator[str]]


def render(
    records: Records, format: str, *, columns: Sequence[str] | None = None, title: str = ""
) -> str:
    """Return `records` as text in one of `FORMATS`, with `columns` or every key.

    `title` is the heading in html and markdown. Raises UsageError for an unknown format.
    """
    renderer, rows = _renderer(format), list(records)
    if columns is None:
        columns = tuple(dict.fromkeys(key for row in rows for key in row))
    return "".join(renderer(rows, columns, title))


def stream(
    what: str, data: Exportable, format: str, *, names: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Return `data` as text, piece by piece: json and yaml in the wire shape, others as a table.

    See `crmdeck.exports.tables.records` for `what` and `data`. One object becomes a JSON object,
    several a list. With `names` of connections by ID, json and yaml add the name after each ID.
    Raises UsageError immediately for an unknown table or format.
    """
    columns = columns_for(what)
    if format in ("json", "yaml"):
        wire: object = data
        if what == "drift" and isinstance(data, Iterator):
            wire = _one_report(data, names or {})
        elif names is not None and "connectionId" in columns:
            wire = (
                named(data, names)
                if isinstance(data, WireModel)
                else (named(item, names) for item in data)
            )
        return _wire(wire) if format == "json" else _yaml(wire)
    return _renderer(format)(records(what, data, names), columns, "")


def _renderer(format: str) -> Renderer:
    if format not in FORMATS:
        raise UsageError(
            f"No format named '{format}'.",
            remedy=f"Use one of: {', '.join(FORMATS)}",
            code="BAD_FORMAT",
        )
    return FORMATS[format]


def _one_report(pages: Iterator[WireModel], names: Mapping[str, str]) -> Mapping[str, object]:
    """Return reports of drift that follow each other as one, which is read once.

    The first one's `open_changes` are those of all.
    """
    first = next(pages)
    # JSON writes the stories after the events, and each page brings stories of its own.
    later: dict[str, Record] = {}

    def events() -> Iterator[Record]:
        for page in chain([first], pages):
            wire = named(page, names)
            later.update({story["id"]: story for story in wire["stories"]})
            yield from wire["events"]

    def stories() -> Iterator[Record]:
        yield from later.values()

    return {**named(first, names), "events": events(), "stories": stories()}


def _wire(data: object) -> Iterator[str]:
    # In parts, so that an export of 50,000 fields is never one text in memory.
    if isinstance(data, Iterable) and not isinstance(data, WireModel | dict):
        data = iter(data)
    yield from json_pieces(data, partial(to_json, indent=2))
    yield "\n"


def _yaml(data: object) -> Iterator[str]:
    if isinstance(data, dict) and any(isinstance(each, Iterator) for each in data.values()):
        for key, each in data.items():
            if isinstance(each, Iterator):
                first = next(each, None)
                if first is not None:
                    # A list has the indent of its key.
                    yield f"{key}:\n"
                    yield from _yaml(chain([first], each))
                    continue
                each = ()
            yield to_yaml({key: json.loads(to_json(each))})
        return
    if isinstance(data, WireModel | dict) or not isinstance(data, Iterable):
        yield to_yaml(json.loads(to_json(data)))
        return
    empty = True
    for each in data:
        yield to_yaml([json.loads(to_json(each))])
        empty = False
    if empty:
        yield to_yaml([])


def _render_jsonl(rows: Records, columns: Sequence[str], title: str) -> Iterator[str]:
    for row in _select(rows, columns):
        # Lists and objects of different shapes have no common type in a data frame.
        flat = {
            name: to_json(value) if isinstance(value, Mapping | list | tuple) else value
            for name, value in row.items()
        }
        yield to_json(flat) + "\n"


def _render_html(rows: Records, columns: Sequence[str], title: str) -> Iterator[str]:
    table = Table(tuple(columns), ([row.get(name) for name in columns] for row in rows))
    return report_html.draw(Report(title or "Export", "", sections=[Section("", table=table)]))


def _select(rows: Records, columns: Sequence[str]) -> Records:
    return ({name: row.get(name) for name in columns} for row in rows)


FORMATS: Mapping[str, Renderer] = MappingProxyType(
    {
        "json": lambda rows, columns, title: _wire(_select(rows, columns)),
        "jsonl": _render_jsonl,
        "csv": render_csv,
        "tsv": render_tsv,
        "markdown": render_markdown,
        "html": _render_html,
        "yaml": lambda rows, columns, title: _yaml(_select(rows, columns)),
    }
)
