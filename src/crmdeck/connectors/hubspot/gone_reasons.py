"""Why object types and properties are missing: HubSpot lists archived ones on request."""

from __future__ import annotations

from collections.abc import Sequence

from crmdeck.connectors.base import Missing
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.discovery import path_of, results
from crmdeck.connectors.hubspot.faults import FAULTS
from crmdeck.errors import CrmdeckError
from crmdeck.model import GoneReason


def explain_missing(client: HubSpotClient, missing: Sequence[Missing]) -> dict[Missing, GoneReason]:
    """Return the known reasons.

    Archived ones were removed. An object type is hidden if the token lost its scope.
    """
    reasons: dict[Missing, GoneReason] = {}
    fields: dict[str, list[Missing]] = {}
    for each in missing:
        if each.field_name is not None:
            fields.setdefault(each.object_type, []).append(each)
    objects = [each for each in missing if each.field_name is None]
    if objects:
        reasons |= _explain_objects(client, objects)
    for object_type, group in fields.items():
        archived = _archived(client, "properties", path_of(client, object_type))
        if archived is not None:
            reasons |= {each: GoneReason.REMOVED for each in group if each.field_name in archived}
    return reasons


def _explain_objects(
    client: HubSpotClient, objects: Sequence[Missing]
) -> dict[Missing, GoneReason]:
    archived = _archived(client, "schemas", "schemas") or set()
    reasons: dict[Missing, GoneReason] = {}
    for each in objects:
        if each.object_type in archived:
            reasons[each] = GoneReason.REMOVED
            continue
        try:
            client.get("properties", path_of(client, each.object_type))
        except CrmdeckError as error:
            FAULTS.raise_if_whole(error)
            if error.code in ("MISSING_SCOPE", "FORBIDDEN"):
                reasons[each] = GoneReason.HIDDEN
    return reasons


def _archived(client: HubSpotClient, family: str, rest: str) -> set[str] | None:
    try:
        reply = client.get(family, rest, query={"archived": "true"})
        return {str(record.get("name")) for record in results(reply)}
    except CrmdeckError as error:
        FAULTS.raise_if_whole(error)
        return None
