"""An object pair as a person goes through it: all that a mapping editor shows, in one reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmdeck.matching.checks import blocking, warn
from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import (
    Decision,
    Direction,
    DriftEvent,
    Field,
    MappingWarning,
    ObjectPair,
    PartnerObject,
)
from crmdeck.workspace.base import find_connection
from crmdeck.workspace.browsing import find_snapshot
from crmdeck.workspace.knowledge import load_catalogue, load_knowledge
from crmdeck.workspace.mappings import find_partner_object
from crmdeck.workspace.sampling import FillRate
from crmdeck.workspace.suggesting import Suggesting


@dataclass(frozen=True)
class Verdict:
    """What the rules say of a field pair: the widest direction, why, and what may go wrong."""

    direction: Direction
    reason: str
    warnings: tuple[MappingWarning, ...]


@dataclass(frozen=True)
class Review:
    """Both sides of an object pair, every decision on it, and the drift of its CRM object.

    `required` are the CRM fields that a new record must have; `log` is oldest first, `events`
    newest first. `rates` tell how full CRM fields are, by name, where that was measured.
    """

    connection_id: str
    pair: str
    partner: PartnerObject
    crm_fields: tuple[Field, ...]
    required: tuple[Field, ...]
    log: tuple[Decision, ...]
    events: tuple[DriftEvent, ...]
    knowledge: Knowledge
    rates: Mapping[str, FillRate]

    def judge(self, left: Field, right: Field) -> Verdict:
        """Return what the rules say of a PartnerOS field and a CRM field."""
        direction, reason = suggest_direction(left, right, knowledge=self.knowledge)
        return Verdict(direction, reason, warn(left, right, knowledge=self.knowledge))


class Reviewing(Suggesting):
    """Reading an object pair whole."""

    def review(self, ref: str, pair: str) -> Review:
        """Return what there is to review of an object pair, but for the suggestions.

        Raises SchemaNotDiscoveredError where no schema is cached, NotFoundError for an unknown
        object on either side.
        """
        object_pair = ObjectPair.parse(pair)
        partner = find_partner_object(load_catalogue(self.home), object_pair)
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            snapshot = find_snapshot(session, connection, object_pair.crm_object)
            log = session.decisions.log(connection.id, pair)
            events = session.drift.events(connection.id)
            rates = session.rates.get(connection.id, object_pair.crm_object)
        return Review(
            connection_id=connection.id,
            pair=pair,
            partner=partner,
            crm_fields=snapshot.fields,
            required=blocking(snapshot.fields, ()),
            log=log,
            events=tuple(e for e in events if e.object_type == object_pair.crm_object),
            knowledge=load_knowledge(self.home),
            rates={name: FillRate(*measured) for name, measured in rates.items()},
        )
