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
    found: Filter[Any] = compile_filter(text, searched=_SEARCHED[kind], keys=keys_of(kind, now))
    if found.hint or kind not in ("objects", "fields", "all", "everywhere"):
        return found
    return replace(found, hint=value_hint(text))


def keys_of(kind: str, now: Now) -> FilterKeys[Any]:
    """Return the filter keys in a place of that kind."""
    match kind:
        case "objects":
            return {
                "object": text_key(lambda line: line.key),
                "custom": flag_key(lambda line: line.summary.custom),
                "stale": flag_key(lambda line: line.summary.is_stale),
                "mapped": flag_key(lambda line: line.mapped > 0),
                "changed": _changed_key(now),
            }
        case "fields" | "all":
            return _field_keys(now)
        case "everywhere":
            return _field_keys(now) | {"connection": text_key(lambda line: line.connection)}
        case "comparison":
            return comparison.OBJECT_KEYS
        case "difference":
            return comparison.LINE_KEYS
    return {}


def _field_keys(now: Now) -> dict[str, FilterKey[FieldLine]]:
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
            # `yes`, `no`, or a PartnerOS name. Shorter words are the beginnings of yes and no.
            lambda line, wanted: (
                yes_no(bool(line.mapped), wanted)
                or (len(wanted) > 3 and wanted in line.mapped.casefold())
            ),
            lambda line: ("yes" if line.mapped else "no",),
        ),
        "changed": _changed_key(now),
    }


def _changed_key(now: Now) -> FilterKey[Any]:
    """Return the key `changed:`.

    `7d` and `12h` (within that time), `2026-05-01` (since then), `yes` and `no` (open changes), the
    severity of the worst open change.
    """

    def worst(line: ObjectLine | FieldLine) -> str:
        severity = line.open_changes.severity if line.open_changes is not None else None
        return severity.value if severity is not None else ""

    def test(line: ObjectLine | FieldLine, wanted: str) -> bool:
        since, severity = moment_of(wanted, now()), worst(line)
        if since is not None:
            return line.changed_at is not None and line.changed_at >= since
        return yes_no(bool(severity), wanted) or (severity != "" and severity.startswith(wanted))

    def values(line: ObjectLine | FieldLine) -> Iterable[str]:
        return ("yes", worst(line)) if worst(line) else ("no",)

    return FilterKey(test, values, ("7d",))


def _with_object(line: FieldLine) -> tuple[str, ...]:
    row = line.row
    return row.object_type, row.name, row.label, line.mapped


_SEARCHED: dict[str, Callable[[Any], Iterable[str]]] = {
    "objects": lambda line: (line.key, line.summary.label),
    # Not the object, which all rows here share.
    "fields": lambda line: (line.row.name, line.row.label, line.mapped),
    "all": _with_object,
    "everywhere": lambda line: (*_with_object(line), line.connection),
    "field": lambda line: (line[1].value, line[1].label),
    "comparison": lambda one: (one.object_type, one.label),
    "difference": lambda line: (line.field_name, line.label),
}


def value_hint(text: str) -> str:
    """Return a hint on a value of the filter that no row can have."""
    for term in parse(text):
        for value in filter(None, term.value.split(",")):
            if term.key in _FLAGS:
                known: tuple[str, ...] = ("yes", "no", "unknown", "true", "false")
                examples = "yes no unknown"
            # At any time: this asks only if the value names a time at all.
            elif term.key == "changed" and moment_of(value, datetime.now(UTC)) is None:
                known = ("yes", "no", *(severity.value for severity in Severity))
                examples = "7d 12h 2026-05-01 yes breaking"
            else:
                continue
            if not any(word.startswith(value) for word in known):
                return f"{term.key}:{value}? Try {examples}"
    return ""
