"""Slim records of fields, which there are tens of thousands of."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from crmdeck.model.enums import FieldType


class FieldRow(NamedTuple):
    """One field of one object type, without picklist, help and native attributes.

    A named tuple, since a workspace shows 50,000 of them at once and a validated model costs
    ten times as much to build.
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


class FillRate(NamedTuple):
    """How full a field is: `rate` (0 to 1) of `sampled` records, measured at a moment (UTC)."""

    rate: float
    sampled: int
    measured_at: datetime


class Freshness(NamedTuple):
    """When an object type was discovered, and until when that holds; both in UTC."""

    discovered_at: datetime
    expires_at: datetime
