"""One row a PartnerOS field: what is decided or suggested, and what stands beside it.

Rows are derived from a review, the suggestions and the log so far, and never edited: a decision
is appended to the log, and the rows are built again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from crmdeck.mapping.review import Review, Verdict
from crmdeck.mapping.state import FieldDecisions, by_field, current_state, drift_since
from crmdeck.matching.context import MIN_CONFIDENCE
from crmdeck.model import (
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    Field,
    FieldType,
    MappingWarning,
    ObjectPair,
    Reason,
    Severity,
    SourceSuggestion,
    Suggestion,
)

WITH_VALUES = (FieldType.PICKLIST, FieldType.MULTIPICKLIST, FieldType.BOOLEAN)


@dataclass(frozen=True)
class Candidate:
    """A CRM field that may fit; `confidence` is None where the ranker did not name it.

    `was_put_back`: it had been suggested and rejected, and that was undone.
    """

    crm_field: str
    confidence: float | None = None
    reasons: tuple[Reason, ...] = ()
    was_put_back: bool = False


@dataclass(frozen=True)
class MappingRow:
    """One PartnerOS field of an object pair.

    `crm_field` is the accepted or suggested CRM field, `right` its definition (None where the
    schema no longer has it), `renamed_to` what one that is gone may be called now. `drift` is
    what happened since the acceptance, `hidden_warnings` the codes of warnings hidden for
    this pair.
    """

    partner: Field
    state: DecisionState
    crm_field: str | None
    right: Field | None
    confidence: float | None
    direction: Direction
    verdict: Verdict | None
    candidates: tuple[Candidate, ...] = ()
    rejected: tuple[str, ...] = ()
    value_map: Mapping[str, str] | None = None
    drift: tuple[DriftEvent, ...] = ()
    history: tuple[Decision, ...] = ()
    hidden_warnings: frozenset[str] = frozenset()
    source_suggestions: tuple[SourceSuggestion, ...] = ()
    renamed_to: str = ""

    @property
    def name(self) -> str:
        """The PartnerOS field's name, which is the key of the row."""
        return self.partner.name

    @property
    def title(self) -> str:
        """The PartnerOS field as people call it."""
        return self.partner.label or self.partner.name

    @property
    def is_open(self) -> bool:
        """Whether the row is still to be decided."""
        return self.state is DecisionState.PENDING

    @property
    def candidate(self) -> Candidate | None:
        """What the ranker says of the CRM field of the row; None where it does not name it."""
        return next((one for one in self.candidates if one.crm_field == self.crm_field), None)

    @property
    def severity(self) -> Severity | None:
        """How bad the drift since the acceptance is; None where there is none to speak of."""
        if self.state is DecisionState.ACCEPTED and self.right is None:
            return Severity.BREAKING
        worst = Severity.worst(event.severity for event in self.drift)
        return None if worst is Severity.SAFE else worst

    @property
    def can_sync(self) -> bool:
        """Whether values can flow in the direction of the row."""
        verdict = self.verdict
        if verdict is None:
            return True
        if any(warning.code == "NOTHING_CAN_FLOW" for warning in verdict.warnings):
            return False
        return verdict.direction in (Direction.BIDIRECTIONAL, self.direction)

    @property
    def values(self) -> tuple[str, ...]:
        """The active PartnerOS values, where the pair needs a value map."""
        if self.right is None or self.right.type not in WITH_VALUES:
            return ()
        return tuple(value.value for value in self.partner.picklist if value.active)

    @property
    def unmapped_values(self) -> int | None:
        """How many PartnerOS values the stored value map leaves out; None without a map."""
        if self.value_map is None:
            return None
        return sum(value not in self.value_map for value in self.values)

    @property
    def warnings(self) -> tuple[MappingWarning, ...]:
        """What may go wrong, but for what is known and what a complete value map has settled."""
        settled = {"VALUE_MAP_NEEDED"} if self.unmapped_values == 0 else set()
        found = self.verdict.warnings if self.verdict is not None else ()
        return tuple(one for one in found if one.code not in self.hidden_warnings | settled)

    @property
    def group(self) -> Group:
        """The group of the row: what it asks of the operator."""
        if self.severity is Severity.BREAKING:
            return Group.BROKEN
        if not self.is_open:
            return Group.DONE
        if self.crm_field is None:
            return Group.NO_MATCH
        return Group.HIGH if (self.confidence or 0) >= HIGH_MATCH else Group.CHECK

    @property
    def trouble(self) -> Trouble | None:
        """The gravest thing about the row: drift, nothing that flows, a warning not yet known.

        What was accepted was accepted with its warnings: only drift, a direction in which
        nothing flows and an incomplete value map are held against it.
        """
        if self.severity is Severity.BREAKING:
            return Trouble.BROKEN
        if self.crm_field is None:
            return None
        if not self.can_sync:
            return Trouble.STUCK
        if self.severity is Severity.RISKY:
            return Trouble.DRIFTED
        if self.unmapped_values or (self.is_open and self.warnings):
            return Trouble.WARNED
        return None


# Of what is left when the likely ones are barred, at least this; and never quite sure.
MIN_LEFT, CEILING = 0.005, 0.995

HIGH_MATCH = 0.9
"""The confidence from which on a suggestion is sure."""


class Group(StrEnum):
    """Rows that ask for the same of the operator, in the order in which they do."""

    BROKEN = "broken"
    HIGH = "high match"
    CHECK = "check"
    NO_MATCH = "no match"
    DONE = "done"


class Trouble(StrEnum):
    """What is wrong with a row, the gravest first."""

    BROKEN = "broken"
    STUCK = "can't sync"
    DRIFTED = "drifted"
    WARNED = "warned"


@dataclass(frozen=True)
class Situation:
    """What changes while an operator goes through an object pair.

    `log` holds every decision on the pair, oldest first. `put_back` are candidates that the
    ranker does not name since they had been rejected, `directions` what the operator set on
    rows that are not accepted yet, `hidden_warnings` the codes of warnings hidden for the pair.
    """

    log: tuple[Decision, ...]
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    put_back: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    directions: Mapping[str, Direction] = field(default_factory=dict)
    hidden_warnings: frozenset[str] = frozenset()


class RowBuilder:
    """Makes the rows of one review; asks the rules about each field pair once."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self.crm_fields = {one.name: one for one in review.crm_fields}
        self.crm_object = ObjectPair.parse(review.pair).crm_object
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._renamed = {
            event.rename_of: event.field_name or ""
            for event in review.events
            if event.rename_of and event.object_type == self.crm_object
        }

    def judge(self, left: Field, right: Field) -> Verdict:
        """Return what the rules say of a field pair."""
        key = (left.name, right.name)
        if key not in self._verdicts:
            self._verdicts[key] = self.review.judge(left, right)
        return self._verdicts[key]

    def build(self, now: Situation) -> tuple[MappingRow, ...]:
        """Return all rows, in the order of the PartnerOS object."""
        decided = by_field(now.log)
        accepted = {name: one.accepted for name, one in decided.items() if one.accepted}
        holders = {one.crm_field: name for name, one in accepted.items() if one.crm_field}
        history: defaultdict[str, list[Decision]] = defaultdict(list)
        for decision in now.log:
            history[decision.partner_field].append(decision)
        possible = {}
        for partner in self.review.partner.fields:
            name = partner.name
            barred = {crm_field for crm_field, holder in holders.items() if holder != name}
            barred.update(decided[name].rejected if name in decided else ())
            possible[name] = _candidates(
                now.suggestions.get(name), now.put_back.get(name, ()), barred
            )
        picks = _picks(
            {name: found for name, found in possible.items() if name not in accepted},
            now.suggestions,
        )
        return tuple(
            self._row(
                partner,
                decided.get(partner.name),
                picks.get(partner.name),
                possible[partner.name],
                tuple(history[partner.name]),
                now,
            )
            for partner in self.review.partner.fields
        )

    def _row(
        self,
        partner: Field,
        decided: FieldDecisions | None,
        pick: str | None,
        possible: tuple[Candidate, ...],
        history: tuple[Decision, ...],
        now: Situation,
    ) -> MappingRow:
        accepted = decided.accepted if decided is not None else None
        state, crm_field = current_state(decided, pick)
        right = self.crm_fields.get(crm_field or "")
        verdict = self.judge(partner, right) if right is not None else None
        if accepted is not None:
            direction = accepted.direction
        else:
            widest = verdict.direction if verdict is not None else Direction.BIDIRECTIONAL
            direction = now.directions.get(partner.name, widest)
        named = next((one for one in possible if one.crm_field == crm_field), None)
        suggestion = now.suggestions.get(partner.name)
        return MappingRow(
            partner=partner,
            state=state,
            crm_field=crm_field,
            right=right,
            confidence=named.confidence if named is not None else None,
            direction=direction,
            verdict=verdict,
            candidates=possible,
            rejected=decided.rejected if decided is not None else (),
            value_map=accepted.value_map if accepted is not None else None,
            drift=drift_since(accepted, self.crm_object, self.review.events),
            history=history,
            hidden_warnings=now.hidden_warnings,
            source_suggestions=suggestion.source_suggestions if suggestion is not None else (),
            renamed_to=self._renamed.get(crm_field or "", "") if right is None else "",
        )


def named_candidates(suggestion: Suggestion | None) -> tuple[Candidate, ...]:
    """Return what the ranker names for a PartnerOS field, its own pick first."""
    if suggestion is None:
        return ()
    pick: tuple[Candidate, ...] = ()
    if suggestion.crm_field is not None:
        known = suggestion.confidence if suggestion.reasons else None
        pick = (Candidate(suggestion.crm_field, known, suggestion.reasons),)
    others = (
        Candidate(one.crm_field, one.confidence, one.reasons) for one in suggestion.alternatives
    )
    return (*pick, *others)


def _candidates(
    suggestion: Suggestion | None, put_back: Sequence[Candidate], barred: Container[str]
) -> tuple[Candidate, ...]:
    """Return what may be chosen, the best first; what was put back comes before the rest.

    What the barred ones had of the probability falls to the others and to none, in proportion.
    """
    named = named_candidates(suggestion)
    known = {candidate.crm_field for candidate in named}
    back = [candidate for candidate in put_back if candidate.crm_field not in known]
    lost = sum(one.confidence or 0 for one in named if one.crm_field in barred)
    if lost:
        left = max(1 - lost, MIN_LEFT)
        named = tuple(
            replace(one, confidence=min((one.confidence or 0) / left, CEILING)) for one in named
        )
    return tuple(one for one in (*back, *named) if one.crm_field not in barred)


def _picks(
    possible: Mapping[str, tuple[Candidate, ...]], suggestions: Mapping[str, Suggestion]
) -> dict[str, str]:
    """Return the CRM field suggested for each open row: the ranker's pick where it still stands.

    Where it does not, the next candidate moves up that no other row has been given, if it is
    more likely right than not now. Where the ranker named none, none is.
    """
    own = {name: suggestion.crm_field for name, suggestion in suggestions.items()}
    picks = {
        name: found[0].crm_field
        for name, found in possible.items()
        if found and found[0].crm_field == own.get(name)
    }
    given = set(picks.values())
    for name, found in possible.items():
        if name in picks or not found or (own.get(name) is None and not found[0].was_put_back):
            continue
        following = next((one for one in found if one.crm_field not in given), None)
        if following is not None and (
            following.was_put_back or (following.confidence or 0) >= MIN_CONFIDENCE
        ):
            picks[name] = following.crm_field
            given.add(following.crm_field)
    return picks
