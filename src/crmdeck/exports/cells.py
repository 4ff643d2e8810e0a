"""Values as the text of table cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from crmdeck.exports.jsontext import to_json
from crmdeck.model import format_utc


def cell_text(value: object) -> str:
    """Return `value` as text: None empty, bools in lower case, times in UTC, others as JSON."""
    match value:
        case None:
            return ""
        case StrEnum():
            return value.value
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case datetime():
            return format_utc(value)
        case _:
            return to_json(value)


def with_columns(
    records: Iterable[Mapping[str, object]], columns: Sequence[str] | None
) -> tuple[Iterable[Mapping[str, object]], Sequence[str]]:
    """Return records with the columns of their table: those given, or every key."""
    if columns is not None:
        return records, columns
    # The records may be an iterator, and the first row needs the keys of the last one.
    kept = list(records)
    return kept, columns_of(kept)


def columns_of(records: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """Return every key of `records`, in order of first appearance."""
    return tuple(dict.fromkeys(key for record in records for key in record))
