"""Suggestions: the ranker over the catalogue, the cached schema and the decisions so far."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from crmdeck.errors import ConflictError, CrmdeckError, UsageError
from crmdeck.matching.checks import blocking
from crmdeck.matching.values import suggest_value_map
from crmdeck.model import (
    Alternative,
    CancelToken,
    Connection,
    Decision,
    DecisionState,
    Direction,
    Field,
    ObjectPair,
    ProgressCallback,
    Source,
    SuggestAnswer,
    Suggestion,
    ValueMap,
)
from crmdeck.workspace.base import find_connection
from crmdeck.workspace.browsing import find_snapshot
from crmdeck.workspace.decided import FieldDecisions, by_field
from crmdeck.workspace.deciding import Choice, Deciding
from crmdeck.workspace.knowledge import load_catalogue, load_knowledge
from crmdeck.workspace.mappings import find_partner_object, pick

ENCODERS = ("auto", "none")
MAX_ALTERNATIVES = 5

_log = logging.getLogger(__name__)


class Suggesting(Deciding):
    """What the ranker says of an object pair, and taking its word."""

    def suggest(
        self,
        ref: str,
        pair: str,
        *,
        encoder: str | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> SuggestAnswer:
        """Rank the CRM fields for each PartnerOS field of an object pair.

        Vectors that the cache lacks are made first, with `progress` in texts. `encoder` is
        `auto` or `none`; the one used is named in the answer. Raises SchemaNotDiscoveredError
        where no schema is cached, NotFoundError for an unknown object on either side.
        """
        connection, left, right, log = self._sides(ref, pair)
        from crmdeck.workspace import ranking

        knowledge = load_knowledge(self.home)
        object_pair = ObjectPair.parse(pair)
        used = None
        if check_encoder(encoder or self.settings.encoder) == "auto":
            used = ranking.cached_encoder(
                self._store, left, right, knowledge, progress, cancel or CancelToken()
            )
        mine = [decision for decision in log if decision.object_pair == pair]
        suggestions = ranking.rank_pair(
            object_pair,
            connection.platform,
            left,
            right,
            knowledge=knowledge,
            encoder=used,
            log=log if self.settings.learning else mine,
            others=self._other_logs(connection, pair) if self.settings.learning else {},
            own=self._own_suggestions(connection, object_pair),
        )
        decided = by_field(mine)
        return SuggestAnswer(
            object_pair=pair,
            encoder=used.name if used else ranking.NO_ENCODER,
            suggestions=tuple(
                _with_decision(suggestion, decided.get(suggestion.partner_field))
                for suggestion in suggestions
            ),
        )

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
        return self.decide(ref, pair, choices)

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
        return self.decide(ref, pair, choices)

    def blocking(self, ref: str, pair: str) -> tuple[Field, ...]:
        """Return the required CRM fields of an object pair that no accepted mapping feeds."""
        _, _, right, _ = self._sides(ref, pair)
        mapped = {
            line.crm_field
            for line in self.mapping(ref, pair).lines
            if line.crm_field and line.direction is not Direction.PULL
        }
        return blocking(right, mapped)

    def value_map(self, ref: str, pair: str, partner_field: str, crm_field: str) -> ValueMap:
        """Return the suggested map of picklist values of a field pair."""
        _, left, right, _ = self._sides(ref, pair)
        return suggest_value_map(
            pick("PartnerOS field", partner_field, {field.name: field for field in left}),
            pick("CRM field", crm_field, {field.name: field for field in right}),
            knowledge=load_knowledge(self.home),
        )

    def _sides(
        self, ref: str, pair: str
    ) -> tuple[Connection, tuple[Field, ...], tuple[Field, ...], tuple[Decision, ...]]:
        object_pair = ObjectPair.parse(pair)
        partner = find_partner_object(load_catalogue(self.home), object_pair)
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            snapshot = find_snapshot(session, connection, object_pair.crm_object)
            log = session.decisions.log(connection.id)
        return connection, partner.fields, snapshot.fields, log

    def _other_logs(self, connection: Connection, pair: str) -> dict[str, list[Decision]]:
        """Return what was decided on an object pair in other connections of the platform."""
        with self._store.read() as session:
            names = {
                other.id: other.name
                for other in session.connections.all()
                if other.platform is connection.platform and other.id != connection.id
            }
            logs: dict[str, list[Decision]] = {}
            for decision in session.decisions.log(object_pair=pair):
                if decision.connection_id in names:
                    logs.setdefault(names[decision.connection_id], []).append(decision)
        return logs

    def _own_suggestions(self, connection: Connection, pair: ObjectPair) -> tuple[Suggestion, ...]:
        if connection.source is not Source.PARTNEROS or connection.disconnected_at is not None:
            return ()
        try:
            return self._open_connector(connection).suggest(pair)
        except CrmdeckError as error:
            # One signal of many: without it, offline say, the others still rank.
            _log.warning("No suggestions from %s: %s", connection.name, error)
            return ()

    def _suggestions(self, ref: str, pair: str, encoder: str | None) -> dict[str, Suggestion]:
        answer = self.suggest(ref, pair, encoder=encoder)
        return {suggestion.partner_field: suggestion for suggestion in answer.suggestions}


def check_encoder(name: str) -> str:
    """Return the name of an encoder that there is; raises UsageError."""
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


def _accepted_but_gone(suggestion: Suggestion, accepted: Decision) -> Suggestion:
    """Keep to a decision whose CRM field the ranker did not see; its own pick may replace it."""
    alternatives = suggestion.alternatives
    if suggestion.crm_field is not None:
        own = Alternative(
            crm_field=suggestion.crm_field,
            confidence=suggestion.confidence,
            direction=suggestion.direction,
            reasons=suggestion.reasons,
            warnings=suggestion.warnings,
        )
        alternatives = (own, *alternatives)[:MAX_ALTERNATIVES]
    return Suggestion(
        partner_field=suggestion.partner_field,
        crm_field=accepted.crm_field,
        confidence=0.0,
        direction=accepted.direction,
        alternatives=alternatives,
        decision=DecisionState.ACCEPTED,
    )


def _with_decision(suggestion: Suggestion, decided: FieldDecisions | None) -> Suggestion:
    if decided is None:
        return suggestion
    accepted = decided.accepted
    if accepted is not None and accepted.crm_field != suggestion.crm_field:
        return _accepted_but_gone(suggestion, accepted)
    if accepted is not None:
        return suggestion.model_copy(
            update={"direction": accepted.direction, "decision": DecisionState.ACCEPTED}
        )
    unmapped = decided.last.state is DecisionState.REJECTED and (
        decided.last.crm_field is None or suggestion.crm_field is None
    )
    if unmapped:
        return suggestion.model_copy(update={"crm_field": None, "decision": DecisionState.REJECTED})
    return suggestion
