"""A mapped object as an Open Data Contract (ODCS 3.1): drawn, read, and held against a schema.

What PartnerOS relies on stands in it: the fields that are mapped, with what a change of them
would break. https://bitol-io.github.io/open-data-contract-standard/v3.1.0/
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
"""What a type is to ODCS; all others are strings."""

_WRITABLE = ("createable", "updateable")


@dataclass(frozen=True)
class Deviation:
    """Where an object, or one of its fields, is not what a contract says."""

    object_type: str
    field_name: str | None
    text: str


def make_contract(
    connection: Connection, mapping: FieldMapping, detail: ObjectDetail, label: str
) -> dict[str, Any]:
    """Return the contract of an object pair, as YAML or JSON can hold it.

    Raises UsageError where no line is accepted.
    """
    lines = {
        line.crm_field: line
        for line in mapping.lines
        if line.state is DecisionState.ACCEPTED and line.crm_field
    }
    if not lines:
        raise UsageError(
            f"Nothing of {mapping.object_pair} is mapped.",
            remedy="A contract is of accepted lines; accept some first.",
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
        "id": str(uuid.uuid5(uuid.UUID(connection.id), mapping.object_pair)),
        "name": f"{mapping.object_pair} in {connection.name}",
        "version": f"{detail.discovered_at:%Y.%m.%d}",
        "status": "active",
        "description": {
            "purpose": f"What PartnerOS relies on of {pair.crm_object}, to exchange "
            f"{pair.partner_object} with it."
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
                **({"businessName": label} if label else {}),
                "properties": properties,
            }
        ],
        "customProperties": [{"property": "objectPair", "value": mapping.object_pair}],
    }


def read_contract(text: str, origin: str = "This") -> dict[str, Any]:
    """Return a contract; raises UsageError naming `origin` where `text` is none of ODCS 3."""
    try:
        return _contract(text)
    except ValueError as error:
        raise UsageError(
            f"{origin} is not an Open Data Contract that can be checked.",
            cause=str(error),
            remedy="crmdeck export NAME --what contract --pair PAIR writes one.",
            code="BAD_CONTRACT",
        ) from None


def _contract(text: str) -> dict[str, Any]:
    """Return a contract; raises ValueError saying why it is none."""
    import yaml

    try:
        loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ValueError(f"It is not YAML{where}: {error.problem}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"It is not YAML: {error}") from None
    if not isinstance(loaded, dict) or loaded.get("kind") != "DataContract":
        raise ValueError("It lacks the line 'kind: DataContract'.")
    version = str(loaded.get("apiVersion"))
    if not version.startswith("v3."):
        raise ValueError(f"It is of the version {version}; crmdeck reads v3.")
    for described in _listed(loaded, "schema"):
        if not isinstance(described, dict) or not _name(described):
            raise ValueError("An object of its schema has no name.")
        for one in _listed(described, "properties"):
            if not isinstance(one, dict) or not _name(one):
                raise ValueError(f"A property of {_name(described)} has no name.")
    if not _listed(loaded, "schema"):
        raise ValueError("It describes no object.")
    return loaded


def contract_objects(contract: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the object types that a contract describes."""
    return tuple(_name(described) for described in contract["schema"])


def contract_servers(contract: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the connections that a contract is of, none where it does not say."""
    servers = [each for each in _listed(contract, "servers") if isinstance(each, dict)]
    return tuple(str(each["server"]) for each in servers if each.get("server"))


def deviations(
    contract: Mapping[str, Any], objects: Mapping[str, ObjectDetail]
) -> Iterator[Deviation]:
    """Yield where `objects`, by name, are not what a contract says; what it leaves open is free.

    What a schema does not say (None) can't be held against a contract, and is no deviation.
    """
    for described in contract["schema"]:
        name = _name(described)
        detail = objects.get(name)
        if detail is None:
            yield Deviation(name, None, "The object is not there.")
            continue
        fields = {field.name: field for field in detail.fields}
        for one in _listed(described, "properties"):
            field = fields.get(_name(one))
            if field is None:
                yield Deviation(name, _name(one), "The field is not there.")
                continue
            for text in _differences(one, field):
                yield Deviation(name, field.name, text)


def _property(field: Field, custom: dict[str, Any]) -> dict[str, Any]:
    """Return a field as a property; what nobody knows is left out."""
    logical = _LOGICAL.get(field.type, "string")
    more = {name: getattr(field, name) for name in _WRITABLE}
    values = [value.value for value in field.picklist if value.active]
    found: dict[str, Any] = {
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


def _differences(one: Mapping[str, Any], field: Field) -> Iterator[str]:
    physical = field.native_type or field.type.value
    said = one.get("physicalType")
    if isinstance(said, str) and said.casefold() != physical.casefold():
        yield f"Its type is {physical}, not {said}."
    else:
        now, wanted = _LOGICAL.get(field.type, "string"), one.get("logicalType")
        if isinstance(wanted, str) and wanted != now:
            yield f"Its type is {now}, not {wanted}."
    for name in ("required", "unique"):
        agreed, holds = one.get(name), getattr(field, name)
        if isinstance(agreed, bool) and holds is not None and holds is not agreed:
            yield f"It is {name} now." if holds else f"It is not {name} any more."
    options = one.get("logicalTypeOptions")
    most = options.get("maxLength") if isinstance(options, dict) else None
    if isinstance(most, int) and field.length is not None and field.length < most:
        yield f"It holds {field.length:,} characters, not {most:,}."
    missing = _missing_values(one, field)
    if missing:
        yield "It no longer takes " + ", ".join(missing) + "."
    for custom in _listed(one, "customProperties"):
        right = custom.get("property") if isinstance(custom, dict) else None
        if right in _WRITABLE and custom.get("value") is True and getattr(field, right) is False:
            yield f"It is not {right} any more."


def _missing_values(one: Mapping[str, Any], field: Field) -> list[str]:
    active = {value.value for value in field.picklist if value.active}
    wanted: list[str] = []
    for rule in _listed(one, "quality"):
        if isinstance(rule, dict) and rule.get("metric") == "invalidValues":
            arguments = rule.get("arguments")
            wanted += map(str, _listed(arguments, "validValues") if arguments else ())
    return [value for value in wanted if value not in active]


def _name(described: Mapping[str, Any]) -> str:
    return str(described.get("physicalName") or described.get("name") or "")


def _listed(holder: Any, name: str) -> Sequence[Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else ()
