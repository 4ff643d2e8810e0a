"""The ranker: signals weighed, both sides competing, one CRM field suggested once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching import calibration, learning
from crmdeck.matching.checks import warn
from crmdeck.matching.context import RankContext
from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.learning import Evidence
from crmdeck.matching.measure import Measured, measure, read_texts
from crmdeck.matching.profile import Profile
from crmdeck.matching.reasons import Explainer, Told
from crmdeck.matching.scoring import MAX_ALTERNATIVES, assign, compete, naming, scores
from crmdeck.matching.signals.meaning import long_phrase, short_phrase
from crmdeck.matching.weights import WITH_ENCODER, WITHOUT_ENCODER
from crmdeck.model import (
    Alternative,
    DecisionState,
    Direction,
    Field,
    Reason,
    Suggestion,
)

Matrix = NDArray[np.float32]

# What is less probable than this is not suggested, only offered.
MIN_CONFIDENCE = 0.1
# An operator's word counts for more than any signal.
ELSEWHERE_WEIGHT = 8.0
# Another org has its own reasons; still, what fits there mostly fits here.
CONNECTIONS_WEIGHT = 6.0
TAUGHT_WEIGHT = 2.0
SUGGESTED_WEIGHT = 2.0

NO_EVIDENCE = Evidence()


def rank(
    left: Sequence[Field],
    right: Sequence[Field],
    *,
    context: RankContext,
    knowledge: Knowledge,
    encoder: Encoder | None,
    evidence: Evidence = NO_EVIDENCE,
    profile: Profile | None = None,
) -> tuple[Suggestion, ...]:
    """Return one suggestion for each left field, in their order.

    A suggestion without a CRM field says that none fits; up to five alternatives stand beside
    each, the best first. Fields decided before keep what was decided. Without an encoder the
    weights are others; `profile` replaces them. The same input gives the same output.
    """
    if not left:
        return ()
    if not right:
        return tuple(_nothing(field) for field in left)
    profile = profile or (WITHOUT_ENCODER if encoder is None else WITH_ENCODER)
    measured = measure(left, right, context=context, knowledge=knowledge, encoder=encoder)
    ranking = _Ranking(left, right, measured, knowledge, evidence, profile)
    return tuple(ranking.suggestion(row) for row in range(len(left)))


def texts_to_encode(
    left: Sequence[Field], right: Sequence[Field], knowledge: Knowledge
) -> tuple[str, ...]:
    """Return the texts whose vectors `rank` will ask for, each once, in a fixed order."""
    texts = [text for side in read_texts(left, right, knowledge) for text in side]
    phrases = [short_phrase(text) for text in texts] + [long_phrase(text) for text in texts]
    return tuple(dict.fromkeys(phrases))


@dataclass(frozen=True)
class _Extra:
    """What an operator or the source said, as further signals."""

    elsewhere: Matrix
    connections: Matrix
    taught: Matrix
    strongest: NDArray[np.intp]
    suggested: Matrix
    lessons: tuple[learning.Lesson, ...]

    @property
    def weighed(self) -> dict[str, Matrix]:
        return {
            "elsewhere": ELSEWHERE_WEIGHT * self.elsewhere,
            "connections": CONNECTIONS_WEIGHT * self.connections,
            "taught": TAUGHT_WEIGHT * self.taught,
            "suggested": SUGGESTED_WEIGHT * self.suggested,
        }


class _Ranking:
    """One ranking: all pairs scored, then told field by field."""

    def __init__(
        self,
        left: Sequence[Field],
        right: Sequence[Field],
        measured: Measured,
        knowledge: Knowledge,
        evidence: Evidence,
        profile: Profile,
    ) -> None:
        self._left, self._right = left, right
        self._evidence = evidence
        self._knowledge = knowledge
        self._profile = profile
        self._measured = measured
        self._extra = _heard(left, right, self._measured, evidence)
        score = scores(self._measured, self._profile)
        for part in self._extra.weighed.values():
            score += part
        self._decide(score)
        standing = compete(score)
        self._order = np.argsort(-standing, axis=1, kind="stable")[:, : MAX_ALTERNATIVES + 2]
        self._possible = np.isfinite(score)
        probability = calibration.confidence(
            score, naming(score, measured, profile), profile.calibration
        )
        self._confidence = calibration.recalibrate(probability, evidence.outcomes)
        self._chosen = assign(standing)
        self._explainer = Explainer(left, right, self._measured, knowledge)
        self._parts = self._weighed()

    def _weighed(self) -> dict[str, tuple[Matrix, Matrix]]:
        """Return each signal's part of the scores, and its mean for each left field."""
        parts = {
            name: np.float32(weight) * self._measured.signals[name]
            for name, weight in self._profile.signals.items()
            if weight and name in self._measured.signals
        }
        parts.update(self._extra.weighed)
        return {name: (part, part.mean(axis=1)) for name, part in parts.items()}

    def _decide(self, score: Matrix) -> None:
        """Take rejected pairs, and fields accepted for another, out of the race."""
        ours, yours = learning.field_names(self._left), learning.field_names(self._right)
        self._pinned: dict[int, int] = {}
        for partner_field, crm_field in self._evidence.rejected:
            if partner_field in ours and crm_field in yours:
                score[ours[partner_field], yours[crm_field]] = -np.inf
        for partner_field, crm_field in self._evidence.accepted.items():
            if partner_field in ours and crm_field in yours:
                self._pinned[ours[partner_field]] = yours[crm_field]
        others = np.array([row not in self._pinned for row in range(len(self._left))])
        for column in set(self._pinned.values()):
            score[others, column] = -np.inf

    def suggestion(self, row: int) -> Suggestion:
        """Return what is suggested for the left field `row`, or what was accepted for it."""
        pinned = self._pinned.get(row)
        column = self._chosen[row] if pinned is None else pinned
        sure = float(self._confidence[row, column]) if column >= 0 else 0.0
        reasons = self._reasons(row, int(column)) if column >= 0 else ()
        # Types that fit name nothing: alone they are no reason.
        named = any(reason.signal != "type" for reason in reasons)
        if pinned is None and (sure < MIN_CONFIDENCE or not named):
            column = -1
        others = [
            int(other)
            for other in self._order[row]
            if other != column and self._possible[row, other]
        ]
        alternatives = tuple(self._alternative(row, other) for other in others[:MAX_ALTERNATIVES])
        field = self._left[row]
        if column < 0:
            return _nothing(field, alternatives)
        partner = self._right[column]
        direction, reason = suggest_direction(field, partner, knowledge=self._knowledge)
        return Suggestion(
            partner_field=field.name,
            crm_field=partner.name,
            confidence=round(sure, 4),
            direction=direction,
            direction_reason=reason,
            reasons=reasons,
            warnings=warn(field, partner, knowledge=self._knowledge),
            alternatives=alternatives,
            decision=DecisionState.PENDING if pinned is None else DecisionState.ACCEPTED,
        )

    def _alternative(self, row: int, column: int) -> Alternative:
        field, partner = self._left[row], self._right[column]
        return Alternative(
            crm_field=partner.name,
            confidence=round(float(self._confidence[row, column]), 4),
            direction=suggest_direction(field, partner, knowledge=self._knowledge)[0],
            reasons=self._reasons(row, column),
            warnings=warn(field, partner, knowledge=self._knowledge),
        )

    def _reasons(self, row: int, column: int) -> tuple[Reason, ...]:
        contributions = {
            name: float(part[row, column] - mean[row]) for name, (part, mean) in self._parts.items()
        }
        pair = (self._left[row].name, self._right[column].name)
        lesson = int(self._extra.strongest[row, column])
        told = Told(
            elsewhere=self._evidence.elsewhere.get(pair),
            connections=self._evidence.connections.get(pair, ()),
            taught_by=self._extra.lessons[lesson].source if lesson >= 0 else None,
        )
        return self._explainer.reasons(row, column, contributions, told)


def _heard(
    left: Sequence[Field], right: Sequence[Field], measured: Measured, evidence: Evidence
) -> _Extra:
    ours, yours = learning.field_names(left), learning.field_names(right)
    shape = (len(left), len(right))

    def marked(pairs: Iterable[learning.Pair]) -> Matrix:
        plane = np.zeros(shape, np.float32)
        for partner_field, crm_field in pairs:
            if partner_field in ours and crm_field in yours:
                plane[ours[partner_field], yours[crm_field]] = 1
        return plane

    suggested = np.zeros(shape, np.float32)
    for partner_field, offers in evidence.suggested.items():
        for crm_field, sure in offers.items():
            if partner_field in ours and crm_field in yours:
                suggested[ours[partner_field], yours[crm_field]] = sure
    learned = learning.lessons(
        evidence.accepted,
        {name: measured.left[place] for name, place in ours.items()},
        {name: measured.right[place] for name, place in yours.items()},
    )
    bonus, strongest = learning.taught(learned, measured.left, measured.right)
    return _Extra(
        elsewhere=marked(evidence.elsewhere),
        connections=marked(evidence.connections),
        taught=bonus,
        strongest=strongest,
        suggested=suggested,
        lessons=learned,
    )


def _nothing(field: Field, alternatives: tuple[Alternative, ...] = ()) -> Suggestion:
    return Suggestion(
        partner_field=field.name,
        crm_field=None,
        confidence=0.0,
        direction=Direction.BIDIRECTIONAL,
        alternatives=alternatives,
    )
