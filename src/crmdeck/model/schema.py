"""Schemas: what a CRM says of its object types and fields, the same for every platform."""

from __future__ import annotations

from typing import Any

import pydantic

from crmdeck.model.enums import FieldType, ScopeMode
from crmdeck.model.wire import UtcTime, WireModel


class PicklistValue(WireModel):
    """One value of a picklist; `value` is what the API stores, `label` what people see."""

    value: str
    label: str = ""
    active: bool = True
    default: bool = False


class Field(WireModel):
    """One field of an object type.

    `None` means that the source did not say: it is never compared and never guessed.
    `length` counts characters, `precision` and `scale` count digits. `default` is the default
    value as text. `compound` names the shell that a part belongs to (Salesforce `Name`,
    `BillingAddress`). `native` keeps what else the CRM said, verbatim.
    """

    name: str
    label: str = ""
    type: FieldType = FieldType.OTHER
    native_type: str = ""
    description: str | None = None
    required: bool | None = None
    readable: bool | None = None
    createable: bool | None = None
    updateable: bool | None = None
    unique: bool | None = None
    external_id: bool | None = None
    calculated: bool | None = None
    formula: str | None = None
    custom: bool | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    picklist: tuple[PicklistValue, ...] = ()
    restricted: bool | None = None
    references: tuple[str, ...] = ()
    compound: str | None = None
    default: str | None = None
    group: str | None = None
    archived: bool | None = None
    native: dict[str, Any] = pydantic.Field(default_factory=dict)


class ObjectSchema(WireModel):
    """One object type with all its fields, as one discovery saw it."""

    object_type: str
    label: str = ""
    custom: bool | None = None
    fields: tuple[Field, ...] = ()
    native: dict[str, Any] = pydantic.Field(default_factory=dict)


class Scope(WireModel):
    """What a refresh asks for; stored with each snapshot.

    `include` names the object types of the mode `named` and widens `mappable`; `exclude`
    narrows every mode. Names are compared exactly.
    """

    mode: ScopeMode = ScopeMode.MAPPABLE
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class SnapshotInfo(WireModel):
    """One discovery of one object type, without its fields. Never changed once written.

    `validator` is what lets the source answer "unchanged" next time: an HTTP date, a digest.
    """

    id: str
    connection_id: str
    refresh_id: str
    object_type: str
    label: str = ""
    custom: bool | None = None
    field_count: int
    custom_field_count: int = 0
    schema_hash: str
    structural_hash: str
    content_hash: str
    discovered_at: UtcTime
    expires_at: UtcTime
    validator: str | None = None


class Snapshot(WireModel):
    """One discovery of one object type with its fields."""

    info: SnapshotInfo
    fields: tuple[Field, ...]
    native: dict[str, Any] = pydantic.Field(default_factory=dict)


class ObjectSummary(WireModel):
    """One line of `GET /integrations/{id}/schema`."""

    object_type: str
    label: str
    custom: bool | None
    field_count: int
    schema_hash: str
    discovered_at: UtcTime
    expires_at: UtcTime
    is_stale: bool


class SchemaSummary(WireModel):
    """The answer of `GET /integrations/{id}/schema`."""

    objects: tuple[ObjectSummary, ...]


class ObjectDetail(WireModel):
    """The answer of `GET /integrations/{id}/schema?objectType=T`."""

    object_type: str
    fields: tuple[Field, ...]
    schema_hash: str
    discovered_at: UtcTime
    expires_at: UtcTime
    is_stale: bool


class SchemaStats(WireModel):
    """What the cache holds of a connection, in numbers."""

    object_count: int = 0
    field_count: int = 0
    custom_field_count: int = 0
    stale_object_count: int = 0
    failed_object_count: int = 0
    last_discovered_at: UtcTime | None = None
    next_expiry_at: UtcTime | None = None
