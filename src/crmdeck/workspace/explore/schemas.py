"""Schemas in the cache, current or as of a time; fill rates and samples from a few records.

Fill rates are cached with their date. Sample values go to the caller and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import RecordReader, Sample, UsageFinder
from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.open_changes import count_open, group_of
from crmdeck.drift.schema_diff import compare_schemas
from crmdeck.drift.usage import judge_usage, uses_in_schema
from crmdeck.errors import NotFoundError, UsageError
from crmdeck.mapping.state import accepted_fields, by_pair, filled_elsewhere
from crmdeck.model import (
    CancelToken,
    ChangeState,
    Comparison,
    Connection,
    Direction,
    DriftEvent,
    EffectiveAccess,
    Field,
    FieldRow,
    FieldUsage,
    FieldUse,
    FillRate,
    ObjectDetail,
    ObjectPair,
    ObjectSchema,
    ObjectSummary,
    OpenChanges,
    ProgressCallback,
    SchemaSummary,
    Severity,
    Snapshot,
    SnapshotInfo,
    VersionPreview,
)
from crmdeck.model.access import as_seen_by, fields_only_seen_by
from crmdeck.model.wire import wire_record
from crmdeck.workspace.connections.runs import write_quota
from crmdeck.workspace.context import Context, find_connection, not_found
from crmdeck.workspace.open_changes import Standings
from crmdeck.workspace.snapshots import (
    FIELDS_AT_ONCE,
    find_snapshot,
    never_discovered,
    read_access,
)

MOST_RECORDS = 200


@dataclass(frozen=True)
class FieldSample:
    """Fill rates of fields in `sampled` records, and a few values of each.

    Not a wire record, so that no export or server writes it by accident. Its `repr` has no values.
    """

    object_type: str
    rates: Mapping[str, FillRate]
    values: Mapping[str, tuple[str, ...]] = field(repr=False)
    sampled: int
    sampled_at: datetime

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


@dataclass(frozen=True)
class MappedTo:
    """The PartnerOS field that a CRM field is mapped to."""

    object_pair: str
    partner_field: str
    direction: Direction


@dataclass(frozen=True)
class SchemaOverview:
    """A schema with its changes and mappings.

    `events` are all changes of the connection, newest first, including those after `at`. `mapped`
    has the accepted mappings as of `at` by (object, field), `filled` the fields that are filled
    elsewhere. `first_look` is the time of the baseline. `open_changes` counts the open change
    groups by (object, field), and those of an object with all its fields by (object, ""). It is
    empty for a past time, as are `faces`, the objects without their fields, and `hidden`, the
    fields that the sync user sees and crmdeck's own user doesn't.
    """

    objects: tuple[ObjectSummary, ...]
    events: tuple[DriftEvent, ...]
    mapped: Mapping[tuple[str, str], tuple[MappedTo, ...]]
    filled: frozenset[tuple[str, str]]
    first_look: datetime | None
    at: datetime | None
    now: datetime
    open_changes: Mapping[tuple[str, str], OpenChanges]
    faces: Mapping[str, ObjectSchema] = field(default_factory=dict)
    hidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


@dataclass(frozen=True)
class InspectedObject:
    """One object with its fields, and the measured fill rates by field name."""

    detail: ObjectDetail
    rates: Mapping[str, FillRate]

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


class Schemas:
    """Schemas in the cache; `at` returns them as of a time."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def objects(self, ref: str, at: datetime | None = None) -> SchemaSummary:
        """Return one row per object; raises SchemaNotDiscoveredError."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            current = session.snapshots.current(connection.id, at)
        if not current:
            raise never_discovered(connection, at)
        return SchemaSummary(objects=tuple(self._summary(info, at) for info in current))

    def object(self, ref: str, object_type: str, at: datetime | None = None) -> ObjectDetail:
        """Return one object with its fields; raises SchemaNotDiscoveredError and NotFoundError."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            snapshot = find_snapshot(session, connection, object_type, at)
        return self._detail(snapshot, at)

    def field(
        self, ref: str, object_type: str, field_name: str, at: datetime | None = None
    ) -> Field:
        """Return one field; raises SchemaNotDiscoveredError and NotFoundError."""
        fields = {field.name: field for field in self.object(ref, object_type, at).fields}
        if field_name not in fields:
            raise not_found("field", field_name, sorted(fields))
        return fields[field_name]

    def find_field(
        self, ref: str, object_type: str, field_name: str, at: datetime | None = None
    ) -> Field | None:
        """Return one field, None if the connection's schema doesn't have it.

        Raises NotFoundError for the connection, and SchemaNotDiscoveredError.
        """
        # First, so that the error below is about the object or the field, never the connection.
        connection = self._context.connection(ref)
        try:
            return self.field(connection.id, object_type, field_name, at)
        except NotFoundError:
            return None

    def all(self, ref: str, at: datetime | None = None) -> tuple[ObjectDetail, ...]:
        """Return all objects with their fields, by name; empty without a schema."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            current = session.snapshots.current(connection.id, at)
            loaded = session.snapshots.load(current)
            access = read_access(session, connection, at)
        return tuple(self._detail(loaded[info.id], at, access) for info in current)

    def each(
        self, ref: str, at: datetime | None = None, *, names: Sequence[str] | None = None
    ) -> Iterator[ObjectDetail]:
        """Yield all objects, or those of `names` in their order, with all their details.

        Only a part is in memory at a time.
        Raises NotFoundError and SchemaNotDiscoveredError immediately.
        """
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            current = session.snapshots.current(connection.id, at)
            access = read_access(session, connection, at)
        if not current:
            raise never_discovered(connection, at)
        if names is not None:
            by_name = {info.object_type: info for info in current}
            current = tuple(by_name[name] for name in names if name in by_name)
        return self._loaded(current, at, access)

    def _loaded(
        self, current: Sequence[SnapshotInfo], at: datetime | None, access: EffectiveAccess | None
    ) -> Iterator[ObjectDetail]:
        for part in parts_of(current):
            # One session per part, because writers wait for readers.
            with self._context.store.read() as session:
                loaded = session.snapshots.load(part)
            for each in part:
                yield self._detail(loaded.pop(each.id), at, access)

    def fields(self, ref: str, at: datetime | None = None) -> tuple[FieldRow, ...]:
        """Return all fields of all objects, without details, by object and position."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.snapshots.field_rows(connection.id, at)

    def versions(self) -> dict[str, str]:
        """Return the refresh that wrote the current schema, by connection ID."""
        with self._context.store.read() as session:
            return session.snapshots.latest_refreshes()

    def snapshots(self, ref: str, object_type: str) -> tuple[SnapshotInfo, ...]:
        """Return the snapshots of an object, newest first."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.snapshots.history(connection.id, object_type)

    def moments(self, ref: str) -> tuple[datetime, ...]:
        """Return the times when the schema changed, newest first."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.snapshots.moments(connection.id)

    def compare(
        self,
        left: str,
        right: str,
        *,
        left_at: datetime | None = None,
        right_at: datetime | None = None,
        object_type: str | None = None,
    ) -> Comparison:
        """Return the differences of two connections, or of one at two times.

        Raises NotFoundError for an unknown connection or an object on neither side, and
        SchemaNotDiscoveredError.
        """
        names = []
        with self._context.store.read() as session:
            sides = []
            for ref, at in ((left, left_at), (right, right_at)):
                connection = find_connection(session, ref)
                names.append(connection.name)
                sides.append(
                    {i.object_type: i for i in session.snapshots.current(connection.id, at)}
                )
                if not sides[-1]:
                    raise never_discovered(connection, at)
            if object_type is not None:
                known = sorted(sides[0].keys() | sides[1].keys())
                sides = [
                    {name: info for name, info in side.items() if name == object_type}
                    for side in sides
                ]
                if not any(sides):
                    raise not_found("object type", object_type, known)
            # Objects with equal hashes are equal, so they are not loaded.
            same = {
                name
                for name in sides[0].keys() & sides[1].keys()
                if sides[0][name].content_hash == sides[1][name].content_hash
            }
            loaded = session.snapshots.load(
                info for side in sides for info in side.values() if info.object_type not in same
            )
            accepted = accepted_fields(session.decisions.log(find_connection(session, left).id))
        # An empty schema on both sides takes the place of equal ones: it differs in nothing.
        left_schemas, right_schemas = (
            {
                name: ObjectSchema(object_type=name) if name in same else loaded[info.id].content
                for name, info in side.items()
            }
            for side in sides
        )
        return compare_schemas(
            left_schemas,
            right_schemas,
            left_name=names[0],
            right_name=names[1],
            left_at=left_at,
            right_at=right_at,
            accepted=accepted,
        )

    def overview(self, ref: str, at: datetime | None = None) -> SchemaOverview:
        """Return the objects with changes and mappings; raises SchemaNotDiscoveredError."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            current = session.snapshots.current(connection.id, at)
            if not current:
                raise never_discovered(connection, at)
            events = session.drift.events(connection.id)
            log = session.decisions.log(connection.id, at=at)
            moments = session.snapshots.moments(connection.id)
            faces = {} if at else session.snapshots.faces(connection.id)
            access = None if at else read_access(session, connection)
            mapped_objects = [(connection.id, name) for name in (access and access.fields) or ()]
            hidden = {
                name: fields_only_seen_by(schema, access)
                for (_, name), schema in session.snapshots.newest(mapped_objects).items()
            }
            judged = {} if at else Standings(self._context, session, connection.id).changes()
        still = {
            change.id
            for change, standing in judged.get(connection.id, ())
            if standing.state is ChangeState.OPEN
        }
        places: dict[tuple[str, str], list[tuple[str, Severity]]] = {}
        for event in events:
            if event.id in still:
                # An object counts the changes of all its fields, under the empty name.
                for name in {"", event.field_name or ""}:
                    counted = (group_of(event), event.severity)
                    places.setdefault((event.object_type, name), []).append(counted)
        mapped: dict[tuple[str, str], list[MappedTo]] = {}
        for one in accepted_fields(log):
            mapped.setdefault((one.crm_object, one.crm_field), []).append(
                MappedTo(one.object_pair, one.partner_field, one.direction)
            )
        return SchemaOverview(
            objects=tuple(self._summary(info, at) for info in current),
            events=events,
            mapped={key: tuple(found) for key, found in mapped.items()},
            filled=frozenset(
                (ObjectPair.parse(pair).crm_object, name)
                for pair, decisions in by_pair(log).items()
                for name in filled_elsewhere(decisions)
            ),
            first_look=moments[-1] if moments else None,
            at=at,
            now=self._context.now,
            open_changes={place: count_open(counted) for place, counted in places.items()},
            faces=faces,
            hidden=hidden,
        )

    def inspect(self, ref: str, object_type: str, at: datetime | None = None) -> InspectedObject:
        """Return one object with its fields and fill rates.

        Raises SchemaNotDiscoveredError and NotFoundError.
        """
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            snapshot = find_snapshot(session, connection, object_type, at)
            rates = session.rates.get(connection.id, object_type)
        return InspectedObject(self._detail(snapshot, at), rates)

    def sample(
        self, ref: str, object_type: str, fields: Sequence[str], limit: int = MOST_RECORDS
    ) -> FieldSample:
        """Read up to `limit` (1 to 200) records and return the fill rates of `fields`.

        Raises UsageError if sampling is off, the source has no records or `fields` is empty,
        NotFoundError for a field or object that isn't in the schema, and the errors of the source.
        """
        connection = self._context.connection(ref)
        require_samples(self._context)
        if not 1 <= limit <= MOST_RECORDS:
            raise UsageError(f"A sample has 1 to {MOST_RECORDS} records.", code="BAD_LIMIT")
        with self._context.store.read() as session:
            snapshot = find_snapshot(session, connection, object_type)
        known = [each.name for each in snapshot.fields]
        wanted = list(dict.fromkeys(fields))
        if not wanted:
            raise UsageError("No fields to sample.", remedy="Enter fields of the object.")
        for name in wanted:
            if name not in known:
                raise not_found("field", name, known)
        connector = self._context.open_connector(connection)
        if not isinstance(connector, RecordReader):
            raise UsageError(
                f"{connection.name} has no records to sample.",
                cause=f"The {connection.source} source contains schemas only.",
                code="NO_RECORDS",
            )
        with fault_barrier(connection):
            records = connector.recent(object_type, wanted, limit)
        found = Sample.count(wanted, records)
        at = self._context.now
        if not self._context.read_only:
            entry = self._context.entry(
                "schema.sampled",
                f"Sampled {found.sampled} records of {object_type} in {connection.name}",
                connection_id=connection.id,
                details={"objectType": object_type, "fields": len(wanted)},
            )
            with self._context.store.write() as session:
                session.rates.put(connection.id, object_type, found.rates, found.sampled, at)
                session.audit.add(entry)
                write_quota(session, connection.id, connector, at)
        rates = {name: FillRate(rate, found.sampled, at) for name, rate in found.rates.items()}
        return FieldSample(object_type, rates, found.values, found.sampled, at)

    def fill_rates(self, ref: str, object_type: str) -> dict[str, FillRate]:
        """Return the last measured fill rates by field, without asking the CRM."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.rates.get(connection.id, object_type)

    def preview(
        self,
        ref: str,
        version: str = "next",
        *,
        object_type: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> VersionPreview:
        """Read the schema with another API version, and return what would change.

        `version` is a version of the CRM (`69.0`), or `next`. Nothing is saved. Raises UsageError
        if the source has no API versions, CrmdeckError with the code NO_NEWER_VERSION,
        NotFoundError for an unknown version or object, SchemaNotDiscoveredError, and the errors
        of the whole connection.
        """
        from crmdeck.workspace.refresh.version_preview import preview

        connection = self._context.connection(ref)
        with self._context.store.read() as session:
            if object_type is not None:
                find_snapshot(session, connection, object_type)
            elif not session.snapshots.current(connection.id):
                raise never_discovered(connection, None)
        tell = progress or (lambda _: None)
        return preview(self._context, connection, version, object_type, tell, CancelToken())

    def usage(
        self,
        ref: str,
        object_type: str,
        field_name: str,
        *,
        cancel: CancelToken | None = None,
    ) -> FieldUsage:
        """Ask the CRM where it uses a field; store and return the response.

        The response lists what the CRM could not say; without any use the verdict is then unknown.
        A removed field returns the last response. Raises NotFoundError for an object or field that
        was never in the schema, and the errors of the whole connection.
        """
        connection = self._context.connection(ref)
        seen = self._uses_seen(connection, object_type, field_name)
        connector = self._context.open_connector(connection)
        if not isinstance(connector, UsageFinder):
            why = vendor_of(connection.platform).no_usage or (
                f"The {connection.source} source has no data about the use of fields."
            )
            return judge_usage(object_type, field_name, (), seen, (why,))
        with fault_barrier(connection):
            answer = connector.where_used(object_type, field_name, cancel or CancelToken())
        place = (connection.id, object_type, field_name)
        # A CRM no longer knows a field that was removed, but crmdeck has its last response.
        before = self.known_usages(ref).get(place) if answer.gone else None
        uses, not_checked = answer.uses, answer.not_checked
        if before is not None:
            uses, not_checked = before.uses, (*answer.not_checked, *before.not_checked)
        usage = judge_usage(object_type, field_name, uses, seen, not_checked)
        if answer.gone:
            # Nothing to store: the last response and its date stay.
            return usage.model_copy(update={"asked_at": before and before.asked_at})
        usage = usage.model_copy(update={"asked_at": self._context.now})
        if not self._context.read_only:
            with self._context.store.write() as session:
                session.usages.put(connection.id, usage)
                write_quota(session, connection.id, connector, self._context.now)
        return usage

    def known_usages(self, ref: str | None = None) -> dict[tuple[str, str, str], FieldUsage]:
        """Return the last responses of `usage`, of one connection or of all.

        The keys are connection ID, object and field.
        """
        with self._context.store.read() as session:
            connection_id = None if ref is None else find_connection(session, ref).id
            return session.usages.all(connection_id)

    def _uses_seen(
        self, connection: Connection, object_type: str, field_name: str
    ) -> tuple[FieldUse, ...]:
        """Return the uses of a field in the last snapshot of its object."""
        with self._context.store.read() as session:
            # A removed object still has its last snapshot, and a removed field its drift.
            info = session.snapshots.last_present(connection.id, object_type)
            if info is None:
                snapshot = find_snapshot(session, connection, object_type)
            else:
                snapshot = session.snapshots.load([info])[info.id]
            gone = session.drift.removed_fields(connection.id)
        known = [each.name for each in snapshot.fields]
        if field_name not in known and (object_type, field_name) not in gone:
            raise not_found("field", field_name, known)
        return uses_in_schema(snapshot.content, field_name)

    def _is_stale(self, info: SnapshotInfo, at: datetime | None) -> bool:
        return info.expires_at <= (at or self._context.now)

    def _detail(
        self, snapshot: Snapshot, at: datetime | None, access: EffectiveAccess | None = None
    ) -> ObjectDetail:
        info, content = snapshot.info, dict(as_seen_by(snapshot.content, access))
        return ObjectDetail(
            **content,
            schema_hash=info.schema_hash,
            discovered_at=info.discovered_at,
            expires_at=info.expires_at,
            is_stale=self._is_stale(info, at),
        )

    def _summary(self, info: SnapshotInfo, at: datetime | None) -> ObjectSummary:
        return ObjectSummary(
            object_type=info.object_type,
            label=info.label,
            custom=info.custom,
            field_count=info.field_count,
            schema_hash=info.schema_hash,
            content_hash=info.content_hash,
            discovered_at=info.discovered_at,
            expires_at=info.expires_at,
            is_stale=self._is_stale(info, at),
        )


def parts_of(current: Sequence[SnapshotInfo]) -> Iterator[list[SnapshotInfo]]:
    """Yield the snapshots in parts of a bounded number of fields."""
    part: list[SnapshotInfo] = []
    for number, info in enumerate(current, 1):
        part.append(info)
        if number == len(current) or sum(each.field_count for each in part) >= FIELDS_AT_ONCE:
            yield part
            part = []


def require_samples(context: Context) -> None:
    """Raise UsageError if the settings forbid reading records."""
    if not context.settings.samples:
        raise UsageError(
            "Sampling is off (samples = false).",
            remedy=f"Set samples = true in {context.home}/settings.toml",
            code="SAMPLES_OFF",
        )
