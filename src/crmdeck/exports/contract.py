"""Open Data Contracts (ODCS 3.1) of mapped objects: write, read, and compare with a schema.

A contract lists the mapped fields of a CRM object, which PartnerOS depends on.
https://bitol-io.github.io/open-data-contract-standard/v3.1.0/
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crmdeck.errors import UsageError
from crmdeck.model import (
    Connection,
    DecisionState,
    Field,
    FieldMapping,
    FieldType,
    ObjectDetail,
    ObjectPair,
)

API_VERSION = "v3.1.0"

_LOGICAL = {
    FieldType.BOOLEAN: "boolean",
    FieldType.INTEGER: "integer",
    FieldType.DECIMAL: "number",
    FieldType.CURRENCY: "number",
    FieldType.PERCENT: "number",
    FieldType.DATE: "date",
    FieldType.DATETIME: "timestamp",
    FieldType.TIME: "time",
    FieldType.MULTIPICKLIST: "array",
    FieldType.COMPOUND: "object",
}
"""The ODCS types of field types; all others are strings."""

_WRITABLE = ("createable", "updateable")


@dataclass(frozen=True)
class AgreedField:
    """A field in a contract; None and empty mean that the contract doesn't restrict it."""

    name: str
    physical_type: str | None
    logical_type: str | None
    required: bool | None
    unique: bool | None
    max_length: int | None
    values: tuple[str, ...]
    writable: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    """The objects of a contract, with their fields; `servers` are connection names."""

    objects: Mapping[str, tuple[AgreedField, ...]]
    servers: tuple[str, ...]


@dataclass(frozen=True)
class Deviation:
    """A difference between a contract and an object, or one of its fields."""

    object_type: str
    field_name: str | None
    text: str


def make_contract(
    connection: Connection, mapping: FieldMapping, detail: ObjectDetail
) -> dict[str, object]:
    """Return the contract of an object pair; raises UsageError without accepted mappings."""
    lines = {
        line.crm_field: line
        for line in mapping.lines
        if line.state is DecisionState.ACCEPTED and line.crm_field
    }
    if not lines:
        raise UsageError(
            f"{mapping.object_pair} has no accepted mappings.",
            remedy="Accept mappings first: a contract contains only those.",
        )
    properties = []
    for field in detail.fields:
        line = lines.get(field.name)
        if line is not None:
            properties.append(
                _property(field, {"partnerField": line.partner_field, "direction": line.direction})
            )
    pair = ObjectPair.parse(mapping.object_pair)
    return {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        # The same pair has the same ID in every export.
        "id": str(uuid.uuid5(uuid.UUID(connection.id), mapping.object_pair)),
        "name": f"{mapping.object_pair} in {connection.name}",
        "version": f"{detail.discovered_at:%Y.%m.%d}",
        "status": "active",
        "description": {
            "purpose": f"The fields of {pair.crm_object} that PartnerOS needs to sync "
            f"{pair.partner_object}."
        },
        "servers": [
            {
                "server": connection.name,
                "type": "custom",
                "description": f"{connection.platform}, connection {connection.id}",
            }
        ],
        "schema": [
            {
                "name": detail.object_type,
                "physicalName": detail.object_type,
                "logicalType": "object",
                "physicalType": "object",
                **({"businessName": detail.label} if detail.label else {}),
                "properties": properties,
            }
        ],
        "customProperties": [{"property": "objectPair", "value": mapping.object_pair}],
    }


def read_contract(text: str, origin: str = "The text") -> Contract:
    """Return a contract of ODCS 3; raises UsageError naming `origin` if `text` isn't one."""
    try:
        return _contract(text)
    except ValueError as error:
        raise UsageError(
            f"Can't read {origin} as an Open Data Contract.",
            cause=str(error),
            remedy="Write one: crmdeck export NAME --what contract --pair PAIR",
            code="BAD_CONTRACT",
        ) from None


def _contract(text: str) -> Contract:
    """Return a contract; raises ValueError with the reason if `text` isn't one."""
    import yaml

    try:
        # The C loader is many times faster, but not every build of PyYAML has it.
        loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"The text isn't YAML{place}: {error.problem}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"The text isn't YAML: {error}") from None
    if not isinstance(loaded, dict) or loaded.get("kind") != "DataContract":
        raise ValueError("The line 'kind: DataContract' is missing.")
    version = str(loaded.get("apiVersion"))
    if not version.startswith("v3."):
        raise ValueError(f"The contract has version {version}; crmdeck reads version 3.")
    objects: dict[str, tuple[AgreedField, ...]] = {}
    for described in _listed(loaded, "schema"):
        name = _name(described)
        if not name:
            raise ValueError("An object in the schema has no name.")
        properties = _listed(described, "properties")
        if not all(_name(each) for each in properties):
            raise ValueError(f"A property of {name} has no name.")
        objects[name] = tuple(_agreed(each) for each in properties if isinstance(each, dict))
    if not objects:
        raise ValueError("The contract describes no object.")
    servers = [each for each in _listed(loaded, "servers") if isinstance(each, dict)]
    return Contract(objects, tuple(str(each["server"]) for each in servers if each.get("server")))


def deviations(contract: Contract, objects: Mapping[str, ObjectDetail]) -> Iterator[Deviation]:
    """Yield the differences between a contract and `objects`, by name.

    Attributes that the contract or the schema leaves open are not compared.
    """
    for name, agreed in contract.objects.items():
        detail = objects.get(name)
        if detail is None:
            yield Deviation(name, None, "The object doesn't exist.")
            continue
        fields = {field.name: field for field in detail.fields}
        for one in agreed:
            field = fields.get(one.name)
            if field is None:
                yield Deviation(name, one.name, "The field doesn't exist.")
                continue
            for text in _differences(one, field):
                yield Deviation(name, field.name, text)


def _property(field: Field, custom: dict[str, object]) -> dict[str, object]:
    """Return a field as a property, without unknown attributes."""
    logical = _LOGICAL.get(field.type, "string")
    more = {name: getattr(field, name) for name in _WRITABLE}
    values = [value.value for value in field.picklist if value.active]
    found: dict[str, object] = {
        "name": field.name,
        "physicalName": field.name,
        "businessName": field.label or None,
        "description": field.description or None,
        "logicalType": logical,
        "physicalType": field.native_type or field.type.value,
        "required": field.required,
        "unique": field.unique,
        "logicalTypeOptions": {"maxLength": field.length}
        if logical == "string" and field.length
        else None,
        "items": {"logicalType": "string"} if logical == "array" else None,
        "quality": [
            {
                "type": "library",
                "metric": "invalidValues",
                "arguments": {"validValues": values},
                "mustBe": 0,
            }
        ]
        if values
        else None,
        "customProperties": [
            {"property": name, "value": str(value) if isinstance(value, str) else value}
            for name, value in (custom | more).items()
            if value is not None
        ],
    }
    return {name: value for name, value in found.items() if value is not None}


def _agreed(one: Mapping[str, object]) -> AgreedField:
    """Return a property of a contract, without values of the wrong type."""
    options = one.get("logicalTypeOptions")
    most = options.get("maxLength") if isinstance(options, dict) else None
    physical, logical = one.get("physicalType"), one.get("logicalType")
    required, unique = one.get("required"), one.get("unique")
    values: list[str] = []
    for rule in _listed(one, "quality"):
        if isinstance(rule, dict) and rule.get("metric") == "invalidValues":
            values += map(str, _listed(rule.get("arguments"), "validValues"))
    writable = [
        str(custom["property"])
        for custom in _listed(one, "customProperties")
        if isinstance(custom, dict)
        and custom.get("property") in _WRITABLE
        and custom.get("value") is True
    ]
    return AgreedField(
        _name(one),
        physical if isinstance(physical, str) else None,
        logical if isinstance(logical, str) else None,
        required if isinstance(required, bool) else None,
        unique if isinstance(unique, bool) else None,
        most if isinstance(most, int) else None,
        tuple(values),
        tuple(writable),
    )


def _differences(one: AgreedField, field: Field) -> Iterator[str]:
    physical = field.native_type or field.type.value
    logical = _LOGICAL.get(field.type, "string")
    if one.physical_type is not None and one.physical_type.casefold() != physical.casefold():
        yield f"The type is {physical}, not {one.physical_type}."
    elif one.logical_type not in (None, logical):
        yield f"The type is {logical}, not {one.logical_type}."
    for name in ("required", "unique"):
        agreed, current = getattr(one, name), getattr(field, name)
        # What one side leaves open can't deviate.
        if agreed is not None and current is not None and current is not agreed:
            yield f"The field is {name} now." if current else f"The field is no longer {name}."
    if one.max_length is not None and field.length is not None and field.length < one.max_length:
        yield f"The length is {field.length:,} characters, not {one.max_length:,}."
    active = {value.value for value in field.picklist if value.active}
    missing = [value for value in one.values if value not in active]
    if missing:
        yield "The picklist no longer has " + ", ".join(missing) + "."
    for name in one.writable:
        # None is unknown, and no deviation.
        if getattr(field, name) is False:
            yield f"The field is no longer {name}."


def _name(described: object) -> str:
    if not isinstance(described, dict):
        return ""
    return str(described.get("physicalName") or described.get("name") or "")


def _listed(holder: object, name: str) -> Sequence[object]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else ()
