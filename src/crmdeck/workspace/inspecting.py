"""Schemas as a person looks at them: with what changed, what is mapped, and how full fields are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from crmdeck.model import Direction, DriftEvent, ObjectDetail, ObjectSummary
from crmdeck.workspace.base import find_connection
from crmdeck.workspace.browsing import Browsing, find_snapshot, never_discovered
from crmdeck.workspace.decided import accepted_fields
from crmdeck.workspace.sampling import FillRate, Measuring


@dataclass(frozen=True)
class MappedTo:
    """The PartnerOS field that a CRM field is mapped to, and where values flow."""

    object_pair: str
    partner_field: str
    direction: Direction


@dataclass(frozen=True)
class SchemaOverview:
    """A schema with what is around it.

    `events` is all drift of the connection, newest first, later than `at` included; `mapped`
    leads from (object type, field name) to the accepted mappings that stood at `at`;
    `first_look` is when the schema was first read; `now` the moment of the answer.
    """

    objects: tuple[ObjectSummary, ...]
    events: tuple[DriftEvent, ...]
    mapped: Mapping[tuple[str, str], tuple[MappedTo, ...]]
    first_look: datetime | None
    at: datetime | None
    now: datetime


@dataclass(frozen=True)
class InspectedObject:
    """One object type with its fields, and the fill rates that were measured, by field name."""

    detail: ObjectDetail
    rates: Mapping[str, FillRate]


class Inspecting(Browsing, Measuring):
    """Browsing with everything at hand that the cache knows."""

    def overview(self, ref: str, at: datetime | None = None) -> SchemaOverview:
        """Return the object types with drift and mappings; raises SchemaNotDiscoveredError."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            current = session.snapshots.current(connection.id, at)
            if not current:
                raise never_discovered(connection, at)
            events = session.drift.events(connection.id)
            log = session.decisions.log(connection.id)
            moments = session.snapshots.moments(connection.id)
        standing = [entry for entry in log if at is None or entry.decided_at <= at]
        mapped: dict[tuple[str, str], list[MappedTo]] = {}
        for field in accepted_fields(standing):
            mapped.setdefault((field.crm_object, field.crm_field), []).append(
                MappedTo(field.object_pair, field.partner_field, field.direction)
            )
        return SchemaOverview(
            objects=tuple(self._summary(info, at) for info in current),
            events=events,
            mapped={key: tuple(found) for key, found in mapped.items()},
            first_look=moments[-1] if moments else None,
            at=at,
            now=self.now,
        )

    def inspect(self, ref: str, object_type: str, at: datetime | None = None) -> InspectedObject:
        """Return one object type with its fields and their fill rates.

        Raises SchemaNotDiscoveredError, or NotFoundError naming the nearest object types.
        """
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            snapshot = find_snapshot(session, connection, object_type, at)
            rates = session.rates.get(connection.id, object_type)
        return InspectedObject(
            detail=self._detail(snapshot, at),
            rates={name: FillRate(*measured) for name, measured in rates.items()},
        )
