"""Decisions on field pairs: accept, reject, set back, undo. Each is appended, none is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from crmdeck.connectors.base import Sharing
from crmdeck.errors import NotFoundError, UsageError
from crmdeck.matching.directions import suggest_direction
from crmdeck.model import (
    Connection,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    Field,
    MappingLine,
    ObjectPair,
    PairSummary,
    PartnerObject,
    Source,
    WireModel,
    in_force,
)
from crmdeck.model import Mapping as FieldMapping
from crmdeck.store import Session
from crmdeck.workspace.base import UseCases, find_connection, new_id, not_found
from crmdeck.workspace.browsing import find_snapshot, require_known
from crmdeck.workspace.decided import (
    FieldDecisions,
    by_field,
    by_pair,
    require_one_each,
    suffered,
    taken,
)
from crmdeck.workspace.knowledge import load_catalogue, load_knowledge
from crmdeck.workspace.sharing import take_over

T = TypeVar("T")


class Choice(WireModel):
    """What the operator chooses for one PartnerOS field.

    Accepting needs `crm_field`. Rejecting one turns that candidate down; rejecting none says
    that the field stays unmapped. `pending` sets the line back. `direction` is taken from the
    rules where it is None; `value_map` leads from PartnerOS values to CRM values.
    """

    partner_field: str
    state: DecisionState
    crm_field: str | None = None
    direction: Direction | None = None
    value_map: dict[str, str] | None = None
    confidence: float | None = None
    note: str | None = None


class Deciding(UseCases):
    """Object pairs and the decisions on them."""

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

    def decide(self, ref: str, pair: str, choices: Sequence[Choice]) -> tuple[Decision, ...]:
        """Record decisions, all or none, and audit them.

        Where the source keeps decisions for a team they are made there, by its rules. Raises
        UsageError or NotFoundError for a field that is not there, ConflictError where a CRM
        field is taken by another PartnerOS field of the pair.
        """
        self._require_writable()
        object_pair = ObjectPair.parse(pair)
        shared = self._shared(ref)
        if shared is not None:
            made = shared.decide(pair, choices)
            self._shared(ref)
            return made
        partner = find_partner_object(load_catalogue(self.home), object_pair)
        with self._store.write() as session:
            connection = find_connection(session.connections.all(), ref)
            snapshot = find_snapshot(session, connection, object_pair.crm_object)
            crm_fields = {field.name: field for field in snapshot.fields}
            partner_fields = {field.name: field for field in partner.fields}
            decided = by_field(session.decisions.log(connection.id, pair))
            holders = {
                d.accepted.crm_field: name for name, d in decided.items() if d.accepted is not None
            }
            decisions = []
            for choice in choices:
                left = pick("PartnerOS field", choice.partner_field, partner_fields)
                right = (
                    pick("CRM field", choice.crm_field, crm_fields) if choice.crm_field else None
                )
                if choice.state is DecisionState.ACCEPTED:
                    _require_free(choice, holders)
                decisions.append(self._decision(connection, pair, choice, left, right))
            self._append(session, connection, pair, decisions)
        return tuple(decisions)

    def undo(self, ref: str, pair: str, decision_id: str | None = None) -> Decision:
        """Take a decision back by another one; the last one in force where no id is given.

        Undoing an undo brings the decision back. Raises NotFoundError where there is none,
        ConflictError where what held before is not possible any more.
        """
        return self.undo_all(ref, pair, [decision_id])[0]

    def undo_all(
        self, ref: str, pair: str, decision_ids: Sequence[str | None]
    ) -> tuple[Decision, ...]:
        """Take decisions back, all or none, as `undo` does with one."""
        self._require_writable()
        shared = self._shared(ref)
        if shared is not None:
            taken_back = tuple(shared.undo(pair, id_) for id_ in decision_ids)
            self._shared(ref)
            return taken_back
        with self._store.write() as session:
            connection = find_connection(session.connections.all(), ref)
            log = session.decisions.log(connection.id, pair)
            undoing: list[Decision] = []
            for id_ in decision_ids:
                target = _undoable([*log, *undoing], id_, pair)
                update = {
                    "id": new_id(),
                    "undoes": target.id,
                    "state": DecisionState.PENDING,
                    "decided_by": self.actor,
                    "decided_at": self.now,
                    "note": None,
                }
                undoing.append(target.model_copy(update=update))
            require_one_each([*log, *undoing])
            self._append(session, connection, pair, undoing)
        return tuple(undoing)

    def _shared(self, ref: str) -> Sharing | None:
        connection = self.connection(ref)
        if connection.source is not Source.PARTNEROS or connection.disconnected_at is not None:
            return None
        return take_over(self._store, self._open_connector(connection), connection.id)

    def _decision(
        self,
        connection: Connection,
        pair: str,
        choice: Choice,
        left: Field,
        right: Field | None,
    ) -> Decision:
        direction = choice.direction
        if direction is None and right is not None:
            direction = suggest_direction(left, right, knowledge=load_knowledge(self.home))[0]
        return Decision(
            id=new_id(),
            connection_id=connection.id,
            object_pair=pair,
            partner_field=choice.partner_field,
            crm_field=choice.crm_field,
            state=choice.state,
            direction=direction or Direction.BIDIRECTIONAL,
            value_map=choice.value_map,
            confidence=choice.confidence,
            note=choice.note,
            decided_by=self.actor,
            decided_at=self.now,
        )

    def _append(
        self, session: Session, connection: Connection, pair: str, decisions: Sequence[Decision]
    ) -> None:
        session.decisions.add(decisions)
        session.audit.add(
            *(
                self._entry(
                    f"mapping.{'undone' if d.undoes else d.state.value}",
                    f"{pair}: {d.partner_field} -> {d.crm_field or 'nothing'}",
                    connection_id=connection.id,
                    details={"decision": d.id, "direction": d.direction.value},
                )
                for d in decisions
            )
        )


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


def _require_free(choice: Choice, holders: dict[str | None, str]) -> None:
    if choice.crm_field is None:
        raise UsageError(
            f"Accepting '{choice.partner_field}' needs a CRM field.",
            remedy="Name the CRM field, or reject the line where it is to stay unmapped.",
        )
    holder = holders.get(choice.crm_field)
    if holder is not None and holder != choice.partner_field:
        raise taken(choice.crm_field, holder, choice.partner_field)
    holders[choice.crm_field] = choice.partner_field


def _undoable(log: Sequence[Decision], decision_id: str | None, pair: str) -> Decision:
    if decision_id is None:
        standing = in_force(log)
        if standing:
            return standing[-1]
        raise NotFoundError(f"There is no decision on {pair} to undo.", code="NOTHING_TO_UNDO")
    for decision in log:
        if decision.id == decision_id:
            return decision
    raise NotFoundError(
        f"There is no decision '{decision_id}' on {pair}.",
        remedy="crmdeck mapping show lists them.",
        code="DECISION_NOT_FOUND",
    )


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
