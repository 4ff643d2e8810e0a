"""One discovery of an account: its object types, then their properties and pipelines.

HubSpot has no conditional requests. The digest of an answer shows that an object type is unchanged,
which saves everything except the request.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

from crmdeck.connectors.base import (
    LEFT_OUT,
    Discovered,
    Discovery,
    Failed,
    Known,
    Listing,
    Rules,
    Unchanged,
)
from crmdeck.connectors.http import Reply, not_json
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.profile import TYPE_IDS
from crmdeck.connectors.hubspot.transport import FAULTS, WHO
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CrmdeckError, PermissionDeniedError
from crmdeck.formats.hubspot_properties import (
    parse_pipeline_rules,
    parse_properties,
    parse_rules,
)
from crmdeck.model import CancelToken, ObjectSchema, Rule, RuleKind, Scope, ScopeMode

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
VALUES = RuleKind.VALUES.value
PIPELINE = RuleKind.PIPELINE.value
_NO_API = {
    RuleKind.REQUIRED.value: "HubSpot has no API for the properties that a create form requires.",
    RuleKind.CONDITIONAL.value: "HubSpot has no API for conditional requirements of properties.",
}
_NO_TYPE_ID = "HubSpot reports no ID for the object type."
_STAGES = ("dealstage", "hs_pipeline_stage")
_HAS_PIPELINES = frozenset({"pipeline", "hs_pipeline", "dealstage", "hs_pipeline_stage"})
Answer = tuple[ObjectSchema, str] | CrmdeckError
_Task = Callable[[CancelToken], None]


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
    reader = _Reader(client, scope.without_rules, limits.threads)
    for name, answer in reader.read(wanted, types, known, cancel):
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
    yield Rules({}, dict(reader.calls))


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


@dataclass
class _Parts:
    """The answers about one object type.

    `not_read` has the reasons of lasting errors, `kept` the cached rules after temporary ones.
    """

    properties: list[Mapping[str, object]] = field(default_factory=list)
    pipelines: list[Mapping[str, object]] = field(default_factory=list)
    values: list[Mapping[str, object]] | None = None
    pipeline_rules: dict[str, Mapping[str, object]] = field(default_factory=dict)
    not_read: dict[str, str] = field(default_factory=lambda: dict(_NO_API))
    error: CrmdeckError | None = None
    known: Known | None = None
    kept: list[Rule] = field(default_factory=list)


class _Reader:
    """Reads object types and their rules, next to each other."""

    def __init__(self, client: HubSpotClient, without: Collection[str], threads: int) -> None:
        self._client = client
        self._without = frozenset(without) & {VALUES, PIPELINE}
        self._threads = threads
        self._parts: dict[str, _Parts] = {}
        self.calls: Counter[str] = Counter()

    def read(
        self,
        names: Sequence[str],
        types: Mapping[str, ObjectType],
        known: Mapping[str, Known],
        cancel: CancelToken,
    ) -> Iterator[tuple[str, Answer]]:
        wanted = [types.get(name) or unlisted(name) for name in names]
        tasks: list[_Task] = []
        for each in wanted:
            self._parts[each.name] = _Parts(known=known.get(each.name))
            tasks.append(partial(self._describe, each))
        for each in wanted:
            tasks.append(partial(self._read_values, each))
            validator = known[each.name].validator if each.name in known else None
            tasks += self._pipeline_tasks(each, _pipelines_in(validator))
        self._run(tasks, cancel)
        tasks = []
        for each in wanted:
            parts = self._parts[each.name]
            new = [key for key in _ids(parts.pipelines) if key not in parts.pipeline_rules]
            tasks += self._pipeline_tasks(each, new)
        self._run(tasks, cancel)
        for each in wanted:
            yield each.name, self._answer(each)

    def _run(self, tasks: list[_Task], cancel: CancelToken) -> None:
        waiting = iter(tasks)
        threads = min(len(tasks), self._threads)
        for _ in in_parallel(lambda: next(waiting, None), threads, cancel, "hubspot"):
            pass

    def _describe(self, each: ObjectType, stop: CancelToken) -> None:
        parts = self._parts[each.name]
        try:
            parts.properties = _properties(self._client, each.path, stop)
            if any(record.get("name") in _HAS_PIPELINES for record in parts.properties):
                parts.pipelines = _pipelines(self._client, each.path, stop)
        except CrmdeckError as error:
            if FAULTS.concerns_connection(error):
                raise
            parts.error = error

    def _read_values(self, each: ObjectType, stop: CancelToken) -> None:
        """Read the validation rules of an object's properties."""
        if each.type_id is None or not self._may_read(each, VALUES):
            return
        try:
            self.calls[VALUES] += 1
            reply = self._client.get("property-validations", quote(each.type_id), stop)
            self._parts[each.name].values = results(reply)
        except CrmdeckError as error:
            self._note(each, VALUES, error)

    def _pipeline_tasks(self, each: ObjectType, pipelines: Iterable[str]) -> list[_Task]:
        if each.type_id is None or not self._may_read(each, PIPELINE):
            return []
        return [partial(self._read_pipeline_rules, each, key) for key in pipelines]

    def _read_pipeline_rules(self, each: ObjectType, key: str, stop: CancelToken) -> None:
        try:
            self.calls[PIPELINE] += 1
            path = f"{quote(each.type_id or '')}/{quote(key, safe='')}"
            reply = self._client.get("pipelines-rules", path, stop)
            if not isinstance(reply.body, Mapping):
                raise not_json(WHO)
            self._parts[each.name].pipeline_rules[key] = reply.body
        except CrmdeckError as error:
            self._note(each, PIPELINE, error)
            self._parts[each.name].pipeline_rules.setdefault(key, {})

    def _may_read(self, each: ObjectType, kind: str) -> bool:
        if kind in self._without:
            self._parts[each.name].not_read[kind] = LEFT_OUT
        return kind not in self._without

    def _note(self, each: ObjectType, kind: str, error: CrmdeckError) -> None:
        if FAULTS.concerns_connection(error):
            raise error
        parts = self._parts[each.name]
        cached = parts.known.schema if parts.known else None
        if error.code not in _OPTIONAL_ERRORS and cached and kind in cached.known_kinds:
            parts.kept += [rule for rule in cached.rules or () if rule.kind == kind]
        else:
            parts.not_read[kind] = f"{error.message} {error.cause or ''}".strip()

    def _answer(self, each: ObjectType) -> Answer:
        parts = self._parts[each.name]
        if parts.error is not None:
            return parts.error
        if each.type_id is None:
            parts.not_read |= {VALUES: _NO_TYPE_ID, PIPELINE: _NO_TYPE_ID}
        pipelines = {key: parts.pipeline_rules.get(key, {}) for key in _ids(parts.pipelines)}
        try:
            rules = parse_rules(each.name, parts.values or ())
            stage = next(
                (str(p["name"]) for p in parts.properties if p.get("name") in _STAGES), None
            )
            if stage is not None:
                rules += parse_pipeline_rules(each.name, stage, parts.pipelines, pipelines)
            read = {rule.name for rule in rules}
            kept = {rule.name: rule for rule in parts.kept if rule.name not in read}
            schema = parse_properties(
                each.name,
                each.label,
                parts.properties,
                parts.pipelines,
                custom=each.custom,
                required=each.required,
                rules=(*rules, *kept.values()),
            ).model_copy(update={"not_read": parts.not_read})
        except CrmdeckError as error:
            return error
        digest = _digest(
            [
                *(parts.properties, parts.pipelines, parts.values, each.label, each.required),
                *(pipelines, sorted(parts.not_read)),
            ]
        )
        return schema, json.dumps([digest, *pipelines])


def _pipelines_in(validator: str | None) -> list[str]:
    """Return the pipelines that an object had at the last refresh."""
    try:
        found = json.loads(validator or "[]")
    except ValueError:
        return []
    return [str(each) for each in found[1:]] if isinstance(found, list) else []


def _ids(pipelines: Iterable[Mapping[str, object]]) -> list[str]:
    return [str(each["id"]) for each in pipelines if isinstance(each.get("id"), str)]


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
