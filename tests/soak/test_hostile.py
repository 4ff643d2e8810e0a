"""The bounded form of the hostile requests: each kind in turn."""

from __future__ import annotations

from pathlib import Path

from tests.soak.hostile import KINDS, attack

EACH = 6


def test_hostile_requests_cause_no_failure_or_leak(tmp_path: Path) -> None:
    tally = attack(tmp_path / "hostile", EACH * len(KINDS), seed=1)
    assert not tally.wrong
    assert list(tally.requests.values()) == [EACH] * len(KINDS)
    assert tally.read
