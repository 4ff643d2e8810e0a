"""Caches with a row an object a refresh answer every past moment as before, with a row a change.

The old rows are written and read here as crmdeck did up to migration 5.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crmdeck.model import GoneReason, to_utc
from crmdeck.store import Session, Store, migrations
from crmdeck.store.automatic_backups import AutomaticBackups
from tests.store.build import day, record, schema

OLD = tuple(migration for migration in migrations.shipped() if migration.number < 6)
LATEST = "QUALIFY row_number() OVER (PARTITION BY object_type ORDER BY seq DESC) = 1"
AS_OF = "(SELECT * FROM snapshot WHERE connection_id = ? AND discovered_at <= ? " + LATEST + ")"
NEVER = day(10_000)


@dataclass
class OldCache:
    """A cache as it was, with what the old SQL makes of it."""

    path: Path
    raw: duckdb.DuckDBPyConnection = field(init=False)
    contents: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        migrations.create(self.path, OLD, day(0))
        self.raw = duckdb.connect(str(self.path))

    def refresh(
        self, connection: str, number: int, seen: dict[str, str], gone: dict[str, str]
    ) -> None:
        run, at = f"{connection}-{number}", day(number).replace(tzinfo=None)
        for name, content in seen.items():
            if content not in self.contents:
                self.contents.add(content)
                size = len(content)
                self.raw.execute(
                    "INSERT INTO object_definition (content_hash, label, custom, field_count, "
                    "custom_field_count, schema_hash, structural_hash, native) "
                    "VALUES (?, ?, false, ?, ?, ?, ?, '{}')",
                    [content, content.upper(), size, size // 2, "h" + content, "s" + content],
                )
            self.snapshot(connection, run, name, None, content, at)
        for name, reason in gone.items():
            self.snapshot(connection, run, name, reason, None, at)
        self.raw.execute(
            "INSERT INTO refresh (run_id, connection_id, scope, discovered_at, changes) "
            "VALUES (?, ?, '{}', ?, ?)",
            [run, connection, at, number % 3],
        )

    def snapshot(
        self,
        connection: str,
        run: str,
        name: str,
        gone: str | None,
        content: str | None,
        at: datetime,
    ) -> None:
        self.raw.execute(
            "INSERT INTO snapshot (id, connection_id, refresh_id, object_type, gone, "
            "content_hash, discovered_at, expires_at, validator) "
            "VALUES (uuid(), ?, ?, ?, ?, ?, ?, ?, 'v')",
            [connection, run, name, gone, content, at, at + timedelta(days=1)],
        )

    def current(self, connection: str, at: datetime) -> list[tuple[Any, ...]]:
        return self.raw.execute(
            "SELECT object_type, refresh_id, label, custom, field_count, custom_field_count, "
            "schema_hash, structural_hash, content_hash, discovered_at, expires_at "
            f"FROM {AS_OF} JOIN object_definition USING (content_hash) ORDER BY object_type",
            [connection, at.replace(tzinfo=None)],
        ).fetchall()

    def gone(self, connection: str, at: datetime) -> list[tuple[Any, ...]]:
        return self.raw.execute(
            f"SELECT object_type, gone FROM {AS_OF} WHERE gone IS NOT NULL ORDER BY object_type",
            [connection, at.replace(tzinfo=None)],
        ).fetchall()

    def last_present(self, connection: str, name: str, at: datetime) -> tuple[Any, ...] | None:
        return self.raw.execute(
            "SELECT refresh_id, content_hash FROM snapshot WHERE connection_id = ? "
            "AND object_type = ? AND discovered_at <= ? AND content_hash IS NOT NULL "
            "ORDER BY seq DESC LIMIT 1",
            [connection, name, at.replace(tzinfo=None)],
        ).fetchone()

    def history(self, connection: str, name: str) -> list[tuple[Any, ...]]:
        return self.raw.execute(
            "SELECT refresh_id, content_hash FROM snapshot WHERE connection_id = ? "
            "AND object_type = ? AND content_hash IS NOT NULL ORDER BY seq DESC",
            [connection, name],
        ).fetchall()

    def stats(self, connection: str, now: datetime) -> tuple[Any, ...]:
        moment = now.replace(tzinfo=None)
        found = self.raw.execute(
            "SELECT count(*), coalesce(sum(field_count), 0), "
            "coalesce(sum(custom_field_count), 0), "
            "count(*) FILTER (expires_at <= ?), max(discovered_at), "
            "min(expires_at) FILTER (expires_at > ?) "
            f"FROM {AS_OF} JOIN object_definition USING (content_hash)",
            [moment, moment, connection, NEVER.replace(tzinfo=None)],
        ).fetchone()
        assert found is not None
        return found


def live(cache: OldCache, connection: str, days: Sequence[int], dice: random.Random) -> None:
    """Let object types come, change, fail, go for one reason or another, and come back."""
    names = [f"O{number}" for number in range(6)]
    contents = {name: f"{connection}{name}" for name in names}
    gone: dict[str, str] = {}
    known: set[str] = set()
    for number in days:
        seen, left = {}, {}
        for name in names:
            match dice.choice(["seen"] * 5 + ["changed", "unread", "unread", "gone", "gone"]):
                case "changed":
                    contents[name] += dice.choice("xy")
                    seen[name] = contents[name]
                case "seen":
                    seen[name] = contents[name]
                case "gone" if name in known:
                    reason = dice.choice(list(GoneReason)).value
                    if gone.get(name) != reason:
                        left[name] = reason
        known |= seen.keys()
        gone = {name: reason for name, reason in {**gone, **left}.items() if name not in seen}
        cache.refresh(connection, number, seen, left)


@pytest.mark.parametrize("seed", range(2))
def test_every_past_moment_reads_as_before(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    cache = OldCache(tmp_path / "cache.duckdb")
    for connection in ("acme", "beta"):
        live(cache, connection, sorted(dice.sample(range(12), 8)), dice)
    # Each seed tries every other moment.
    moments = [day(number - 0.5) for number in range(seed, 14, 2)]
    connections, names = ("acme", "beta", "nobody"), [f"O{number}" for number in range(7)]
    before = {
        connection: (
            [
                (
                    cache.current(connection, at),
                    cache.gone(connection, at),
                    [cache.last_present(connection, name, at) for name in names],
                )
                for at in moments
            ],
            [cache.history(connection, name) for name in names],
            [cache.stats(connection, at) for at in moments],
        )
        for connection in connections
    }
    cache.raw.close()

    with Store(cache.path).read() as session:
        for connection in connections:
            told, histories, stats = before[connection]
            for at, (current, gone, last_present) in zip(moments, told, strict=True):
                assert current_of(session, connection, at) == current
                assert list(session.snapshots.gone(connection, at).items()) == gone
                found = [session.snapshots.last_present(connection, n, at) for n in names]
                assert [i and (i.refresh_id, i.content_hash) for i in found] == last_present
            for name, history in zip(names, histories, strict=True):
                assert [
                    (info.refresh_id, info.content_hash)
                    for info in session.snapshots.history(connection, name)
                ] == history
            for at, counts in zip(moments, stats, strict=True):
                assert stats_of(session, connection, at) == counts
        assert list(session.snapshots.moments("acme")) == sorted(
            {day(int(run.split("-")[1])) for (run,) in acme_changes(session)}, reverse=True
        )


def acme_changes(session: Session) -> list[tuple[str]]:
    return session.snapshots._database.rows(
        "SELECT run_id FROM refresh WHERE connection_id = 'acme' AND changes > 0"
    )


def current_of(session: Session, connection: str, at: datetime) -> list[tuple[Any, ...]]:
    return [
        (
            *(i.object_type, i.refresh_id, i.label, i.custom, i.field_count),
            *(i.custom_field_count, i.schema_hash, i.structural_hash, i.content_hash),
            *(i.discovered_at.replace(tzinfo=None), i.expires_at.replace(tzinfo=None)),
        )
        for i in session.snapshots.current(connection, at)
    ]


def stats_of(session: Session, connection: str, now: datetime) -> tuple[Any, ...]:
    stats = session.snapshots.stats(connection, now)
    return (
        *(stats.object_count, stats.field_count, stats.custom_field_count),
        stats.stale_object_count,
        stats.last_discovered_at and stats.last_discovered_at.replace(tzinfo=None),
        stats.next_expiry_at and stats.next_expiry_at.replace(tzinfo=None),
    )


def test_a_migrated_cache_goes_on(tmp_path: Path) -> None:
    cache = OldCache(tmp_path / "cache.duckdb")
    cache.refresh("acme", 0, {"Account": "a", "Lead": "l", "Case": "c"}, {})
    cache.refresh("acme", 1, {"Account": "a"}, {"Case": "hidden"})
    cache.raw.close()
    store = Store(cache.path)
    with store.write() as session:
        count = record(session, 2, unchanged=["Account", "Lead"])
        assert (count.states, count.changed) == (1, ())
        assert session.snapshots.gone("acme") == {"Case": GoneReason.HIDDEN}
        assert record(session, 3, schema("Case"), unchanged=["Account"]).changed == ("Case",)
        ages = {i.object_type: i.discovered_at for i in session.snapshots.current("acme")}
        assert ages == {"Account": day(3), "Case": day(3), "Lead": day(2)}
        assert session.snapshots.stats("acme", to_utc(day(3))).object_count == 3
    assert [each.version for each in AutomaticBackups(tmp_path / "backups").all()] == [5]
