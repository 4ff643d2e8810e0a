"""The schemas of the sandbox: compact, immutable, the same for both CRMs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

_TYPE = re.compile(r"(?P<type>\w+)(?:\((?P<arguments>[^)]*)\))?")
_NUMERIC = {"currency", "double", "percent"}

# Object Reference, "Address Compound Fields".
_ADDRESS_PARTS = {
    "Street": ("Street", "textarea(255)"),
    "City": ("City", "string(40)"),
    "State": ("State/Province", "string(80)"),
    "PostalCode": ("Zip/Postal Code", "string(20)"),
    "Country": ("Country", "string(80)"),
    "Latitude": ("Latitude", "double(18,15)"),
    "Longitude": ("Longitude", "double(18,15)"),
    "GeocodeAccuracy": ("Geocode Accuracy", "picklist(40)"),
}
_GEOCODE_ACCURACY = ("Address", "NearAddress", "Block", "Street", "Zip", "City", "State", "Unknown")


@dataclass(frozen=True, slots=True)
class Value:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One field or property. `type` is the vendor's type without sizes."""

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    values: tuple[Value, ...] = ()
    references: tuple[str, ...] = ()
    required: bool = False
    createable: bool = True
    updateable: bool = True
    flags: frozenset[str] = frozenset()
    formula: str | None = None
    help: str | None = None
    compound: str | None = None
    widget: str = ""
    group: str = ""
    archived: bool = False

    @property
    def custom(self) -> bool:
        """True if it isn't the vendor's own (Salesforce: by suffix; HubSpot: by flags)."""
        return self.name.endswith("__c") or (bool(self.widget) and "hubspot" not in self.flags)


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    label: str
    closed: bool
    probability: str = ""


@dataclass(frozen=True, slots=True)
class Pipeline:
    id: str
    label: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class ObjectDef:
    """One object type with its fields in the vendor's order.

    `version` counts its changes so far.
    """

    name: str
    label: str
    plural: str
    prefix: str = ""
    abilities: frozenset[str] = frozenset()
    fields: Mapping[str, FieldDef] = field(default_factory=lambda: MappingProxyType({}))
    pipelines: tuple[Pipeline, ...] = ()
    custom: bool = False
    parent: str | None = None
    version: int = 0

    def with_fields(self, fields: Iterable[FieldDef]) -> ObjectDef:
        """Return the object type with other fields, in the next version."""
        named = MappingProxyType({each.name: each for each in fields})
        return replace(self, fields=named, version=self.version + 1)


def parse_field(row: Mapping[str, str | None]) -> list[FieldDef]:
    """Return the field, or the fields, in a row of a data file.

    Columns: `name`, `label`, `type` with its sizes (`string(80)`, `currency(16,2)`,
    `reference(Account|Contact)`), `flags`, `values` separated by `;`, `formula`, `help`; for
    HubSpot also `widget` and `group`. The types `address` and `personname` mean a compound field
    with its parts.
    """
    name, label = row["name"] or "", row["label"] or ""
    flags = frozenset((row.get("flags") or "").split())
    match = _TYPE.fullmatch(row["type"] or "")
    if match is None:
        raise ValueError(f"field {name}: unreadable type {row['type']!r}")
    kind, arguments = match["type"], match["arguments"] or ""
    values = tuple(parse_value(text) for text in (row.get("values") or "").split(";") if text)
    if kind == "address":
        return _address(name, label)
    if kind == "personname":
        return _person_name(label, values)
    length = precision = scale = 0
    if kind in _NUMERIC and arguments:
        precision, scale = (int(part) for part in arguments.split(","))
    elif kind not in {"reference", "address"} and arguments:
        length = int(arguments)
    # Real describes report these lengths for types without a length of their own.
    length = length or {"reference": 18, "picklist": 255, "multipicklist": 4099}.get(kind, 0)
    readonly = bool(flags & {"readonly", "formula", "auto", "calculated"})
    return [
        FieldDef(
            name=name,
            label=label,
            type=kind,
            length=length,
            precision=precision,
            scale=scale,
            values=values,
            references=tuple(arguments.split("|")) if kind == "reference" else (),
            required="required" in flags,
            createable=not readonly and "updateonly" not in flags,
            updateable=not readonly and "createonly" not in flags,
            flags=flags,
            formula=row.get("formula") or None,
            help=row.get("help") or None,
            widget=row.get("widget") or "",
            group=row.get("group") or "",
        )
    ]


def parse_value(text: str) -> Value:
    """Return the picklist value in `value:label`, or in a value that is its own label."""
    value, separator, label = text.partition(":")
    return Value(value, label if separator else value)


def _address(name: str, label: str) -> list[FieldDef]:
    prefix = name.removesuffix("Address")
    words = label.removesuffix(" Address") if prefix else ""
    parts: list[FieldDef] = []
    for part, (said, kind) in _ADDRESS_PARTS.items():
        row = {"name": prefix + part, "label": f"{words} {said}".strip(), "type": kind}
        if part == "GeocodeAccuracy":
            row |= {"values": ";".join(_GEOCODE_ACCURACY), "flags": "restricted"}
        parts += [replace(each, compound=name) for each in parse_field(row)]
    # Only the parts of a compound field can be written.
    shell = FieldDef(name, label, "address", createable=False, updateable=False)
    return [*parts, shell]


def _person_name(label: str, salutations: tuple[Value, ...]) -> list[FieldDef]:
    parts = [
        FieldDef("LastName", "Last Name", "string", length=80, required=True, compound="Name"),
        FieldDef("FirstName", "First Name", "string", length=40, compound="Name"),
    ]
    if salutations:
        parts.append(
            FieldDef(
                "Salutation", "Salutation", "picklist", 255, values=salutations, compound="Name"
            )
        )
    shell = FieldDef(
        "Name",
        label,
        "string",
        length=121,
        required=True,
        createable=False,
        updateable=False,
        flags=frozenset({"name"}),
    )
    return [*parts, shell]
