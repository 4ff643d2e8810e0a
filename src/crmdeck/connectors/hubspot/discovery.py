"""One discovery of an account: its object types, then their properties and pipelines.

HubSpot has no conditional requests. The digest of an answer shows that an object type is unchanged,
which saves everything except the request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from crmdeck.connectors.base import Discovered, Discovery, Failed, Known, Listing, Unchanged
from crmdeck.connectors.http import Reply, not_json
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.profile import TYPE_IDS
from crmdeck.connectors.hubspot.transport import FAULTS, WHO
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CrmdeckError, PermissionDeniedError
from crmdeck.formats.hubspot_properties import parse_properties, parse_rules
from crmdeck.model import CancelToken, ObjectSchema, Scope, ScopeMode

# "Understanding the CRM": the objects that every account has, and the less common ones.
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
# HubSpot lists these properties only on request, and not in every edition.
_SENSITIVITIES = ("sensitive", "highly_sensitive")
STANDARD = MAPPABLE | OTHERS
_OPTIONAL_ERRORS = frozenset(
    {"MISSING_SCOPE", "NOT_VISIBLE", "EDITION_TOO_SMALL", "FORBIDDEN", "BAD_REQUEST"}
)
_HAS_PIPELINES = frozenset({"pipeline", "hs_pipeline", "dealstage", "hs_pipeline_stage"})
Answer = tuple[ObjectSchema, str] | CrmdeckError


@dataclass(frozen=True)
class ObjectType:
    """One object type; `path` is its name in HubSpot's paths, `type_id` its ID, if known."""

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
    """Yield a Listing, then the result of each object type.

    The Listing leaves out standard object types that the account never had. An object type fails
    if the token lacks its scope.
    """
    client.caller.start()
    types = object_types(client, cancel)
    # A named object type that is gone leaves the scope; one that never existed is an error.
    wanted = tuple(name for name in _select(scope, types) if name in types or name not in known)
    answers: dict[str, Answer] = {}
    for name, answer in _read_all(client, wanted, types, limits.threads, cancel):
        answers[name] = answer
    named = frozenset(scope.include)
    for name in wanted:
        unseen = _is_absent(answers[name]) and name not in known and name not in named
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
    """Return the standard and custom object types of an account. Raises CrmdeckError.

    A custom object type has its short name, because the full name contains the Portal ID. A token
    without the scope for custom objects gets only the standard ones.
    """
    types = {
        name: ObjectType(name, label, quote(name), type_id=TYPE_IDS[name])
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
    """Return an object type for a name that no list contains."""
    return ObjectType(name, name, quote(name, safe=""))


def path_of(client: HubSpotClient, name: str, cancel: CancelToken) -> str:
    """Return the name of an object type in HubSpot's paths. Raises CrmdeckError."""
    if name in STANDARD:
        return quote(name)
    return (object_types(client, cancel).get(name) or unlisted(name)).path


def _custom(record: Mapping[str, object]) -> ObjectType | None:
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
        pipelines: list[Mapping[str, object]] = []
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


def _properties(client: HubSpotClient, path: str, stop: CancelToken) -> list[Mapping[str, object]]:
    found = results(client.get("properties", path, stop))
    names = {record.get("name") for record in found}
    for sensitivity in _SENSITIVITIES:
        try:
            reply = client.get("properties", path, stop, query={"dataSensitivity": sensitivity})
        except CrmdeckError as error:
            if error.code not in _OPTIONAL_ERRORS:
                raise
            break
        # An older version ignores the query and returns the ordinary properties.
        found += [record for record in results(reply) if record.get("name") not in names]
        names |= {record.get("name") for record in found}
    return found


def _rules(
    client: HubSpotClient, each: ObjectType, stop: CancelToken
) -> list[Mapping[str, object]] | None:
    """Return the validation rules of an object's properties; None if HubSpot returns none."""
    if each.type_id is None:
        return None
    try:
        return results(client.get("property-validations", quote(each.type_id), stop))
    except CrmdeckError as error:
        if error.code not in _OPTIONAL_ERRORS:
            raise
        return None


def _pipelines(client: HubSpotClient, path: str, stop: CancelToken) -> list[Mapping[str, object]]:
    try:
        return results(client.get("pipelines", path, stop))
    except CrmdeckError as error:
        # An object with such a property may have no pipelines, or the token may lack the scope.
        if error.code in ("NOT_VISIBLE", "MISSING_SCOPE"):
            return []
        raise


def _is_absent(answer: object) -> bool:
    codes = ("NOT_VISIBLE", "EDITION_TOO_SMALL")
    return isinstance(answer, CrmdeckError) and answer.code in codes


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def results(reply: Reply) -> list[Mapping[str, object]]:
    """Return the records of an answer. Raises SourceError if it has no list of records."""
    found = reply.body.get("results") if isinstance(reply.body, Mapping) else reply.body
    if not isinstance(found, list):
        raise not_json(WHO)
    return [record for record in found if isinstance(record, Mapping)]
