"""Where a custom field is used: the Tooling API's `MetadataComponentDependency` (beta).

Its reference (Tooling API, "MetadataComponentDependency") lists the limits: 2,000 records per query
without `queryMore`, only `=` comparisons, reports only through Bulk API 2.0, no standard fields.
The result names everything that is rejected, cut off or not covered. An empty answer counts only if
the org answers for custom fields at all.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

from crmdeck.connectors.base import Usage
from crmdeck.connectors.http import records_of
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.session import FAULTS
from crmdeck.errors import CrmdeckError
from crmdeck.model import CancelToken, FieldUse

MOST_ROWS = 2000
NOT_CUSTOM = "Salesforce reports the use of custom fields only, and this is a standard field."
GONE = "The user can no longer see this custom field in Salesforce."
NOT_ANSWERED = "Salesforce reports no dependencies for any custom field of this org."
CUT_OFF = f"Salesforce reports only the first {MOST_ROWS:,} uses."
REPORTS_LATE = "Reports: Salesforce didn't finish the search in time."
REPORTS_FAILED = "Reports: the search in Salesforce failed."

_NAME = re.compile(r"(?:(\w{1,15}?)__)?([A-Za-z]\w*?)__c")
_OBJECT = re.compile(r"\w{1,100}")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_COLUMNS = (
    "SELECT MetadataComponentName, MetadataComponentNamespace, MetadataComponentType "
    "FROM MetadataComponentDependency WHERE "
)
_ANY = f"{_COLUMNS}RefMetadataComponentType = 'CustomField' LIMIT 1"
# Seconds between two checks of a job, which usually takes a few seconds.
_PAUSES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0)


def where_used(
    client: SalesforceClient, object_type: str, field_name: str, cancel: CancelToken
) -> Usage:
    """Return the uses of a field, and the gaps with their reasons."""
    match = _NAME.fullmatch(field_name)
    if match is None or not _OBJECT.fullmatch(object_type):
        return Usage(not_checked=(NOT_CUSTOM,))
    try:
        field_id = _field_id(client, object_type, match[1], match[2], cancel)
    except CrmdeckError as error:
        return Usage(not_checked=(_refused("The field's ID", error),))
    if field_id is None:
        return Usage(not_checked=(GONE,), gone=True)
    # The column is text, so the short and the long form of an ID differ.
    where = f"RefMetadataComponentId = '{field_id[:15]}'"
    if len(field_id) > 15:
        where = f"({where} OR RefMetadataComponentId = '{field_id}')"
    uses: list[FieldUse] = []
    not_checked: list[str] = []
    for find in (_components, _reports):
        try:
            found = find(client, where, cancel)
        except CrmdeckError as error:
            found = Usage(not_checked=(_refused(_WHAT[find], error),))
        uses += found.uses
        not_checked += found.not_checked
    return Usage(tuple(uses), tuple(not_checked))


def _field_id(
    client: SalesforceClient,
    object_type: str,
    namespace: str | None,
    name: str,
    cancel: CancelToken,
) -> str | None:
    soql = (
        "SELECT Id, NamespacePrefix FROM CustomField WHERE "  # noqa: S608 - both are words
        f"EntityDefinition.QualifiedApiName = '{object_type}' AND DeveloperName = '{name}'"
    )
    for record in _query(client, soql, cancel)[0]:
        field_id = str(record.get("Id"))
        if (record.get("NamespacePrefix") or None) == namespace and _ID.fullmatch(field_id):
            return field_id
    return None


def _components(client: SalesforceClient, where: str, cancel: CancelToken) -> Usage:
    records, whole = _query(client, _COLUMNS + where, cancel)
    if not records and not _query(client, _ANY, cancel)[0]:
        return Usage(not_checked=(NOT_ANSWERED,))
    return Usage(tuple(map(_use, records)), not_checked=() if whole else (CUT_OFF,))


def _reports(client: SalesforceClient, where: str, cancel: CancelToken) -> Usage:
    query = f"{_COLUMNS}MetadataComponentType = 'Report' AND {where}"
    reply = client.post("tooling/jobs/query", {"operation": "query", "query": query}, cancel)
    job = reply.fields.get("id")
    if not isinstance(job, str) or not _ID.fullmatch(job):
        return Usage(not_checked=(REPORTS_FAILED,))
    for pause in _PAUSES:
        if pause:
            cancel.wait(pause)
        reply = client.get(f"tooling/jobs/query/{job}", cancel)
        state = reply.fields.get("state")
        if state == "JobComplete":
            text = client.get_text(f"tooling/jobs/query/{job}/results", cancel)
            if text.strip() and "MetadataComponentName" not in text.partition("\n")[0]:
                return Usage(not_checked=(REPORTS_FAILED,))
            return Usage(tuple(map(_use, csv.DictReader(io.StringIO(text)))))
        if state in ("Failed", "Aborted"):
            return Usage(not_checked=(REPORTS_FAILED,))
    return Usage(not_checked=(REPORTS_LATE,))


_WHAT = {_components: "Flows, rules, Apex and layouts", _reports: "Reports"}


def _query(
    client: SalesforceClient, soql: str, cancel: CancelToken
) -> tuple[list[Mapping[str, object]], bool]:
    """Return the records of a response, and True if they are all."""
    reply = client.get("tooling/query", cancel, params={"q": soql})
    records = records_of(reply.body)
    return records, len(records) < MOST_ROWS and reply.fields.get("done") is not False


def _use(record: Mapping[str, object]) -> FieldUse:
    return FieldUse(
        kind=str(record.get("MetadataComponentType") or "component"),
        name=str(record.get("MetadataComponentName") or ""),
        namespace=str(record.get("MetadataComponentNamespace") or "") or None,
    )


def _refused(what: str, error: CrmdeckError) -> str:
    FAULTS.raise_if_whole(error)
    return f"{what}: {error.message}"
