"""Stored data as text, in pieces, so that a large export is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from crmdeck.exports.formats import stream_rows
from crmdeck.exports.jsontext import stream_wire
from crmdeck.exports.tables import Exportable, Record, columns_for, named, records
from crmdeck.model import WireModel


def stream(
    what: str, data: Exportable, format: str, *, names: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Return `data` as text, piece by piece: json as on the wire, other formats as a table.

    See `crmdeck.exports.tables.records` for `what` and `data`. One object becomes a JSON object,
    several a list. With `names` of connections by ID, json has the name after each ID.
    Raises UsageError immediately for an unknown table or format.
    """
    columns = columns_for(what)
    if format != "json":
        return stream_rows(records(what, data, names), format, columns)
    if what == "drift" and isinstance(data, Iterator):
        return stream_wire(_one_report(data, names or {}))
    if names is None or "connectionId" not in columns:
        return stream_wire(data)
    if isinstance(data, WireModel):
        return stream_wire(named(data, names))
    return stream_wire(named(item, names) for item in data)


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
