"""Fill rates of the properties of an object, from some of its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmdeck.connectors.base import Sample
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.discovery import path_of, results
from crmdeck.errors import UsageError
from crmdeck.model import CancelToken

_PAGE = 100
# The property names are part of the URL.
_PROPERTIES_AT_ONCE = 150


def sample(
    client: HubSpotClient,
    object_type: str,
    properties: Sequence[str],
    limit: int,
    cancel: CancelToken,
) -> Sample:
    """Return the fill rates of `properties` in up to `limit` records. Raises CrmdeckError.

    It reads the records that HubSpot lists first. HubSpot's search can sort by date, but has a low
    rate limit that other apps need.
    """
    names = list(dict.fromkeys(properties))
    if not names:
        raise UsageError(
            f"No properties of {object_type} to sample.", remedy="Name at least one property."
        )
    parts = []
    for start in range(0, len(names), _PROPERTIES_AT_ONCE):
        chunk = names[start : start + _PROPERTIES_AT_ONCE]
        parts.append(Sample.count(chunk, _records(client, object_type, chunk, limit, cancel)))
    return Sample.joined(parts)


def _records(
    client: HubSpotClient,
    object_type: str,
    properties: Sequence[str],
    limit: int,
    cancel: CancelToken,
) -> list[Mapping[str, object]]:
    path = path_of(client, object_type, cancel)
    found: list[Mapping[str, object]] = []
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
