"""The bounded form of the damage soak: some of the cases, in this process."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from crmdeck.home import CACHE_FILE
from crmdeck.store import Store
from tests.soak.damage import build, build_with_log, case, rows_of, try_case

CASES = 12


def test_damaged_cache_is_rejected_or_read_right(tmp_path: Path) -> None:
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="who writes the log is a child")
def test_damage_beyond_checksums_is_found(tmp_path: Path) -> None:
    files = build_with_log(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "read")
    truth = rows_of(Store(tmp_path / "read" / CACHE_FILE, read_only=True))
    name = f"{CACHE_FILE}.wal"
    log = files[name]
    # The same hash eight times in a row: a sum of words is the same without them.
    found = re.search(rb"([0-9a-f]{64})\1{7}", log)
    assert found is not None
    # One cut between two words, and one inside a word.
    for shift in (0, 5):
        start = found.start() + shift
        altered = log[:start] + bytes(512 - 8) + log[start + 512 - 8 :]
        for damaged in (altered, log[:start] + bytes(512) + log[start + 512 :]):
            home = tmp_path / "case"
            assert try_case(home, {**files, name: damaged}, truth).startswith("repaired")
            shutil.rmtree(home)
