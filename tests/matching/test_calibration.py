"""Confidence: leads on both sides, and what thirty decisions change."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.matching.calibration import (
    MAX_MARGIN,
    MIN_DECISIONS,
    confidence,
    margins,
    recalibrate,
)
from crmdeck.matching.profile import Calibration

CURVE = Calibration(intercept=-1.0, naming=0.3, row_margin=0.5, column_margin=0.4)
OUTCOMES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=80)


def test_a_lead_is_over_the_best_rival_and_bounded() -> None:
    scores = np.array([[3.0, 1.0, -np.inf], [2.5, 20.0, 0.0]], np.float32)
    row, column = margins(scores)
    assert row[0].tolist() == [2.0, -2.0, -MAX_MARGIN]
    assert row[1, 1] == MAX_MARGIN
    assert column[0, 0] == 0.5
    assert column[1, 0] == -0.5


def test_a_pair_without_a_rival_leads() -> None:
    row, column = margins(np.array([[1.0]], np.float32))
    assert row.item() == column.item() == MAX_MARGIN


def test_what_is_out_of_the_race_has_no_confidence() -> None:
    found = confidence(
        np.array([[2.0, -np.inf]], np.float32), np.array([[2.0, 0.0]], np.float32), CURVE
    )
    assert found[0, 1] == 0
    assert 0 < found[0, 0] < 1


def test_a_better_score_is_never_less_sure() -> None:
    scores = np.linspace(-5, 5, 21, dtype=np.float32)[None, :]
    found = confidence(scores, scores, CURVE)
    assert np.all(np.diff(found[0]) >= 0)


@given(OUTCOMES)
def test_recalibration_keeps_the_order_and_the_bounds(outcomes: list[tuple[float, bool]]) -> None:
    before = np.array([[0.0, 0.05, 0.4, 0.9, 0.995]], np.float32)
    after = recalibrate(before, outcomes)
    assert np.all(np.diff(after[0]) >= 0)
    assert after.min() >= 0
    assert after.max() < 1
    if len(outcomes) < MIN_DECISIONS:
        assert after.tolist() == before.tolist()


def test_an_operator_who_refuses_much_makes_it_less_sure() -> None:
    before = np.array([[0.9]], np.float32)
    refused = [(0.9, number % 2 == 0) for number in range(60)]
    kept = [(0.5, number % 10 != 0) for number in range(60)]
    assert recalibrate(before, refused).item() < 0.7
    assert recalibrate(before, kept).item() > 0.95
