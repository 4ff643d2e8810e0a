"""The rows of a Salesforce org: metadata, the audit trail, people, records."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from crmdeck.sandbox import write_rules
from crmdeck.sandbox.permissions import PermissionTables, set_id
from crmdeck.sandbox.salesforce_describe import has_ability, retired
from crmdeck.sandbox.sample_records import draw, make_value, record_id
from crmdeck.sandbox.scenario import Person
from crmdeck.sandbox.schema import FieldDef, ObjectDef
from crmdeck.sandbox.tenant import Tenant
from crmdeck.sandbox.write_rules import (
    AUTOMATIONS,
    CUSTOM_PERMISSIONS,
    DUPLICATE_RULES,
    PROFILE,
    RECORD_TYPES,
)

_VENDOR = {"Name": "Automated Process"}
_Row = dict[str, object]
# Days in which the sync user created records.
_DAYS = 8


class SalesforceRows:
    """Rows by object type. A path in a query follows nested mappings."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.permissions = PermissionTables(tenant)

    def metadata(self, name: str, version: str) -> Iterable[_Row] | None:
        """Return the rows of a metadata type in both APIs; None for any other type.

        As in a real org, they include metadata whose data this user can't see.
        """
        match name.lower():
            case "entitydefinition":
                # Definitions have no records: in a real org all of their rows have this ID.
                return (
                    {"Id": "000000000000000AAA", "QualifiedApiName": name}
                    for name in self._tenant.state.objects
                )
            case "fielddefinition":
                return (
                    self._field(target, field)
                    for target in self._tenant.state.objects.values()
                    for field in target.fields.values()
                    if field.name not in retired(target.name, version)
                )
        return None

    def tooling(self, name: str, *, bulk: bool = False) -> Iterable[_Row] | None:
        """Return the rows of a type that only the Tooling API has.

        The dependencies of reports are only in `bulk`.
        """
        match name.lower():
            case "validationrule":
                return self._validation_rules()
            case "metadatacomponentdependency":
                return self._dependencies(bulk=bulk)
            case "customfield":
                return (
                    {
                        "Id": _custom_field_id(target, field.name),
                        "DeveloperName": field.name.removesuffix("__c"),
                        "NamespacePrefix": None,
                        "EntityDefinition": {"QualifiedApiName": target.name},
                    }
                    for target in self._tenant.state.objects.values()
                    if not target.parent
                    for field in target.fields.values()
                    if field.custom
                )
            case "apextrigger":
                return self._triggers()
            case "platformeventchannelmember":
                return (
                    {"SelectedEntity": each, "EventChannel": "ChangeEvents"}
                    for each in self.permissions.traffic.published
                )
        return None

    def _dependencies(self, *, bulk: bool) -> Iterable[_Row]:
        for row in _dependencies():
            target = self._tenant.state.objects.get(row["object"])
            if target is None or row["field"] not in target.fields:
                continue
            # Tooling API, "MetadataComponentDependency": reports only in Bulk API 2.0.
            if row["type"] == "Report" and not bulk:
                continue
            yield {
                "MetadataComponentName": row["name"] or None,
                "MetadataComponentNamespace": row["namespace"] or None,
                "MetadataComponentType": row["type"],
                # The column is text, and has the short form of an ID.
                "RefMetadataComponentId": _custom_field_id(target, row["field"])[:15],
                "RefMetadataComponentType": "CustomField",
            }

    def _validation_rules(self) -> Iterable[_Row]:
        rules = write_rules.VALIDATION_RULES
        for number, (object_type, name, field, message, formula) in enumerate(rules):
            target = self._tenant.state.objects.get(object_type)
            if target is None or field not in target.fields:
                continue
            yield {
                "Id": f"03d5g{number:010d}AAA",
                "ValidationName": name,
                "NamespacePrefix": None,
                "Active": True,
                "ErrorDisplayField": field,
                "ErrorMessage": message,
                # Another formula was saved at another time.
                "LastModifiedDate": self._tenant.anchor
                - timedelta(days=200, seconds=draw(name, field, message, formula) % 86_400),
                "EntityDefinition": {"QualifiedApiName": object_type},
                "Metadata": {"active": True, "errorConditionFormula": formula},
            }

    def _triggers(self) -> Iterable[_Row]:
        for number, each in enumerate(AUTOMATIONS):
            if each.is_trigger and each.object_type in self._tenant.state.objects:
                yield {
                    "Id": f"01q5g{number:010d}AAA",
                    "Name": each.name,
                    "NamespacePrefix": None,
                    "Status": "Active",
                    "UsageBeforeInsert": each.runs != "Update",
                    "UsageBeforeUpdate": each.runs != "Create",
                    "EntityDefinition": {"QualifiedApiName": each.object_type},
                }

    def setup(self, name: str) -> Iterable[_Row] | None:
        """Return the rows of a setup object that no describe lists; None for any other type."""
        if (rows := self.permissions.rows(name)) is not None:
            return rows
        permissions = {each: f"0CP5g{draw(each):010d}AAA" for each in CUSTOM_PERMISSIONS}
        match name.lower():
            case "duplicaterule":
                return (
                    {
                        "Id": f"0Bm5g{number:010d}AAA",
                        "DeveloperName": rule.name,
                        "MasterLabel": rule.label,
                        "NamespacePrefix": None,
                        "SobjectType": rule.object_type,
                        "IsActive": True,
                    }
                    for number, rule in enumerate(DUPLICATE_RULES)
                )
            case "flowdefinitionview":
                return self._flows()
            case "custompermission":
                return (
                    {"Id": key, "DeveloperName": each, "NamespacePrefix": None}
                    for each, key in permissions.items()
                )
            case "setupentityaccess":
                return (
                    {
                        "Id": f"0J05g{number:010d}AAA",
                        "ParentId": set_id(granting),
                        "SetupEntityId": permissions[each],
                        "SetupEntityType": "CustomPermission",
                    }
                    for number, (each, granting) in enumerate(CUSTOM_PERMISSIONS.items())
                    if granting is not None
                )
        return None

    def _flows(self) -> Iterable[_Row]:
        for each in AUTOMATIONS:
            if not each.is_trigger and each.object_type in self._tenant.state.objects:
                yield {
                    "DurableId": f"300{each.name}",
                    "ApiName": each.name,
                    "NamespacePrefix": None,
                    "IsActive": True,
                    "TriggerType": "RecordBeforeSave",
                    "RecordTriggerType": each.runs,
                    "TriggerObjectOrEvent": {"QualifiedApiName": each.object_type},
                }

    def data(self, name: str) -> Iterable[_Row] | None:
        """Return the rows of an object type; None if it isn't queryable."""
        if (rows := self.setup(name)) is not None:
            return rows
        target = next(
            (each for key, each in self._tenant.visible().items() if key.lower() == name.lower()),
            None,
        )
        if target is None or not has_ability(target, "queryable"):
            return None
        match target.name:
            case "SetupAuditTrail":
                return self._audit_trail()
            case "User":
                return (
                    *map(self._user, self._tenant.scenario.people.values()),
                    *({"Id": key, **user} for key, user in self.permissions.users.items()),
                )
        records = (self._record(target, number) for number in range(self._tenant.org.records))
        return (*records, *self._synced(target))

    def _synced(self, target: ObjectDef) -> Iterable[_Row]:
        """Return the records that the sync user created in the last days."""
        traffic, today = self.permissions.traffic, self._tenant.now
        daily = traffic.daily.get(target.name, 0)
        stops = traffic.empty_since.get(target.name)
        for number in range(daily * _DAYS):
            at = today - timedelta(days=number / daily)
            if stops is not None and at >= stops:
                continue
            row = self._record(target, self._tenant.org.records + draw(target.name, at) % 1000)
            row |= dict.fromkeys(("CreatedDate", "LastModifiedDate"), at)
            row |= dict.fromkeys(("CreatedById", "LastModifiedById"), self.permissions.sync)
            row["Owner"] = {"IsActive": target.name not in traffic.inactive}
            empty = [
                name
                for name in row
                if (first := traffic.empty_since.get(f"{target.name}.{name}")) and at >= first
            ]
            yield {**row, **dict.fromkeys(empty)}

    def _audit_trail(self) -> Iterable[_Row]:
        """Return an entry for each change of each object type, except the vendor's."""
        tenant = self._tenant
        entries = [
            (change, name)
            for change in tenant.org.changes_until(tenant.now, tenant.anchor)
            if change.by
            for name in dict.fromkeys(
                each for edit in change.edits for each in edit.touches or ("",)
            )
        ]
        for number, (change, name) in enumerate(entries):
            yield {
                "Id": record_id("0Ym", number),
                "Section": change.section or self._section(name),
                "Display": change.display,
                "CreatedDate": tenant.anchor - change.before_now,
                "CreatedBy": self._user(tenant.scenario.people[change.by or ""]),
            }

    def _section(self, object_type: str) -> str:
        target = self._tenant.org.first.objects.get(object_type)
        if target is None:
            return "Connected Apps"
        return f"Custom Object {target.label}" if target.custom else f"Customize {target.plural}"

    def _user(self, person: Person) -> _Row:
        first, _, last = person.name.partition(" ")
        return {
            "Id": f"0055g{person.number:010d}AAA",
            "Name": person.name,
            "FirstName": first,
            "LastName": last,
            "Username": person.email,
            "Email": person.email,
            "Title": person.title,
            "IsActive": True,
            "UserType": "Standard",
            "Profile": {"Name": PROFILE if person.key == "integration" else "System Administrator"},
            "UserRole": None,
            "LastModifiedDate": self._tenant.anchor - timedelta(days=120),
            "CreatedDate": self._tenant.anchor - timedelta(days=900),
        }

    def _field(self, target: ObjectDef, field: FieldDef) -> _Row:
        moment, person = self._tenant.field_modified(target.parent or target.name, field.name)
        return {
            "Id": "000000000000000AAA",
            "QualifiedApiName": field.name,
            "EntityDefinition": {"QualifiedApiName": target.name},
            "LastModifiedDate": moment if field.custom else None,
            "LastModifiedBy": (self._user(person) if person else _VENDOR) if field.custom else None,
        }

    def _record(self, target: ObjectDef, number: int) -> _Row:
        hidden = self._tenant.hidden_fields(target.name)
        now: datetime = self._tenant.anchor
        values = {
            field.name: make_value(target, field, number, now)
            for field in target.fields.values()
            if field.name not in hidden
        }
        values["Owner"] = {"IsActive": True}
        values["Id"] = record_id(target.prefix, number)
        # Records need a valid record type, which generated values aren't.
        types = [each for each in RECORD_TYPES if each.object_type == target.name]
        if types:
            chosen = types[number % len(types)]
            values["RecordTypeId"] = chosen.id
            values["RecordType"] = {"DeveloperName": chosen.name, "Name": chosen.label}
        return values


@cache
def _dependencies() -> tuple[dict[str, str], ...]:
    file = files("crmdeck.sandbox") / "data" / "salesforce" / "dependencies.csv"
    return tuple(csv.DictReader(file.read_text("utf-8").splitlines()))


def _custom_field_id(target: ObjectDef, field_name: str) -> str:
    return f"00N5g{draw(target.name, field_name):010d}AAA"
