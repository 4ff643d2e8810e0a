"""Salesforce's own additions: system fields, and associated objects.

Those are the Share, Feed, History and ChangeEvent objects of another object.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from crmdeck.sandbox.schema import FieldDef, ObjectDef, Value

_SHARE_PREFIXES = {
    "Account": "00r",
    "Case": "01n",
    "Contact": "03s",
    "Lead": "01o",
    "Opportunity": "00t",
}
_SHARE_LEVELS = ("None", "Read", "Edit", "All")


def _readonly(name: str, label: str, kind: str, **more: object) -> FieldDef:
    values: dict[str, object] = {"createable": False, "updateable": False, **more}
    return FieldDef(name, label, kind, **values)  # type: ignore[arg-type]


_TAIL = (
    _readonly("CreatedDate", "Created Date", "datetime"),
    _readonly("CreatedById", "Created By ID", "reference", length=18, references=("User",)),
    _readonly("LastModifiedDate", "Last Modified Date", "datetime"),
    _readonly(
        "LastModifiedById", "Last Modified By ID", "reference", length=18, references=("User",)
    ),
    _readonly("SystemModstamp", "System Modstamp", "datetime"),
)
_SYSTEM: Mapping[str, tuple[FieldDef, ...]] = {
    "owner": (FieldDef("OwnerId", "Owner ID", "reference", 18, references=("User",)),),
    "queue": (FieldDef("OwnerId", "Owner ID", "reference", 18, references=("Group", "User")),),
    "recordtype": (
        FieldDef("RecordTypeId", "Record Type ID", "reference", 18, references=("RecordType",)),
    ),
    "activity": (_readonly("LastActivityDate", "Last Activity", "date"),),
    "viewed": (
        _readonly("LastViewedDate", "Last Viewed Date", "datetime"),
        _readonly("LastReferencedDate", "Last Referenced Date", "datetime"),
    ),
}


def with_system_fields(
    target: ObjectDef, own: Iterable[FieldDef], system: Iterable[str]
) -> ObjectDef:
    """Return the object type with Salesforce's system fields before and after its own."""
    head = [
        _readonly("Id", f"{target.label} ID", "id", length=18),
        _readonly("IsDeleted", "Deleted", "boolean"),
    ]
    tail = [each for word in system for each in _SYSTEM[word]] + list(_TAIL)
    fields = {each.name: each for each in (*head, *own, *tail)}
    return replace(target, fields=fields)


def with_associated_objects(objects: Mapping[str, ObjectDef]) -> dict[str, ObjectDef]:
    """Return the object types with their associated objects.

    Also fills the setup picklists, which list every object type and every field.
    """
    result = dict(objects)
    for target in objects.values():
        for ability in sorted(target.abilities):
            if ability.startswith("associated:"):
                associate = _associated(target, ability.removeprefix("associated:"))
                result[associate.name] = associate
    # As in a real org, the setup picklists change with every object and field.
    every_object = tuple(Value(each.name, each.label) for each in objects.values())
    every_field = tuple(
        Value(f"{target.name}.{each.name}", f"{target.name}.{each.name}")
        for target in objects.values()
        if "record" in target.abilities or "line" in target.abilities
        for each in target.fields.values()
        if each.compound is None and (each.createable or each.updateable)
    )
    for target in objects.values():
        for each in target.fields.values():
            lists = every_object if "objects" in each.flags else every_field
            if each.flags & {"objects", "fields"}:
                fields = {**result[target.name].fields, each.name: replace(each, values=lists)}
                result[target.name] = replace(result[target.name], fields=fields)
    return result


def _associated(target: ObjectDef, suffix: str) -> ObjectDef:
    # Object Reference, "Associated Objects": `AccountShare`, but `Partner__Share` of `Partner__c`.
    base = target.name.removesuffix("__c")
    name = f"{base}__{suffix}" if target.custom else f"{target.name}{suffix}"
    parent = "ParentId" if target.custom or suffix in {"Feed", "Share"} else f"{target.name}Id"
    link = _readonly(
        parent, f"{target.label} ID", "reference", length=18, references=(target.name,)
    )
    common = {each.name: each for each in (target.fields["Id"], link, *_TAIL)}
    words = {"FieldHistory": "Field History", "ChangeEvent": "Change Event"}.get(suffix, suffix)
    label = f"{target.label} {words}"
    own: Mapping[str, FieldDef]
    if suffix == "ChangeEvent":
        header = _readonly("ChangeEventHeader", "Change Event Header", "complexvalue")
        replay = _readonly("ReplayId", "Replay ID", "string", length=1000)
        own = {"ReplayId": replay, "ChangeEventHeader": header, **target.fields}
        # Change Data Capture Developer Guide: an event has the fields of its object, but not these.
        own = {key: each for key, each in own.items() if key not in {"IsDeleted", "SystemModstamp"}}
    elif suffix == "Share":
        levels = tuple(Value(each, each) for each in _SHARE_LEVELS)
        access = FieldDef("AccessLevel", "Access Level", "picklist", 40, values=levels)
        own = {**common, "AccessLevel": access}
    elif suffix == "Feed":
        own = {**common, "Body": _readonly("Body", "Body", "textarea", length=10000)}
    else:
        changed = tuple(Value(each.name, each.label) for each in target.fields.values())
        own = {
            **common,
            "Field": _readonly("Field", "Changed Field", "picklist", length=255, values=changed),
            "OldValue": _readonly("OldValue", "Old Value", "anyType"),
            "NewValue": _readonly("NewValue", "New Value", "anyType"),
        }
    return ObjectDef(
        name=name,
        label=label,
        plural=label,
        prefix=_SHARE_PREFIXES.get(target.name, "") if suffix == "Share" else "",
        abilities=frozenset({f"is:{suffix}"}),
        fields=own,
        custom=False,
        parent=target.name,
        version=target.version,
    )
