"""The filters of objects and fields: their keys, and the texts for words. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from crmdeck.model import Severity
from crmdeck.tui.filters import Filter, KeyTest, compile_filter, one_of, parse, yes_no
from crmdeck.tui.panes.schema import comparison
from crmdeck.tui.panes.schema.rows import FieldLine, ObjectLine

Now = Callable[[], datetime]

_SPAN = re.compile(r"(\d{1,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_FLAGS = ("custom", "stale", "required", "unique", "calculated")


def filter_of(kind: str, text: str, now: Now) -> Filter[Any]:
    """Return the filter for `text` in a place of that kind."""
    match kind:
        case "objects":
            found: Filter[Any] = compile_filter(
                text, searched=object_searched, keys=object_keys(now)
            )
        case "fields":
            found = compile_filter(text, searched=field_searched, keys=field_keys(now))
        case "all":
            found = compile_filter(text, searched=path_searched, keys=field_keys(now))
        case "everywhere":
            found = compile_filter(
                text, searched=everywhere_searched, keys=field_keys(now) | CONNECTION_KEYS
            )
        case "comparison":
            found = compile_filter(
                text, searched=lambda one: (one.object_type, one.label), keys=comparison.OBJECT_KEYS
            )
        case "difference":
            found = compile_filter(
                text, searched=lambda line: (line.field_name, line.label), keys=comparison.LINE_KEYS
            )
        case _:
            found = compile_filter(text, searched=lambda line: (line[1].value, line[1].label))
    if found.hint or kind not in ("objects", "fields", "all", "everywhere"):
        return found
    return replace(found, hint=value_hint(text))


def object_keys(now: Now) -> dict[str, KeyTest[ObjectLine]]:
    """Return the filter keys of the object types."""
    return {
        "object": lambda line, wanted: one_of(line.key, wanted),
        "custom": lambda line, wanted: yes_no(line.summary.custom, wanted),
        "stale": lambda line, wanted: yes_no(line.summary.is_stale, wanted),
        "mapped": lambda line, wanted: yes_no(line.mapped > 0, wanted),
        "changed": lambda line, wanted: has_changed(line, now(), wanted),
    }


def field_keys(now: Now) -> dict[str, KeyTest[FieldLine]]:
    """Return the filter keys of the fields."""
    return {
        "object": lambda line, wanted: one_of(line.row.object_type, wanted),
        "type": lambda line, wanted: (
            line.row.type.value.startswith(wanted) or one_of(line.row.native_type, wanted)
        ),
        "custom": lambda line, wanted: yes_no(line.row.custom, wanted),
        "required": lambda line, wanted: yes_no(line.row.required, wanted),
        "unique": lambda line, wanted: yes_no(line.row.unique, wanted),
        "calculated": lambda line, wanted: yes_no(line.row.calculated, wanted),
        "ref": lambda line, wanted: any(
            one_of(name.strip(), wanted) for name in line.row.references.split(",")
        ),
        "mapped": lambda line, wanted: is_mapped(line.mapped, wanted),
        "changed": lambda line, wanted: has_changed(line, now(), wanted),
    }


CONNECTION_KEYS: dict[str, KeyTest[FieldLine]] = {
    "connection": lambda line, wanted: one_of(line.connection, wanted),
}


def object_searched(line: ObjectLine) -> Iterable[str]:
    """Return the searched texts of an object."""
    return line.key, line.summary.label


def field_searched(line: FieldLine) -> Iterable[str]:
    """Return the searched texts of a field."""
    return line.row.name, line.row.label, line.mapped


def path_searched(line: FieldLine) -> Iterable[str]:
    """Return the searched texts of a field among those of many objects."""
    row = line.row
    return row.object_type, row.name, row.label, line.mapped


def everywhere_searched(line: FieldLine) -> Iterable[str]:
    """Return the searched texts of a field among those of all connections."""
    return *path_searched(line), line.connection


def has_changed(line: ObjectLine | FieldLine, now: datetime, wanted: str) -> bool:
    """True if a row matches a value of `changed:`.

    `7d` and `12h` (within that time), `2026-05-01` (since then), `yes` and `no` (open changes), the
    severity of the worst open change.
    """
    since = _since(wanted, now)
    if since is not None:
        return line.changed_at is not None and line.changed_at >= since
    worst = line.open_changes.severity if line.open_changes is not None else None
    return yes_no(worst is not None, wanted) or (
        worst is not None and worst.value.startswith(wanted)
    )


def _since(wanted: str, now: datetime) -> datetime | None:
    span = _SPAN.fullmatch(wanted)
    if span:
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        return datetime.combine(date.fromisoformat(wanted), time(), UTC)
    except ValueError:
        return None


_EXAMPLES = {"changed": "7d 12h 2026-05-01 yes breaking"}


def value_hint(text: str) -> str:
    """Return a hint on a value of the filter that no row can have."""
    for term in parse(text):
        for value in filter(None, term.value.split(",")):
            known = _known_values(term.key)
            if not known or any(word.startswith(value) for word in known):
                continue
            if term.key == "changed" and _since(value, datetime.now(UTC)) is not None:
                continue
            return f"{term.key}:{value}? Try {_EXAMPLES.get(str(term.key), 'yes no unknown')}"
    return ""


def _known_values(key: str | None) -> tuple[str, ...]:
    if key == "changed":
        return ("yes", "no", *(severity.value for severity in Severity))
    return ("yes", "no", "unknown", "true", "false") if key in _FLAGS else ()


def is_mapped(mapped: str, wanted: str) -> bool:
    """True if a field matches a value of `mapped:`: `yes`, `no`, or a PartnerOS name."""
    return yes_no(bool(mapped), wanted) or (len(wanted) > 3 and wanted in mapped.casefold())
