"""Confidence: the candidates and "no match" share one probability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crmdeck.matching.confidence import (
    FEATURES,
    MIN_DECISIONS,
    assign,
    log_softmax,
    pair_odds,
    probabilities,
    recalibrate,
)

CURVE = dict.fromkeys(FEATURES, 0.0) | {"any": -1.0, "score": 0.7}
SCORES = st.lists(
    st.lists(st.one_of(st.floats(-30, 30), st.just(-np.inf)), min_size=3, max_size=3),
    min_size=1,
    max_size=5,
)
OUTCOMES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=80)


def shared(scores: list[list[float]]) -> NDArray[np.float32]:
    score = np.array(scores, np.float32)
    planes = {name: np.zeros_like(score) for name in FEATURES}
    planes |= {"any": np.ones_like(score), "score": np.where(np.isfinite(score), score, 0)}
    odds = pair_odds(score, planes, CURVE)
    return probabilities(odds, odds < 0, np.ones(len(odds), bool))


@given(SCORES)
def test_candidates_and_no_match_sum_to_one(
    scores: list[list[float]],
) -> None:
    found = shared(scores)
    assert np.all(found >= 0)
    assert np.all(found.sum(axis=1) <= 1 + 1e-5)
    assert np.all(found.sum(axis=0) <= 1 + 1e-5)
    assert np.all(found[~np.isfinite(np.array(scores, np.float32))] == 0)


def test_rows_share_a_column_unless_twins_or_decided() -> None:
    odds = np.array([[200.0, 0.1], [200.0, 0.1]])
    neither, every = np.zeros((2, 2), bool), np.ones(2, bool)
    assert probabilities(odds, neither, every)[:, 0] == pytest.approx([0.5, 0.5], abs=0.02)
    assert probabilities(odds, odds > 1, every)[:, 0] == pytest.approx([0.995, 0.995], abs=0.01)
    decided = probabilities(odds, neither, np.array([False, True]))
    assert decided[1, 0] > 0.9


def test_an_equal_rival_gets_half_and_makes_no_match_less_likely() -> None:
    alone, twice = shared([[4.0, -30.0, -30.0]])[0], shared([[4.0, 4.0, -30.0]])[0]
    assert twice[0] == pytest.approx(twice[1])
    assert twice[0] < 0.55 < 0.8 < alone[0]
    assert 1 - twice.sum() < 1 - alone.sum()


def test_a_column_is_assigned_once_and_a_zero_never() -> None:
    probability = np.array([[0.9, 0.1], [0.8, 0.3], [0.0, 0.0]], np.float32)
    order = np.argsort(-probability, axis=1, kind="stable")
    assert assign(probability, order).tolist() == [0, 1, -1]


def test_a_probability_of_zero_is_not_assigned() -> None:
    probability = np.array([[0.0, 0.0], [0.4, 0.0]], np.float32)
    order = np.array([[1, 0], [0, 1]])
    assert assign(probability, order).tolist() == [-1, 0]


def test_only_the_choices_of_a_row_are_assigned() -> None:
    probability = np.array([[0.9, 0.1], [0.8, 0.3]], np.float32)
    assert assign(probability, np.array([[0], [0]])).tolist() == [0, -1]


def test_zero_share_is_omitted() -> None:
    score = np.array([[0.0, -np.inf], [0.0, -np.inf]], np.float32)
    assert np.allclose(log_softmax(score, axis=0)[:, 0], np.log(0.5))
    assert np.all(np.isneginf(log_softmax(score, axis=0)[:, 1]))


@given(OUTCOMES)
def test_recalibration_keeps_the_order_and_the_bounds(outcomes: list[tuple[float, bool]]) -> None:
    before = np.array([[0.0, 0.05, 0.4, 0.9, 0.995]], np.float32)
    after = recalibrate(before, outcomes)
    assert np.all(np.diff(after[0]) >= 0)
    assert after.min() >= 0
    assert after.max() < 1
    if len(outcomes) < MIN_DECISIONS:
        assert after.tolist() == before.tolist()


def test_many_rejections_lower_the_confidence() -> None:
    before = np.array([[0.9]], np.float32)
    thirty = [(0.9, False)] * MIN_DECISIONS
    assert recalibrate(before, thirty[1:]).item() == before.item()
    assert recalibrate(before, thirty).item() < before.item()
    refused = [(0.9, number % 2 == 0) for number in range(60)]
    kept = [(0.5, number % 10 != 0) for number in range(60)]
    assert recalibrate(before, refused).item() < 0.7
    assert recalibrate(before, kept).item() > 0.95
