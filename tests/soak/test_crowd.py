"""The bounded form of the crowd soak: six processes, some steps each, at one file."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from crmdeck.sandbox import Sandbox
from tests.soak.crash import check, prepare
from tests.soak.crowd import ROLES, run_crowd

STEPS = 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")
def test_crowd_keeps_all_writes_without_failures(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    # However busy the machine is, who waits is not given up on.
    (home / "settings.toml").write_text("cache_wait = 300\n")
    with Sandbox() as sandbox:
        token = prepare(str(home), tmp_path, sandbox, random.Random(7))
        tally = run_crowd(str(home), tmp_path, token, steps=STEPS, seconds=3600)
    failed = [each for each in tally.refused if each.startswith("failed") or "BUSY" in each]
    assert not failed
    assert tally.steps.total() == STEPS * len(ROLES)
    check(str(home), tmp_path, tally)
