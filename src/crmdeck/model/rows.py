"""Slim records of fields; there are tens of thousands of them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from crmdeck.model.enums import FieldType
from crmdeck.model.wire import wire_record


class FieldRow(NamedTuple):
    """A field of an object type, without picklist, help and native attributes.

    A named tuple, because a workspace shows 50,000 of them at once and a validated model takes ten
    times as long to build.
    """

    object_type: str
    name: str
    label: str
    type: FieldType
    native_type: str
    required: bool | None
    unique: bool | None
    custom: bool | None
    calculated: bool | None
    references: str

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return wire_record(self)


class FillRate(NamedTuple):
    """The fill rate of a field: `rate` (0 to 1) of `sampled` records, at a time in UTC."""

    rate: float
    sampled: int
    measured_at: datetime

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return wire_record(self)


class Freshness(NamedTuple):
    """When an object type was read, and when that expires; both in UTC."""

    discovered_at: datetime
    expires_at: datetime
