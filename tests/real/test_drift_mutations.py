"""Drift on real describes that were changed on purpose; `tests.bench.drift_mutations` does more."""

from __future__ import annotations

import pytest

from tests.drift.mutations import DATA, Score, load, play, reduced

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real describes at hand")
SEEDS = range(12)


@pytest.mark.parametrize("full", [True, False], ids=["full", "without createable"])
def test_recorded_mutations_are_found_exactly(full: bool) -> None:
    org, score = load() if full else reduced(load()), Score()
    for seed in SEEDS:
        play(org, seed, score)
    assert score.recorded.total() == 50 * len(SEEDS)
    assert (score.missed, score.invented, score.misjudged) == ([], [], [])
    assert score.wrongly_offered == []
    assert score.offered.total() >= 0.95 * score.renamed.total()
    for name in ("rename, one word more", "rename, synonym"):
        assert score.offered[name] >= 0.85 * score.renamed[name] > 0
