"""Object pairs: what is suggested, what was decided, and what holds.

Decisions are appended, none is ever changed; what holds is derived from their log.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from crmdeck.connectors.base import Integration, TeamLog
from crmdeck.drift.wording import event_text
from crmdeck.errors import ConflictError, CrmdeckError, NotFoundError, UsageError
from crmdeck.mapping.choices import NearestField, nearest_fields
from crmdeck.mapping.review import Review
from crmdeck.mapping.state import (
    FieldDecisions,
    by_field,
    by_pair,
    current_state,
    drift_since,
    require_one_each,
    require_seen,
    required_unmapped,
    taken,
    with_decision,
)
from crmdeck.matching.checks import warn_of_rules
from crmdeck.matching.context import RankContext
from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.lexicon import homes_of
from crmdeck.matching.values import suggest_value_map
from crmdeck.model import (
    Alternative,
    CancelToken,
    Choice,
    Connection,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    Field,
    FieldMapping,
    MappingLine,
    MappingWarning,
    ObjectPair,
    ObjectSchema,
    PairSummary,
    PartnerObject,
    ProgressCallback,
    Source,
    SourceSuggestion,
    SuggestAnswer,
    Suggestion,
    ValueMap,
    in_force,
)
from crmdeck.store import Session
from crmdeck.workspace.context import Context, find_connection, new_id, not_found
from crmdeck.workspace.explore.schemas import find_snapshot, require_known
from crmdeck.workspace.mappings.file import MappingFile, MappingPlan, planned
from crmdeck.workspace.mappings.knowledge import load_catalog, load_knowledge
from crmdeck.workspace.refresh.remote_log import take_over

ENCODERS = ("auto", "none")

_log = logging.getLogger(__name__)
T = TypeVar("T")


class _Sides(NamedTuple):
    """An object pair with its two sides, and all that was decided in the connection."""

    pair: ObjectPair
    connection: Connection
    partner: PartnerObject
    crm_object: ObjectSchema
    log: tuple[Decision, ...]

    @property
    def mine(self) -> tuple[Decision, ...]:
        """What was decided on the pair."""
        pair = str(self.pair)
        return tuple(decision for decision in self.log if decision.object_pair == pair)

    def with_partner(self, partner: PartnerObject) -> _Sides:
        """Return the same with another PartnerOS object."""
        pair = ObjectPair(partner_object=partner.object_type, crm_object=self.pair.crm_object)
        return self._replace(pair=pair, partner=partner)


class Mappings:
    """What is suggested, decided and in force on object pairs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def partner_objects(self) -> tuple[PartnerObject, ...]:
        """Return the PartnerOS objects of the catalog, by name."""
        catalog = load_catalog(self._context.home)
        return tuple(catalog[name] for name in sorted(catalog))

    def partner_fields(self, pair: str) -> tuple[Field, ...]:
        """Return the fields of the PartnerOS object of a pair; raises NotFoundError."""
        catalog = load_catalog(self._context.home)
        return find_partner_object(catalog, ObjectPair.parse(pair)).fields

    def pairs(self, ref: str, at: datetime | None = None) -> tuple[PairSummary, ...]:
        """Return the object pairs of a connection that somebody has decided on, by `at`."""
        catalog = load_catalog(self._context.home)
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            log = session.decisions.log(connection.id, at=at)
        return tuple(
            _pair_summary(name, decisions, catalog)
            for name, decisions in sorted(by_pair(log).items())
        )

    def pair_names(self) -> dict[str, tuple[str, ...]]:
        """Return by connection id the object pairs that somebody has decided on."""
        with self._context.store.read() as session:
            return session.decisions.pairs()

    def undecided_count(self, ref: str) -> int:
        """Return how many PartnerOS fields of the pairs begun nobody has decided on yet."""
        return sum(
            max(0, pair.partner_fields - pair.accepted - pair.rejected) for pair in self.pairs(ref)
        )

    def get(self, ref: str, pair: str, at: datetime | None = None) -> FieldMapping:
        """Return what holds for each PartnerOS field of an object pair, now or as of `at`.

        Raises NotFoundError where the CRM has no such object type and nothing was decided on it.
        """
        object_pair = ObjectPair.parse(pair)
        partner = find_partner_object(load_catalog(self._context.home), object_pair)
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            decided = by_field(session.decisions.log(connection.id, pair, at=at))
            if not decided:
                require_known(session, connection, object_pair.crm_object)
            events = session.drift.events(connection.id, at=at)
        return FieldMapping(
            connection_id=connection.id,
            connection=connection.name,
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
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.decisions.log(connection.id, pair, partner_field)

    def review(self, ref: str, pair: str) -> Review:
        """Return all that is known of an object pair except the suggestions.

        Raises SchemaNotDiscoveredError where no schema is cached, NotFoundError for an unknown
        object on either side.
        """
        with self._context.store.read() as session:
            return self._review(session, self._sides(session, ref, pair))

    def suggest(
        self,
        ref: str,
        pair: str,
        *,
        encoder: str | None = None,
        at: datetime | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> SuggestAnswer:
        """Rank the CRM fields for each PartnerOS field of an object pair.

        With `at` the schema and the decisions are those of that moment (UTC). Vectors that the
        cache lacks are made first, with `progress` in texts. `encoder` is `auto` or `none`; the one
        used is named in the answer. Raises SchemaNotDiscoveredError where no schema is cached,
        NotFoundError for an unknown object on either side.
        """
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair, at)
            others = self._other_logs(session, sides, at)
        return self._suggest(sides, others, encoder, at, progress, cancel)

    def review_and_suggest(
        self, ref: str, pair: str, *, encoder: str | None = None
    ) -> tuple[Review, SuggestAnswer]:
        """Return what `review` and `suggest` return, by one look into the cache."""
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair)
            others = self._other_logs(session, sides)
            review = self._review(session, sides)
        return review, self._suggest(sides, others, encoder)

    def _review(self, session: Session, sides: _Sides) -> Review:
        connection, partner, crm_object = sides.connection, sides.partner, sides.crm_object
        knowledge = load_knowledge(self._context.home)
        context = RankContext(sides.pair.partner_object, sides.pair.crm_object, connection.platform)
        return Review(
            connection_id=connection.id,
            pair=str(sides.pair),
            partner=partner,
            crm_fields=crm_object.fields,
            log=sides.mine,
            events=session.drift.events(connection.id, object_type=sides.pair.crm_object),
            knowledge=knowledge,
            rates=session.rates.get(connection.id, sides.pair.crm_object),
            homes=homes_of(partner.fields, crm_object.fields, context, knowledge),
            rules=crm_object.rules,
        )

    def _suggest(
        self,
        sides: _Sides,
        others: Mapping[str, Sequence[Decision]],
        encoder: str | None,
        at: datetime | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> SuggestAnswer:
        from crmdeck.workspace.mappings import pair_ranker

        connection, crm_object = sides.connection, sides.crm_object
        left, right = sides.partner.fields, crm_object.fields
        knowledge = load_knowledge(self._context.home)
        used = None
        if check_encoder(encoder or self._context.settings.encoder) == "auto":
            used = pair_ranker.cached_encoder(
                self._context.store, left, right, knowledge, progress, cancel or CancelToken()
            )
        own = self._own_suggestions(connection, sides.pair) if at is None else ()
        suggestions = pair_ranker.rank_pair(
            sides.pair,
            connection.platform,
            left,
            right,
            knowledge=knowledge,
            encoder=used,
            log=sides.log if self._context.settings.learning else sides.mine,
            others=others,
            own=own,
        )
        decided = by_field(sides.mine)
        return SuggestAnswer(
            object_pair=str(sides.pair),
            encoder=used.name if used else pair_ranker.NO_ENCODER,
            suggestions=tuple(
                with_decision(
                    _with_rules(_with_source(suggestion, own), crm_object),
                    decided.get(suggestion.partner_field),
                )
                for suggestion in suggestions
            ),
        )

    def nearest(self, ref: str, object_type: str) -> dict[str, tuple[NearestField, ...]]:
        """Return for each CRM field of an object type the PartnerOS fields nearest to it.

        The best come first; a CRM field to which none is near is left out. It is a quick match:
        without vectors, and nothing is asked of the source. Raises SchemaNotDiscoveredError where
        no schema is cached, NotFoundError for an unknown object type.
        """
        from crmdeck.workspace.mappings import pair_ranker

        knowledge, learning = load_knowledge(self._context.home), self._context.settings.learning
        first, *more = self.partner_objects()
        with self._context.store.read() as session:
            sides = self._sides(session, ref, f"{first.object_type}--{object_type}")
            all_sides = [sides, *(sides.with_partner(partner) for partner in more)]
            others = [self._other_logs(session, sides) for sides in all_sides]
        found: dict[str, tuple[Suggestion, ...]] = {}
        begun: set[str] = set()
        for sides, logs in zip(all_sides, others, strict=True):
            pair = str(sides.pair)
            begun |= {pair} if sides.mine else set()
            found[pair] = pair_ranker.rank_pair(
                sides.pair,
                sides.connection.platform,
                sides.partner.fields,
                sides.crm_object.fields,
                knowledge=knowledge,
                encoder=None,
                log=sides.log if learning else sides.mine,
                others=logs,
            )
        return nearest_fields(found, begun)

    def accept(
        self,
        ref: str,
        pair: str,
        picks: Mapping[str, str | None],
        *,
        at_least: float | None = None,
        direction: str | None = None,
        encoder: str | None = None,
    ) -> tuple[Decision, ...]:
        """Accept suggestions: each of `picks` with its own CRM field, or with the suggested one.

        With `at_least`, every undecided suggestion of that confidence or more as well. Raises
        ConflictError where nothing is suggested for a field that names no CRM field.
        """
        suggestions = self._suggestions(ref, pair, encoder)
        choices = []
        for name, crm_field in picks.items():
            suggestion = pick("PartnerOS field", name, suggestions)
            if crm_field is None and suggestion.crm_field is None:
                raise ConflictError(
                    f"Nothing is suggested for '{name}'.",
                    remedy=f"Name the CRM field: {name}=CrmField",
                    code="NO_SUGGESTION",
                )
            choices.append(_accepting(suggestion, crm_field, direction))
        if at_least is not None:
            choices += [
                _accepting(suggestion, None, direction)
                for name, suggestion in suggestions.items()
                if name not in picks
                and suggestion.decision is DecisionState.PENDING
                and suggestion.crm_field is not None
                and suggestion.confidence >= at_least
            ]
        return self.record_decisions(ref, pair, choices)

    def reject(
        self,
        ref: str,
        pair: str,
        picks: Mapping[str, str | None],
        *,
        encoder: str | None = None,
    ) -> tuple[Decision, ...]:
        """Reject suggestions: the named CRM field of each of `picks`, or the suggested one.

        Where nothing is suggested the field is decided to stay unmapped.
        """
        suggestions = self._suggestions(ref, pair, encoder)
        choices = []
        for name, crm_field in picks.items():
            suggestion = pick("PartnerOS field", name, suggestions)
            choices.append(
                Choice(
                    partner_field=name,
                    state=DecisionState.REJECTED,
                    crm_field=crm_field or suggestion.crm_field,
                    confidence=_confidence(suggestion, crm_field or suggestion.crm_field),
                )
            )
        return self.record_decisions(ref, pair, choices)

    def required_unmapped(self, ref: str, pair: str) -> tuple[Field, ...]:
        """Return the required CRM fields of an object pair that no accepted mapping feeds."""
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair)
        return required_unmapped(sides.crm_object.fields, by_field(sides.mine))

    def value_map(self, ref: str, pair: str, partner_field: str, crm_field: str) -> ValueMap:
        """Return the suggested map of picklist values of a field pair."""
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair)
        left, right = (
            {field.name: field for field in side.fields}
            for side in (sides.partner, sides.crm_object)
        )
        return suggest_value_map(
            pick("PartnerOS field", partner_field, left),
            pick("CRM field", crm_field, right),
            knowledge=load_knowledge(self._context.home),
        )

    def record_decisions(
        self,
        ref: str,
        pair: str,
        choices: Sequence[Choice],
        *,
        seen: Collection[str] | None = None,
    ) -> tuple[Decision, ...]:
        """Record decisions, all or none, and audit them.

        `seen` are the ids of the decisions that the caller knows of: where somebody else decided
        on one of the fields since, nothing is recorded (ConflictError).

        Where the source keeps decisions for a team they are made there, by its rules. Raises
        UsageError or NotFoundError for a field that is not there, ConflictError where a CRM
        field is taken by another PartnerOS field of the pair.
        """
        self._context.require_writable()
        object_pair = ObjectPair.parse(pair)
        fields = frozenset(choice.partner_field for choice in choices)
        shared = self._shared(ref)
        if shared is not None:
            require_seen(self.decisions(ref, pair), fields, seen)
            made = shared.decide(pair, choices)
            self._shared(ref)
            return made
        partner = find_partner_object(load_catalog(self._context.home), object_pair)
        with self._context.store.write() as session:
            connection = find_connection(session, ref)
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
        """Undo decisions, all or none. `seen` is as for `record_decisions`."""
        self._context.require_writable()
        shared = self._shared(ref)
        if shared is not None:
            log = self.decisions(ref, pair)
            require_seen(log, _fields_of(log, decision_ids), seen)
            taken_back = tuple(shared.undo(pair, id_) for id_ in decision_ids)
            self._shared(ref)
            return taken_back
        with self._context.store.write() as session:
            connection = find_connection(session, ref)
            log = session.decisions.log(connection.id, pair)
            require_seen(log, _fields_of(log, decision_ids), seen)
            undoing: list[Decision] = []
            for id_ in decision_ids:
                target = _undoable([*log, *undoing], id_, pair)
                update = {
                    "id": new_id(),
                    "undoes": target.id,
                    "state": DecisionState.PENDING,
                    "decided_by": self._context.actor,
                    "decided_at": self._context.now,
                    "note": None,
                }
                undoing.append(target.model_copy(update=update))
            require_one_each([*log, *undoing])
            self._append(session, connection, pair, undoing)
        return tuple(undoing)

    def plan(
        self, ref: str, pair: str, text: str, *, file_pair: str | None = None, other: bool = False
    ) -> MappingPlan:
        """Return what `apply` would change, and change nothing; raises what it raises."""
        connection, holding, file, fresh = self._from_file(ref, pair, text, file_pair, other)
        return planned(connection.id, fresh, holding, len(file.choices))

    def apply(
        self, ref: str, pair: str, text: str, *, file_pair: str | None = None, other: bool = False
    ) -> tuple[Decision, ...]:
        """Decide as a mapping file says, all of it or nothing; what holds already is left alone.

        `file_pair` is the object pair that the file has in place of `pair`; `other` takes a
        file of another connection. Raises UsageError where the text is no mapping of that pair
        or a line can't hold against the schema in the cache, ConflictError for a file of
        another connection, SchemaNotDiscoveredError where there is no schema.
        """
        _, _, _, fresh = self._from_file(ref, pair, text, file_pair, other)
        return self.record_decisions(ref, pair, fresh) if fresh else ()

    def _from_file(
        self, ref: str, pair: str, text: str, file_pair: str | None, other: bool
    ) -> tuple[Connection, FieldMapping, MappingFile, tuple[Choice, ...]]:
        file = MappingFile.parse(text, file_pair or pair)
        connection = self._context.connection(ref)
        if not other:
            file.require_of(connection.id, connection.name)
        holding = self.get(connection.id, pair)
        fresh = file.fresh(holding)
        file.require_fit(fresh, self.review(connection.id, pair))
        return connection, holding, file, fresh

    def _sides(self, session: Session, ref: str, pair: str, at: datetime | None = None) -> _Sides:
        object_pair = ObjectPair.parse(pair)
        partner = find_partner_object(load_catalog(self._context.home), object_pair)
        connection = find_connection(session, ref)
        snapshot = find_snapshot(session, connection, object_pair.crm_object, at)
        log = session.decisions.log(connection.id, at=at)
        return _Sides(object_pair, connection, partner, snapshot.content, log)

    def _other_logs(
        self, session: Session, sides: _Sides, at: datetime | None = None
    ) -> dict[str, list[Decision]]:
        """Return what was decided on an object pair in other connections of the platform."""
        logs: dict[str, list[Decision]] = {}
        if not self._context.settings.learning:
            return logs
        connection = sides.connection
        names = {
            other.id: other.name
            for other in session.connections.all()
            if other.platform == connection.platform and other.id != connection.id
        }
        for decision in session.decisions.log(object_pair=str(sides.pair), at=at):
            if decision.connection_id in names:
                logs.setdefault(names[decision.connection_id], []).append(decision)
        return logs

    def _own_suggestions(self, connection: Connection, pair: ObjectPair) -> tuple[Suggestion, ...]:
        if connection.source != Source.PARTNEROS or connection.disconnected_at is not None:
            return ()
        try:
            connector = self._context.open_connector(connection)
            return connector.suggest(pair) if isinstance(connector, Integration) else ()
        except CrmdeckError as error:
            # One signal of many: without it, offline say, the others still rank.
            _log.warning("No suggestions from %s: %s", connection.name, error)
            return ()

    def _suggestions(self, ref: str, pair: str, encoder: str | None) -> dict[str, Suggestion]:
        answer = self.suggest(ref, pair, encoder=encoder)
        return {suggestion.partner_field: suggestion for suggestion in answer.suggestions}

    def _shared(self, ref: str) -> TeamLog | None:
        connection = self._context.connection(ref)
        if connection.source != Source.PARTNEROS or connection.disconnected_at is not None:
            return None
        return take_over(self._context, self._context.open_connector(connection), connection.id)

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
            direction = suggest_direction(
                left, right, knowledge=load_knowledge(self._context.home)
            )[0]
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
            decided_by=self._context.actor,
            decided_at=self._context.now,
        )

    def _append(
        self, session: Session, connection: Connection, pair: str, decisions: Sequence[Decision]
    ) -> None:
        session.decisions.add(decisions)
        session.audit.add(
            *(
                self._context.entry(
                    f"mapping.{'undone' if d.undoes else d.state.value}",
                    f"{pair}: {d.partner_field} -> {d.crm_field or 'nothing'}",
                    connection_id=connection.id,
                    details={
                        "decision": d.id,
                        "direction": d.direction.value,
                        **({"undoes": d.undoes} if d.undoes else {}),
                    },
                )
                for d in decisions
            )
        )


def find_partner_object(catalog: dict[str, PartnerObject], pair: ObjectPair) -> PartnerObject:
    """Return the PartnerOS object of a pair; raises NotFoundError naming the nearest."""
    partner = catalog.get(pair.partner_object)
    if partner is None:
        raise not_found("PartnerOS object", pair.partner_object, sorted(catalog))
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
    accepted = decided.accepted if decided is not None else None
    last = decided.last if decided is not None else None
    state, crm_field = current_state(decided, None)
    drift = drift_since(accepted, crm_object, events)
    return MappingLine(
        partner_field=field.name,
        label=field.label,
        state=state,
        crm_field=crm_field,
        direction=last.direction if last else Direction.BIDIRECTIONAL,
        value_map=accepted.value_map if accepted else None,
        decided_by=last.decided_by if last else None,
        decided_at=last.decided_at if last else None,
        rejected=decided.rejected if decided else (),
        drift=tuple(event.id for event in drift),
        drift_summary=tuple(event_text(event) for event in drift),
    )


def _with_rules(suggestion: Suggestion, crm_object: ObjectSchema) -> Suggestion:
    """Return a suggestion with what the CRM's rules ask of the fields that it names."""
    if not crm_object.rules:
        return suggestion
    fields = {field.name: field for field in crm_object.fields}

    def warnings(one: Suggestion | Alternative) -> tuple[MappingWarning, ...]:
        field = fields.get(one.crm_field or "")
        if field is None or one.direction is Direction.PULL:
            return one.warnings
        return (*one.warnings, *warn_of_rules(field, crm_object.rules))

    return suggestion.model_copy(
        update={
            "warnings": warnings(suggestion),
            "alternatives": tuple(
                one.model_copy(update={"warnings": warnings(one)})
                for one in suggestion.alternatives
            ),
        }
    )


def _with_source(suggestion: Suggestion, own: Sequence[Suggestion]) -> Suggestion:
    """Return a suggestion with those of the source for the same field beside it, best first."""
    found = [
        SourceSuggestion(
            crm_field=one.crm_field, confidence=one.confidence, direction=one.direction
        )
        for one in own
        if one.partner_field == suggestion.partner_field and one.crm_field is not None
    ]
    found.sort(key=lambda one: -one.confidence)
    return suggestion.model_copy(update={"source_suggestions": tuple(found)})


def _pair_summary(
    name: str, decisions: Sequence[Decision], catalog: dict[str, PartnerObject]
) -> PairSummary:
    states = [decided.last.state for decided in by_field(decisions).values()]
    partner = catalog.get(ObjectPair.parse(name).partner_object)
    return PairSummary(
        object_pair=name,
        partner_fields=len(partner.fields) if partner else 0,
        accepted=states.count(DecisionState.ACCEPTED),
        rejected=states.count(DecisionState.REJECTED),
        last_decided_at=decisions[-1].decided_at,
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
        remedy="crmdeck audit NAME --event 'mapping.*' --json lists them.",
        code="DECISION_NOT_FOUND",
    )


def check_encoder(name: str) -> str:
    """Return `name` where an encoder is called so; raises UsageError."""
    if name not in ENCODERS:
        raise UsageError(f"There is no encoder '{name}'.", remedy="Use 'auto' or 'none'.")
    return name


def _accepting(suggestion: Suggestion, crm_field: str | None, direction: str | None) -> Choice:
    chosen = crm_field or suggestion.crm_field
    same = chosen == suggestion.crm_field
    return Choice(
        partner_field=suggestion.partner_field,
        state=DecisionState.ACCEPTED,
        crm_field=chosen,
        direction=Direction(direction) if direction else suggestion.direction if same else None,
        confidence=_confidence(suggestion, chosen),
    )


def _confidence(suggestion: Suggestion, crm_field: str | None) -> float | None:
    if crm_field == suggestion.crm_field:
        return suggestion.confidence
    for alternative in suggestion.alternatives:
        if alternative.crm_field == crm_field:
            return alternative.confidence
    return None
