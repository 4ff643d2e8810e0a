"""Decisions on field pairs: accept, reject, set back, undo. Each is appended, none is changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from crmdeck.connectors.base import Sharing
from crmdeck.errors import NotFoundError, UsageError
from crmdeck.matching.directions import suggest_direction
from crmdeck.model import (
    Connection,
    Decision,
    DecisionState,
    Direction,
    Field,
    ObjectPair,
    Source,
    WireModel,
    in_force,
)
from crmdeck.store import Session
from crmdeck.workspace.base import find_connection, new_id
from crmdeck.workspace.browsing import find_snapshot
from crmdeck.workspace.decided import by_field, require_one_each, require_seen, taken
from crmdeck.workspace.knowledge import load_catalogue, load_knowledge
from crmdeck.workspace.mappings import Mappings, find_partner_object, pick
from crmdeck.workspace.sharing import take_over


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


class Deciding(Mappings):
    """Decisions, made and taken back."""

    def decide(
        self,
        ref: str,
        pair: str,
        choices: Sequence[Choice],
        *,
        seen: Collection[str] | None = None,
    ) -> tuple[Decision, ...]:
        """Record decisions, all or none, and audit them.

        `seen` are the ids of the decisions that whoever decides knows of: where somebody else
        decided on one of the fields since, nothing is recorded (ConflictError).

        Where the source keeps decisions for a team they are made there, by its rules. Raises
        UsageError or NotFoundError for a field that is not there, ConflictError where a CRM
        field is taken by another PartnerOS field of the pair.
        """
        self._require_writable()
        object_pair = ObjectPair.parse(pair)
        fields = frozenset(choice.partner_field for choice in choices)
        shared = self._shared(ref)
        if shared is not None:
            require_seen(self.decisions(ref, pair), fields, seen)
            made = shared.decide(pair, choices)
            self._shared(ref)
            return made
        partner = find_partner_object(load_catalogue(self.home), object_pair)
        with self._store.write() as session:
            connection = find_connection(session.connections.all(), ref)
            snapshot = find_snapshot(session, connection, object_pair.crm_object)
            crm_fields = {field.name: field for field in snapshot.fields}
            partner_fields = {field.name: field for field in partner.fields}
            log = session.decisions.log(connection.id, pair)
            require_seen(log, fields, seen)
            decided = by_field(log)
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
        self,
        ref: str,
        pair: str,
        decision_ids: Sequence[str | None],
        *,
        seen: Collection[str] | None = None,
    ) -> tuple[Decision, ...]:
        """Take decisions back, all or none, as `undo` does with one; `seen` is as for `decide`."""
        self._require_writable()
        shared = self._shared(ref)
        if shared is not None:
            log = self.decisions(ref, pair)
            require_seen(log, _fields_of(log, decision_ids), seen)
            taken_back = tuple(shared.undo(pair, id_) for id_ in decision_ids)
            self._shared(ref)
            return taken_back
        with self._store.write() as session:
            connection = find_connection(session.connections.all(), ref)
            log = session.decisions.log(connection.id, pair)
            require_seen(log, _fields_of(log, decision_ids), seen)
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


def _fields_of(log: Sequence[Decision], ids: Collection[str | None]) -> frozenset[str]:
    return frozenset(decision.partner_field for decision in log if decision.id in ids)


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
