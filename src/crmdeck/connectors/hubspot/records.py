"""Records of an object type: those that HubSpot lists first, or those with a key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crmdeck.connectors.base import Record
from crmdeck.connectors.http import records_of
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.discovery import path_of, results
from crmdeck.connectors.hubspot.profile import RECORD_ID
from crmdeck.errors import UsageError

# "CRM API, Objects": at most 100 records in a page and in a batch.
_PAGE = 100
# The property names are part of the URL.
_PROPERTIES_AT_ONCE = 150


def recent(
    client: HubSpotClient, object_type: str, properties: Sequence[str], limit: int
) -> tuple[Record, ...]:
    """Return up to `limit` records. Raises CrmdeckError.

    It reads the records that HubSpot lists first. HubSpot's search can sort by date, but has a low
    rate limit that other apps need.
    """
    names = list(dict.fromkeys(properties))
    if not names:
        raise UsageError(
            f"No properties of {object_type} to read.", remedy="Enter at least one property."
        )
    found: dict[str, dict[str, object]] = {}
    for start in range(0, len(names), _PROPERTIES_AT_ONCE):
        chunk = names[start : start + _PROPERTIES_AT_ONCE]
        rows = _listed(client, object_type, chunk, limit)
        # Records can come and go between two calls: keep those that every call returns.
        found = rows if start == 0 else {k: found[k] | rows[k] for k in found if k in rows}
    return tuple(found.values())


def find(
    client: HubSpotClient,
    object_type: str,
    key: str,
    values: Sequence[str],
    properties: Sequence[str],
) -> tuple[Record, ...]:
    """Return the records whose ID or unique property `key` has one of `values`."""
    # A POST that only reads: its body has no limit of length as a URL has.
    path = f"{path_of(client, object_type)}/batch/read"
    wanted = list(dict.fromkeys(values))
    by = {} if key == RECORD_ID else {"idProperty": key}
    found: list[Record] = []
    for start in range(0, len(wanted), _PAGE):
        inputs = [{"id": value} for value in wanted[start : start + _PAGE]]
        body = {"inputs": inputs, "properties": [key, *properties], **by}
        found += _rows(results(client.post("objects", path, body))).values()
    return tuple(found)


def _listed(
    client: HubSpotClient, object_type: str, properties: Sequence[str], limit: int
) -> dict[str, dict[str, object]]:
    path = path_of(client, object_type)
    found: dict[str, dict[str, object]] = {}
    after: str | None = None
    while len(found) < limit:
        query = {"limit": str(min(_PAGE, limit - len(found))), "properties": ",".join(properties)}
        if after:
            query["after"] = after
        reply = client.get("objects", path, query=query)
        page = _rows(records_of(reply.body, "results"))
        found |= page
        after = _next_page(reply.body)
        if not page or after is None:
            break
    return found


def _rows(listed: Iterable[Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Return the properties of records by ID, each with the ID among them."""
    return {
        str(record.get("id")): {RECORD_ID: record.get("id"), **properties}
        for record in listed
        if isinstance(properties := record.get("properties"), Mapping)
    }


def _next_page(body: object) -> str | None:
    paging = body.get("paging") if isinstance(body, Mapping) else None
    following = paging.get("next") if isinstance(paging, Mapping) else None
    after = following.get("after") if isinstance(following, Mapping) else None
    return str(after) if after is not None else None
