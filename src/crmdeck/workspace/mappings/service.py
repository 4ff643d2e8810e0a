"""Suggestions and decisions on object pairs. The current state is derived from the decision log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from crmdeck import matching
from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import Integration, TeamLog
from crmdeck.connectors.registry import vendor_of
from crmdeck.drift.timeline import find_rename, name_in
from crmdeck.drift.wording import event_text, place_of
from crmdeck.errors import ConflictError, CrmdeckError, NotFoundError, UsageError
from crmdeck.mapping.choices import NearestField, nearest_fields, values_to_map
from crmdeck.mapping.renames import Moves, move_field, move_object
from crmdeck.mapping.review import Review
from crmdeck.mapping.state import (
    acceptances,
    by_field,
    by_pair,
    current_state,
    drift_since,
    filled_elsewhere,
    require_alone,
    require_one_each,
    require_seen,
    required_unmapped,
    with_assistants,
    with_decision,
)
from crmdeck.mapping.wording import FILLED_ELSEWHERE
from crmdeck.matching.context import RankContext
from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.evidence import Fields
from crmdeck.matching.lexicon import homes_of
from crmdeck.matching.values import suggest_value_map
from crmdeck.model import (
    AssistantSuggestion,
    CancelToken,
    ChangeState,
    Choice,
    Connection,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    Field,
    FieldMapping,
    FieldType,
    MappingLine,
    ObjectPair,
    PairSummary,
    PartnerObject,
    ProgressCallback,
    Severity,
    Source,
    SuggestAnswer,
    Suggestion,
    ValueMap,
    in_force,
    make_decision,
    make_undo,
)
from crmdeck.model.wire import wire_record
from crmdeck.preflight.judge import placeholders
from crmdeck.store import Session
from crmdeck.workspace.connections.sync_user import assumption
from crmdeck.workspace.context import Context, find_connection, find_named, new_id
from crmdeck.workspace.drift import acknowledge_changes, known_change, reopen_changes, share_changes
from crmdeck.workspace.knowledge import load_catalog, load_codes, load_knowledge
from crmdeck.workspace.mappings.assistants import (
    LONGEST_NAME,
    LONGEST_REASON,
    add_suggestion,
    checked_direction,
    read_suggestions,
)
from crmdeck.workspace.mappings.file import MappingFile, MappingPlan, PlannedChange
from crmdeck.workspace.mappings.ranking import (
    NO_ENCODER,
    Learning,
    PairFields,
    StoredEncoder,
    check_encoder,
    rank_pair,
)
from crmdeck.workspace.open_changes import Standings
from crmdeck.workspace.refresh.remote_log import take_over
from crmdeck.workspace.snapshots import find_snapshot, require_known
from crmdeck.workspace.verdicts import keep_verdicts

_log = logging.getLogger(__name__)


class AcceptedRename(NamedTuple):
    """What accepting a rename did, for its undo.

    `changes` are the IDs of both halves, `decisions` the IDs of the decisions by object pair.
    `moved` counts the mappings that have the new name; `left` are those that could not move.
    """

    connection_id: str
    note: str
    changes: tuple[str, ...]
    decisions: Mapping[str, tuple[str, ...]]
    moved: int
    left: tuple[Decision, ...] = ()
    not_checked: str = ""

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


class Mappings:
    """Suggestions, decisions and current mappings of object pairs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def partner_objects(self) -> tuple[PartnerObject, ...]:
        """Return the PartnerOS objects of the catalog, by name."""
        catalog = load_catalog(self._context.home)
        return tuple(catalog[name] for name in sorted(catalog))

    def partner_fields(self, pair: str) -> tuple[Field, ...]:
        """Return the fields of a pair's PartnerOS object; raises NotFoundError."""
        return self._partner_object(ObjectPair.parse(pair)).fields

    def pairs(self, ref: str, at: datetime | None = None) -> tuple[PairSummary, ...]:
        """Return the object pairs of a connection with a decision, now or as of `at`."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            log = session.decisions.log(connection.id, at=at)
        return self._summaries(log)

    def pairs_by_connection(self) -> dict[str, tuple[PairSummary, ...]]:
        """Return the object pairs with a decision, by connection ID."""
        with self._context.store.read() as session:
            logs = session.decisions.by_connection()
        return {key: self._summaries(log) for key, log in logs.items()}

    def _summaries(self, log: Sequence[Decision]) -> tuple[PairSummary, ...]:
        catalog = load_catalog(self._context.home)
        summaries = []
        for name, decisions in sorted(by_pair(log).items()):
            states = [decided.last.state for decided in by_field(decisions).values()]
            partner = catalog.get(ObjectPair.parse(name).partner_object)
            summaries.append(
                PairSummary(
                    object_pair=name,
                    partner_fields=len(partner.fields) if partner else 0,
                    accepted=states.count(DecisionState.ACCEPTED),
                    rejected=states.count(DecisionState.REJECTED),
                    last_decided_at=decisions[-1].decided_at,
                )
            )
        return tuple(summaries)

    def pair_names(self) -> dict[str, tuple[str, ...]]:
        """Return the object pairs with a decision, by connection ID."""
        with self._context.store.read() as session:
            return session.decisions.pairs()

    def get(self, ref: str, pair: str, at: datetime | None = None) -> FieldMapping:
        """Return the mapping of an object pair, now or as of `at`.

        Raises NotFoundError if the CRM has no such object type and the pair has no decision.
        """
        object_pair = ObjectPair.parse(pair)
        partner = self._partner_object(object_pair)
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            log = session.decisions.log(connection.id, pair, at=at)
            decided = by_field(log)
            # If the object is gone, its decisions can still be read.
            if not log:
                require_known(session, connection, object_pair.crm_object)
            events = session.drift.events(connection.id, at=at)
        lines = []
        for field in partner.fields:
            mine = decided.get(field.name)
            last, accepted = (mine.last, mine.accepted) if mine is not None else (None, None)
            state, crm_field = current_state(mine, None)
            drift = drift_since(accepted, object_pair.crm_object, events)
            lines.append(
                MappingLine(
                    partner_field=field.name,
                    label=field.label,
                    state=state,
                    crm_field=crm_field,
                    direction=last.direction if last else Direction.BIDIRECTIONAL,
                    value_map=accepted.value_map if accepted else None,
                    decided_by=last.decided_by if last else None,
                    decided_at=last.decided_at if last else None,
                    rejected=mine.rejected if mine else (),
                    drift=tuple(event.id for event in drift),
                    drift_summary=tuple(event_text(event) for event in drift),
                )
            )
        marks = filled_elsewhere(log)
        return FieldMapping(
            connection_id=connection.id,
            connection=connection.name,
            object_pair=pair,
            lines=tuple(lines),
            filled_elsewhere=tuple(sorted(marks)),
            filled_with={name: one.filled_with for name, one in marks.items() if one.filled_with},
        )

    def decisions(
        self,
        ref: str,
        pair: str | None = None,
        partner_field: str | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> tuple[Decision, ...]:
        """Return the decision log of a connection, an object pair or a field, oldest first.

        At most `limit` decisions, from the one that follows the decision with the ID `after`.
        """
        with self._context.store.read() as session:
            key = find_connection(session, ref).id
            return session.decisions.log(key, pair, partner_field, after=after, limit=limit)

    def add_suggestion(
        self,
        ref: str,
        pair: str,
        partner_field: str,
        crm_field: str,
        *,
        reason: str,
        suggested_by: str,
        direction: Direction | None = None,
    ) -> AssistantSuggestion:
        """Suggest a mapping, as an assistant does, and audit it. Only a decision can accept it.

        The default `direction` is the widest. Raises NotFoundError for a missing field,
        ConflictError for a field with a decision, and UsageError for an empty or long reason, a
        direction that can't sync, and more than 200 suggestions for a pair in a day.
        """
        self._context.require_writable()
        if not (0 < len(reason.strip()) <= LONGEST_REASON):
            raise UsageError(
                "A suggestion needs a reason.",
                cause=f"It has {len(reason):,} characters.",
                remedy=f"Give a reason of at most {LONGEST_REASON} characters.",
                code="BAD_REASON",
            )
        knowledge = load_knowledge(self._context.home)
        with self._context.store.write() as session:
            sides = self._sides(session, ref, pair)
            made = AssistantSuggestion(
                object_pair=pair,
                partner_field=partner_field,
                crm_field=crm_field,
                direction=checked_direction(sides, partner_field, crm_field, direction, knowledge),
                reason=reason,
                suggested_by=suggested_by[:LONGEST_NAME],
                suggested_at=self._context.now,
            )
            add_suggestion(self._context, session, sides, made)
        return made

    def assistant_suggestions(self, ref: str, pair: str) -> tuple[AssistantSuggestion, ...]:
        """Return the suggestions of assistants for an object pair, oldest first."""
        with self._context.store.read() as session:
            return read_suggestions(session, find_connection(session, ref).id, pair)

    def review(self, ref: str, pair: str) -> Review:
        """Return everything about an object pair except its suggestions.

        Raises SchemaNotDiscoveredError if no schema is cached, NotFoundError for an unknown
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
        learn_from: Callable[[str], bool] | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> SuggestAnswer:
        """Rank the CRM fields for each PartnerOS field of an object pair.

        `at` (UTC) uses the schema and the decisions of that time. `encoder` is `auto` or `none`;
        the response names the one used. `learn_from` is true for the IDs of the connections whose
        decisions count (default: all). Missing vectors are computed first, with `progress` in
        texts. Raises SchemaNotDiscoveredError if no schema is cached, NotFoundError for an
        unknown object on either side.
        """
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair, at)
            learning = self._learning(session, sides, at, learn_from)
        # The source only suggests for its current schema.
        own = self._own_suggestions(sides) if at is None else ()
        return self._suggest(sides, learning, own, encoder, progress, cancel)

    def review_and_suggest(
        self, ref: str, pair: str, *, encoder: str | None = None
    ) -> tuple[Review, SuggestAnswer]:
        """Return the results of `review` and `suggest` from one read of the cache."""
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair)
            learning = self._learning(session, sides)
            review = self._review(session, sides)
        return review, self._suggest(sides, learning, self._own_suggestions(sides), encoder)

    def nearest(self, ref: str, object_type: str) -> dict[str, tuple[NearestField, ...]]:
        """Return the nearest PartnerOS fields of each CRM field of an object type, best first.

        CRM fields without one are left out. This is a quick match: it uses no vectors and doesn't
        ask the source. Raises SchemaNotDiscoveredError if no schema is cached, NotFoundError for
        an unknown object type.
        """
        # The CRM object and the log are read once for all PartnerOS objects.
        first, *more = self.partner_objects()
        with self._context.store.read() as session:
            sides = self._sides(session, ref, f"{first.object_type}--{object_type}")
            every = [sides, *(sides.with_partner(partner) for partner in more)]
            learned = [self._learning(session, sides) for sides in every]
        found = {
            str(sides.pair): rank_pair(
                sides,
                knowledge=load_knowledge(self._context.home),
                encoder=None,
                learning=learning,
                now=self._context.now,
            )
            for sides, learning in zip(every, learned, strict=True)
        }
        return nearest_fields(found, {str(sides.pair) for sides in every if sides.own_log})

    def accept(
        self,
        ref: str,
        pair: str,
        picks: Mapping[str, str | None],
        *,
        at_least: float | None = None,
        direction: Direction | None = None,
        value_map: Mapping[str, str] | None = None,
        without_value_map: bool = False,
        encoder: str | None = None,
    ) -> tuple[Decision, ...]:
        """Accept suggestions; each of `picks` names its CRM field, or None for the suggested one.

        `at_least` also accepts every undecided suggestion with at least that confidence that needs
        no value map. `value_map` leads from PartnerOS to CRM values, for the one pick that needs
        it. Raises ConflictError for a field with neither a suggestion nor a CRM field, and
        UsageError for a pick whose values the CRM doesn't have, unless `without_value_map`.
        """
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair)
        left = {field.name: field for field in sides.partner.fields}
        right = {field.name: field for field in sides.crm_object.fields}

        def lacking(name: str, crm_field: str | None, way: Direction | None) -> tuple[str, ...]:
            if way is Direction.PULL or crm_field not in right:
                return ()
            return values_to_map(left[name], right[crm_field])

        # Outside a session, because the connection's source may have to respond first.
        answer = self.suggest(ref, pair, encoder=encoder)
        suggestions = {one.partner_field: one for one in answer.suggestions}
        chosen = dict(picks)
        if at_least is not None:
            for name, suggestion in suggestions.items():
                if (
                    suggestion.decision is DecisionState.PENDING
                    and suggestion.crm_field is not None
                    and suggestion.confidence >= at_least
                    and not lacking(name, suggestion.crm_field, suggestion.direction)
                ):
                    chosen.setdefault(name, None)
        choices = []
        for name, crm_field in chosen.items():
            suggestion = find_named("PartnerOS field", name, suggestions)
            crm_field = crm_field or suggestion.crm_field
            if crm_field is None:
                raise ConflictError(
                    f"No suggestion for '{name}'.",
                    remedy=f"Enter the CRM field: {name}=CRM_FIELD",
                    code="NO_SUGGESTION",
                )
            # Another field than the suggested one goes in the direction that its own rules allow.
            widest = suggestion.direction if crm_field == suggestion.crm_field else None
            choices.append(
                Choice(
                    partner_field=name,
                    state=DecisionState.ACCEPTED,
                    crm_field=crm_field,
                    direction=direction or widest,
                    confidence=_confidence(suggestion, crm_field),
                )
            )
        needed = {
            one.partner_field: values
            for one in choices
            if (values := lacking(one.partner_field, one.crm_field, one.direction))
        }
        if value_map is not None:
            choices = _with_value_map(choices, needed, value_map, left, right)
        if not without_value_map:
            _require_value_maps(choices, needed)
        return self.record_decisions(ref, pair, choices)

    def reject(
        self,
        ref: str,
        pair: str,
        picks: Mapping[str, str | None],
        *,
        encoder: str | None = None,
    ) -> tuple[Decision, ...]:
        """Reject suggestions; each of `picks` names its CRM field, or None for the suggested one.

        A field without a suggestion is left unmapped.
        """
        answer = self.suggest(ref, pair, encoder=encoder)
        suggestions = {one.partner_field: one for one in answer.suggestions}
        choices = []
        for name, crm_field in picks.items():
            suggestion = find_named("PartnerOS field", name, suggestions)
            rejected = crm_field or suggestion.crm_field
            choices.append(
                Choice(
                    partner_field=name,
                    state=DecisionState.REJECTED,
                    crm_field=rejected,
                    confidence=_confidence(suggestion, rejected),
                )
            )
        return self.record_decisions(ref, pair, choices)

    def unmap(self, ref: str, pair: str, partner_fields: Sequence[str]) -> tuple[Decision, ...]:
        """Leave PartnerOS fields unmapped, whether or not the CRM still has their fields.

        Fields that are unmapped already are left out. Raises NotFoundError.
        """
        states = {line.partner_field: line.state for line in self.get(ref, pair).lines}
        choices = [
            Choice(partner_field=name, state=DecisionState.REJECTED)
            for name in dict.fromkeys(partner_fields)
            if find_named("PartnerOS field", name, states) is not DecisionState.REJECTED
        ]
        return self.record_decisions(ref, pair, choices)

    def move(self, ref: str, pair: str, partner_field: str | None = None) -> AcceptedRename:
        """Accept the rename of a row's CRM field, or without a row that of the CRM object.

        Every mapping of the old name moves. Raises NotFoundError, and ConflictError if nothing was
        renamed.
        """
        crm_object = ObjectPair.parse(pair).crm_object
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            old: str | None = None
            if partner_field is not None:
                decided = by_field(session.decisions.log(connection.id, pair)).get(partner_field)
                old = decided.last.crm_field if decided is not None else None
            events = [
                event
                for event in session.drift.events(connection.id)
                if event.rename_of is not None
                and event.rename_of == (old if partner_field is not None else crm_object)
                and (event.object_type == crm_object or partner_field is None)
                and (event.field_name is None) is (partner_field is None)
            ]
        if not events:
            raise ConflictError(
                f"crmdeck found no rename of {old or partner_field or crm_object}.",
                remedy=f"Choose another field: crmdeck suggest {connection.name} {pair}",
                code="NO_RENAME",
            )
        return self.accept_rename(events[0].id)

    def set_values(
        self, ref: str, pair: str, partner_field: str, values: Mapping[str, str]
    ) -> tuple[Decision, ...]:
        """Set the CRM values of an accepted row; values that aren't given stay.

        Raises NotFoundError, UsageError for an unknown value, and
        ConflictError for a row that isn't accepted.
        """
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair)
        left = {field.name: field for field in sides.partner.fields}
        right = {field.name: field for field in sides.crm_object.fields}
        source = find_named("PartnerOS field", partner_field, left)
        decided = by_field(sides.own_log).get(partner_field)
        accepted = decided.accepted if decided is not None else None
        if accepted is None:
            raise ConflictError(
                f"'{partner_field}' isn't accepted.",
                remedy=f"Accept it first: crmdeck mapping accept {sides.connection.name} {pair} "
                f"{partner_field}",
                code="NOT_ACCEPTED",
            )
        target = find_named("CRM field", accepted.crm_field or "", right)
        _check_values(source, values)
        _check_values(target, values.values())
        choice = Choice(
            partner_field=partner_field,
            state=DecisionState.ACCEPTED,
            crm_field=accepted.crm_field,
            direction=accepted.direction,
            value_map={**(accepted.value_map or {}), **values},
            confidence=accepted.confidence,
        )
        return self.record_decisions(ref, pair, [choice])

    def required_unmapped(self, ref: str, pair: str) -> tuple[Field, ...]:
        """Return the required CRM fields that no accepted mapping writes.

        Fields that are filled elsewhere are left out.
        """
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair)
        marks = filled_elsewhere(sides.own_log)
        found = required_unmapped(sides.crm_object.fields, sides.own_log)
        return tuple(field for field in found if field.name not in marks)

    def mark_filled(
        self,
        ref: str,
        pair: str,
        crm_fields: Sequence[str],
        *,
        filled: bool = True,
        value: str | None = None,
    ) -> tuple[Decision, ...]:
        """Mark CRM fields as filled elsewhere, by PartnerOS or by automation, or clear that.

        Preflight judges `value`: what fills them, a literal or a template that names PartnerOS
        fields in braces. crmdeck sends it nowhere. Fields in that state are left out. Raises
        NotFoundError for a missing field, ConflictError for a field with an accepted mapping.
        """
        marks = filled_elsewhere(self.decisions(ref, pair))
        choices = [
            Choice(
                partner_field="",
                state=DecisionState.REJECTED if filled else DecisionState.PENDING,
                crm_field=name,
                filled_with=value,
            )
            for name in dict.fromkeys(crm_fields)
            if (name in marks) is not filled or (filled and marks[name].filled_with != value)
        ]
        return self.record_decisions(ref, pair, choices) if choices else ()

    def value_map(self, ref: str, pair: str, partner_field: str, crm_field: str) -> ValueMap:
        """Return the suggested map of picklist values for a field pair."""
        with self._context.store.read() as session:
            sides = self._sides(session, ref, pair)
        left = {field.name: field for field in sides.partner.fields}
        right = {field.name: field for field in sides.crm_object.fields}
        suggest = partial(
            suggest_value_map,
            find_named("PartnerOS field", partner_field, left),
            find_named("CRM field", crm_field, right),
            knowledge=load_knowledge(self._context.home),
            codes=load_codes(),
        )
        try:
            return suggest(encoder=self._encoder())
        except matching.EncoderUnavailableError:
            return suggest()

    def record_decisions(
        self,
        ref: str,
        pair: str,
        choices: Sequence[Choice],
        *,
        seen: Collection[str] | None = None,
    ) -> tuple[Decision, ...]:
        """Record and audit decisions, all or none.

        `seen` are the IDs of the decisions that the caller knows. If one of the fields has
        another one, nothing is recorded (ConflictError). A source that keeps the decisions of a
        team records them by its own rules. Raises UsageError or NotFoundError for a missing
        field, ConflictError for a CRM field that another PartnerOS field of the pair has.
        """
        self._context.require_writable()
        if not choices:
            return ()
        team = self._team_log(ref)
        if team is not None:
            # The log has the news of colleagues by now, so their decisions count as unseen.
            subjects = frozenset(choice.subject for choice in choices)
            require_seen(self.decisions(ref, pair), subjects, seen)
            made = team.decide(pair, choices)
            # Copies the decisions that the source has just recorded.
            self._team_log(ref)
            return made
        with self._context.store.write() as session:
            return self._record(session, find_connection(session, ref), pair, choices, seen)

    def store_decisions(
        self,
        ref: str,
        pair: str,
        decisions: Sequence[Decision],
        *,
        seen: Collection[str] | None = None,
    ) -> tuple[Decision, ...]:
        """Record decisions or undos as the caller made them, IDs included, all or none.

        `seen` and errors are as for `record_decisions` and `undo_all`. Returns the decisions of a
        source that keeps those of a team: it gives them its own IDs.
        """
        undone = [one.undoes for one in decisions if one.undoes is not None]
        if self._team_log(ref) is not None:
            if undone:
                return self.undo_all(ref, pair, undone, seen=seen)
            names = Choice.model_fields
            choices = [Choice(**{name: getattr(one, name) for name in names}) for one in decisions]
            return self.record_decisions(ref, pair, choices, seen=seen)
        self._context.require_writable()
        with self._context.store.write() as session:
            connection = find_connection(session, ref)
            log = session.decisions.log(connection.id, pair)
            require_seen(log, {one.subject for one in decisions}, seen)
            for id_ in undone:
                _undoable(log, id_, pair)
            made = [one for one in decisions if one.undoes is None]
            left, right = self._fields(session, connection, pair, made)
            for one in made:
                _check_decision(one, left, right, log)
            require_one_each([*log, *decisions])
            return self._append(session, connection, pair, decisions)

    def undoable(self, ref: str, pair: str, named: str | None = None) -> Decision:
        """Return the decision that an undo would undo, by its ID or its field (default: the last).

        Raises what `undo` raises.
        """
        log = self.decisions(ref, pair)
        if named is not None and not any(one.id == named for one in log):
            mine = [one for one in in_force(log) if named in (one.partner_field, one.subject)]
            if not mine:
                raise NotFoundError(
                    f"{pair} has no decision named '{named}'.",
                    remedy="List the decisions: crmdeck audit NAME --event 'mapping.*' --json",
                    code="DECISION_NOT_FOUND",
                )
            named = mine[-1].id
        target = _undoable(log, named, pair)
        # If no name is given, the last decision is undone, and no later one depends on it.
        if named is not None:
            require_alone(log, target)
        return target

    def undo(self, ref: str, pair: str, named: str | None = None) -> Decision:
        """Undo a decision, by its ID or its field, and return the decision that does it.

        The default is the last active one.

        Undoing an undo restores the decision. Raises NotFoundError for a missing decision,
        ConflictError if the earlier state is no longer possible, or if a later active decision is
        about the same PartnerOS field or CRM field.
        """
        return self.undo_all(ref, pair, [self.undoable(ref, pair, named).id])[0]

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
        team = self._team_log(ref)
        if team is not None:
            log = self.decisions(ref, pair)
            require_seen(log, _fields_of(log, decision_ids), seen)
            undone = tuple(team.undo(pair, id_) for id_ in decision_ids)
            self._team_log(ref)
            return undone
        with self._context.store.write() as session:
            return self._undo(session, find_connection(session, ref), pair, decision_ids, seen)

    def accept_rename(self, event_id: str) -> AcceptedRename:
        """Accept the rename that a change is half of: move its decisions and acknowledge both.

        All or none, and audited. The decisions on a renamed object move to its new name, in every
        object pair. Raises NotFoundError for an unknown change, ConflictError if it isn't half of
        a probable rename.
        """
        self._context.require_writable()
        with self._context.store.read() as session:
            connection, halves = self._rename(session, event_id)
            old, new = map(name_in, halves)
            note = f"Renamed: {old} is now {new}."
        team = self._team_log(connection.id)
        with self._context.store.read() as session:
            moves = self._moves(session, connection, halves, note)
        decided = _decide_all(team, moves.choices) if team is not None else {}
        ids = tuple(half.id for half in halves)
        with self._context.store.write() as session:
            if team is None:
                # Again inside the transaction: others may have decided in the meantime.
                moves = self._moves(session, connection, halves, note)
                decided = {
                    pair: _ids(self._record(session, connection, pair, choices))
                    for pair, choices in moves.choices.items()
                }
            fresh = acknowledge_changes(self._context, session, ids, note)
        if team is not None:
            self._team_log(connection.id)
        return AcceptedRename(
            connection_id=connection.id,
            note=note,
            changes=ids,
            decisions=decided,
            moved=sum(
                choice.state is DecisionState.ACCEPTED
                for choices in moves.choices.values()
                for choice in choices
            ),
            left=moves.left,
            not_checked=share_changes(self._context, fresh).not_checked,
        )

    def undo_rename(self, rename: AcceptedRename, *, again: bool = False) -> AcceptedRename:
        """Undo an accepted rename, all or none; `again` accepts it again.

        Return the rename with the decisions that did it, for the next undo or redo. Raises
        ConflictError if the earlier state is no longer possible.
        """
        self._context.require_writable()
        key = rename.connection_id
        team = self._team_log(key)
        decided: dict[str, tuple[str, ...]] = {}
        if team is not None:
            for pair, ids in rename.decisions.items():
                decided[pair] = _ids([team.undo(pair, each) for each in ids])
        with self._context.store.write() as session:
            if team is None:
                connection = find_connection(session, key)
                for pair, ids in rename.decisions.items():
                    decided[pair] = _ids(self._undo(session, connection, pair, ids))
            if again:
                done = acknowledge_changes(self._context, session, rename.changes, rename.note)
            else:
                done = reopen_changes(self._context, session, rename.changes)
        if team is not None:
            self._team_log(key)
        not_checked = share_changes(self._context, done).not_checked
        return rename._replace(decisions=decided, not_checked=not_checked)

    def _rename(
        self, session: Session, event_id: str
    ) -> tuple[Connection, tuple[DriftEvent, DriftEvent]]:
        event = known_change(session.drift.by_ids([event_id]), event_id)
        at = event.detected_at
        halves = find_rename(
            event, session.drift.page(event.connection_id, None, since=at, until=at)
        )
        if halves is None:
            raise ConflictError(
                f"{place_of(event)} isn't part of a probable rename.",
                remedy="List the changes: crmdeck drift",
                code="NO_RENAME",
            )
        return find_connection(session, event.connection_id), halves

    def _moves(
        self,
        session: Session,
        connection: Connection,
        halves: tuple[DriftEvent, DriftEvent],
        note: str,
    ) -> Moves:
        gone, added = halves
        old, new = name_in(gone), name_in(added)
        log = session.decisions.log(connection.id)
        if gone.field_name is not None:
            return move_field(log, gone.object_type, old, new, note)
        fields = find_snapshot(session, connection, new).fields
        return move_object(log, old, new, {field.name for field in fields}, note)

    def plan(
        self,
        ref: str,
        pair: str,
        data: str | bytes,
        *,
        file_pair: str | None = None,
        other: bool = False,
        overwrite: bool = False,
    ) -> MappingPlan:
        """Return the changes that `apply` would make. Raises the same errors as `apply`."""
        file = MappingFile.parse(data, file_pair or pair)
        connection = self._context.connection(ref)
        # First: the file of another connection rarely fits, and that error would hide the reason.
        if not other:
            file.require_of(connection.id, connection.name)
        current = self.get(connection.id, pair)
        choices = file.changes(current)
        if not overwrite:
            # A row that was applied already differs from the sheet, and is right.
            file.require_unchanged(current, choices)
        file.require_fit(choices, self.review(connection.id, pair), connection.name)
        with self._context.store.read() as session:
            # Everything that recording checks, so that a dry run fails as the real one does.
            self._decide(session, connection, pair, choices)
        before = {line.partner_field: line.crm_field for line in current.lines}
        return MappingPlan(
            connection_id=connection.id,
            object_pair=current.object_pair,
            changes=tuple(
                PlannedChange(
                    partner_field=choice.partner_field,
                    state=choice.state,
                    before=before.get(choice.partner_field),
                    after=choice.crm_field if choice.state is DecisionState.ACCEPTED else None,
                    direction=choice.direction,
                )
                for choice in choices
            ),
            choices=choices,
            unchanged=len(file.choices) - len(choices),
        )

    def apply(
        self,
        ref: str,
        pair: str,
        data: str | bytes,
        *,
        file_pair: str | None = None,
        other: bool = False,
        overwrite: bool = False,
    ) -> tuple[Decision, ...]:
        """Record the decisions of a mapping file, all or none, and skip those already active.

        `data` is a mapping as JSON, or a mapping sheet as XLSX or CSV. `file_pair` is the object
        pair in the file if it isn't `pair`. `other` allows the file of another connection,
        `overwrite` a sheet whose mappings changed since its export. Raises UsageError if the file
        isn't a mapping of that pair or doesn't fit the cached schema, ConflictError for the file of
        another connection or an older state, SchemaNotDiscoveredError if no schema is cached.
        """
        plan = self.plan(ref, pair, data, file_pair=file_pair, other=other, overwrite=overwrite)
        return self.record_decisions(ref, pair, plan.choices) if plan.choices else ()

    def _partner_object(self, pair: ObjectPair) -> PartnerObject:
        return find_named("PartnerOS object", pair.partner_object, load_catalog(self._context.home))

    def _sides(
        self, session: Session, ref: str, pair: str, at: datetime | None = None
    ) -> PairFields:
        object_pair = ObjectPair.parse(pair)
        partner = self._partner_object(object_pair)
        connection = find_connection(session, ref)
        snapshot = find_snapshot(session, connection, object_pair.crm_object, at)
        log = session.decisions.log(connection.id, at=at)
        offered = read_suggestions(session, connection.id, pair, at)
        return PairFields(object_pair, connection, partner, snapshot.content, log, offered)

    def _learning(
        self,
        session: Session,
        sides: PairFields,
        at: datetime | None = None,
        learn_from: Callable[[str], bool] | None = None,
    ) -> Learning | None:
        """Return the decisions in other connections of the platform, and the fields they name.

        The fields are the current ones, also for the decisions of an earlier time.
        """
        if not self._context.settings.learning:
            return None
        connection = sides.connection
        names = {
            other.id: other.name
            for other in session.connections.all()
            if other.platform == connection.platform
            and other.id != connection.id
            and (learn_from is None or learn_from(other.id))
        }
        logs: dict[str, list[Decision]] = {}
        for decision in session.decisions.log(object_pair=str(sides.pair), at=at):
            if decision.connection_id in names and decision.partner_field:
                logs.setdefault(names[decision.connection_id], []).append(decision)
        every = [*sides.log, *(decision for log in logs.values() for decision in log)]
        objects = {
            (decision.connection_id, ObjectPair.parse(decision.object_pair).crm_object)
            for decision in every
        }
        schemas = session.snapshots.newest(sorted(objects))
        catalog = load_catalog(self._context.home)
        fields = Fields(
            {name: partner.fields for name, partner in catalog.items()},
            {place: schema.fields for place, schema in schemas.items()},
        )
        return Learning(logs, fields)

    def _own_suggestions(self, sides: PairFields) -> tuple[Suggestion, ...]:
        connection = sides.connection
        if connection.source != Source.PARTNEROS or connection.disconnected_at is not None:
            return ()
        try:
            with fault_barrier(connection):
                connector = self._context.open_connector(connection)
                return connector.suggest(sides.pair) if isinstance(connector, Integration) else ()
        except CrmdeckError as error:
            # They are one signal of many: offline, the others still rank.
            _log.warning("No suggestions from %s: %s", connection.name, error)
            return ()

    def _review(self, session: Session, sides: PairFields) -> Review:
        connection, partner, crm_object = sides.connection, sides.partner, sides.crm_object
        knowledge = load_knowledge(self._context.home)
        context = RankContext(sides.pair.partner_object, sides.pair.crm_object, connection.platform)
        judged = Standings(self._context, session, connection.id).changes().get(connection.id, ())
        # An accepted risk still shows what was accepted.
        still_open = {
            each.change.id
            for each in judged
            if each.standing.state is ChangeState.OPEN
            or (each.standing.excuse is not None and each.standing.excuse.by is not None)
        }
        events = session.drift.events(connection.id, object_type=sides.pair.crm_object)
        return Review(
            connection_id=connection.id,
            pair=str(sides.pair),
            partner=partner,
            crm_fields=crm_object.fields,
            log=sides.own_log,
            events=events,
            settled=frozenset(
                event.id
                for event in events
                if event.severity is not Severity.SAFE and event.id not in still_open
            ),
            knowledge=knowledge,
            accepted=session.acceptances.last(connection.id).get(connection.id, {}),
            rates=session.rates.get(connection.id, sides.pair.crm_object),
            homes=homes_of(partner.fields, crm_object.fields, context, knowledge),
            write_rules=vendor_of(connection.platform).write_rules,
            now=self._context.now,
            assumed=assumption(connection) or "",
        )

    def _suggest(
        self,
        sides: PairFields,
        learning: Learning | None,
        own: Sequence[Suggestion],
        encoder: str | None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> SuggestAnswer:
        used = self._encoder(encoder, progress, cancel)
        ranked = partial(
            rank_pair,
            sides,
            knowledge=load_knowledge(self._context.home),
            learning=learning,
            own=own,
            now=self._context.now,
        )
        try:
            suggestions = ranked(encoder=used)
        except matching.EncoderUnavailableError:
            used = None
            suggestions = ranked(encoder=None)
        decided = by_field(sides.own_log)
        return SuggestAnswer(
            object_pair=str(sides.pair),
            encoder=used.name if used else NO_ENCODER,
            suggestions=with_assistants(
                [
                    with_decision(suggestion, decided.get(suggestion.partner_field))
                    for suggestion in suggestions
                ],
                sides.offered,
                decided,
            ),
        )

    def _encoder(
        self,
        name: str | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> StoredEncoder | None:
        if check_encoder(name or self._context.settings.encoder) == NO_ENCODER:
            return None
        return StoredEncoder(self._context.store, progress, cancel)

    def _team_log(self, ref: str) -> TeamLog | None:
        """Return the source's decision log if it keeps one for a team, after copying its news."""
        connection = self._context.connection(ref)
        if connection.source != Source.PARTNEROS or connection.disconnected_at is not None:
            return None
        if self._context.rehearsing:
            return None
        with fault_barrier(connection):
            return take_over(self._context, self._context.open_connector(connection), connection.id)

    def _record(
        self,
        session: Session,
        connection: Connection,
        pair: str,
        choices: Sequence[Choice],
        seen: Collection[str] | None = None,
    ) -> tuple[Decision, ...]:
        decisions = self._decide(session, connection, pair, choices, seen)
        return self._append(session, connection, pair, decisions)

    def _decide(
        self,
        session: Session,
        connection: Connection,
        pair: str,
        choices: Sequence[Choice],
        seen: Collection[str] | None = None,
    ) -> list[Decision]:
        """Return the decisions for choices; raises an error if they can't be recorded."""
        left, right = self._fields(session, connection, pair, choices)
        knowledge = load_knowledge(self._context.home)
        log = session.decisions.log(connection.id, pair)
        require_seen(log, {choice.subject for choice in choices}, seen)
        decisions = []
        for choice in choices:
            _check_decision(choice, left, right, log)
            direction, crm_field = Direction.BIDIRECTIONAL, right.get(choice.crm_field or "")
            if choice.partner_field and crm_field and choice.state is not DecisionState.PENDING:
                partner_field = left[choice.partner_field]
                direction, _ = suggest_direction(partner_field, crm_field, knowledge=knowledge)
            decisions.append(
                make_decision(
                    choice,
                    new_id(),
                    connection_id=connection.id,
                    object_pair=pair,
                    direction=direction,
                    actor=self._context.actor,
                    at=self._context.now,
                )
            )
        # Two rows of one call can claim the same CRM field.
        require_one_each([*log, *decisions])
        return decisions

    def _fields(
        self,
        session: Session,
        connection: Connection,
        pair: str,
        choices: Sequence[Choice | Decision],
    ) -> tuple[dict[str, Field], dict[str, Field]]:
        """Return the fields of both objects of a pair, as far as the choices need them."""
        object_pair = ObjectPair.parse(pair)
        left = {field.name: field for field in self._partner_object(object_pair).fields}
        # The object may be gone: its rows can still be made undecided, or left unmapped.
        if not any(one.crm_field and one.state is not DecisionState.PENDING for one in choices):
            return left, {}
        snapshot = find_snapshot(session, connection, object_pair.crm_object)
        return left, {field.name: field for field in snapshot.fields}

    def _undo(
        self,
        session: Session,
        connection: Connection,
        pair: str,
        decision_ids: Sequence[str | None],
        seen: Collection[str] | None = None,
    ) -> tuple[Decision, ...]:
        log = session.decisions.log(connection.id, pair)
        require_seen(log, _fields_of(log, decision_ids), seen)
        undoing: list[Decision] = []
        for id_ in decision_ids:
            # After the undos so far: None twice undoes the last two decisions.
            target = _undoable([*log, *undoing], id_, pair)
            undo = make_undo(target, new_id(), actor=self._context.actor, at=self._context.now)
            undoing.append(undo)
        require_one_each([*log, *undoing])
        return self._append(session, connection, pair, undoing)

    def _append(
        self,
        session: Session,
        connection: Connection,
        pair: str,
        decisions: Sequence[Decision],
    ) -> tuple[Decision, ...]:
        """Append decisions to the log of a pair, with their audit entries, and return them."""
        session.decisions.add(decisions)
        session.audit.add(
            *(
                self._context.entry(
                    _audit_event(d),
                    f"{pair}: {d.partner_field or FILLED_ELSEWHERE} -> {d.crm_field or 'nothing'}",
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
        keep_verdicts(self._context, session, connection, pair)
        return tuple(decisions)


def _ids(decisions: Iterable[Decision]) -> tuple[str, ...]:
    return tuple(decision.id for decision in decisions)


def _decide_all(
    team: TeamLog, choices: Mapping[str, Sequence[Choice]]
) -> dict[str, tuple[str, ...]]:
    """Record choices by object pair at the source; undo all of them if one pair fails."""
    decided: dict[str, tuple[str, ...]] = {}
    try:
        for pair, chosen in choices.items():
            decided[pair] = _ids(team.decide(pair, chosen))
    except CrmdeckError:
        for pair, ids in decided.items():
            for decision_id in ids:
                team.undo(pair, decision_id)
        raise
    return decided


def _with_value_map(
    choices: Sequence[Choice],
    needed: Collection[str],
    value_map: Mapping[str, str],
    left: Mapping[str, Field],
    right: Mapping[str, Field],
) -> list[Choice]:
    """Return the choices, the one whose PartnerOS field is `needed` with a checked value map."""
    if len(needed) != 1:
        raise UsageError(
            f"A value map belongs to one mapping, but {len(needed):,} of these need one.",
            remedy="Accept mappings that need a value map one at a time.",
            code="VALUE_MAP_FOR_ONE",
        )
    mapped = []
    for choice in choices:
        if choice.partner_field in needed:
            _check_values(left[choice.partner_field], value_map.keys())
            _check_values(right[choice.crm_field or ""], value_map.values())
            choice = choice.model_copy(update={"value_map": dict(value_map)})
        mapped.append(choice)
    return mapped


def _check_values(field: Field, names: Iterable[str]) -> None:
    """Raise UsageError if one of the names isn't a value of the field."""
    known = [value.value for value in field.picklist if value.active]
    if field.type is FieldType.BOOLEAN:
        known = known or ["true", "false"]
    for name in names:
        if name not in known:
            raise UsageError(
                f"{field.name} has no value '{name}'.",
                remedy=f"Values: {', '.join(known)}",
                code="VALUE_NOT_FOUND",
            )


def _require_value_maps(choices: Sequence[Choice], needed: Mapping[str, Sequence[str]]) -> None:
    """Raise UsageError if a choice leaves `needed` PartnerOS values without a CRM value."""
    for choice in choices:
        values = needed.get(choice.partner_field, ())
        lacking = [value for value in values if value not in (choice.value_map or {})]
        if lacking:
            raise UsageError(
                f"'{choice.partner_field}' needs a value map. Nothing was changed.",
                cause=f"{choice.crm_field} doesn't have these values: {', '.join(lacking)}.",
                remedy=f"Add --value-map {lacking[0]}=CRM_VALUE,… or --no-value-map",
                code="VALUE_MAP_NEEDED",
            )


def _audit_event(decision: Decision) -> str:
    if decision.undoes:
        return "mapping.undone"
    if not decision.partner_field and decision.state is DecisionState.REJECTED:
        return "mapping.filled_elsewhere"
    return f"mapping.{decision.state.value}"


def _confidence(suggestion: Suggestion, crm_field: str | None) -> float | None:
    if crm_field == suggestion.crm_field:
        return suggestion.confidence
    named = {one.crm_field: one.confidence for one in suggestion.alternatives}
    return named.get(crm_field or "")


def _fields_of(log: Sequence[Decision], ids: Collection[str | None]) -> frozenset[str]:
    return frozenset(decision.subject for decision in log if decision.id in ids)


def _check_decision(
    choice: Choice | Decision,
    left: Mapping[str, Field],
    right: Mapping[str, Field],
    log: Sequence[Decision],
) -> None:
    """Raise UsageError, NotFoundError or ConflictError if a decision can't be recorded."""
    clears = choice.state is DecisionState.PENDING
    if not choice.partner_field:
        if not choice.crm_field or choice.state is DecisionState.ACCEPTED:
            raise UsageError("No PartnerOS field given.", remedy="Enter a PartnerOS field.")
        if clears:
            return
        find_named("CRM field", choice.crm_field, right)
        holders = {one.crm_field: one.partner_field for one in acceptances(log)}
        if choice.crm_field in holders:
            raise ConflictError(
                f"'{choice.crm_field}' is already mapped to '{holders[choice.crm_field]}'.",
                remedy="Undo that mapping first.",
                code="CRM_FIELD_TAKEN",
            )
        for name in placeholders(choice.filled_with or ""):
            find_named("PartnerOS field", name, left)
        return
    find_named("PartnerOS field", choice.partner_field, left)
    if choice.crm_field and not clears:
        # A field that is gone can still be rejected.
        known = {one.crm_field for one in log} if choice.state is DecisionState.REJECTED else ()
        if choice.crm_field not in known:
            find_named("CRM field", choice.crm_field, right)
    elif choice.state is DecisionState.ACCEPTED:
        raise UsageError(
            f"No CRM field given for '{choice.partner_field}'.",
            remedy="Enter a CRM field, or reject the row to leave it unmapped.",
        )


def _undoable(log: Sequence[Decision], decision_id: str | None, pair: str) -> Decision:
    if decision_id is None:
        active = in_force(log)
        if active:
            return active[-1]
        raise NotFoundError(f"No decision on {pair} to undo.", code="NOTHING_TO_UNDO")
    for decision in log:
        if decision.id == decision_id:
            return decision
    raise NotFoundError(
        f"No decision '{decision_id}' on {pair}.",
        remedy="List the decisions: crmdeck audit NAME --event 'mapping.*' --json",
        code="DECISION_NOT_FOUND",
    )
