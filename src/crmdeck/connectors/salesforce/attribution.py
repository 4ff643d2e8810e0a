"""Who changed what in an org: the Tooling API's definitions, then the setup audit trail.

`FieldDefinition` has the last user who changed an existing field. `SetupAuditTrail` describes in
plain text what users did in the last 180 days, removals included.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from crmdeck.connectors.base import Attribution, ChangedThing
from crmdeck.connectors.http import moment, records_of
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.session import FAULTS
from crmdeck.errors import CrmdeckError, PermissionDeniedError

NO_PERMISSION = "The user lacks View Setup and Configuration for the setup audit trail."
NOT_RECORDED = "Salesforce doesn't report a user for this change: its own releases have none."
_NAME = re.compile(r"\w{1,100}")
_AT_ONCE = 100
_TRAIL = (
    "SELECT CreatedDate, CreatedBy.Name, Section, Display FROM SetupAuditTrail "
    "ORDER BY CreatedDate DESC LIMIT 500"
)


def who_changed(
    client: SalesforceClient, changes: Sequence[ChangedThing]
) -> dict[ChangedThing, Attribution | str]:
    """Return who changed each thing, or the reason why that is unknown."""
    found: dict[ChangedThing, Attribution | str] = {}
    fields: dict[str, list[str]] = {}
    for object_type, field_name in changes:
        if field_name is not None and _NAME.fullmatch(field_name) and _NAME.fullmatch(object_type):
            fields.setdefault(object_type, []).append(field_name)
    for object_type, names in fields.items():
        for start in range(0, len(names), _AT_ONCE):
            found |= _from_definitions(client, object_type, names[start : start + _AT_ONCE])
    rest = [change for change in changes if change not in found]
    if rest:
        records = _query(client, "query", _TRAIL)
        for change in rest:
            found[change] = NO_PERMISSION if records is None else _match(change, records)
    return found


def who_granted(client: SalesforceClient, names: Collection[str]) -> Attribution | None:
    """Return who last changed or assigned one of the permission sets; None if unknown."""
    for record in _query(client, "query", _TRAIL) or ():
        display = _words(str(record.get("Display") or ""))
        if any(_words(name) in display for name in names if name):
            by, at = _person(record.get("CreatedBy")), moment(record.get("CreatedDate"))
            return Attribution(by, at, "SetupAuditTrail")
    return None


def _from_definitions(
    client: SalesforceClient, object_type: str, names: Sequence[str]
) -> dict[ChangedThing, Attribution]:
    listed = ", ".join(f"'{name}'" for name in sorted(set(names)))
    soql = (
        "SELECT QualifiedApiName, LastModifiedDate, LastModifiedBy.Name FROM FieldDefinition "  # noqa: S608
        f"WHERE EntityDefinition.QualifiedApiName = '{object_type}' "
        f"AND QualifiedApiName IN ({listed})"
    )
    records = _query(client, "tooling/query", soql) or ()
    found: dict[ChangedThing, Attribution] = {}
    for record in records:
        by, at = _person(record.get("LastModifiedBy")), moment(record.get("LastModifiedDate"))
        if by and at:
            name = str(record.get("QualifiedApiName"))
            found[object_type, name] = Attribution(by, at, "FieldDefinition")
    return found


def _match(change: ChangedThing, records: Sequence[Mapping[str, object]]) -> Attribution | str:
    object_type, field_name = change
    for record in records:
        display = str(record.get("Display") or "").casefold()
        where = f"{record.get('Section') or ''} {display}".casefold()
        # The section has the object's plural, which can change the last letter.
        about_object = _words(object_type)[:-1] in where
        about_field = field_name is None or any(
            each in display for each in (field_name.casefold(), _words(field_name))
        )
        if about_object and about_field:
            return Attribution(
                _person(record.get("CreatedBy")),
                moment(record.get("CreatedDate")),
                "SetupAuditTrail",
            )
    return NOT_RECORDED


def _query(client: SalesforceClient, path: str, soql: str) -> list[Mapping[str, object]] | None:
    try:
        return records_of(client.get(path, params={"q": soql}).body)
    except CrmdeckError as error:
        FAULTS.raise_if_whole(error)
        if isinstance(error, PermissionDeniedError) or error.code == "NOT_VISIBLE":
            return None
        return []


def _words(name: str) -> str:
    return re.sub(r"__\w$", "", name).replace("_", " ").casefold()


def _person(record: object) -> str | None:
    name = record.get("Name") if isinstance(record, Mapping) else None
    return name if isinstance(name, str) else None
