"""The bounded form of the damage soak: some of the cases, in this process."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from crmdeck.store import Store
from crmdeck.workspace.context import CACHE_FILE
from tests.soak.damage import build, case, rows_of, try_case

CASES = 24


def test_a_damaged_cache_is_read_right_or_refused_and_repaired(tmp_path: Path) -> None:
    files = build(tmp_path / "whole")
    whole = files[CACHE_FILE]
    truth = rows_of(Store(tmp_path / "whole" / CACHE_FILE))
    outcomes: Counter[str] = Counter()
    for seed in range(CASES):
        dice = random.Random(seed)
        tried = case(dice, len(whole))
        try:
            damaged = {CACHE_FILE: tried.apply(whole, dice)}
            outcomes[try_case(tmp_path / str(seed), damaged, truth)] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, {tried}: {error}") from error
    assert {outcome.partition(",")[0] for outcome in outcomes} >= {"whole", "repaired"}
