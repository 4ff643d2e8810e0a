"""The registry of formats."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from crmdeck.errors import UsageError
from crmdeck.exports.cells import columns_of
from crmdeck.exports.csvtext import render_csv
from crmdeck.exports.jsontext import to_json
from crmdeck.exports.markdown import render_markdown
from crmdeck.exports.report import Report, Section, Table
from crmdeck.exports.tables import Exportable, columns_for, records
from crmdeck.text import count

Records: TypeAlias = Sequence[Mapping[str, object]]
Renderer: TypeAlias = Callable[[Records, Sequence[str] | None, str], str]


def render(
    records: Records, format: str, *, columns: Sequence[str] | None = None, title: str = ""
) -> str:
    """Return `records` as text in one of `FORMATS`.

    Only `columns` are written where they are given, in that order; else every key. `title`
    heads the formats that are for people. Raises UsageError for an unknown format.
    """
    if format not in FORMATS:
        raise UsageError(
            f"There is no format '{format}'.",
            remedy=f"Choose one of {', '.join(FORMATS)}.",
            code="BAD_FORMAT",
        )
    return FORMATS[format](records, columns, title)


def export(
    what: str,
    data: Exportable,
    format: str,
    *,
    title: str = "",
    names: Mapping[str, str] | None = None,
) -> str:
    """Return `data` as text: as json in its wire shape, else as the table `what`.

    One object is a JSON object and several are a list. See `crmdeck.exports.tables.records` for
    what `what` and `data` are. Raises UsageError for an unknown table or format.
    """
    columns = columns_for(what)
    if format == "json":
        return to_json(data, indent=2) + "\n"
    if format == "yaml":
        return to_yaml(json.loads(to_json(data)))
    return render(records(what, data, names), format, columns=columns, title=title)


def _render_json(rows: Records, columns: Sequence[str] | None, title: str) -> str:
    return to_json(_select(rows, columns), indent=2) + "\n"


def _render_jsonl(rows: Records, columns: Sequence[str] | None, title: str) -> str:
    return "".join(to_json(row) + "\n" for row in _select(rows, columns))


def _render_yaml(rows: Records, columns: Sequence[str] | None, title: str) -> str:
    return to_yaml(json.loads(to_json(_select(rows, columns))))


def to_yaml(value: object) -> str:
    """Return what JSON can hold as YAML, keys in their order."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, allow_unicode=True, sort_keys=False, width=1000)
    return text


def _render_html(rows: Records, columns: Sequence[str] | None, title: str) -> str:
    from crmdeck.exports.report_html import draw

    names = columns_of(rows) if columns is None else tuple(columns)
    table = Table(names, [[row.get(name) for name in names] for row in rows])
    summary = count(len(rows), "row")
    return draw(Report(title or "Export", summary, sections=[Section("", table=table)]))


def _select(rows: Records, columns: Sequence[str] | None) -> list[Mapping[str, object]]:
    if columns is None:
        return list(rows)
    return [{name: row.get(name) for name in columns} for row in rows]


FORMATS: Mapping[str, Renderer] = MappingProxyType(
    {
        "json": _render_json,
        "jsonl": _render_jsonl,
        "csv": render_csv,
        "markdown": render_markdown,
        "html": _render_html,
        "yaml": _render_yaml,
    }
)
