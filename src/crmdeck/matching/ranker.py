"""The ranker: weighs signals, lets both sides compete, and suggests each CRM field at most once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from crmdeck.matching import confidence
from crmdeck.matching.confidence import Profile
from crmdeck.matching.context import MIN_CONFIDENCE, RankContext
from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.encoder import Encoder
from crmdeck.matching.evidence import Evidence, Example, Pair, field_names
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.measure import Measured, measure, read_texts
from crmdeck.matching.reasons import Explainer
from crmdeck.matching.signals.concepts import certainty
from crmdeck.matching.signals.decisions import Learned, learn, likeness
from crmdeck.matching.signals.objects import Preference, prefer
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

MAX_ALTERNATIVES = 5
# A decision counts for more than any signal. Other connections have their own reasons, but their
# mappings mostly fit here as well.
LEARNED_WEIGHTS = {"elsewhere": np.float32(8), "connections": np.float32(6)}
SUGGESTED_WEIGHT = 2.0
REJECTED_WEIGHT = np.float32(1)
# Chosen on sets whose right side lists three objects: the fitted sets have one object each.
OBJECT_WEIGHT = np.float32(3)
# Compatible types alone are not a reason.
NO_REASON_ALONE = ("type", "object", "rejected")
# A smaller advantage over the mean is a rounding error.
_EQUAL = 1e-4
# Part of the fields without a match among those whose favorite is suggested for another field.
NONE_IF_TAKEN = 0.7
# Limit of the advantage of a rival in the column.
_MAX_RIVAL = -4.0
# Fit of two concepts from which the lexicon is sure of a pair.
KNOWN = 0.9

NO_EVIDENCE = Evidence()
NOTHING_ACCEPTED: Mapping[int, int] = MappingProxyType({})


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

    A suggestion without a CRM field means that probably none fits, with the probability of that,
    or that the one that fits is suggested for the field that it is `taken_by`.
    Each has up to five alternatives, best first. Accepted fields keep their CRM field. The
    default `profile` depends on whether there is an encoder. The result is deterministic, and has
    no warnings.
    """
    if not left:
        return ()
    if not right:
        return tuple(_nothing(field, confidence.CEILING) for field in left)
    profile = profile or (WITHOUT_ENCODER if encoder is None else WITH_ENCODER)
    measured = measure(left, right, context=context, knowledge=knowledge, encoder=encoder)
    return _Ranking(left, right, measured, knowledge, evidence, profile).suggestions()


def scores(
    measured: Measured, profile: Profile, accepted: Mapping[int, int] = NOTHING_ACCEPTED
) -> tuple[Matrix, Preference | None]:
    """Return the weighted sum of the signals for each pair, minus those against it.

    If the right side lists several objects, it includes the returned preference among them, in
    which `accepted` counts, the right fields of accepted left ones by index.
    """
    total = np.zeros((len(measured.left), len(measured.right)), np.float32)
    for planes, weights, sign in (
        (measured.signals, profile.signals, 1),
        (measured.against, profile.against, -1),
    ):
        for name, weight in weights.items():
            if weight and name in planes:
                total += np.float32(sign * weight) * planes[name]
    if measured.objects is None:
        return total, None
    preference = prefer(measured.objects, total, accepted)
    return total - OBJECT_WEIGHT * preference.against, preference


def pair_features(score: Matrix, measured: Measured) -> dict[str, Matrix]:
    """Return the features from which the probability of each pair is computed.

    `any` is the constant, `score` the sum of all signals. `column` is the preference of the right
    field for this left field, at most 0. `conflict` is the certainty that both have a concept, but
    not the same. Two record IDs match by convention, whatever their names. The more `foreign` a
    list, the lower its scores, though its matches are as right.
    """
    finite = np.where(np.isfinite(score), score, 0)
    sure = np.outer(certainty(measured.left_concepts), certainty(measured.right_concepts))
    found = {
        "any": np.ones_like(score),
        "score": finite,
        "column": np.maximum(confidence.log_softmax(score, axis=0), _MAX_RIVAL),
        "conflict": np.where(measured.signals["concept"] > 0, 0, sure),
        "foreign": np.full_like(score, measured.foreign),
        "foreign_score": np.float32(measured.foreign) * finite,
    }
    record_id = measured.signals["record_id"]
    named = {name: plane * (1 - record_id) for name, plane in found.items()}
    return {**named, "record_id": record_id}


def twins(measured: Measured) -> NDArray[np.bool_]:
    """Mark the pairs of left fields that the lexicon knows to mean the same right field."""
    known = measured.signals["concept"] >= KNOWN
    marked: NDArray[np.bool_] = known & (known.sum(axis=0) > 1)
    return marked


class _Ranking:
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
        self._measured = measured
        self._ours, self._yours = field_names(left), field_names(right)
        self._learned = self._learn()
        decided = self._decided()
        self._rejected = self._learn_rejected()
        self._pinned = {row: column for row, column, _ in self._present(evidence.accepted.items())}
        score, self._preference = scores(measured, profile, self._pinned)
        for part in decided.values():
            score += part
        score -= REJECTED_WEIGHT * self._rejected.likeness
        self._exclude(score)
        odds = confidence.pair_odds(score, pair_features(score, measured), profile.curve)
        if self._preference is not None:
            # Record IDs match whatever their score, so each object's would be as likely.
            against = self._preference.against * measured.signals["record_id"]
            odds *= np.exp(-OBJECT_WEIGHT * against)
        shared = confidence.probabilities(odds, twins(measured), self._undecided)
        self._favorites = odds.argmax(axis=1)
        own = (odds / (1 + odds.sum(axis=1, keepdims=True))).max(axis=1, keepdims=True)
        self._own_share = confidence.recalibrate(own.astype(np.float32), evidence.outcomes)[:, 0]
        self._confidence = confidence.recalibrate(shared, evidence.outcomes)
        self._order = np.argsort(-shared, axis=1, kind="stable")[:, : MAX_ALTERNATIVES + 2]
        self._chosen = confidence.assign(shared, self._order[:, : MAX_ALTERNATIVES + 1])
        self._explainer = Explainer(left, right, measured, knowledge, self._preference)
        # The part of each signal in the scores, and its mean for each left field.
        weighed = {
            name: np.float32(weight) * measured.signals[name]
            for name, weight in profile.signals.items()
            if weight and name in measured.signals
        }
        self._parts = {
            name: (part, part.mean(axis=1)) for name, part in {**weighed, **decided}.items()
        }
        if self._preference is not None:
            ahead = OBJECT_WEIGHT * self._preference.ahead
            self._parts["object"] = (ahead, np.zeros(len(left), np.float32))

    def _learn(self) -> dict[str, Learned]:
        """Return each pair's similarity to the accepted ones of other object pairs and connections.

        The fields are read again, together with the decided ones, so that both share their words.
        """
        evidence = self._evidence
        examples = [*evidence.elsewhere, *evidence.connections]
        if not examples:
            return {}
        lefts, rights = [one.left for one in examples], [one.right for one in examples]
        texts = read_texts([*self._left, *lefts], [*self._right, *rights], self._knowledge)
        left = likeness(self._left, lefts, texts[0])
        right = likeness(self._right, rights, texts[1])
        split = len(evidence.elsewhere)
        return {
            "elsewhere": learn(left[:, :split], right[:, :split], evidence.elsewhere),
            "connections": learn(left[:, split:], right[:, split:], evidence.connections),
        }

    def _learn_rejected(self) -> Learned:
        """Return each pair's similarity to the rejected ones of this object pair."""
        places = [place for *place, _ in self._present(sorted(self._evidence.rejected))]
        examples = [Example(self._left[row], self._right[column], "") for row, column in places]
        left, right = (
            likeness(
                fields,
                [fields[place[side]] for place in places],
                [*texts, *(texts[place[side]] for place in places)],
                by_name=False,
            )
            if places
            else np.zeros((len(fields), 0), np.float32)
            for side, fields, texts in (
                (0, self._left, self._measured.left),
                (1, self._right, self._measured.right),
            )
        )
        return learn(left, right, examples)

    def _decided(self) -> dict[str, Matrix]:
        """Return earlier decisions and the source's suggestions as further signals."""
        suggested = {
            (partner_field, crm_field): confidence
            for partner_field, offers in self._evidence.suggested.items()
            for crm_field, confidence in offers.items()
        }
        learned = {
            name: LEARNED_WEIGHTS[name] * one.likeness for name, one in self._learned.items()
        }
        return {**learned, "suggested": SUGGESTED_WEIGHT * self._marked(suggested)}

    def _marked(self, pairs: dict[Pair, float]) -> Matrix:
        plane = np.zeros((len(self._left), len(self._right)), np.float32)
        for row, column, pair in self._present(pairs):
            plane[row, column] = pairs[pair]
        return plane

    def _present(self, pairs: Iterable[Pair]) -> Iterable[tuple[int, int, Pair]]:
        for pair in pairs:
            if pair[0] in self._ours and pair[1] in self._yours:
                yield self._ours[pair[0]], self._yours[pair[1]], pair

    def _exclude(self, score: Matrix) -> None:
        """Exclude rejected pairs, fields accepted for another, and duplicate names."""
        score[
            :, np.isin(np.arange(len(self._right)), list(self._yours.values()), invert=True)
        ] = -np.inf
        for row, column, _ in self._present(self._evidence.rejected):
            score[row, column] = -np.inf
        self._undecided = np.array([row not in self._pinned for row in range(len(self._left))])
        for column in set(self._pinned.values()):
            score[self._undecided, column] = -np.inf

    def suggestions(self) -> tuple[Suggestion, ...]:
        picks = [self._pick(row) for row in range(len(self._left))]
        takers = {column: row for row, (column, _) in enumerate(picks) if column >= 0}
        return tuple(
            self._suggestion(row, column, reasons, takers)
            for row, (column, reasons) in enumerate(picks)
        )

    def _pick(self, row: int) -> tuple[int, tuple[Reason, ...]]:
        """Return the suggested or accepted column of a row, -1 for none, and the reasons."""
        pinned = self._pinned.get(row)
        column = int(self._chosen[row]) if pinned is None else pinned
        reasons = self._reasons(row, column) if column >= 0 else ()
        if pinned is None and not (
            column >= 0
            and self._confidence[row, column] >= MIN_CONFIDENCE
            and any(reason.signal not in NO_REASON_ALONE for reason in reasons)
        ):
            return -1, ()
        return column, reasons

    def _suggestion(
        self, row: int, column: int, reasons: tuple[Reason, ...], takers: Mapping[int, int]
    ) -> Suggestion:
        others = [
            int(other)
            for other in self._order[row]
            if other != column and self._confidence[row, other] > 0
        ][:MAX_ALTERNATIVES]
        # Other fields can take nearly all of the probability of the field's own favorite.
        favorite = int(self._favorites[row])
        if favorite not in (column, *others) and self._confidence[row, favorite] > 0:
            others = [*others[: MAX_ALTERNATIVES - 1], favorite]
        field = self._left[row]
        if column < 0:
            taker = takers.get(favorite) if self._own_share[row] >= MIN_CONFIDENCE else None
            if taker is None:
                some = float(self._confidence[row].sum())
                none = min(max(1 - some, 0.0), confidence.CEILING)
                return _nothing(field, none, [self._alternative(row, one) for one in others])
            first = self._alternative(row, favorite, float(self._own_share[row]))
            rest = [self._alternative(row, one) for one in others if one != favorite]
            taken = _nothing(field, NONE_IF_TAKEN, [first, *rest])
            return taken.model_copy(update={"taken_by": self._left[taker].name})
        partner = self._right[column]
        direction, reason = suggest_direction(field, partner, knowledge=self._knowledge)
        return Suggestion(
            partner_field=field.name,
            crm_field=partner.name,
            confidence=round(float(self._confidence[row, column]), 4),
            direction=direction,
            direction_reason=reason,
            reasons=reasons,
            alternatives=tuple(self._alternative(row, one) for one in others),
            decision=DecisionState.ACCEPTED if row in self._pinned else DecisionState.PENDING,
        )

    def _alternative(self, row: int, column: int, share: float | None = None) -> Alternative:
        field, partner = self._left[row], self._right[column]
        sure = float(self._confidence[row, column]) if share is None else share
        return Alternative(
            crm_field=partner.name,
            confidence=round(sure, 4),
            direction=suggest_direction(field, partner, knowledge=self._knowledge)[0],
            reasons=self._reasons(row, column),
        )

    def _reasons(self, row: int, column: int) -> tuple[Reason, ...]:
        contributions = {
            name: float(part[row, column] - mean[row]) for name, (part, mean) in self._parts.items()
        }
        if max(contributions.values()) < _EQUAL:
            # All right fields are alike, or there is only one.
            contributions = {
                name: float(part[row, column]) for name, (part, _) in self._parts.items()
            }
        pair = (self._left[row].name, self._right[column].name)
        earlier = {name: one.like(row, column, pair) for name, one in self._learned.items()}
        reasons = self._explainer.reasons(row, column, contributions, earlier)
        if self._rejected.likeness[row, column] == 0:
            return reasons
        one = self._rejected.like(row, column, pair)[0]
        text = f"less likely: {one.right.name} was rejected for {one.left.name}"
        return (*reasons, Reason(signal="rejected", share=0.0, text=text))


def _nothing(
    field: Field, probability: float, alternatives: Iterable[Alternative] = ()
) -> Suggestion:
    return Suggestion(
        partner_field=field.name,
        crm_field=None,
        confidence=round(probability, 4),
        direction=Direction.BIDIRECTIONAL,
        alternatives=tuple(alternatives),
    )
