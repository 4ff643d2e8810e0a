"""Who changed a property."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmdeck.connectors.base import Attribution, ChangedThing
from crmdeck.connectors.http import moment, records_of
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.discovery import path_of, results
from crmdeck.connectors.hubspot.faults import FAULTS
from crmdeck.errors import CrmdeckError

NOT_READABLE = "This token can't read the property."
NOT_RECORDED = "HubSpot doesn't show a user for this change. HubSpot's own releases have none."
NO_OBJECTS = "HubSpot doesn't report who changed an object type."


def who_changed(
    client: HubSpotClient, changes: Sequence[ChangedThing]
) -> dict[ChangedThing, Attribution | str]:
    """Return who changed each property, from its `updatedUserId` and the list of owners."""
    found: dict[ChangedThing, Attribution | str] = {}
    wanted: dict[str, list[ChangedThing]] = {}
    for change in changes:
        if change[1] is None:
            found[change] = NO_OBJECTS
        else:
            wanted.setdefault(change[0], []).append(change)
    owners: dict[str, str] | None = None
    for object_type, group in wanted.items():
        records = _properties(client, object_type)
        for change in group:
            record = records.get(change[1] or "")
            if record is None:
                found[change] = NOT_READABLE
                continue
            user = record.get("updatedUserId") or record.get("createdUserId")
            if user is None:
                found[change] = NOT_RECORDED
                continue
            if owners is None:
                owners = _owners(client)
            by = owners.get(str(user), f"user {user}")
            found[change] = Attribution(by, moment(record.get("updatedAt")), "properties")
    return found


def _properties(client: HubSpotClient, object_type: str) -> dict[str, Mapping[str, object]]:
    path = path_of(client, object_type)
    found: dict[str, Mapping[str, object]] = {}
    for query in ({"archived": "true"}, {}):
        try:
            records = results(client.get("properties", path, query=query))
        except CrmdeckError as error:
            FAULTS.raise_if_whole(error)
            continue
        found |= {str(record.get("name")): record for record in records}
    return found


def _owners(client: HubSpotClient) -> dict[str, str]:
    try:
        records = records_of(client.get("owners", "", query={"limit": "500"}).body, "results")
    except CrmdeckError as error:
        FAULTS.raise_if_whole(error)
        return {}
    names: dict[str, str] = {}
    for record in records:
        words = (record.get("firstName"), record.get("lastName"))
        name = " ".join(str(word) for word in words if word) or record.get("email")
        if name and record.get("userId") is not None:
            names[str(record["userId"])] = str(name)
    return names
