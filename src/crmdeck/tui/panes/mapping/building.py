"""From a review, the suggestions and the decisions so far to the lines of the table. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from crmdeck.model import (
    Decision,
    DecisionState,
    Direction,
    Field,
    ObjectPair,
    Suggestion,
)
from crmdeck.tui.panes.mapping.lines import Candidate, Line
from crmdeck.workspace import Review, Verdict
from crmdeck.workspace.decided import FieldDecisions, by_field, suffered


@dataclass(frozen=True)
class Situation:
    """What changes while an operator goes through an object pair.

    `log` holds every decision on the pair, oldest first. `put_back` are candidates that the
    ranker does not name since they had been rejected, `directions` what the operator set on
    lines that are not accepted yet, `better` what the ranker came to prefer on the line that
    the operator is on.
    """

    log: tuple[Decision, ...]
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    put_back: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    directions: Mapping[str, Direction] = field(default_factory=dict)
    better: Mapping[str, Candidate] = field(default_factory=dict)


class LineBuilder:
    """Makes the lines of one review; asks the rules about each field pair once."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self.crm_fields = {one.name: one for one in review.crm_fields}
        self.crm_object = ObjectPair.parse(review.pair).crm_object
        self._verdicts: dict[tuple[str, str], Verdict] = {}

    def judge(self, left: Field, right: Field) -> Verdict:
        """Return what the rules say of a field pair."""
        key = (left.name, right.name)
        if key not in self._verdicts:
            self._verdicts[key] = self.review.judge(left, right)
        return self._verdicts[key]

    def build(self, now: Situation) -> tuple[Line, ...]:
        """Return all lines, in the order of the PartnerOS object."""
        decided = by_field(now.log)
        accepted = {name: one.accepted for name, one in decided.items() if one.accepted}
        taken = {one.crm_field: name for name, one in accepted.items()}
        history = _history(now.log)
        possible = {}
        for partner in self.review.partner.fields:
            name = partner.name
            barred = {crm for crm, holder in taken.items() if crm and holder != name}
            barred.update(decided[name].rejected if name in decided else ())
            possible[name] = _candidates(
                now.suggestions.get(name), now.put_back.get(name, ()), barred
            )
        picks = _picks(
            {name: found for name, found in possible.items() if name not in accepted},
            now.suggestions,
        )
        return tuple(
            self._line(
                partner,
                decided.get(partner.name),
                picks.get(partner.name),
                possible[partner.name],
                history.get(partner.name, ()),
                now,
            )
            for partner in self.review.partner.fields
        )

    def _line(
        self,
        partner: Field,
        decided: FieldDecisions | None,
        pick: Candidate | None,
        possible: tuple[Candidate, ...],
        history: tuple[Decision, ...],
        now: Situation,
    ) -> Line:
        accepted = decided.accepted if decided is not None else None
        stays_empty = decided is not None and _stays_empty(decided.last, pick)
        crm_field = None
        if accepted is not None:
            crm_field = accepted.crm_field
        elif pick is not None and not stays_empty:
            crm_field = pick.crm_field
        right = self.crm_fields.get(crm_field or "")
        verdict = self.judge(partner, right) if right is not None else None
        direction = verdict.direction if verdict is not None else Direction.BIDIRECTIONAL
        state = DecisionState.REJECTED if stays_empty else DecisionState.PENDING
        named = next((one for one in possible if one.crm_field == crm_field), None)
        return Line(
            partner=partner,
            state=DecisionState.ACCEPTED if accepted is not None else state,
            crm_field=crm_field,
            right=right,
            confidence=named.confidence if named is not None else None,
            direction=accepted.direction
            if accepted is not None
            else now.directions.get(partner.name, direction),
            verdict=verdict,
            candidates=possible,
            rejected=decided.rejected if decided is not None else (),
            value_map=accepted.value_map if accepted is not None else None,
            drift=suffered(accepted, self.crm_object, self.review.events),
            history=history,
            better=now.better.get(partner.name) if accepted is None and not stays_empty else None,
        )


def _stays_empty(last: Decision, pick: Candidate | None) -> bool:
    return last.state is DecisionState.REJECTED and (last.crm_field is None or pick is None)


def _history(log: Sequence[Decision]) -> dict[str, tuple[Decision, ...]]:
    found: dict[str, tuple[Decision, ...]] = {}
    for decision in log:
        found[decision.partner_field] = (*found.get(decision.partner_field, ()), decision)
    return found


def _candidates(
    suggestion: Suggestion | None, put_back: Sequence[Candidate], barred: Container[str]
) -> tuple[Candidate, ...]:
    """Return what may be chosen, the best first; what was put back comes before the rest."""
    named = named_candidates(suggestion)
    known = {candidate.crm_field for candidate in named}
    back = [candidate for candidate in put_back if candidate.crm_field not in known]
    return tuple(one for one in (*back, *named) if one.crm_field not in barred)


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


def _picks(
    possible: Mapping[str, tuple[Candidate, ...]], suggestions: Mapping[str, Suggestion]
) -> dict[str, Candidate]:
    """Return what is suggested for each open line: the ranker's pick where it still stands.

    Where it does not, the next candidate moves up that no other line has been given, however
    unlikely: what it is worth without the one before it only the next ranking tells. Where
    the ranker named none, none is.
    """
    picks: dict[str, Candidate] = {}
    for name, found in possible.items():
        if found and found[0].crm_field == _own_pick(suggestions.get(name)):
            picks[name] = found[0]
    given = {candidate.crm_field for candidate in picks.values()}
    for name, found in possible.items():
        named = _own_pick(suggestions.get(name)) is not None
        if name in picks or not found or not (named or found[0].was_put_back):
            continue
        following = next((one for one in found if one.crm_field not in given), None)
        if following is not None:
            picks[name] = following
            given.add(following.crm_field)
    return picks


def _own_pick(suggestion: Suggestion | None) -> str | None:
    return suggestion.crm_field if suggestion is not None else None
