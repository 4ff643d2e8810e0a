"""The places in a workspace: connections, pairs, mappings, objects, fields, changes, findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from crmdeck.drift.wording import place_of, what_happened
from crmdeck.errors import CacheDamagedError
from crmdeck.mapping.choices import LIKELY_OBJECTS
from crmdeck.mapping.state import accepted_fields, by_pair
from crmdeck.model import (
    Connection,
    Decision,
    FieldRow,
    SnapshotInfo,
    Urgency,
)
from crmdeck.model.wire import wire_record
from crmdeck.store import Session
from crmdeck.text import count
from crmdeck.workspace.context import Context
from crmdeck.workspace.explore.relevance import field_relevance, object_relevance
from crmdeck.workspace.explore.search import MAPPED, STANDARD, USUAL, Searchable, SearchIndex
from crmdeck.workspace.findings.health import Health

MOST_FIELDS = 200_000
"""Number of fields listed. Connections beyond it are listed without their fields."""


class PlaceKind(StrEnum):
    """The kinds of places."""

    CONNECTION = "connection"
    MAPPING = "mapping"
    PAIR = "pair"
    OBJECT = "object"
    FIELD = "field"
    CHANGE = "change"
    FINDING = "finding"


class GoToTarget(NamedTuple):
    """One place of a connection to go to.

    `within` is the object that contains it, or the pair of a mapping. `relevance` is how close
    it is to an admin's work. `id` is that of a change or finding, or the PartnerOS field of a
    mapping.
    """

    kind: PlaceKind
    connection_id: str
    connection: str
    name: str
    within: str = ""
    detail: str = ""
    relevance: int = STANDARD
    id: str = ""

    @property
    def path(self) -> str:
        """The name, with that of its object."""
        named = self.within and self.kind is not PlaceKind.MAPPING
        return f"{self.within}.{self.name}" if named else self.name

    @property
    def searched(self) -> Searchable:
        """The texts to search."""
        texts = (self.detail, self.connection, self.kind.value)
        return Searchable(self.name, self.within, texts, self.relevance)


@dataclass(frozen=True)
class PlaceList:
    """All places as of a `head` of the history, with an index over them that isn't built yet.

    `left_out` names the connections without fields: they have too many, or the cache lost some.
    """

    head: int
    rows: tuple[GoToTarget, ...] = ()
    index: SearchIndex[GoToTarget] = field(
        default_factory=lambda: SearchIndex((), lambda place: place.searched), repr=False
    )
    left_out: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


class Places:
    """The places of a workspace."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._health = Health(context)

    def all(self, first: str | None = None, *, most_fields: int = MOST_FIELDS) -> PlaceList:
        """Return all places: connections and findings, then those of each connection.

        The connection `first` comes before the others. Equally good matches keep this order. Takes
        about a second for 50,000 fields.
        """
        head = self._context.store.head()
        rows: list[GoToTarget] = []
        left_out: list[str] = []
        with self._context.store.read() as session:
            connections = session.connections.all()
            names = {one.id: one.name for one in connections}
            rows += self._of_health()
            room = most_fields
            for connection in sorted(connections, key=lambda one: one.id != first):
                # Health reports lost definitions; what remains of the cache can still be found.
                current = session.snapshots.current(connection.id, whole=False)
                log = session.decisions.log(connection.id)
                rows += _pairs(connection, current, log)
                mapped = {(one.crm_object, one.crm_field) for one in accepted_fields(log)}
                rows += _objects(connection, current, {name for name, _ in mapped})
                size = sum(info.field_count for info in current)
                if size > room:
                    left_out.append(connection.name)
                    continue
                try:
                    fields = session.snapshots.field_rows(connection.id)
                except CacheDamagedError:
                    # Health reports the damage. Everything else can still be found.
                    left_out.append(connection.name)
                    continue
                room -= size
                custom = {info.object_type for info in current if info.custom}
                rows += _fields(connection, fields, custom, mapped)
            rows += _changes(session, names)
        places = tuple(rows)
        index = SearchIndex(places, lambda place: place.searched)
        return PlaceList(head, places, index, tuple(left_out))

    def _of_health(self) -> Iterator[GoToTarget]:
        statuses = self._health.statuses()
        for status in statuses:
            stats = status.schema_stats
            detail = f"{status.platform}, {count(stats.field_count, 'field')}"
            yield GoToTarget(
                PlaceKind.CONNECTION, status.id, status.name, status.name, "", detail, MAPPED
            )
        for status in statuses:
            for finding in status.findings:
                if finding.subject.partner_field is not None:
                    continue
                quiet = finding.urgency is Urgency.NOTE or not finding.is_open
                yield GoToTarget(
                    PlaceKind.FINDING,
                    status.id,
                    status.name,
                    finding.title,
                    "",
                    next((step.text for step in finding.steps), ""),
                    STANDARD if quiet else USUAL,
                    finding.id,
                )
        for status in statuses:
            for finding in status.open_findings:
                if finding.urgency is Urgency.FAILING and finding.subject.partner_field:
                    yield GoToTarget(
                        PlaceKind.MAPPING,
                        status.id,
                        status.name,
                        f"{finding.subject.partner_field} → {finding.subject.crm_field}",
                        finding.subject.object_pair or "",
                        finding.title,
                        MAPPED,
                        finding.subject.partner_field,
                    )


def _pairs(
    connection: Connection, current: tuple[SnapshotInfo, ...], log: Sequence[Decision]
) -> Iterator[GoToTarget]:
    """Yield the pairs with decisions, then the usual ones without."""
    begun = by_pair(log)
    for pair, decisions in sorted(begun.items()):
        detail = f"{count(len(accepted_fields(decisions)), 'field')} mapped"
        yield GoToTarget(PlaceKind.PAIR, connection.id, connection.name, pair, "", detail, MAPPED)
    known = {info.object_type for info in current}
    for partner_object, crm_objects in LIKELY_OBJECTS.items():
        for crm_object in crm_objects:
            pair = f"{partner_object}--{crm_object}"
            if crm_object in known and pair not in begun:
                detail = "not started"
                yield GoToTarget(
                    PlaceKind.PAIR, connection.id, connection.name, pair, "", detail, USUAL
                )


def _objects(
    connection: Connection, current: tuple[SnapshotInfo, ...], mapped: set[str]
) -> Iterator[GoToTarget]:
    for info in current:
        relevance = object_relevance(info.object_type, custom=bool(info.custom))
        yield GoToTarget(
            PlaceKind.OBJECT,
            connection.id,
            connection.name,
            info.object_type,
            "",
            f"{info.label}, {count(info.field_count, 'field')}",
            MAPPED if info.object_type in mapped else relevance,
        )


def _fields(
    connection: Connection,
    rows: tuple[FieldRow, ...],
    custom: set[str],
    mapped: set[tuple[str, str]],
) -> Iterator[GoToTarget]:
    kind, key, named = PlaceKind.FIELD, connection.id, connection.name
    for row in rows:
        relevance = field_relevance(
            row.object_type,
            custom_object=row.object_type in custom,
            custom=bool(row.custom),
            mapped=(row.object_type, row.name) in mapped,
        )
        yield GoToTarget(kind, key, named, row.name, row.object_type, row.label, relevance)


def _changes(session: Session, names: dict[str, str]) -> Iterator[GoToTarget]:
    """Yield the changes that are not acknowledged, newest first."""
    for event in session.drift.events():
        if event.acknowledged_at is not None:
            continue
        named = event.field_name if event.rule is None else None
        yield GoToTarget(
            PlaceKind.CHANGE,
            event.connection_id,
            names.get(event.connection_id, ""),
            named or place_of(event),
            event.object_type if named is not None else "",
            f"{event.severity.value}: {what_happened(event)}, {event.detected_at:%Y-%m-%d}",
            USUAL if event.affected_mappings else STANDARD,
            event.id,
        )
