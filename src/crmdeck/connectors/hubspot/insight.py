"""Who changed a property, and how full properties are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crmdeck.connectors.base import Attribution, ChangedThing, Sample
from crmdeck.connectors.faults import concerns_connection
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.discovery import path_of, results
from crmdeck.connectors.hubspot.faults import HUBSPOT_FAULTS
from crmdeck.connectors.sampling import summarise
from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import CancelToken, to_utc

NOT_READABLE = "The property can't be read with this token."
NOT_RECORDED = "HubSpot does not say who changed it; its own releases leave no name."
NO_OBJECTS = "HubSpot does not say who changed an object type."
_PAGE = 100
# The properties stand in the URL.
_PROPERTIES_AT_ONCE = 150


def who_changed(
    client: HubSpotClient, changes: Sequence[ChangedThing], cancel: CancelToken
) -> dict[ChangedThing, Attribution | str]:
    """Return who changed each property, by its `updatedUserId` and the list of owners."""
    found: dict[ChangedThing, Attribution | str] = {}
    wanted: dict[str, list[ChangedThing]] = {}
    for change in changes:
        if change[1] is None:
            found[change] = NO_OBJECTS
        else:
            wanted.setdefault(change[0], []).append(change)
    owners: dict[str, str] | None = None
    for object_type, group in wanted.items():
        records = _properties(client, object_type, cancel)
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
                owners = _owners(client, cancel)
            by = owners.get(str(user), f"user {user}")
            found[change] = Attribution(by, _moment(record.get("updatedAt")), "properties")
    return found


def sample(
    client: HubSpotClient,
    object_type: str,
    properties: Sequence[str],
    limit: int,
    cancel: CancelToken,
) -> Sample:
    """Return the fill rates of `properties` in up to `limit` records. Raises CrmdeckError.

    The records are those that HubSpot lists first; its search, which could sort by date, has a
    rate limit of its own that other apps need more.
    """
    names = list(dict.fromkeys(properties))
    if not names:
        raise UsageError("There are no properties to sample.", remedy="Name some of the object.")
    parts = []
    for start in range(0, len(names), _PROPERTIES_AT_ONCE):
        chunk = names[start : start + _PROPERTIES_AT_ONCE]
        parts.append(summarise(chunk, _records(client, object_type, chunk, limit, cancel)))
    rates = {name: rate for part in parts for name, rate in part.rates.items()}
    values = {name: value for part in parts for name, value in part.values.items()}
    return Sample(min(part.sampled for part in parts), rates, values)


def _records(
    client: HubSpotClient,
    object_type: str,
    properties: Sequence[str],
    limit: int,
    cancel: CancelToken,
) -> list[Mapping[str, Any]]:
    path = path_of(client, object_type, cancel)
    found: list[Mapping[str, Any]] = []
    after: str | None = None
    while len(found) < limit:
        query = {"limit": str(min(_PAGE, limit - len(found))), "properties": ",".join(properties)}
        if after:
            query["after"] = after
        reply = client.get("objects", path, cancel, query=query)
        page = [record.get("properties") for record in results(reply)]
        found += [record for record in page if isinstance(record, Mapping)]
        after = _next_page(reply.body)
        if not page or after is None:
            break
    return found[:limit]


def _next_page(body: object) -> str | None:
    paging = body.get("paging") if isinstance(body, Mapping) else None
    following = paging.get("next") if isinstance(paging, Mapping) else None
    after = following.get("after") if isinstance(following, Mapping) else None
    return str(after) if after is not None else None


def _properties(
    client: HubSpotClient, object_type: str, cancel: CancelToken
) -> dict[str, Mapping[str, Any]]:
    path = path_of(client, object_type, cancel)
    found: dict[str, Mapping[str, Any]] = {}
    for query in ({"archived": "true"}, {}):
        try:
            records = results(client.get("properties", path, cancel, query=query))
        except CrmdeckError as error:
            if concerns_connection(error, HUBSPOT_FAULTS):
                raise
            continue
        found |= {str(record.get("name")): record for record in records}
    return found


def _owners(client: HubSpotClient, cancel: CancelToken) -> dict[str, str]:
    try:
        records = results(client.get("owners", "", cancel, query={"limit": "500"}))
    except CrmdeckError as error:
        if concerns_connection(error, HUBSPOT_FAULTS):
            raise
        return {}
    names: dict[str, str] = {}
    for record in records:
        words = (record.get("firstName"), record.get("lastName"))
        name = " ".join(str(word) for word in words if word) or record.get("email")
        if name and record.get("userId") is not None:
            names[str(record["userId"])] = str(name)
    return names


def _moment(text: object) -> datetime | None:
    try:
        return to_utc(datetime.fromisoformat(str(text)))
    except ValueError:
        return None
