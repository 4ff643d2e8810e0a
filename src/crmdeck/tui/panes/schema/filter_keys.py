"""The filters of objects and fields: their keys, and the texts for words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from crmdeck.model import Severity
from crmdeck.tui.filters import (
    Filter,
    FilterKey,
    FilterKeys,
    compile_filter,
    flag_key,
    moment_of,
    one_of,
    parse,
    text_key,
    words_key,
    yes_no,
)
from crmdeck.tui.panes.schema import comparison
from crmdeck.tui.panes.schema.rows import FieldLine, ObjectLine

Now = Callable[[], datetime]

_FLAGS = ("custom", "stale", "required", "unique", "calculated")


def filter_of(kind: str, text: str, now: Now) -> Filter[Any]:
    """Return the filter for `text` in a place of that kind."""
    found: Filter[Any] = compile_filter(
        text, searched=_SEARCHED.get(kind, _value_searched), keys=keys_of(kind, now)
    )
    if found.hint or kind not in ("objects", "fields", "all", "everywhere"):
        return found
    return replace(found, hint=value_hint(text))


def keys_of(kind: str, now: Now) -> FilterKeys[Any]:
    """Return the filter keys in a place of that kind."""
    match kind:
        case "objects":
            return object_keys(now)
        case "fields" | "all":
            return field_keys(now)
        case "everywhere":
            return field_keys(now) | CONNECTION_KEYS
        case "comparison":
            return comparison.OBJECT_KEYS
        case "difference":
            return comparison.LINE_KEYS
    return {}


def object_keys(now: Now) -> dict[str, FilterKey[ObjectLine]]:
    """Return the filter keys of the object types."""
    return {
        "object": text_key(lambda line: line.key),
        "custom": flag_key(lambda line: line.summary.custom),
        "stale": flag_key(lambda line: line.summary.is_stale),
        "mapped": flag_key(lambda line: line.mapped > 0),
        "changed": _changed_key(now),
    }


def field_keys(now: Now) -> dict[str, FilterKey[FieldLine]]:
    """Return the filter keys of the fields."""
    return {
        "object": text_key(lambda line: line.row.object_type),
        "type": FilterKey(
            lambda line, wanted: (
                line.row.type.value.startswith(wanted) or one_of(line.row.native_type, wanted)
            ),
            lambda line: (line.row.type.value,),
        ),
        "custom": flag_key(lambda line: line.row.custom),
        "required": flag_key(lambda line: line.row.required),
        "unique": flag_key(lambda line: line.row.unique),
        "calculated": flag_key(lambda line: line.row.calculated),
        "ref": words_key(lambda line: (name.strip() for name in line.row.references.split(","))),
        "mapped": FilterKey(
            lambda line, wanted: is_mapped(line.mapped, wanted),
            lambda line: ("yes" if line.mapped else "no",),
        ),
        "changed": _changed_key(now),
    }


CONNECTION_KEYS: dict[str, FilterKey[FieldLine]] = {
    "connection": text_key(lambda line: line.connection),
}


def _changed_key(now: Now) -> FilterKey[Any]:
    def values(line: ObjectLine | FieldLine) -> Iterable[str]:
        worst = line.open_changes.severity if line.open_changes is not None else None
        return ("no",) if worst is None else ("yes", worst.value)

    return FilterKey(lambda line, wanted: has_changed(line, now(), wanted), values, ("7d",))


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


def _value_searched(line: Any) -> Iterable[str]:
    return line[1].value, line[1].label


_SEARCHED: dict[str, Callable[[Any], Iterable[str]]] = {
    "objects": object_searched,
    "fields": field_searched,
    "all": path_searched,
    "everywhere": everywhere_searched,
    "comparison": lambda one: (one.object_type, one.label),
    "difference": lambda line: (line.field_name, line.label),
}


def has_changed(line: ObjectLine | FieldLine, now: datetime, wanted: str) -> bool:
    """True if a row matches a value of `changed:`.

    `7d` and `12h` (within that time), `2026-05-01` (since then), `yes` and `no` (open changes), the
    severity of the worst open change.
    """
    since = moment_of(wanted, now)
    if since is not None:
        return line.changed_at is not None and line.changed_at >= since
    worst = line.open_changes.severity if line.open_changes is not None else None
    return yes_no(worst is not None, wanted) or (
        worst is not None and worst.value.startswith(wanted)
    )


_EXAMPLES = {"changed": "7d 12h 2026-05-01 yes breaking"}


def value_hint(text: str) -> str:
    """Return a hint on a value of the filter that no row can have."""
    for term in parse(text):
        for value in filter(None, term.value.split(",")):
            known = _known_values(term.key)
            if not known or any(word.startswith(value) for word in known):
                continue
            if term.key == "changed" and moment_of(value, datetime.now(UTC)) is not None:
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
