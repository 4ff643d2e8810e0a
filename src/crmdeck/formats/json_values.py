"""Typed values from outside JSON; a value of the wrong type is an error that names its key."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import pydantic_core

from crmdeck.errors import SourceError

_LARGEST = 2**31
_ANY: msgspec.json.Decoder[object] = msgspec.json.Decoder()


class MalformedError(ValueError):
    """A value of the wrong type; the caller adds the place."""


def text(record: Mapping[str, object], key: str) -> str | None:
    """Return the text under `key`; None if it is absent or null."""
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value
    raise _wrong(key, "text", value)


def empty_if_null(record: Mapping[str, object], key: str, value: str | None) -> str | None:
    """Return `value`, or an empty text if the record has `key` with null.

    A key with null states that the value is empty, so that a later value is drift. An absent key
    states nothing.
    """
    return "" if value is None and key in record else value


def stated_text(record: Mapping[str, object], key: str) -> str | None:
    """Return the text under `key`: empty if it is null, None if the key is absent."""
    return empty_if_null(record, key, text(record, key))


def name(record: Mapping[str, object], key: str = "name") -> str:
    """Return the text under `key`, which is required."""
    value = text(record, key)
    if not value:
        raise MalformedError(f"`{key}` is missing")
    return value


def flag(record: Mapping[str, object], key: str) -> bool | None:
    """Return the boolean under `key`; None if it is absent or null."""
    value = record.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise _wrong(key, "true or false", value)


def number(record: Mapping[str, object], key: str) -> int | None:
    """Return the whole number under `key`, at least 0; None if it is absent or null."""
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST:
        return value
    raise _wrong(key, "a whole number", value)


def require_unique(names: Iterable[str]) -> None:
    """Raise MalformedError if a field appears twice; CRMs ignore the case of names."""
    name, times = next(iter(Counter(map(str.casefold, names)).most_common(1)), ("", 0))
    if times > 1:
        raise MalformedError(f"the field {name} appears {times} times")


def items(record: Mapping[str, object], key: str) -> Sequence[object]:
    """Return the list under `key`; empty if it is absent."""
    value = record.get(key, ())
    if isinstance(value, list | tuple):
        return value
    raise _wrong(key, "a list", value)


def texts(record: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Return the list of texts under `key`; empty if it is absent."""
    values = items(record, key)
    texts = tuple(value for value in values if isinstance(value, str))
    if len(texts) < len(values):
        raise MalformedError(f"`{key}` should contain only text")
    return texts


def parsed(raw: msgspec.Raw) -> object:
    """Return the value of a JSON text. Raises MalformedError if it isn't JSON."""
    try:
        return _ANY.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # msgspec rejects NaN, halves of surrogate pairs and very large numbers.
        try:
            return json.loads(bytes(raw))
        except (ValueError, RecursionError):
            raise MalformedError("it is nested too deeply, or isn't JSON") from None


def record(value: object, what: str) -> Mapping[str, object]:
    """Return `value` if it is a JSON object, or the text of one."""
    if isinstance(value, msgspec.Raw):
        value = parsed(value)
    if isinstance(value, Mapping):
        return value
    raise MalformedError(f"{what} should be an object, not {_kind(value)}")


def records(value: object, what: str) -> list[Mapping[str, object]]:
    """Return a list of JSON objects.

    Raises MalformedError if `value` or one of its entries is anything else: a list never gets
    shorter because an entry can't be read.
    """
    if not isinstance(value, list | tuple):
        raise MalformedError(f"{what} should be a list, not {_kind(value)}")
    return [record(each, f"entry {index} of {what}") for index, each in enumerate(value, 1)]


def scalar(value: object) -> str | None:
    """Return a scalar as text in JSON notation; None for null."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping | list | tuple):
        raise MalformedError(f"a value should be text or a number, not {_kind(value)}")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def rest(record: Mapping[str, object], consumed: frozenset[str]) -> dict[str, object]:
    """Return the values of all keys but `consumed`, without nulls."""
    return {k: v for k, v in record.items() if v is not None and k not in consumed}


def clean(record: Mapping[str, object]) -> Mapping[str, object]:
    """Return `record` with halves of surrogate pairs replaced, which UTF-8 can't encode.

    Raises MalformedError if the record isn't JSON.
    """
    if _is_json(record):
        return record
    try:
        cleaned = _scrub(record)
    except RecursionError:
        cleaned = None
    if not isinstance(cleaned, dict) or not _is_json(cleaned):
        raise MalformedError("it is nested too deeply, or isn't JSON")
    return cleaned


def _is_json(record: object) -> bool:
    try:
        pydantic_core.to_json(record)
    except ValueError:
        return False
    return True


def _scrub(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {_scrub(key): _scrub(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub(each) for each in value]
    return value


def malformed(place: str, error: MalformedError) -> SourceError:
    """Return the SourceError for a malformed value at `place`."""
    return SourceError(
        f"{place}: {error}.",
        cause="The response doesn't match the CRM's documentation.",
        remedy="Refresh again. If it happens again, check for a proxy that changes responses.",
        code="MALFORMED_SCHEMA",
    )


def _wrong(key: str, expected: str, value: object) -> MalformedError:
    return MalformedError(f"`{key}` should be {expected}, not {_kind(value)}")


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
