"""Slim rows for tables of tens of thousands of fields."""

from __future__ import annotations

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
