"""Compare the response of a source with the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from crmdeck.connectors.base import (
    Connector,
    Discovered,
    Discovery,
    Failed,
    Known,
    Listing,
    Missing,
    ObjectRules,
    PicklistsOfType,
    Rules,
    Unchanged,
)
from crmdeck.drift.detect import AcceptedField, detect
from crmdeck.drift.renames import FieldWords
from crmdeck.errors import CrmdeckError, SourceError
from crmdeck.formats.formula import fields_in
from crmdeck.mapping.state import accepted_fields
from crmdeck.model import (
    Connection,
    DriftReport,
    Field,
    GoneReason,
    Notice,
    ObjectSchema,
    RuleKind,
    Scope,
    SnapshotInfo,
    VendorProfile,
    unknown_attributes,
)
from crmdeck.store import PackedSchema, SchemaPacker, Session, Store
from crmdeck.store.chain import ROWS

_NEW_IDENTITY = (
    "token.stored",
    "connection.signed_in",
    "connection.updated",
    "connection.reconnected",
)

_SYNC_USER = {"sync_user", "sync_user_id", ROWS}


class ReadObject(NamedTuple):
    """An object that was read in full, with the source's validator."""

    packed: PackedSchema
    validator: str | None


@dataclass
class Refreshed:
    """What a source answered in one refresh; `not_checked` counts what it leaves out.

    Unless `may_be_empty` is set, an object without fields is a failure: no object of a CRM has
    zero fields.
    """

    vendor: VendorProfile
    may_be_empty: bool = False
    spelling: Mapping[str, str] = field(default_factory=dict)
    """The cached object types by their names without case, if the CRM ignores case."""

    listing: Listing = field(default_factory=lambda: Listing(frozenset(), ()))
    discovered: list[ReadObject] = field(default_factory=list)
    unchanged: list[Unchanged] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    rules: Mapping[str, ObjectRules] = field(default_factory=dict)
    rule_calls: Mapping[str, int] = field(default_factory=dict)
    failed_rules: Mapping[str, CrmdeckError] = field(default_factory=dict)
    not_checked: Counter[str] = field(default_factory=Counter)
    packer: SchemaPacker = field(default_factory=SchemaPacker)

    def add(self, item: Discovery) -> None:
        """Add one item that the source returned."""
        match item:
            case Listing():
                self.listing = Listing(
                    frozenset(map(self._spell, item.object_types)),
                    tuple(map(self._spell, item.in_scope)),
                    {self._spell(name): fresh for name, fresh in item.freshness.items()},
                )
            case Discovered(schema) if not schema.fields and not self.may_be_empty:
                error = SourceError(
                    f"The response has no fields of {schema.object_type}.",
                    cause="Every object has fields, so the response is incomplete. crmdeck keeps "
                    "the cached schema.",
                    remedy="Refresh again, or check the user's permissions on the object.",
                    code="NO_FIELDS",
                )
                self.failed.append(Failed(schema.object_type, error))
            case Discovered(schema, validator):
                if (name := self._spell(schema.object_type)) != schema.object_type:
                    schema = schema.model_copy(update={"object_type": name})
                self.discovered.append(ReadObject(self.packer.pack(schema), validator))
                self.not_checked.update(unknown_attributes(self.vendor, schema.fields))
            case Unchanged():
                self.unchanged.append(replace(item, object_type=self._spell(item.object_type)))
            case Failed():
                self.failed.append(replace(item, object_type=self._spell(item.object_type)))
            case Rules():
                self.rules = {self._spell(name): rules for name, rules in item.by_object.items()}
                self.rule_calls = item.calls
                self.failed_rules = item.failed
            case Notice():
                self.notices.append(item)

    def _spell(self, object_type: str) -> str:
        return self.spelling.get(object_type.casefold(), object_type)

    def keep_spelling(self, before: Mapping[str, ObjectSchema]) -> None:
        """Give fields whose names differ only in case the names in the cache."""
        for number, item in enumerate(self.discovered):
            old = before.get(item.packed.object_type)
            if old is None or not self.vendor.ignores_case:
                continue
            own = {each.name.casefold(): each for each in old.fields}
            schema = item.packed.schema()
            if any(own.get(f.name.casefold(), f).name != f.name for f in schema.fields):
                packed = self.packer.pack(_spelled_as(schema, own))
                self.discovered[number] = item._replace(packed=packed)

    @property
    def seen(self) -> int:
        """The number of objects that the source has answered for so far."""
        return len(self.discovered) + len(self.unchanged) + len(self.failed)

    def names(self) -> set[str]:
        """Return the object types that the source has answered for."""
        return (
            {item.packed.object_type for item in self.discovered}
            | {item.object_type for item in self.unchanged}
            | {item.object_type for item in self.failed}
        )


@dataclass(frozen=True)
class Cached:
    """The cache of a connection when a response was compared with it.

    `before` has the objects that changed or exist again, `present` the others, loaded on access.
    `left` names the fields and objects that were ever gone, `lost` the current objects whose
    definitions the cache has lost.
    """

    refresh_id: str | None
    current: Mapping[str, SnapshotInfo]
    gone: Mapping[str, GoneReason]
    scope: Scope | None
    failures: frozenset[str]
    before: Mapping[str, ObjectSchema]
    present: Mapping[str, ObjectSchema]
    accepted: tuple[AcceptedField, ...]
    left: Collection[tuple[str, str | None]]
    store: Store
    lost: frozenset[str] = frozenset()


class StoredSchemas(Mapping[str, ObjectSchema]):
    """Snapshots by object type, each loaded from the store on first access."""

    def __init__(self, store: Store, infos: Mapping[str, SnapshotInfo]) -> None:
        self._store = store
        self._infos = infos
        self._read: dict[str, ObjectSchema] = {}

    def __getitem__(self, object_type: str) -> ObjectSchema:
        if object_type not in self._read:
            info = self._infos[object_type]
            with self._store.read() as session:
                self._read[object_type] = session.snapshots.load([info])[info.id].content
        return self._read[object_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)


@dataclass(frozen=True)
class Compared:
    """The changes since the cached state, and the reason why each missing object is gone."""

    cached: Cached
    report: DriftReport
    gone: Mapping[str, GoneReason]


def compare(
    connection: Connection,
    connector: Connector,
    answer: Refreshed,
    cached: Cached,
    *,
    scope: Scope,
    at: datetime,
    field_words: FieldWords,
) -> Compared:
    """Compare a response with the cache, and ask the source why objects and fields are gone."""
    gone = gone_objects(connector, answer, cached)
    after = schemas_after(answer, cached, scope)
    report = detect(
        connection_id=connection.id,
        vendor=answer.vendor,
        detected_at=at,
        before=cached.before,
        after=after,
        gone_objects=gone,
        gone_fields=gone_fields(connector, cached.before, after),
        returned={name: reason for name, reason in cached.gone.items() if name in after},
        accepted=cached.accepted,
        present=cached.present,
        left=cached.left,
        last=StoredSchemas(
            cached.store, {name: cached.current[name] for name in gone if name in cached.current}
        ),
        field_words=field_words,
    )
    return Compared(cached, report, gone)


def load_known(session: Session, connection_id: str, scope: Scope) -> dict[str, Known]:
    """Return the cached objects, so that a source can answer "unchanged".

    A validator is only valid for the same user and host. So after a new sign-in or a change of
    the connection, nothing counts as unchanged. Neither does a snapshot from before crmdeck
    compared objects.
    """
    # Not whole: an object with lost definitions must not stop the refresh that restores them.
    current = session.snapshots.current(connection_id, whole=False)
    if not current:
        return {}
    faces = session.snapshots.faces(connection_id)
    mapped = {pair.crm_object for pair in accepted_fields(session.decisions.log(connection_id))}
    # Only a full read restores a lost definition.
    lost = _lost(session, connection_id)
    since = session.audit.entries(
        connection_id=connection_id, since=session.snapshots.refreshed_at(connection_id)
    )
    # Another sync user doesn't change what crmdeck's own user reads.
    distrusted = any(
        entry.event in _NEW_IDENTITY
        and not (entry.event == "connection.updated" and set(entry.details) <= _SYNC_USER)
        for entry in since
    )
    validators = {} if distrusted else session.snapshots.validators(connection_id)
    before = session.snapshots.scope(connection_id)
    # An object that the user no longer names stays only if the CRM's flags include it.
    stays = before is not None and before.mode is scope.mode
    dropped = frozenset(before.include if before else ()) - frozenset(scope.include)
    return {
        info.object_type: Known(
            info.object_type,
            info.schema_hash,
            validators.get(info.object_type)
            if info.object_hash and info.object_type not in lost
            else None,
            schema=faces.get(info.object_type),
            mapped=info.object_type in mapped,
            stays=stays and info.object_type not in dropped,
        )
        for info in current
    }


def with_unread_fields(store: Store, connection_id: str, item: Discovered) -> Discovered:
    """Return an object with the cached state of the fields that its source couldn't read."""
    with store.read() as session:
        infos = [each for each in session.snapshots.current(connection_id)
                 if each.object_type == item.schema.object_type]  # fmt: skip
        cached = [one for each in session.snapshots.load(infos).values()
                  for one in each.content.fields if one.name in item.unread]  # fmt: skip
    fields = (*item.schema.fields, *cached)
    return replace(item, schema=item.schema.model_copy(update={"fields": fields}))


def load_cached(store: Store, connection_id: str, answer: Refreshed) -> Cached:
    """Return the cache that `answer` has to be compared with."""
    with store.read() as session:
        current = {
            info.object_type: info for info in session.snapshots.current(connection_id, whole=False)
        }
        gone = session.snapshots.gone(connection_id)
        _settle_returned(session, connection_id, current, answer)
        _settle_rules(session, connection_id, current, answer)
        wanted = []
        for item in answer.discovered:
            name = item.packed.object_type
            info = current.get(name)
            if info is not None and _differs(info, item.packed):
                wanted.append(info)
            # An object that exists again can have changed in between.
            elif name in gone and (last := session.snapshots.last_present(connection_id, name)):
                wanted.append(last)
        before = {
            snapshot.info.object_type: snapshot.content
            for snapshot in session.snapshots.load(wanted, whole=False).values()
        }
        answer.keep_spelling(before)
        lost = _lost(session, connection_id) | (
            {info.object_type for info in wanted} - before.keys()
        )
        present = answer.names() - lost
        there = {name: info for name, info in current.items() if name in present}
        return Cached(
            refresh_id=session.snapshots.latest_refresh(connection_id),
            current=current,
            gone=gone,
            scope=session.snapshots.scope(connection_id),
            failures=frozenset(f.object_type for f in session.runs.failures(connection_id)),
            before=before,
            present=StoredSchemas(store, there),
            accepted=accepted_fields(session.decisions.log(connection_id)),
            left=session.drift.removed_fields(connection_id),
            store=store,
            lost=lost,
        )


def _spelled_as(schema: ObjectSchema, own: Mapping[str, Field]) -> ObjectSchema:
    """Return a schema in the spelling of the cached fields `own`, by names without case."""

    def spell(name: str | None) -> str | None:
        return own[name.casefold()].name if name and name.casefold() in own else name

    fields = []
    for each in schema.fields:
        old = own.get(each.name.casefold(), each)
        objects = {name.casefold(): name for name in old.references}
        changes = {
            "name": old.name,
            "compound": spell(each.compound),
            "controller": spell(each.controller),
            "references": tuple(objects.get(name.casefold(), name) for name in each.references),
        }
        fields.append(each.model_copy(update=changes))
    rules = schema.rules and tuple(
        each.model_copy(
            update={"field": spell(each.field), "fields": tuple(map(spell, each.fields))}
        )
        for each in schema.rules
    )
    return schema.model_copy(update={"fields": tuple(fields), "rules": rules})


def _lost(session: Session, connection_id: str) -> frozenset[str]:
    # Now: a check from a minute ago may have missed what this refresh has to read again.
    found = session.snapshots.incomplete(connection_id, now=True)
    return frozenset(found.get(connection_id, ()))


def _settle_returned(
    session: Session, connection_id: str, current: Mapping[str, SnapshotInfo], answer: Refreshed
) -> None:
    """Count as read an unchanged object that another refresh has found gone in the meantime."""
    for item in answer.unchanged:
        if item.object_type not in current and (
            last := session.snapshots.last_present(connection_id, item.object_type)
        ):
            schema = session.snapshots.load([last])[last.id].content
            answer.discovered.append(ReadObject(answer.packer.pack(schema), item.validator))
    back = {item.packed.object_type for item in answer.discovered}
    answer.unchanged = [item for item in answer.unchanged if item.object_type not in back]


def _settle_rules(
    session: Session, connection_id: str, current: Mapping[str, SnapshotInfo], answer: Refreshed
) -> None:
    """Put the rules of a response into its objects; the rules of an unchanged one may differ."""
    rules = answer.rules
    if not rules:
        return
    answer.discovered = [
        item._replace(packed=item.packed.with_face(partial(_with_rules, rules[name])))
        if (name := item.packed.object_type) in rules
        else item
        for item in answer.discovered
    ]
    faces = session.snapshots.faces(connection_id)
    moved = {
        item.object_type: item
        for item in answer.unchanged
        if item.object_type in rules
        and item.object_type in current
        and not _has_rules(faces.get(item.object_type), rules[item.object_type])
    }
    loaded = session.snapshots.load([current[name] for name in moved])
    for name, item in moved.items():
        schema = loaded[current[name].id].content
        packed = answer.packer.pack(schema).with_face(partial(_with_rules, rules[name]))
        answer.discovered.append(ReadObject(packed, item.validator))
    answer.unchanged = [item for item in answer.unchanged if item.object_type not in moved]


def _has_rules(face: ObjectSchema | None, found: ObjectRules) -> bool:
    if face is None or face.rules is None:
        return False
    fields = {rule.name: rule.fields for rule in face.rules}
    after = _with_rules(found, face, ())
    # The fields of formulas depend on the object's fields, which a face lacks.
    rules = tuple(
        rule.model_copy(update={"fields": fields.get(rule.name, ())})
        if rule.kind is RuleKind.VALIDATION
        else rule
        for rule in after.rules or ()
    )
    return face == after.model_copy(update={"rules": rules})


def _with_rules(found: ObjectRules, face: ObjectSchema, names: Sequence[str]) -> ObjectSchema:
    rules = tuple(
        rule.model_copy(update={"fields": fields_in(rule.expression, names)})
        if rule.kind is RuleKind.VALIDATION
        else rule
        for rule in found.rules
    )
    unknown = PicklistsOfType(None, None)
    record_types = face.record_types and tuple(
        each.model_copy(update={"values": read.values, "value_defaults": read.defaults})
        for each in face.record_types
        for read in (found.picklists.get(each.id or "", unknown),)
    )
    return face.model_copy(
        update={
            "rules": rules,
            "not_read": found.not_read,
            "user": found.user,
            "record_types": record_types,
        }
    )


def _differs(info: SnapshotInfo, packed: PackedSchema) -> bool:
    """Return whether a compared attribute may differ from a snapshot.

    A snapshot without an object hash is from before crmdeck compared objects.
    """
    found = packed.definition.named
    if info.schema_hash != found["schema_hash"] or info.object_hash != found["object_hash"]:
        return True
    # Rules that one side could not read are unknown, not removed.
    known = info.rules_hash is not None and found["rules_hash"] is not None
    return known and info.rules_hash != found["rules_hash"]


def schemas_after(answer: Refreshed, cached: Cached, scope: Scope) -> dict[str, ObjectSchema]:
    """Return the objects of a response that can be compared with the cache.

    An object that is new because the scope changed, or because it failed before, is not drift.
    """
    # Whether rules are read doesn't change which objects are.
    whole = scope.model_copy(update={"without_rules": ()})
    rescoped = (
        cached.scope is not None and cached.scope.model_copy(update={"without_rules": ()}) != whole
    )
    schemas = {}
    for item in answer.discovered:
        name = item.packed.object_type
        if name not in cached.before:
            known = name in cached.current or name in cached.gone or name in cached.lost
            if known or rescoped or name in cached.failures:
                continue
        schemas[name] = item.packed.schema()
    return schemas


def gone_objects(connector: Connector, answer: Refreshed, cached: Cached) -> dict[str, GoneReason]:
    """Return the objects that are missing from the response, with the source's reason."""
    answered = answer.names()
    listing = answer.listing
    gone = {}
    unexplained = []
    for name in sorted(cached.current.keys() | cached.lost):
        if name in answered:
            continue
        # The source needn't explain what crmdeck itself no longer asks for.
        if name in listing.object_types and name not in listing.in_scope:
            gone[name] = GoneReason.OUT_OF_SCOPE
        else:
            unexplained.append(Missing(name))
    reasons = connector.explain_missing(unexplained) if unexplained else {}
    for item in unexplained:
        gone[item.object_type] = reasons.get(item, GoneReason.ABSENT)
    return gone


def gone_fields(
    connector: Connector, before: Mapping[str, ObjectSchema], after: Mapping[str, ObjectSchema]
) -> dict[tuple[str, str], GoneReason]:
    """Return the missing fields for which the source has a reason."""
    missing = []
    for name, state in before.items():
        names = {item.name for item in after[name].fields}
        missing += [Missing(name, old.name) for old in state.fields if old.name not in names]
    reasons = connector.explain_missing(missing) if missing else {}
    return {
        (item.object_type, item.field_name): reason
        for item, reason in reasons.items()
        if item.field_name is not None
    }
