"""Object pairs and what holds on each of them, read from the log of decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from crmdeck.model import (
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    Field,
    FieldMapping,
    MappingLine,
    ObjectPair,
    PairSummary,
    PartnerObject,
)
from crmdeck.workspace.base import UseCases, find_connection, not_found
from crmdeck.workspace.browsing import require_known
from crmdeck.workspace.decided import FieldDecisions, by_field, by_pair, suffered
from crmdeck.workspace.knowledge import load_catalogue

T = TypeVar("T")


class Mappings(UseCases):
    """Object pairs, and what was decided on them."""

    def touched_at(self) -> int:
        """Return when anybody last wrote to the cache, as a number to compare with another."""
        path = self._store.path
        found = (path, path.with_name(f"{path.name}.wal"))
        return max((each.stat().st_mtime_ns for each in found if each.exists()), default=0)

    def partner_objects(self) -> tuple[PartnerObject, ...]:
        """Return the PartnerOS objects of the catalogue, by name."""
        catalogue = load_catalogue(self.home)
        return tuple(catalogue[name] for name in sorted(catalogue))

    def pairs(self, ref: str) -> tuple[PairSummary, ...]:
        """Return the object pairs of a connection that somebody has decided on."""
        catalogue = load_catalogue(self.home)
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            log = session.decisions.log(connection.id)
        return tuple(
            _pair_summary(name, decisions, catalogue)
            for name, decisions in sorted(by_pair(log).items())
        )

    def mapping(self, ref: str, pair: str) -> FieldMapping:
        """Return what holds now for each PartnerOS field of an object pair.

        Raises NotFoundError where the CRM has no such object type and nothing was decided on it.
        """
        object_pair = ObjectPair.parse(pair)
        partner = find_partner_object(load_catalogue(self.home), object_pair)
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            decided = by_field(session.decisions.log(connection.id, pair))
            if not decided:
                require_known(session, connection, object_pair.crm_object)
            events = session.drift.events(connection.id)
        return FieldMapping(
            connection_id=connection.id,
            object_pair=pair,
            lines=tuple(
                _line(field, decided.get(field.name), object_pair.crm_object, events)
                for field in partner.fields
            ),
        )

    def decisions(
        self, ref: str, pair: str | None = None, partner_field: str | None = None
    ) -> tuple[Decision, ...]:
        """Return the log of an object pair, of one of its fields, or of all, oldest first."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            return session.decisions.log(connection.id, pair, partner_field)


def find_partner_object(catalogue: dict[str, PartnerObject], pair: ObjectPair) -> PartnerObject:
    """Return the PartnerOS object of a pair; raises NotFoundError naming the nearest."""
    partner = catalogue.get(pair.partner_object)
    if partner is None:
        raise not_found("PartnerOS object", pair.partner_object, sorted(catalogue))
    return partner


def pick(kind: str, name: str, known: Mapping[str, T]) -> T:
    """Return what is known by that name; raises NotFoundError naming the nearest."""
    found = known.get(name)
    if found is None:
        raise not_found(kind, name, sorted(known))
    return found


def _line(
    field: Field,
    decided: FieldDecisions | None,
    crm_object: str,
    events: Sequence[DriftEvent],
) -> MappingLine:
    if decided is None:
        return MappingLine(
            partner_field=field.name,
            label=field.label,
            state=DecisionState.PENDING,
            crm_field=None,
            direction=Direction.BIDIRECTIONAL,
        )
    last = decided.last
    accepted = decided.accepted
    return MappingLine(
        partner_field=field.name,
        label=field.label,
        state=last.state,
        crm_field=accepted.crm_field if accepted else None,
        direction=last.direction,
        value_map=accepted.value_map if accepted else None,
        decided_by=last.decided_by,
        decided_at=last.decided_at,
        rejected=decided.rejected,
        drift=tuple(event.id for event in suffered(accepted, crm_object, events)),
    )


def _pair_summary(
    name: str, decisions: Sequence[Decision], catalogue: dict[str, PartnerObject]
) -> PairSummary:
    states = [decided.last.state for decided in by_field(decisions).values()]
    partner = catalogue.get(ObjectPair.parse(name).partner_object)
    return PairSummary(
        object_pair=name,
        partner_fields=len(partner.fields) if partner else 0,
        accepted=states.count(DecisionState.ACCEPTED),
        rejected=states.count(DecisionState.REJECTED),
        last_decided_at=decisions[-1].decided_at,
    )
