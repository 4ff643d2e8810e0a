"""Schemas: what a CRM says of its object types and fields, the same for every platform."""

from __future__ import annotations

import re
from typing import Any

import pydantic

from crmdeck.model.enums import FieldType, RuleKind, ScopeMode
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

    `type_exact` is False where the source left out what tells a currency from a number or a
    reference from a list: the type is then the coarser one. `nillable` says whether a record
    may hold no value, `required` whether one can be created without. `controller` names the
    field whose value decides which picklist values may be chosen, the empty text that there is
    none; `allowed_values` lists them for each value of that field.
    """

    name: str
    label: str = ""
    type: FieldType = FieldType.OTHER
    native_type: str = ""
    type_exact: bool | None = None
    description: str | None = None
    required: bool | None = None
    nillable: bool | None = None
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
    controller: str | None = None
    allowed_values: dict[str, tuple[str, ...]] | None = None
    references: tuple[str, ...] = ()
    relationship_name: str | None = None
    filterable: bool | None = None
    id_lookup: bool | None = None
    encrypted: bool | None = None
    case_sensitive: bool | None = None
    auto_number: bool | None = None
    compound: str | None = None
    default: str | None = None
    group: str | None = None
    archived: bool | None = None
    native: dict[str, Any] = pydantic.Field(default_factory=dict)


class RecordType(WireModel):
    """One record type of an object type; `available` and `default` hold for this user."""

    name: str
    label: str = ""
    active: bool = True
    available: bool | None = None
    default: bool | None = None


class Rule(WireModel):
    """What a CRM checks on a write besides the types of the fields.

    `name` is unique within its object type. `fields` are those that it looks at as far as that
    is known, `field` the one that an error is shown at, `expression` the condition or formula in
    the CRM's own words, `message` what the CRM answers to a write that breaks it.
    """

    name: str
    kind: RuleKind
    fields: tuple[str, ...] = ()
    field: str | None = None
    message: str = ""
    expression: str = ""
    active: bool = True

    @property
    def place(self) -> str | None:
        """The one field that the rule is about, None where it is about several or the record."""
        if self.field is not None:
            return self.field
        return self.fields[0] if len(self.fields) == 1 else None

    @property
    def demand(self) -> str:
        """What it asks of a value, in words: `required when dealstage is closedwon`."""
        if self.kind is RuleKind.VALIDATION:
            told = f": {self.message.rstrip('.')}" if self.message else ""
            return f"refused by rule {self.name}{told}"
        if self.kind is RuleKind.REQUIRED:
            return "required on every write"
        if self.kind is RuleKind.CONDITIONAL:
            return f"required when {self.expression or self.message or 'a condition holds'}"
        return _value_demand(self.expression) or self.message or f"has to pass {self.name}"


_VALUE_RULE = re.compile(r"([A-Z_]+)\((.*)\)", re.DOTALL)
# HubSpot, "Property validations": rule types that say most; others are told as they are.
_VALUE_DEMANDS = {
    "MIN_NUMBER": "has to be {0} or more",
    "MAX_NUMBER": "has to be {0} or less",
    "MIN_LENGTH": "has to have {0} characters or more",
    "MAX_LENGTH": "has to have {0} characters or fewer",
    "REGEX": "has to match {0}",
    "DECIMAL": "has to have {0} decimals or fewer",
    "ALPHANUMERIC": "may hold letters and digits only ({0})",
}
_DIGITS_ONLY = "ALPHANUMERIC(NUMERIC_ONLY)"


def _value_demand(expression: str) -> str:
    """Return what a rule about values asks for: `has to be 0 or more` for `MIN_NUMBER(0)`."""
    if expression == _DIGITS_ONLY:
        return "may hold digits only"
    match = _VALUE_RULE.fullmatch(expression)
    if match is None or match[1] not in _VALUE_DEMANDS:
        return f"has to pass {expression}" if expression else ""
    return _VALUE_DEMANDS[match[1]].format(match[2])


class ObjectSchema(WireModel):
    """One object type with all its fields, as one discovery saw it; None means not said.

    `createable`, `updateable`, `deletable` and `queryable` hold for this connection's user.
    `rules` are None where they could not be read.
    """

    object_type: str
    label: str = ""
    custom: bool | None = None
    plural: str | None = None
    createable: bool | None = None
    updateable: bool | None = None
    deletable: bool | None = None
    queryable: bool | None = None
    custom_setting: bool | None = None
    record_types: tuple[RecordType, ...] | None = None
    rules: tuple[Rule, ...] | None = None
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

    `object_hash` is None in a snapshot that was taken before crmdeck looked at it, `rules_hash`
    also where the rules could not be read.
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
    object_hash: str | None = None
    rules_hash: str | None = None
    content_hash: str
    discovered_at: UtcTime
    expires_at: UtcTime


class Snapshot(WireModel):
    """One discovery of one object type with what it saw."""

    info: SnapshotInfo
    content: ObjectSchema

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields in the order of the CRM."""
        return self.content.fields

    @property
    def native(self) -> dict[str, Any]:
        """What else the CRM said of the object type, verbatim."""
        return self.content.native


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


class ObjectExport(WireModel):
    """One object type as `export --what schema` hands it over: all that a discovery saw of it."""

    object_type: str
    label: str
    custom: bool | None
    plural: str | None
    createable: bool | None
    updateable: bool | None
    deletable: bool | None
    queryable: bool | None
    custom_setting: bool | None
    record_types: tuple[RecordType, ...] | None
    rules: tuple[Rule, ...] | None
    native: dict[str, Any]
    schema_hash: str
    discovered_at: UtcTime
    expires_at: UtcTime
    is_stale: bool
    fields: tuple[Field, ...]


class SchemaStats(WireModel):
    """What the cache holds of a connection, in numbers."""

    object_count: int = 0
    field_count: int = 0
    custom_field_count: int = 0
    stale_object_count: int = 0
    failed_object_count: int = 0
    last_discovered_at: UtcTime | None = None
    next_expiry_at: UtcTime | None = None
