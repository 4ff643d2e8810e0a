"""The formats of records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from crmdeck.errors import UsageError
from crmdeck.exports import report_html
from crmdeck.exports.cells import with_columns
from crmdeck.exports.csvtext import render_csv, render_tsv
from crmdeck.exports.jsontext import to_json
from crmdeck.exports.markdown import render_markdown
from crmdeck.exports.report import Report, Section, Table
from crmdeck.exports.tables import Exportable, columns_for, named, records
from crmdeck.exports.yamltext import to_yaml
from crmdeck.model import WireModel

Records: TypeAlias = Iterable[Mapping[str, object]]
Renderer: TypeAlias = Callable[[Records, Sequence[str] | None, str], Iterator[str]]


def render(
    records: Records, format: str, *, columns: Sequence[str] | None = None, title: str = ""
) -> str:
    """Return `records` as text in one of `FORMATS`, with `columns` or every key.

    `title` is the heading in html and markdown. Raises UsageError for an unknown format.
    """
    return "".join(_renderer(format)(records, columns, title))


def stream(
    what: str,
    data: Exportable,
    format: str,
    *,
    title: str = "",
    names: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Return `data` as text, piece by piece: json and yaml in the wire shape, others as a table.

    See `crmdeck.exports.tables.records` for `what` and `data`. One object becomes a JSON object,
    several a list. With `names` of connections by ID, json and yaml add the name after each ID.
    Raises UsageError immediately for an unknown table or format.
    """
    columns = columns_for(what)
    wire: object = data
    if names is not None and "connectionId" in columns:
        wire = (
            named(data, names)
            if isinstance(data, WireModel)
            else (named(item, names) for item in data)
        )
    if format == "json":
        return _wire(wire)
    if format == "yaml":
        return _yaml(wire)
    return _renderer(format)(records(what, data, names), columns, title)


def export(
    what: str,
    data: Exportable,
    format: str,
    *,
    title: str = "",
    names: Mapping[str, str] | None = None,
) -> str:
    """Return the text of `stream`."""
    return "".join(stream(what, data, format, title=title, names=names))


def _renderer(format: str) -> Renderer:
    if format not in FORMATS:
        raise UsageError(
            f"No format named '{format}'.",
            remedy=f"Use one of: {', '.join(FORMATS)}",
            code="BAD_FORMAT",
        )
    return FORMATS[format]


def _wire(data: object) -> Iterator[str]:
    """Yield JSON with an indent of two, one element of a list at a time."""
    if isinstance(data, WireModel | dict) or not isinstance(data, Iterable):
        yield to_json(data, indent=2) + "\n"
        return
    before = "[\n  "
    for each in data:
        # Element by element, so that an export of 50,000 fields is never one text in memory.
        yield before + to_json(each, indent=2).replace("\n", "\n  ")
        before = ",\n  "
    yield "\n]\n" if before.startswith(",") else "[]\n"


def _yaml(data: object) -> Iterator[str]:
    if isinstance(data, WireModel | dict) or not isinstance(data, Iterable):
        yield to_yaml(json.loads(to_json(data)))
        return
    empty = True
    for each in data:
        yield to_yaml([json.loads(to_json(each))])
        empty = False
    if empty:
        yield to_yaml([])


def _render_json(rows: Records, columns: Sequence[str] | None, title: str) -> Iterator[str]:
    return _wire(_select(rows, columns))


def _render_jsonl(rows: Records, columns: Sequence[str] | None, title: str) -> Iterator[str]:
    # Lists and objects of different shapes have no common type in a data frame.
    flat = ({k: _flat(v) for k, v in row.items()} for row in _select(rows, columns))
    return (to_json(row) + "\n" for row in flat)


def _flat(value: object) -> object:
    return to_json(value) if isinstance(value, Mapping | list | tuple) else value


def _render_yaml(rows: Records, columns: Sequence[str] | None, title: str) -> Iterator[str]:
    return _yaml(_select(rows, columns))


def _render_html(rows: Records, columns: Sequence[str] | None, title: str) -> Iterator[str]:
    rows, columns = with_columns(rows, columns)
    names = tuple(columns)
    table = Table(names, ([row.get(name) for name in names] for row in rows))
    return report_html.draw(Report(title or "Export", "", sections=[Section("", table=table)]))


def _select(rows: Records, columns: Sequence[str] | None) -> Records:
    if columns is None:
        return rows
    return ({name: row.get(name) for name in columns} for row in rows)


FORMATS: Mapping[str, Renderer] = MappingProxyType(
    {
        "json": _render_json,
        "jsonl": _render_jsonl,
        "csv": render_csv,
        "tsv": render_tsv,
        "markdown": render_markdown,
        "html": _render_html,
        "yaml": _render_yaml,
    }
)
