"""One discovery of a portal: its object types, then their properties and pipelines.

HubSpot honors no conditional request, so an unchanged object type is told by the digest of what
it answered, which saves everything but the request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from crmdeck.connectors.base import Discovered, Discovery, Failed, Known, Listing, Unchanged
from crmdeck.connectors.http import Reply, not_json
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.transport import FAULTS, WHO
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CrmdeckError, PermissionDeniedError
from crmdeck.formats.hubspot_properties import parse_properties, parse_rules
from crmdeck.model import CancelToken, ObjectSchema, Scope, ScopeMode

# "Understanding the CRM": the objects that every portal has, and those beside the work itself.
MAPPABLE = {
    "contacts": "Contacts",
    "companies": "Companies",
    "deals": "Deals",
    "tickets": "Tickets",
    "leads": "Leads",
    "products": "Products",
    "line_items": "Line items",
    "quotes": "Quotes",
}
OTHERS = {
    "appointments": "Appointments",
    "calls": "Calls",
    "carts": "Carts",
    "commerce_payments": "Payments",
    "communications": "Communications",
    "courses": "Courses",
    "discounts": "Discounts",
    "emails": "Emails",
    "feedback_submissions": "Feedback submissions",
    "fees": "Fees",
    "goal_targets": "Goals",
    "invoices": "Invoices",
    "listings": "Listings",
    "marketing_events": "Marketing events",
    "meetings": "Meetings",
    "notes": "Notes",
    "orders": "Orders",
    "postal_mail": "Postal mail",
    "projects": "Projects",
    "services": "Services",
    "subscriptions": "Subscriptions",
    "tasks": "Tasks",
    "taxes": "Taxes",
    "users": "Users",
}
# Without being asked for these HubSpot tells of neither; not every edition has them.
_SENSITIVITIES = ("sensitive", "highly_sensitive")
# "Using object APIs": what the paths of validation rules take in place of names.
_TYPE_IDS = {
    "contacts": "0-1",
    "companies": "0-2",
    "deals": "0-3",
    "tickets": "0-5",
    "leads": "0-136",
    "products": "0-7",
    "line_items": "0-8",
    "quotes": "0-14",
    "appointments": "0-421",
    "calls": "0-48",
    "carts": "0-142",
    "commerce_payments": "0-101",
    "communications": "0-18",
    "courses": "0-410",
    "discounts": "0-84",
    "emails": "0-49",
    "feedback_submissions": "0-19",
    "fees": "0-85",
    "goal_targets": "0-74",
    "invoices": "0-53",
    "listings": "0-420",
    "marketing_events": "0-54",
    "meetings": "0-47",
    "notes": "0-46",
    "orders": "0-123",
    "postal_mail": "0-116",
    "projects": "0-970",
    "services": "0-162",
    "subscriptions": "0-69",
    "tasks": "0-27",
    "taxes": "0-86",
    "users": "0-115",
}
STANDARD = MAPPABLE | OTHERS
_NOT_TOLD = frozenset(
    {"MISSING_SCOPE", "NOT_VISIBLE", "EDITION_TOO_SMALL", "FORBIDDEN", "BAD_REQUEST"}
)
_HAS_PIPELINES = frozenset({"pipeline", "hs_pipeline", "dealstage", "hs_pipeline_stage"})
Answer = tuple[ObjectSchema, str] | CrmdeckError


@dataclass(frozen=True)
class ObjectType:
    """One object type; `path` is what HubSpot's paths call it, `type_id` its id, if known."""

    name: str
    label: str
    path: str
    custom: bool = False
    required: tuple[str, ...] | None = None
    type_id: str | None = None


def discover(
    client: HubSpotClient,
    scope: Scope,
    known: Mapping[str, Known],
    cancel: CancelToken,
    limits: Limits,
) -> Iterator[Discovery]:
    """Yield a Listing, then what became of each object type.

    A standard object type that the portal does not have, and never had, is not listed; one that
    the token lacks a scope for has failed.
    """
    client.caller.start()
    types = object_types(client, cancel)
    # What was named and is gone is not in scope any more; what was never there is a mistake.
    wanted = tuple(name for name in _select(scope, types) if name in types or name not in known)
    answers: dict[str, Answer] = {}
    for name, answer in _read_all(client, wanted, types, limits.threads, cancel):
        answers[name] = answer
    named = frozenset(scope.include)
    for name in wanted:
        unseen = _not_for_us(answers[name]) and name not in known and name not in named
        if unseen:
            del answers[name]
    out_of_scope = frozenset(types) - frozenset(wanted)
    in_scope = tuple(name for name in wanted if name in answers)
    yield Listing(out_of_scope | frozenset(in_scope), in_scope)
    for name in in_scope:
        answer = answers[name]
        if isinstance(answer, CrmdeckError):
            yield Failed(name, answer)
        elif name in known and known[name].validator == answer[1]:
            yield Unchanged(name, answer[1])
        else:
            yield Discovered(*answer)


def object_types(client: HubSpotClient, cancel: CancelToken) -> dict[str, ObjectType]:
    """Return the object types of a portal: those that all have, and its custom ones.

    A custom one goes by its own name, as the full one holds the number of the portal. A token
    that may not read the custom ones sees the others. Raises CrmdeckError.
    """
    types = {
        name: ObjectType(name, label, quote(name), type_id=_TYPE_IDS[name])
        for name, label in STANDARD.items()
    }
    try:
        reply = client.get("schemas", "schemas", cancel)
    except PermissionDeniedError as error:
        if FAULTS.concerns_connection(error):
            raise
        return types
    for record in results(reply):
        custom = _custom(record)
        if custom is not None:
            types[custom.name] = custom
    return types


def unlisted(name: str) -> ObjectType:
    """Return an object type that is asked for by a name that nothing lists."""
    return ObjectType(name, name, quote(name, safe=""))


def path_of(client: HubSpotClient, name: str, cancel: CancelToken) -> str:
    """Return what HubSpot's paths call an object type. Raises CrmdeckError."""
    if name in STANDARD:
        return quote(name)
    return (object_types(client, cancel).get(name) or unlisted(name)).path


def _custom(record: Mapping[str, Any]) -> ObjectType | None:
    full = record.get("fullyQualifiedName")
    name = record.get("name")
    labels = record.get("labels")
    if not isinstance(name, str):
        return None
    full = full if isinstance(full, str) else name
    if name in STANDARD:
        name = full
    label = labels.get("plural") if isinstance(labels, Mapping) else None
    required = record.get("requiredProperties")
    return ObjectType(
        name,
        label if isinstance(label, str) else name,
        quote(full, safe=""),
        custom=True,
        required=tuple(str(each) for each in required) if isinstance(required, list) else None,
        type_id=str(record["objectTypeId"]) if record.get("objectTypeId") else None,
    )


def _select(scope: Scope, types: Mapping[str, ObjectType]) -> tuple[str, ...]:
    excluded = frozenset(scope.exclude)
    if scope.mode is ScopeMode.NAMED:
        names = set(scope.include)
    elif scope.mode is ScopeMode.ALL:
        names = set(types)
    else:
        names = {name for name, each in types.items() if each.custom or name in MAPPABLE}
        names |= set(scope.include)
    return tuple(sorted(names - excluded))


def _read_all(
    client: HubSpotClient,
    names: Sequence[str],
    types: Mapping[str, ObjectType],
    threads: int,
    cancel: CancelToken,
) -> Iterator[tuple[str, Answer]]:
    waiting = [types.get(name) or unlisted(name) for name in names]

    def take() -> Callable[[CancelToken], tuple[str, Answer]] | None:
        if not waiting:
            return None
        each = waiting.pop(0)
        return lambda stop: (each.name, _read(client, each, stop))

    return in_parallel(take, threads, cancel, "hubspot")


def _read(client: HubSpotClient, each: ObjectType, stop: CancelToken) -> Answer:
    try:
        properties = _properties(client, each.path, stop)
        pipelines: list[Mapping[str, Any]] = []
        if any(record.get("name") in _HAS_PIPELINES for record in properties):
            pipelines = _pipelines(client, each.path, stop)
        rules = _rules(client, each, stop)
        schema = parse_properties(
            each.name,
            each.label,
            properties,
            pipelines,
            custom=each.custom,
            required=each.required,
            rules=None if rules is None else parse_rules(each.name, rules),
        )
    except CrmdeckError as error:
        if FAULTS.concerns_connection(error):
            raise
        return error
    return schema, _digest([properties, pipelines, rules, each.label, each.required])


def _properties(client: HubSpotClient, path: str, stop: CancelToken) -> list[Mapping[str, Any]]:
    found = results(client.get("properties", path, stop))
    names = {record.get("name") for record in found}
    for sensitivity in _SENSITIVITIES:
        try:
            reply = client.get("properties", path, stop, query={"dataSensitivity": sensitivity})
        except CrmdeckError as error:
            if error.code not in _NOT_TOLD:
                raise
            break
        # An older version does not know the question, and answers as if it were not there.
        found += [record for record in results(reply) if record.get("name") not in names]
        names |= {record.get("name") for record in found}
    return found


def _rules(
    client: HubSpotClient, each: ObjectType, stop: CancelToken
) -> list[Mapping[str, Any]] | None:
    """Return the validation rules of an object's properties; None where they are not told."""
    if each.type_id is None:
        return None
    try:
        return results(client.get("property-validations", quote(each.type_id), stop))
    except CrmdeckError as error:
        if error.code not in _NOT_TOLD:
            raise
        return None


def _pipelines(client: HubSpotClient, path: str, stop: CancelToken) -> list[Mapping[str, Any]]:
    try:
        return results(client.get("pipelines", path, stop))
    except CrmdeckError as error:
        # Not every object with such a property has pipelines, and not every token may see them.
        if error.code in ("NOT_VISIBLE", "MISSING_SCOPE"):
            return []
        raise


def _not_for_us(answer: object) -> bool:
    codes = ("NOT_VISIBLE", "EDITION_TOO_SMALL")
    return isinstance(answer, CrmdeckError) and answer.code in codes


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def results(reply: Reply) -> list[Mapping[str, Any]]:
    """Return the records of an answer. Raises SourceError where there is no list of them."""
    found = reply.body.get("results") if isinstance(reply.body, Mapping) else reply.body
    if not isinstance(found, list):
        raise not_json(WHO)
    return [record for record in found if isinstance(record, Mapping)]
