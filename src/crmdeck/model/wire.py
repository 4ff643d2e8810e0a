"""The base of every model: frozen, camelCase on the wire, UTC times with milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel


def to_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; one without a zone is UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_utc(moment: datetime) -> str:
    """Return `moment` in wire format: `2026-05-16T12:00:00.000Z`."""
    return to_utc(moment).isoformat(timespec="milliseconds")[:-6] + "Z"


UtcTime = Annotated[
    datetime,
    AfterValidator(to_utc),
    PlainSerializer(format_utc, return_type=str, when_used="json"),
]


def as_wire(value: object) -> object:
    """Return `value` as JSON values under wire names: a dataclass or named tuple as an object.

    Keys that are tuples are joined by dots. Raises TypeError for a value that has no API format.
    """
    match value:
        case None | bool() | int() | float():
            return value
        # Before text: a StrEnum is a str as well.
        case Enum():
            return value.value
        case str():
            return str(value)
        case datetime():
            return format_utc(value)
        case WireModel():
            return value.to_wire()
        case BaseModel():
            return value.model_dump(mode="json", by_alias=True)
        case Mapping():
            return {_key(key): as_wire(each) for key, each in value.items()}
        case tuple() if hasattr(value, "_asdict"):
            return wire_record(value)
        case set() | frozenset():
            # A set has another order in each process.
            return sorted(map(as_wire, value), key=str)
        case list() | tuple():
            return [as_wire(each) for each in value]
    if hasattr(value, "to_wire") and not is_dataclass(value):
        return value.to_wire()
    return wire_record(value)


def wire_record(record: object) -> dict[str, object]:
    """Return a dataclass or named tuple as a JSON object under its wire names.

    Attributes that a `repr` hides are left out. Raises TypeError for anything else.
    """
    if is_dataclass(record):
        names = [each.name for each in fields(record) if each.repr]
    elif isinstance(record, tuple) and hasattr(record, "_fields"):
        names = list(record._fields)
    else:
        raise TypeError(f"{type(record).__name__} has no API format")
    return {to_camel(name): as_wire(getattr(record, name)) for name in names}


def _key(key: object) -> str:
    return ".".join(map(str, key)) if isinstance(key, tuple) else str(as_wire(key))


class WireModel(BaseModel):
    """A frozen record that reads snake_case and camelCase and writes camelCase."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        # A start uses only a few of the models.
        defer_build=True,
    )

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return self.model_dump(mode="json", by_alias=True)

    def to_json(self) -> str:
        """Return the record as compact JSON under its wire names."""
        return self.model_dump_json(by_alias=True)

    @classmethod
    def from_wire(cls, data: object) -> Self:
        """Return the record in `data`, a mapping under wire names."""
        return cls.model_validate(data)
