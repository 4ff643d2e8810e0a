"""What a discovery answered, held against what the cache knew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from crmdeck.connectors.base import (
    Connector,
    Discovered,
    Discovery,
    Failed,
    Known,
    Listing,
    Missing,
    Rules,
    Unchanged,
)
from crmdeck.drift.detect import AcceptedField, detect
from crmdeck.drift.renames import FieldWords
from crmdeck.formats.formula import fields_in
from crmdeck.mapping.state import accepted_fields
from crmdeck.model import (
    Connection,
    DriftReport,
    GoneReason,
    Notice,
    ObjectSchema,
    Rule,
    Scope,
    SnapshotInfo,
    VendorProfile,
    rules_hash,
    unknown_attributes,
)
from crmdeck.store import PackedSchema, SchemaPacker, Session, Store

_TURNS = ("token.stored", "connection.updated", "connection.reconnected")


class ReadObject(NamedTuple):
    """An object type that was read in full, with the source's validator."""

    packed: PackedSchema
    validator: str | None


@dataclass
class Answer:
    """What a source answered in one refresh; `not_checked` counts what it leaves out."""

    vendor: VendorProfile

    listing: Listing = field(default_factory=lambda: Listing(frozenset(), ()))
    discovered: list[ReadObject] = field(default_factory=list)
    unchanged: list[Unchanged] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    rules: Mapping[str, tuple[Rule, ...]] | None = None
    not_checked: Counter[str] = field(default_factory=Counter)
    packer: SchemaPacker = field(default_factory=SchemaPacker)

    def add(self, item: Discovery) -> None:
        """Sort one item of a discovery into its place."""
        match item:
            case Listing():
                self.listing = item
            case Discovered(schema, validator):
                self.discovered.append(ReadObject(self.packer.pack(schema), validator))
                self.not_checked.update(unknown_attributes(self.vendor, schema.fields))
            case Unchanged():
                self.unchanged.append(item)
            case Failed():
                self.failed.append(item)
            case Rules():
                self.rules = item.by_object
            case Notice():
                self.notices.append(item)

    @property
    def seen(self) -> int:
        """Return how many object types have been heard of so far."""
        return len(self.discovered) + len(self.unchanged) + len(self.failed)

    def names(self) -> set[str]:
        """Return the object types that were heard of."""
        return (
            {item.packed.object_type for item in self.discovered}
            | {item.object_type for item in self.unchanged}
            | {item.object_type for item in self.failed}
        )


@dataclass(frozen=True)
class Cached:
    """What the cache held of a connection when an answer was compared with it.

    `before` has the object types that the answer shows changed or back, `present` the others,
    read when they are asked for. `left` names the fields and object types that ever left, `lost`
    the object types that are there and whose definitions the cache has lost.
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
    lost: frozenset[str] = frozenset()


class StoredSchemas(Mapping[str, ObjectSchema]):
    """Snapshots by object type, each read from the store when it is asked for first."""

    def __init__(self, store: Store, infos: Mapping[str, SnapshotInfo]) -> None:
        self._store = store
        self._infos = infos
        self._read: dict[str, ObjectSchema] = {}

    def __getitem__(self, object_type: str) -> ObjectSchema:
        """Return one object type; raises KeyError where there is no snapshot of it."""
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
    """What changed against what was cached, and which object types are gone for which reason."""

    cached: Cached
    report: DriftReport
    gone: Mapping[str, GoneReason]


def compare(
    connection: Connection,
    connector: Connector,
    answer: Answer,
    cached: Cached,
    *,
    scope: Scope,
    at: datetime,
    field_words: FieldWords,
) -> Compared:
    """Hold an answer against what the cache held; the source is asked why things are gone."""
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
        field_words=field_words,
    )
    return Compared(cached, report, gone)


def load_known(session: Session, connection_id: str) -> dict[str, Known]:
    """Return what the cache knows, so that a source can answer "unchanged".

    A validator does not say whose answer it stands for, nor from where, and another user may
    see more: after a new sign-in or a change of the connection nothing counts as unchanged. Nor
    does a snapshot of before object types were compared: read again, it says more.
    """
    current = session.snapshots.current(connection_id, whole=False)
    if not current:
        return {}
    # What was lost has to be read in full to come back.
    lost = _lost(session, connection_id)
    since = session.audit.entries(
        connection_id=connection_id, since=session.snapshots.refreshed_at(connection_id)
    )
    distrusted = any(entry.event in _TURNS for entry in since)
    validators = {} if distrusted else session.snapshots.validators(connection_id)
    return {
        info.object_type: Known(
            info.object_type,
            info.schema_hash,
            validators.get(info.object_type)
            if info.object_hash and info.object_type not in lost
            else None,
        )
        for info in current
    }


def load_cached(store: Store, connection_id: str, answer: Answer) -> Cached:
    """Return what the cache holds that `answer` has to be compared with."""
    with store.read() as session:
        return _load_cached(store, session, connection_id, answer)


def _load_cached(store: Store, session: Session, connection_id: str, answer: Answer) -> Cached:
    current = {
        info.object_type: info for info in session.snapshots.current(connection_id, whole=False)
    }
    gone = session.snapshots.gone(connection_id)
    _settle_returned(session, connection_id, current, answer)
    _settle_rules(session, current, answer)
    wanted = []
    for item in answer.discovered:
        name = item.packed.object_type
        info = current.get(name)
        if info is not None and _differs(info, item.packed):
            wanted.append(info)
        elif name in gone and (last := session.snapshots.last_present(connection_id, name)):
            wanted.append(last)
    before = {
        snapshot.info.object_type: snapshot.content
        for snapshot in session.snapshots.load(wanted, whole=False).values()
    }
    lost = _lost(session, connection_id) | ({info.object_type for info in wanted} - before.keys())
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
        left=session.drift.gone(connection_id),
        lost=lost,
    )


def _lost(session: Session, connection_id: str) -> frozenset[str]:
    return frozenset(session.snapshots.incomplete(connection_id).get(connection_id, ()))


def _settle_returned(
    session: Session, connection_id: str, current: Mapping[str, SnapshotInfo], answer: Answer
) -> None:
    """Count as read what the source calls unchanged and somebody else saw gone meanwhile."""
    for item in answer.unchanged:
        if item.object_type not in current and (
            last := session.snapshots.last_present(connection_id, item.object_type)
        ):
            schema = session.snapshots.load([last])[last.id].content
            answer.discovered.append(ReadObject(answer.packer.pack(schema), item.validator))
    back = {item.packed.object_type for item in answer.discovered}
    answer.unchanged = [item for item in answer.unchanged if item.object_type not in back]


def _settle_rules(session: Session, current: Mapping[str, SnapshotInfo], answer: Answer) -> None:
    """Put the rules of an answer into its object types; an unchanged one may have others now."""
    if answer.rules is None:
        return
    rules = answer.rules
    pack = answer.packer.pack
    answer.discovered = [
        item._replace(packed=pack(_with_rules(item.packed.schema(), rules[name])))
        if (name := item.packed.object_type) in rules
        else item
        for item in answer.discovered
    ]
    moved = {
        item.object_type: item
        for item in answer.unchanged
        if item.object_type in rules
        and (info := current.get(item.object_type)) is not None
        and info.rules_hash != rules_hash(rules[item.object_type])
    }
    loaded = session.snapshots.load([current[name] for name in moved])
    for name, item in moved.items():
        schema = loaded[current[name].id].content
        answer.discovered.append(ReadObject(pack(_with_rules(schema, rules[name])), item.validator))
    answer.unchanged = [item for item in answer.unchanged if item.object_type not in moved]


def _with_rules(schema: ObjectSchema, rules: tuple[Rule, ...]) -> ObjectSchema:
    names = [field.name for field in schema.fields]
    told = tuple(
        rule.model_copy(update={"fields": fields_in(rule.expression, names)}) for rule in rules
    )
    return schema.model_copy(update={"rules": told})


def _differs(info: SnapshotInfo, packed: PackedSchema) -> bool:
    """Return whether anything that is compared may differ from a snapshot.

    A snapshot without an object hash is one from before object types were compared.
    """
    found = packed.definition.named
    if info.schema_hash != found["schema_hash"] or info.object_hash != found["object_hash"]:
        return True
    known = info.rules_hash is not None and found["rules_hash"] is not None
    return known and info.rules_hash != found["rules_hash"]


def schemas_after(answer: Answer, cached: Cached, scope: Scope) -> dict[str, ObjectSchema]:
    """Return the object types of an answer that can be compared with the cache, as they are now.

    What a changed scope brings in, or failed before it was ever read, is no news.
    """
    rescoped = cached.scope is not None and cached.scope != scope
    schemas = {}
    for item in answer.discovered:
        name = item.packed.object_type
        if name not in cached.before:
            known = name in cached.current or name in cached.gone or name in cached.lost
            if known or rescoped or name in cached.failures:
                continue
        schemas[name] = item.packed.schema()
    return schemas


def gone_objects(connector: Connector, answer: Answer, cached: Cached) -> dict[str, GoneReason]:
    """Return the object types that the answer lacks, with the reason that the source gives."""
    answered = answer.names()
    listing = answer.listing
    gone = {}
    unexplained = []
    for name in sorted(cached.current.keys() | cached.lost):
        if name in answered:
            continue
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
    """Return the fields, by object type and name, that the source gives a reason for."""
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
