"""Reading JSON from outside: what is there has the type it should have, or the place is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmdeck.errors import SourceError


class MalformedError(ValueError):
    """A value of the wrong type; the caller adds the place."""


def text(record: Mapping[str, Any], key: str) -> str | None:
    """Return the text under `key`, or None where it is absent or null."""
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _wrong(key, "text", value)


def name(record: Mapping[str, Any], key: str = "name") -> str:
    """Return the text under `key`, which must be there."""
    value = text(record, key)
    if not value:
        raise MalformedError(f"`{key}` is missing")
    return value


def flag(record: Mapping[str, Any], key: str) -> bool | None:
    """Return the boolean under `key`, or None where it is absent or null."""
    value = record.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(key, "true or false", value)


def number(record: Mapping[str, Any], key: str) -> int | None:
    """Return the whole number under `key`, or None where it is absent or null."""
    value = record.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise _wrong(key, "a whole number", value)


def items(record: Mapping[str, Any], key: str) -> Sequence[Any]:
    """Return the list under `key`; empty where it is absent or null."""
    value = record.get(key)
    if value is None:
        return ()
    if isinstance(value, list | tuple):
        return value
    raise _wrong(key, "a list", value)


def texts(record: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the list of texts under `key`; empty where it is absent or null."""
    values = tuple(items(record, key))
    if not all(isinstance(value, str) for value in values):
        raise MalformedError(f"`{key}` should hold text only")
    return values


def record(value: object, what: str) -> Mapping[str, Any]:
    """Return `value` when it is an object with keys."""
    if isinstance(value, Mapping):
        return value
    raise MalformedError(f"{what} should be an object, not {_kind(value)}")


def scalar(value: object) -> str | None:
    """Return a scalar as text the way JSON writes it, or None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def rest(record: Mapping[str, Any], consumed: frozenset[str]) -> dict[str, Any]:
    """Return what `record` says under other keys than `consumed`; null says nothing."""
    return {k: v for k, v in record.items() if v is not None and k not in consumed}


def malformed(place: str, error: MalformedError) -> SourceError:
    """Return the error for people: `place` says where the nonsense stands."""
    return SourceError(
        f"{place}: {error}.",
        cause="The description does not have the form that the CRM documents.",
        remedy="Read it again; if it stays, something between here and the CRM rewrites it.",
        code="MALFORMED_SCHEMA",
    )


def _wrong(key: str, expected: str, value: object) -> MalformedError:
    return MalformedError(f"`{key}` should be {expected}, not {_kind(value)}")


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
