"""HubSpot's answers: properties, schemas, pipelines, owners, records, account information."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TypedDict

from crmdeck.sandbox import write_rules
from crmdeck.sandbox.sample_records import make_value
from crmdeck.sandbox.schema import FieldDef, ObjectDef
from crmdeck.sandbox.tenant import Tenant

_DEFAULT_PROPERTIES = ("createdate", "hs_createdate", "hs_lastmodifieddate", "lastmodifieddate",
                       "hs_object_id")  # fmt: skip
_EPOCH = "1970-01-01T00:00:00Z"


def stamp(moment: datetime) -> str:
    """Return a time in HubSpot's format, in milliseconds and UTC."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )


class HubSpotRecord(TypedDict):
    id: str
    properties: dict[str, str | None]
    createdAt: str | None
    updatedAt: str | None
    archived: bool


class HubSpotShapes:
    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def properties(self, target: ObjectDef, archived: bool) -> list[dict[str, object]]:
        """Return the archived or the other properties of an object type."""
        hidden = self._tenant.hidden_fields(target.name)
        return [
            self.property(target, each)
            for each in target.fields.values()
            if each.archived is archived and each.name not in hidden
        ]

    def property(self, target: ObjectDef, field: FieldDef) -> dict[str, object]:
        own = field.custom
        modified, person = self._tenant.field_modified(target.name, field.name)
        readonly = not field.updateable
        shape: dict[str, object] = {
            "updatedAt": stamp(modified),
            "createdAt": stamp(self._tenant.anchor - timedelta(days=700)),
            "name": field.name,
            "label": field.label,
            "type": field.type,
            "fieldType": field.widget,
            "description": field.help or "",
            "groupName": field.group,
            "options": [
                {"label": each.label, "value": each.value, "displayOrder": order, "hidden": False}
                for order, each in enumerate(field.values)
            ],
            "displayOrder": -1,
            "calculated": "calculated" in field.flags,
            "externalOptions": "external" in field.flags,
            "archived": field.archived,
            "hasUniqueValue": "unique" in field.flags,
            "hidden": False,
            "modificationMetadata": {
                "archivable": own,
                "readOnlyDefinition": not own,
                "readOnlyOptions": not own,
                "readOnlyValue": readonly,
            },
            "formField": "form" in field.flags,
            "dataSensitivity": "non_sensitive",
        }
        # HubSpot leaves `hubspotDefined` out for custom properties, and the users for its own.
        if own:
            owner = person or self._tenant.scenario.people["marco"]
            shape["createdUserId"] = "1004"
            shape["updatedUserId"] = str(1000 + owner.number)
        else:
            shape["hubspotDefined"] = True
        if "external" in field.flags and field.name.endswith("owner_id"):
            shape["referencedObjectType"] = "OWNER"
        if "currency" in field.flags:
            shape["showCurrencySymbol"] = True
        if field.formula:
            shape["calculationFormula"] = field.formula
        if field.archived:
            shape["archivedAt"] = stamp(modified)
        return shape

    def schema(self, target: ObjectDef) -> dict[str, object]:
        required = [each[9:] for each in target.abilities if each.startswith("required:")]
        portal = self._tenant.org.portal_id
        return {
            "objectTypeId": target.prefix,
            "name": target.name,
            "fullyQualifiedName": f"p{portal}_{target.name}",
            "labels": {"singular": target.label, "plural": target.plural},
            "requiredProperties": required,
            "archived": False,
        }

    def rules(self, target: ObjectDef) -> list[dict[str, object]]:
        return [
            {
                "propertyName": name,
                "propertyValidationRules": [
                    {"ruleType": kind, "ruleArguments": list(arguments)}
                    for kind, arguments in rules
                ],
            }
            for name, rules in write_rules.VALUE_RULES.items()
            if name in target.fields
        ]

    def pipelines(self, target: ObjectDef) -> list[dict[str, object]]:
        return [
            {
                "id": pipeline.id,
                "label": pipeline.label,
                "displayOrder": order,
                "archived": False,
                "createdAt": _EPOCH,
                "updatedAt": stamp(self._tenant.modified(target)),
                "stages": [
                    {
                        "id": stage.id,
                        "label": stage.label,
                        "displayOrder": position,
                        "metadata": (
                            {"ticketState": "CLOSED" if stage.closed else "OPEN"}
                            if target.name == "tickets"
                            else {
                                "isClosed": "true" if stage.closed else "false",
                                "probability": stage.probability,
                            }
                        ),
                        "archived": False,
                        "createdAt": _EPOCH,
                        "updatedAt": _EPOCH,
                        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
                    }
                    for position, stage in enumerate(pipeline.stages)
                ],
            }
            for order, pipeline in enumerate(target.pipelines)
        ]

    def owners(self) -> list[dict[str, object]]:
        return [
            {
                "id": str(70_000 + person.number),
                "email": person.email,
                "firstName": person.name.partition(" ")[0],
                "lastName": person.name.partition(" ")[2],
                "userId": 1000 + person.number,
            }
            for person in self._tenant.scenario.people.values()
        ]

    def record(self, target: ObjectDef, number: int, asked: list[str]) -> HubSpotRecord:
        """Return one record with the default and the requested properties."""
        hidden = self._tenant.hidden_fields(target.name)
        names = [
            each
            for each in dict.fromkeys((*_DEFAULT_PROPERTIES, *asked))
            if each in target.fields and each not in hidden
        ]
        identity = str(90_000_000_000 + number)
        values = {
            name: _text(make_value(target, target.fields[name], number, self._tenant.anchor))
            for name in names
        }
        if "hs_object_id" in values:
            values["hs_object_id"] = identity
        created = values.get("createdate") or values.get("hs_createdate")
        updated = values.get("hs_lastmodifieddate") or values.get("lastmodifieddate")
        return {
            "id": identity,
            "properties": values,
            "createdAt": created,
            "updatedAt": updated,
            "archived": False,
        }

    def details(self) -> dict[str, object]:
        org = self._tenant.org
        return {
            "portalId": org.portal_id,
            "uiDomain": "app-eu1.hubspot.com" if org.hublet == "eu1" else "app.hubspot.com",
            "dataHostingLocation": org.hublet,
        }

    def usage(self) -> dict[str, object]:
        return {
            "results": [
                {
                    "name": "private-apps-api-calls-daily",
                    "usageLimit": self._tenant.org.daily_limit,
                    "currentUsage": self._tenant.used,
                }
            ]
        }


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return stamp(value)
    return value.isoformat() if isinstance(value, date) else str(value)
