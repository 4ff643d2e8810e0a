"""One discovery of an account: its object types, then their properties and pipelines.

HubSpot has no conditional requests. The digest of a response shows that an object type is
unchanged, which saves everything except the request.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from urllib.parse import quote

import msgspec

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
from crmdeck.connectors.caller import NEVER
from crmdeck.connectors.http import Response, not_json, one_large_answer, records_of, too_large
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.faults import FAULTS, WHO
from crmdeck.connectors.hubspot.oauth import SCOPE_OF
from crmdeck.connectors.hubspot.paths import NEWEST_FIRST
from crmdeck.connectors.hubspot.profile import OBJECTS
from crmdeck.connectors.limits import MEBIBYTE, Limits
from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CrmdeckError, PermissionDeniedError
from crmdeck.formats import json_values
from crmdeck.formats.hubspot_properties import (
    parse_pipeline_rules,
    parse_properties,
    parse_rules,
)
from crmdeck.formats.json_values import MalformedError
from crmdeck.model import CancelToken, Rule, RuleKind, Scope, ScopeMode

# HubSpot lists these properties only on request, and not in every edition.
_SENSITIVITIES = ("sensitive", "highly_sensitive")
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
_THREADS_FOR_MORE = 16
_MOST_BYTES = 48 * MEBIBYTE
_FAMILIES = ("schemas", "properties", "property-validations", "pipelines")
# Deals have a stage property of their own; all other objects share one.
_STAGES = frozenset({"dealstage", "hs_pipeline_stage"})
_HAS_PIPELINES = frozenset({"pipeline", "hs_pipeline", "dealstage", "hs_pipeline_stage"})
_Task = Callable[[CancelToken], None]


class _Named(msgspec.Struct):
    name: str = ""


_NAMED = msgspec.json.Decoder(_Named)


@dataclass(frozen=True)
class ObjectType:
    """One object type; `path` is its name in HubSpot's paths, `type_id` its ID, if known."""

    name: str
    label: str
    path: str
    custom: bool = False
    required: tuple[str, ...] | None = None
    type_id: str | None = None


_STANDARD_TYPES = {
    name: ObjectType(name, label, quote(name), type_id=type_id)
    for name, (type_id, label) in OBJECTS.items()
}


def discover(
    client: HubSpotClient,
    scope: Scope,
    known: Mapping[str, Known],
    cancel: CancelToken,
    limits: Limits,
) -> Iterator[Discovery]:
    """Yield a Listing, then the result of each object type.

    The Listing leaves out standard object types that the account never had. An object type fails
    if the token lacks its scope. What the last refresh shows to be needed is read next to the list
    of object types, so that an unchanged account takes the time of one response.
    """
    client.caller.start()
    reader = _Reader(client, scope.without_rules, limits.calls_at_once, known)
    types = reader.begin(scope, cancel)
    scope = scope.spelled_as(types)
    # A named object type that is gone leaves the scope; one that never existed is an error.
    wanted = tuple(name for name in select(scope, types) if name in types or name not in known)
    reader.read([types.get(name) or unlisted(name) for name in wanted], cancel)
    named = frozenset(scope.include)
    in_scope = tuple(
        name for name in wanted if name in known or name in named or not reader.lacks(name)
    )
    out_of_scope = frozenset(types) - frozenset(wanted)
    yield Listing(out_of_scope | frozenset(in_scope), in_scope)
    for name in in_scope:
        yield reader.result(types.get(name) or unlisted(name))
    yield Rules({}, dict(reader.calls), reader.failed)


def object_types(
    client: HubSpotClient, cancel: CancelToken = NEVER, *, reserve: bool = True
) -> dict[str, ObjectType]:
    """Return the standard and custom object types of an account. Raises CrmdeckError.

    A custom object type has its short name, because the full name contains the Portal ID. A token
    without the scope for custom objects gets only the standard ones.
    """
    types = dict(_STANDARD_TYPES)
    try:
        reply = client.get("schemas", "schemas", cancel, reserve=reserve)
    except PermissionDeniedError as error:
        FAULTS.raise_if_whole(error)
        return types
    try:
        for record in results(reply):
            custom = _custom(record)
            types[custom.name] = custom
    except MalformedError as error:
        raise json_values.malformed("The list of custom objects", error) from None
    return types


def unlisted(name: str) -> ObjectType:
    """Return an object type for a name that no list contains."""
    return ObjectType(name, name, quote(name, safe=""))


def path_of(client: HubSpotClient, name: str) -> str:
    """Return the name of an object type in HubSpot's paths. Raises CrmdeckError."""
    if name in OBJECTS:
        return quote(name)
    return (object_types(client).get(name) or unlisted(name)).path


def _custom(record: Mapping[str, object]) -> ObjectType:
    name = json_values.name(record)
    full = json_values.text(record, "fullyQualifiedName") or name
    if name in OBJECTS:
        name = full
    labels = json_values.record(record.get("labels") or {}, "`labels`")
    required = json_values.texts(record, "requiredProperties")
    return ObjectType(
        name,
        json_values.text(labels, "plural") or name,
        quote(full, safe=""),
        custom=True,
        required=required if record.get("requiredProperties") is not None else None,
        type_id=json_values.scalar(record.get("objectTypeId")) or None,
    )


def select(scope: Scope, types: Mapping[str, ObjectType]) -> tuple[str, ...]:
    excluded = frozenset(scope.exclude)
    if scope.mode is ScopeMode.NAMED:
        names = set(scope.include)
    elif scope.mode is ScopeMode.ALL:
        names = set(types)
    else:
        # crmdeck requests scopes for the standard objects that PartnerOS can map.
        names = {name for name, each in types.items() if each.custom or name in SCOPE_OF}
        names |= set(scope.include)
    return tuple(sorted(names - excluded))


@dataclass(frozen=True)
class _Validator:
    """What a refresh found of an object type, so that the next one can ask for all of it at once.

    `digest` covers the responses. `sensitive`: HubSpot lists sensitive properties. `newest`: the
    account has the newest API version, so that parallel calls need not find out which one it has.
    """

    digest: str
    path: str
    type_id: str | None
    pipelines: tuple[str, ...]
    sensitive: bool
    newest: bool

    def encode(self) -> str:
        return json.dumps(astuple(self))

    @classmethod
    def decode(cls, text: str | None) -> _Validator | None:
        """Return the validator; None if there is none, or only an older kind."""
        try:
            digest, path, type_id, pipelines, sensitive, newest = json.loads(text or "")
            return cls(digest, path, type_id, tuple(map(str, pipelines)), sensitive, newest)
        except (ValueError, TypeError):
            return None


@dataclass
class _Parts:
    """The responses about one object type.

    `properties` go by sensitivity, empty for the ordinary ones. `not_read` has the reasons of
    lasting errors, `kept` the cached rules after temporary ones.
    """

    each: ObjectType
    known: Known | None = None
    before: _Validator | None = None
    properties: dict[str, list[object]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    pipelines: list[Mapping[str, object]] | None = None
    values: list[Mapping[str, object]] | None = None
    pipeline_rules: dict[str, Mapping[str, object]] = field(default_factory=dict)
    not_read: dict[str, str] = field(default_factory=lambda: dict(_NO_API))
    error: CrmdeckError | None = None
    kept: list[Rule] = field(default_factory=list)


class _Reader:
    """Reads object types and their rules, next to each other."""

    def __init__(
        self,
        client: HubSpotClient,
        without: Collection[str],
        at_once: int,
        known: Mapping[str, Known],
    ) -> None:
        self._client = client
        self._without = frozenset(without) & {VALUES, PIPELINE}
        self._at_once = at_once
        self._known = known
        self._parts: dict[str, _Parts] = {}
        self._room = _MOST_BYTES
        self.calls: Counter[str] = Counter()
        self.failed: dict[str, CrmdeckError] = {}

    def begin(self, scope: Scope, cancel: CancelToken) -> dict[str, ObjectType]:
        """Return the object types of the account, and read the known ones in the meantime."""
        types: dict[str, ObjectType] = {}
        tasks: list[_Task] = [lambda stop: types.update(object_types(self._client, stop))]
        validators = {name: _Validator.decode(each.validator) for name, each in self._known.items()}
        if any(each is not None and each.newest for each in validators.values()):
            self._client.paths.expect_newest(*_FAMILIES)
            # With the standard ones that the account didn't have: it may have them by now.
            expected = _STANDARD_TYPES | {
                name: ObjectType(name, name, each.path, custom=True, type_id=each.type_id)
                for name, each in validators.items()
                if each is not None and name not in _STANDARD_TYPES
            }
            for name in select(scope, expected):
                if name in expected:
                    tasks += self._first_tasks(expected[name])
        self._run(tasks, cancel)
        if self._client.paths.oldest_in_use() == NEWEST_FIRST[0]:
            self._client.paths.expect_newest("properties")
        return types

    def read(self, wanted: Sequence[ObjectType], cancel: CancelToken) -> None:
        """Read what `begin` didn't; each step asks for what the one before has found."""
        tasks: list[_Task] = []
        for each in wanted:
            parts = self._parts.get(each.name)
            if parts is None or (parts.each.path, parts.each.type_id) != (each.path, each.type_id):
                tasks += self._first_tasks(each)
        self._run(tasks, cancel)
        for _ in ("pipelines", "their rules"):
            self._run([task for each in wanted for task in self._further_tasks(each)], cancel)

    def lacks(self, name: str) -> bool:
        """Return True if the account doesn't have an object type."""
        error = self._parts[name].error
        return error is not None and error.code in ("NOT_VISIBLE", "EDITION_TOO_SMALL")

    def _run(self, tasks: list[_Task], cancel: CancelToken) -> None:
        waiting = iter(tasks)
        # HubSpot allows 100 calls or more in ten seconds: few enough go at once.
        threads = len(tasks) if len(tasks) <= self._at_once else _THREADS_FOR_MORE
        for _ in in_parallel(lambda: next(waiting, None), threads, cancel, "hubspot"):
            pass

    def _first_tasks(self, each: ObjectType) -> list[_Task]:
        known = self._known.get(each.name)
        before = _Validator.decode(known.validator) if known else None
        self._parts[each.name] = _Parts(each, known, before)
        sensitivities = _SENSITIVITIES if before and before.sensitive else _SENSITIVITIES[:1]
        tasks = [self._properties_task(each, sensitivity) for sensitivity in ("", *sensitivities)]
        if before:
            tasks += self._values_tasks(each)
        if before and before.pipelines:
            tasks.append(self._pipelines_task(each))
            tasks += self._pipeline_tasks(each, before.pipelines)
        return tasks

    def _further_tasks(self, each: ObjectType) -> list[_Task]:
        """Return the reads that the responses so far require."""
        parts = self._parts[each.name]
        if parts.error is not None:
            return []
        tasks = []
        if _SENSITIVITIES[0] in parts.properties and _SENSITIVITIES[1] not in parts.asked:
            tasks.append(self._properties_task(each, _SENSITIVITIES[1]))
        tasks += self._values_tasks(each)
        if "pipelines" not in parts.asked:
            if _names_in(parts.properties[""]) & _HAS_PIPELINES:
                tasks.append(self._pipelines_task(each))
            return tasks
        new = [key for key in _ids(parts.pipelines or ()) if key not in parts.pipeline_rules]
        return tasks + self._pipeline_tasks(each, new)

    def _properties_task(self, each: ObjectType, sensitivity: str) -> _Task:
        parts = self._parts[each.name]
        parts.asked.add(sensitivity)

        def task(stop: CancelToken) -> None:
            try:
                with one_large_answer():
                    reply = self._client.properties(each.path, sensitivity, stop)
                    # All lists of properties are in memory until the last one has arrived.
                    self._room -= reply.size
                    if self._room < 0:
                        self._room += reply.size
                        raise too_large(WHO, _MOST_BYTES, "The properties of all objects have")
                    parts.properties[sensitivity] = _items(reply)
            except CrmdeckError as error:
                FAULTS.raise_if_whole(error)
                # HubSpot has these properties only in some editions.
                had = parts.before is not None and parts.before.sensitive
                if not sensitivity or not _is_optional(error, had):
                    parts.error = error

        return task

    def _values_tasks(self, each: ObjectType) -> list[_Task]:
        parts = self._parts[each.name]
        if "values" in parts.asked:
            return []
        parts.asked.add("values")
        if each.type_id is None or not self._may_read(each, VALUES):
            return []
        path = quote(each.type_id)

        def task(stop: CancelToken) -> None:
            try:
                self.calls[VALUES] += 1
                parts.values = results(self._client.get("property-validations", path, stop))
            except CrmdeckError as error:
                self._note(each, VALUES, error)

        return [task]

    def _pipelines_task(self, each: ObjectType) -> _Task:
        parts = self._parts[each.name]
        parts.asked.add("pipelines")

        def task(stop: CancelToken) -> None:
            try:
                parts.pipelines = results(self._client.get("pipelines", each.path, stop))
            except CrmdeckError as error:
                FAULTS.raise_if_whole(error)
                # An object with such a property may have no pipelines, or the token may lack the
                # scope.
                had = parts.before is not None and bool(parts.before.pipelines)
                is_usual = error.code in ("NOT_VISIBLE", "MISSING_SCOPE")
                if not is_usual or not _is_optional(error, had):
                    parts.error = parts.error or error

        return task

    def _pipeline_tasks(self, each: ObjectType, pipelines: Iterable[str]) -> list[_Task]:
        if each.type_id is None or not self._may_read(each, PIPELINE):
            return []
        return [partial(self._read_pipeline_rules, each, key) for key in pipelines]

    def _read_pipeline_rules(self, each: ObjectType, key: str, stop: CancelToken) -> None:
        try:
            self.calls[PIPELINE] += 1
            path = f"{quote(each.type_id or '')}/{quote(key, safe='')}"
            reply = self._client.get("pipelines-rules", path, stop)
            if "governanceValidationRules" not in reply.fields:
                raise not_json(WHO)
            self._parts[each.name].pipeline_rules[key] = reply.fields
        except CrmdeckError as error:
            self._note(each, PIPELINE, error)
            self._parts[each.name].pipeline_rules.setdefault(key, {})

    def _may_read(self, each: ObjectType, kind: str) -> bool:
        if kind in self._without:
            self._parts[each.name].not_read[kind] = LEFT_OUT
        return kind not in self._without

    def _note(self, each: ObjectType, kind: str, error: CrmdeckError) -> None:
        FAULTS.raise_if_whole(error)
        parts = self._parts[each.name]
        cached = parts.known.schema if parts.known else None
        if error.code not in _OPTIONAL_ERRORS:
            self.failed.setdefault(kind, error)
        if error.code not in _OPTIONAL_ERRORS and cached and kind in cached.known_kinds:
            parts.kept += [rule for rule in cached.rules or () if rule.kind == kind]
        else:
            parts.not_read[kind] = f"{error.message} {error.cause or ''}".strip()

    def result(self, each: ObjectType) -> Discovered | Unchanged | Failed:
        """Return the result for an object type, and drop its responses."""
        parts = self._parts.pop(each.name)
        if parts.error is not None:
            return Failed(each.name, parts.error)
        if each.type_id is None:
            parts.not_read |= {VALUES: _NO_TYPE_ID, PIPELINE: _NO_TYPE_ID}
        pipelines = parts.pipelines or []
        checks = {key: parts.pipeline_rules.get(key, {}) for key in _ids(pipelines)}
        try:
            properties = _merged(parts.properties)
            digest = hashlib.sha256()
            # One at a time, because an object can have very many.
            for entry in properties:
                digest.update(_canonical(json_values.record(entry, "a property")))
            rest = [pipelines, parts.values, each.label, each.required, checks]
            digest.update(_canonical([*rest, sorted(parts.not_read)]))
            validator = _Validator(
                digest.hexdigest(),
                each.path,
                each.type_id,
                tuple(checks),
                sensitive=_SENSITIVITIES[0] in parts.properties,
                newest=self._client.paths.oldest_in_use() == NEWEST_FIRST[0],
            ).encode()
            if parts.known is not None and parts.known.validator == validator:
                return Unchanged(each.name, validator)
            rules = parse_rules(each.name, parts.values or ())
            stage = next(iter(sorted(_names_in(properties) & _STAGES)), None)
            if stage is not None:
                rules += parse_pipeline_rules(each.name, stage, pipelines, checks)
            if parts.kept:
                # In the cached order, so that rules that didn't change have the same hash.
                cached = parts.known.rules if parts.known else ()
                order = {rule.name: number for number, rule in enumerate(cached)}
                both = {rule.name: rule for rule in (*parts.kept, *rules)}
                rules = tuple(
                    sorted(both.values(), key=lambda each: order.get(each.name, len(order)))
                )
            schema = parse_properties(
                each.name,
                each.label,
                properties,
                pipelines,
                custom=each.custom,
                required=each.required,
                rules=rules,
            ).model_copy(update={"not_read": parts.not_read})
        except MalformedError as error:
            return Failed(each.name, json_values.malformed(each.name, error))
        except CrmdeckError as error:
            return Failed(each.name, error)
        return Discovered(schema, validator)


def _is_optional(error: CrmdeckError, had: bool) -> bool:
    """Return True if an object type can do without a list; `had`: the last refresh read it."""
    if had and not isinstance(error, PermissionDeniedError):
        return False
    return error.code in _OPTIONAL_ERRORS


def _ids(pipelines: Iterable[Mapping[str, object]]) -> list[str]:
    """Return the IDs; older versions have none of that name."""
    return [str(each["id"]) for each in pipelines if isinstance(each.get("id"), str)]


def _merged(properties: Mapping[str, list[object]]) -> list[object]:
    """Return the properties of all sensitivities.

    An older version ignores the sensitivity in a request and returns the ordinary ones.
    """
    found = list(properties[""])
    names = _names_in(found)
    for sensitivity in _SENSITIVITIES:
        more = [each for each in properties.get(sensitivity, ()) if _name_of(each) not in names]
        found += more
        names |= _names_in(more)
    return found


def _names_in(properties: Iterable[object]) -> set[str]:
    return {_name_of(each) for each in properties}


def _name_of(entry: object) -> str:
    if isinstance(entry, msgspec.Raw):
        try:
            return _NAMED.decode(entry).name
        except (msgspec.DecodeError, UnicodeDecodeError):
            entry = json_values.parsed(entry)
    return str(entry.get("name")) if isinstance(entry, Mapping) else ""


def _items(reply: Response) -> list[object]:
    found = reply.fields.get("results") if isinstance(reply.body, Mapping) else reply.body
    if not isinstance(found, list):
        raise not_json(WHO)
    # HubSpot splits none of these lists into pages.
    if reply.fields.get("paging"):
        raise json_values.malformed("A list in the response", MalformedError("it isn't complete"))
    return found


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def results(reply: Response) -> list[Mapping[str, object]]:
    """Return the complete list in a response. Raises SourceError: see `json_values.records`."""
    return records_of({"results": _items(reply)}, "results")
