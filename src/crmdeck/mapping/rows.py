"""The rows of an object pair: one for each PartnerOS field, and for each required CRM field
without one.

Rows are derived from a review, the suggestions and the decision log. A decision appends to the
log, and the rows are built again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from crmdeck.mapping.judgment import REQUIRED, ROW, RowJudgment, judge_row
from crmdeck.mapping.review import MatchReview, Review
from crmdeck.mapping.state import (
    FieldDecisions,
    by_field,
    current_state,
    drift_since,
    filled_elsewhere,
    required_unmapped,
)
from crmdeck.mapping.validity import why_invalid
from crmdeck.matching.context import MIN_CONFIDENCE
from crmdeck.model import (
    Acceptance,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    Field,
    FieldType,
    MappingWarning,
    ObjectPair,
    Outcome,
    Reason,
    Severity,
    SourceSuggestion,
    Suggestion,
    Urgency,
    finding_id,
    in_force,
)
from crmdeck.preflight.edges import FailsWhen

WITH_VALUES = (FieldType.PICKLIST, FieldType.MULTIPICKLIST, FieldType.BOOLEAN)


@dataclass(frozen=True)
class Candidate:
    """A CRM field that may fit. `confidence` needs a suggestion of the ranker.

    `was_put_back` marks a rejected suggestion whose rejection was undone.
    """

    crm_field: str
    confidence: float | None = None
    reasons: tuple[Reason, ...] = ()
    was_put_back: bool = False


@dataclass(frozen=True)
class MappingRow:
    """One PartnerOS field of an object pair.

    `crm_field` is the accepted or suggested CRM field, and `right` its definition, None if the
    schema no longer has it. `renamed_to` is then its probable new name. `drift` are the changes
    since the acceptance, `settled` the IDs of those that are settled, `hidden_warnings` the codes
    of warnings hidden for this pair. `claimed` are the CRM fields suggested for other rows.
    `taken_by` is the title of the row that was suggested the CRM field that fits this one as well.
    `judged` are the verdicts of preflight on the whole pair, worst first, once they are known.
    `invalid` says why the fields can't be mapped like this, `risk` who accepted what is wrong with
    the row until when. `required` is True if the suggested CRM field requires a value, and no
    accepted row writes it.
    """

    partner: Field
    state: DecisionState
    crm_field: str | None
    right: Field | None
    confidence: float | None
    direction: Direction
    verdict: MatchReview | None
    candidates: tuple[Candidate, ...] = ()
    rejected: tuple[str, ...] = ()
    value_map: Mapping[str, str] | None = None
    drift: tuple[DriftEvent, ...] = ()
    settled: Collection[str] = ()
    history: tuple[Decision, ...] = ()
    hidden_warnings: frozenset[str] = frozenset()
    source_suggestions: tuple[SourceSuggestion, ...] = ()
    renamed_to: str = ""
    claimed: frozenset[str] = frozenset()
    taken_by: str = ""
    judged: tuple[FailsWhen, ...] | None = None
    invalid: str | None = None
    risk: Acceptance | None = None
    required: bool = False

    @property
    def name(self) -> str:
        return self.partner.name

    @property
    def title(self) -> str:
        """Label of the PartnerOS field, else its name."""
        return self.partner.label or self.partner.name

    @property
    def is_open(self) -> bool:
        return self.state is DecisionState.PENDING

    @property
    def decision(self) -> Decision | None:
        """The last active decision on the row, None if it was never decided or cleared since."""
        active = in_force(self.history)
        cleared = not active or active[-1].state is DecisionState.PENDING
        return None if cleared else active[-1]

    @property
    def candidate(self) -> Candidate | None:
        """The candidate that is the row's CRM field, if the ranker suggested it."""
        return next((one for one in self.candidates if one.crm_field == self.crm_field), None)

    @property
    def severity(self) -> Severity | None:
        """Worst severity of the open changes since the acceptance; None if all are safe."""
        if self.state is DecisionState.ACCEPTED and self.right is None:
            return Severity.BREAKING
        worst = Severity.worst(event.severity for event in self.open_drift)
        return None if worst is Severity.SAFE else worst

    @property
    def open_drift(self) -> tuple[DriftEvent, ...]:
        """The changes since the acceptance that nothing settled."""
        return tuple(event for event in self.drift if event.id not in self.settled)

    @property
    def can_sync(self) -> bool:
        """True if values can pass in the direction of the row."""
        verdict = self.verdict
        if verdict is None:
            return True
        # The direction of such a pair is `pull`, because a direction has no value for none.
        if any(warning.code == "NOTHING_CAN_FLOW" for warning in verdict.warnings):
            return False
        return verdict.direction in (Direction.BIDIRECTIONAL, self.direction)

    @property
    def values(self) -> tuple[str, ...]:
        """Active PartnerOS values that need a CRM value."""
        if self.right is None or self.right.type not in WITH_VALUES:
            return ()
        return tuple(value.value for value in self.partner.picklist if value.active)

    @property
    def unmapped_values(self) -> int | None:
        """Number of PartnerOS values missing from the stored value map; None without a map."""
        if self.value_map is None:
            return None
        return sum(value not in self.value_map for value in self.values)

    @property
    def warnings_of_direction(self) -> tuple[MappingWarning, ...]:
        """All warnings, except those about reading if the row only writes to the CRM."""
        verdict = self.verdict
        if verdict is None:
            return ()
        unread = verdict.of_reading if self.direction is Direction.PUSH else ()
        return tuple(one for one in verdict.warnings if one not in unread)

    @property
    def warnings(self) -> tuple[MappingWarning, ...]:
        """Warnings that are neither hidden nor settled by a complete value map."""
        settled = {"VALUE_MAP_NEEDED"} if self.unmapped_values == 0 else set()
        found = self.warnings_of_direction
        return tuple(one for one in found if one.code not in self.hidden_warnings | settled)

    @property
    def failures(self) -> tuple[FailsWhen, ...]:
        """The verdicts of preflight that aren't hidden, worst first.

        Until the whole pair is judged, those on the two fields alone.
        """
        return tuple(one for one in self.every_failure if one.code not in self.hidden_warnings)

    @property
    def every_failure(self) -> tuple[FailsWhen, ...]:
        """The verdicts of preflight, hidden ones included."""
        # Preflight judges values written to the CRM. A missing field fails in both directions.
        if self.right is not None and self.direction is Direction.PULL:
            return ()
        if self.judged is not None:
            return self.judged
        return self.verdict.failures if self.verdict is not None else ()

    @cached_property
    def judgment(self) -> RowJudgment | None:
        """What is wrong with the row, None unless it is accepted."""
        if self.state is not DecisionState.ACCEPTED:
            return None
        return judge_row(
            self.partner,
            self.direction,
            is_gone=self.right is None,
            failures=self.every_failure,
            changes=[one for one in self.open_drift if one.severity is not Severity.SAFE],
            invalid=self.invalid,
        )

    @property
    def needs_value_map(self) -> bool:
        """True if a value map is needed and the stored one, if any, is incomplete."""
        needed = any(one.code == "VALUE_MAP_NEEDED" for one in self.warnings_of_direction)
        return needed and self.unmapped_values != 0

    @cached_property
    def would_fail(self) -> bool:
        """True if preflight doesn't pass the row once it is accepted."""
        judged = judge_row(self.partner, self.direction, failures=self.every_failure)
        return not judged.is_done

    @property
    def is_high(self) -> bool:
        """True for a high match."""
        return (self.confidence or 0) >= HIGH_MATCH

    @property
    def is_sure(self) -> bool:
        """True for an undecided high match that can sync, needs no value map and doesn't fail."""
        is_high = self.group is Group.HIGH and self.can_sync
        return is_high and not self.needs_value_map and not self.would_fail

    @property
    def group(self) -> Group:
        judgment = self.judgment
        if judgment is not None and self.risk is None and not judgment.is_done:
            failing = judgment.urgency is Urgency.FAILING
            return Group.FAILING if failing else Group.REVIEW
        if not self.is_open:
            return Group.DONE
        if self.required:
            return Group.FAILING
        if self.crm_field is None:
            return Group.NO_MATCH
        return Group.HIGH if self.is_high else Group.CHECK

    @property
    def trouble(self) -> Trouble | None:
        """The worst problem of the row.

        Accepting a row accepts its warnings. After that only its judgment, a direction that can't
        sync and an incomplete value map count.
        """
        if self.group is Group.FAILING:
            return Trouble.FAILING
        if self.crm_field is None:
            return None
        if not self.can_sync:
            return Trouble.STUCK
        if self.group is Group.REVIEW:
            return Trouble.REVIEW
        if self.unmapped_values or (self.is_open and (self.warnings or self.failures)):
            return Trouble.WARNED
        return None


@dataclass(frozen=True)
class RequiredRow:
    """A CRM field that a new record requires, and that no accepted mapping writes.

    `mark` is the active decision that it is filled elsewhere, `history` all such decisions.
    `outcome` is what preflight says of a record without the field, `failures` of the value that
    fills it elsewhere.
    """

    field: Field
    outcome: Outcome = Outcome.REJECTED
    mark: Decision | None = None
    history: tuple[Decision, ...] = ()
    risk: Acceptance | None = None
    failures: tuple[FailsWhen, ...] = ()

    @property
    def name(self) -> str:
        """The subject of its decisions, which no PartnerOS field has as its name."""
        return f"crm:{self.field.name}"

    @property
    def title(self) -> str:
        return self.field.name

    @property
    def is_open(self) -> bool:
        return self.mark is None and self.risk is None

    @property
    def group(self) -> Group:
        if self.is_open:
            return Group.FAILING
        judged = judge_row(None, Direction.PUSH, failures=self.failures)
        if judged.is_done or self.risk is not None:
            return Group.DONE
        return Group.FAILING if judged.urgency is Urgency.FAILING else Group.REVIEW


# Bounds for sharing out the probability of barred candidates: never divide by zero or claim
# certainty.
MIN_LEFT, CEILING = 0.005, 0.995

HIGH_MATCH = 0.9
"""Confidence from which a suggestion is a high match."""


class Group(StrEnum):
    """Groups of rows, in the order in which they need attention."""

    FAILING = "failing"
    REVIEW = "to review"
    HIGH = "high match"
    CHECK = "check"
    NO_MATCH = "no match"
    DONE = "done"


class Trouble(StrEnum):
    """Problems of a row, worst first."""

    FAILING = "failing"
    STUCK = "can't sync"
    REVIEW = "to review"
    WARNED = "warned"


@dataclass(frozen=True)
class Situation:
    """Everything that changes while a user reviews an object pair.

    `log` has every decision on the pair, oldest first. `put_back` are candidates that the ranker
    left out because they had been rejected. `directions` are those set on rows not accepted yet.
    The `focused` row is the first to get the CRM field that it was suggested. `failures` are the
    verdicts of preflight by PartnerOS and CRM field.
    """

    log: tuple[Decision, ...]
    suggestions: Mapping[str, Suggestion] = field(default_factory=dict)
    put_back: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    directions: Mapping[str, Direction] = field(default_factory=dict)
    hidden_warnings: frozenset[str] = frozenset()
    focused: str | None = None
    failures: Mapping[tuple[str, str], tuple[FailsWhen, ...]] = field(default_factory=dict)


class RowBuilder:
    """Builds the rows of one review, judging each field pair once."""

    def __init__(self, review: Review) -> None:
        self.review = review
        self.crm_fields = {one.name: one for one in review.crm_fields}
        self.crm_object = ObjectPair.parse(review.pair).crm_object
        self._verdicts: dict[tuple[str, str], MatchReview] = {}
        self._renamed = {
            event.rename_of: event.field_name or ""
            for event in review.events
            if event.rename_of and event.object_type == self.crm_object
        }

    def judge(self, left: Field, right: Field) -> MatchReview:
        key = (left.name, right.name)
        if key not in self._verdicts:
            self._verdicts[key] = self.review.judge(left, right)
        return self._verdicts[key]

    def build(self, now: Situation) -> tuple[MappingRow, ...]:
        """Return all rows in the field order of the PartnerOS object."""
        decided = by_field(now.log)
        accepted = {name: one.accepted for name, one in decided.items() if one.accepted}
        holders = {one.crm_field: name for name, one in accepted.items() if one.crm_field}
        history: defaultdict[str, list[Decision]] = defaultdict(list)
        for decision in now.log:
            history[decision.partner_field].append(decision)
        possible = {}
        for partner in self.review.partner.fields:
            name = partner.name
            # A row keeps its own accepted field, so that its match and reasons can be shown.
            barred = {crm_field for crm_field, holder in holders.items() if holder != name}
            barred.update(decided[name].rejected if name in decided else ())
            possible[name] = _candidates(
                now.suggestions.get(name), now.put_back.get(name, ()), barred
            )
        picks = _picks(
            {name: found for name, found in possible.items() if name not in accepted},
            now.suggestions,
            now.focused,
        )
        return tuple(
            self._row(
                partner,
                decided.get(partner.name),
                picks.get(partner.name),
                possible[partner.name],
                {one: name for name, one in picks.items() if name != partner.name},
                tuple(history[partner.name]),
                now,
            )
            for partner in self.review.partner.fields
        )

    def build_required(
        self, log: Sequence[Decision], judged: Mapping[tuple[str, str], tuple[FailsWhen, ...]]
    ) -> tuple[RequiredRow, ...]:
        """Return the required CRM fields without a PartnerOS field, in the order of the schema."""
        # A flow or a trigger can fill the field before the CRM checks that it has a value.
        rules = self.review.write_rules
        outcome = Outcome.UNLESS_AUTOMATION if rules.runs_automation else Outcome.REJECTED
        marks = filled_elsewhere(log)
        history: defaultdict[str, list[Decision]] = defaultdict(list)
        for decision in log:
            history[decision.subject].append(decision)
        return tuple(
            RequiredRow(
                one,
                outcome,
                marks.get(one.name),
                tuple(history[f"crm:{one.name}"]),
                self._risk(Urgency.FAILING, REQUIRED, one.name, evidence_at=self._changed(one)),
                judged.get(("", one.name), ()) if _has_value(marks.get(one.name)) else (),
            )
            for one in required_unmapped(self.review.crm_fields, log)
        )

    def _row(
        self,
        partner: Field,
        decided: FieldDecisions | None,
        pick: str | None,
        possible: tuple[Candidate, ...],
        claimed: Mapping[str, str],
        history: tuple[Decision, ...],
        now: Situation,
    ) -> MappingRow:
        accepted = decided.accepted if decided is not None else None
        suggestion = now.suggestions.get(partner.name)
        state, crm_field = current_state(decided, pick)
        right = self.crm_fields.get(crm_field or "")
        verdict = self.judge(partner, right) if right is not None else None
        named = next((one for one in possible if one.crm_field == crm_field), None)
        confidence = named.confidence if named is not None else None
        if accepted is not None:
            direction = accepted.direction
            # The match is the one that was accepted, whatever later rankings find.
            confidence = accepted.confidence
        else:
            widest = verdict.direction if verdict is not None else Direction.BIDIRECTIONAL
            # The suggestion of a source or an assistant may have a direction of its own; it counts
            # unless a field is locked.
            if (
                suggestion
                and crm_field == suggestion.crm_field
                and widest is Direction.BIDIRECTIONAL
            ):
                widest = suggestion.direction
            direction = now.directions.get(partner.name, widest)
        invalid = None
        if accepted is not None and right is not None:
            knowledge, values = self.review.knowledge, accepted.value_map
            invalid = why_invalid(partner, right, direction, values, knowledge)
        row = MappingRow(
            partner=partner,
            state=state,
            crm_field=crm_field,
            right=right,
            confidence=confidence,
            direction=direction,
            verdict=verdict,
            candidates=possible,
            rejected=decided.rejected if decided is not None else (),
            value_map=accepted.value_map if accepted is not None else None,
            drift=drift_since(accepted, self.crm_object, self.review.events),
            settled=self.review.settled,
            history=history,
            hidden_warnings=now.hidden_warnings,
            source_suggestions=suggestion.source_suggestions if suggestion is not None else (),
            renamed_to=self._renamed.get(crm_field or "", "") if right is None else "",
            claimed=frozenset(claimed),
            taken_by=self._taken_by(suggestion, claimed),
            judged=now.failures.get((partner.name, crm_field or "")),
            invalid=invalid,
        )
        judged = row.judgment
        if judged is None or judged.is_done:
            return row
        about = (ROW, partner.name, crm_field or "", judged.code)
        risk = self._risk(judged.urgency, *about, evidence_at=judged.evidence_at)
        return row if risk is None else replace(row, risk=risk)

    def _changed(self, field: Field) -> datetime | None:
        """Return when the newest open change of a required CRM field was found."""
        return max(
            (
                event.detected_at
                for event in self.review.events
                if (event.object_type, event.field_name) == (self.crm_object, field.name)
                and event.rule is None
                and event.severity is not Severity.SAFE
                and event.id not in self.review.settled
            ),
            default=None,
        )

    def _risk(
        self, urgency: Urgency, kind: str, *about: str, evidence_at: datetime | None = None
    ) -> Acceptance | None:
        """Return who accepted the risk of a finding about the pair, if that still counts."""
        review, code = self.review, about[-1] if kind == ROW else REQUIRED
        accepted = review.accepted.get(
            finding_id(review.connection_id, code, kind, review.pair, *about)
        )
        today = review.now.date()
        is_covered = accepted is not None and accepted.covers(urgency, today, evidence_at)
        return accepted if is_covered else None

    def _taken_by(self, suggestion: Suggestion | None, claimed: Mapping[str, str]) -> str:
        """Return the title of the row whose suggestion takes this one's, if it still does."""
        if suggestion is None or suggestion.taken_by is None:
            return ""
        favorite = suggestion.alternatives[0].crm_field
        taker = claimed.get(favorite)
        titles = (one.label or one.name for one in self.review.partner.fields if one.name == taker)
        return next(titles, "")


def named_candidates(suggestion: Suggestion | None) -> tuple[Candidate, ...]:
    """Return the ranker's candidates for a PartnerOS field, its suggestion first."""
    if suggestion is None:
        return ()
    pick: tuple[Candidate, ...] = ()
    if suggestion.crm_field is not None:
        # An assistant can suggest a field that the ranker doesn't, without a match.
        known = (suggestion.confidence or None) if suggestion.reasons else None
        pick = (Candidate(suggestion.crm_field, known, suggestion.reasons),)
    others = (
        Candidate(one.crm_field, one.confidence, one.reasons) for one in suggestion.alternatives
    )
    return (*pick, *others)


def _candidates(
    suggestion: Suggestion | None, put_back: Sequence[Candidate], barred: Container[str]
) -> tuple[Candidate, ...]:
    """Return the candidates that aren't barred, best first, those put back before the rest.

    The others and "no match" share the probability of the barred ones in proportion.
    """
    named = named_candidates(suggestion)
    known = {candidate.crm_field for candidate in named}
    back = [candidate for candidate in put_back if candidate.crm_field not in known]
    lost = sum(one.confidence or 0 for one in named if one.crm_field in barred)
    # A taken favorite has a share of its own, which isn't part of the others' probability.
    if lost and not (suggestion and suggestion.taken_by):
        left = max(1 - lost, MIN_LEFT)
        named = tuple(
            replace(one, confidence=min((one.confidence or 0) / left, CEILING)) for one in named
        )
    return tuple(one for one in (*back, *named) if one.crm_field not in barred)


def _picks(
    possible: Mapping[str, tuple[Candidate, ...]],
    suggestions: Mapping[str, Suggestion],
    focused: str | None,
) -> dict[str, str]:
    """Return the CRM field suggested for each undecided row, no field for two rows.

    If the ranker's suggestion is barred or taken, the next free candidate moves up, provided that
    it is now more likely right than wrong. A row without a suggestion gets none.
    """
    own = {name: suggestion.crm_field for name, suggestion in suggestions.items()}
    claims: list[tuple[tuple[bool, bool, float], str, str]] = []
    for name, found in possible.items():
        for one in found:
            sure = one.confidence or 0
            if one is found[0] and one.crm_field == own.get(name):
                claims.append(((False, name != focused, -sure), name, one.crm_field))
            elif (own.get(name) is not None or found[0].was_put_back) and (
                one.was_put_back or sure >= MIN_CONFIDENCE
            ):
                claims.append(((True, not one.was_put_back, -sure), name, one.crm_field))
    picks: dict[str, str] = {}
    given: set[str] = set()
    # The ranker's own suggestions come first. Of two rows with the same alternative, the weaker
    # one gets its next one.
    for _, name, crm_field in sorted(claims, key=lambda claim: claim[0]):
        if name not in picks and crm_field not in given:
            picks[name] = crm_field
            given.add(crm_field)
    return picks


def _has_value(mark: Decision | None) -> bool:
    return mark is not None and bool(mark.filled_with)
