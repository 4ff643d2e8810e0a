"""Kept answers are read again only after a write, or after a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.tui.loading.kept import AGE, MOST, Kept
from crmdeck.workspace import ConnectionDraft, Workspace


def test_a_write_or_age_discards_a_kept_answer(tmp_path: Path) -> None:
    now = [datetime(2026, 5, 1, 12, tzinfo=UTC)]
    asked: list[str] = []
    kept: Kept[int] = Kept()
    with Workspace.open(tmp_path, secrets=MemorySecrets(), clock=lambda: now[0]) as workspace:

        def read(key: str, *, fresh: bool = False) -> int:
            def work() -> int:
                asked.append(key)
                return len(asked)

            return kept.read(workspace, key, work, fresh=fresh)

        def add(name: str) -> None:
            draft = ConnectionDraft(
                name=name, source=Source.FILES, platform="salesforce", path=str(tmp_path)
            )
            workspace.connections.add(draft)

        add("one")
        assert [read("a"), read("b"), read("a")] == [1, 2, 1]
        add("another")
        assert [read("a"), read("a")] == [3, 3]
        assert [read("a", fresh=True), read("a")] == [4, 4]
        now[0] += AGE + timedelta(seconds=1)
        assert read("a") == 5
        for number in range(MOST):
            read(f"more {number}")
        asked.clear()
        read("a")
        assert asked == ["a"]
