"""Refreshes and runs that were lost, put together again from what is left of each.

What a refresh found stands in the states of object types, how it went in its run and in the audit
log. What none of them says, nobody knows any more.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from crmdeck.clock import later
from crmdeck.model import AuditEntry, Scope, SyncOutcome, SyncRun, to_utc
from crmdeck.store.audit import ENTRIES
from crmdeck.store.database import Database
from crmdeck.store.integrity.counts import miscounted, write_counts
from crmdeck.store.integrity.flaws import RESTORE, Flaw, number_of, why_unreadable
from crmdeck.store.integrity.numbers import free_numbers
from crmdeck.store.record_table import stored
from crmdeck.store.refresh_record import REFRESH_COLUMNS, UNREAD
from crmdeck.store.runs import RUNS
from crmdeck.text import count

_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "repair.crmdeck")
_DAY = timedelta(hours=24)
_NO_REFRESH = """
    SELECT connection_id, {column} FROM object_state WHERE {column} IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM refresh WHERE refresh.seq = object_state.{column}
    AND refresh.connection_id = object_state.connection_id)"""


class LostRefresh(NamedTuple):
    """A refresh without a row of its own: `seq` is its number where something points to it,
    `run_id` its run where there is one."""

    connection_id: str
    seq: int | None
    run_id: str | None
    begun_at: datetime
    after: int
    before: int | None


def lost_flaws(database: Database) -> list[Flaw]:
    """Return what is wrong with refreshes and runs that belong together and are not both there."""
    lost, orphans = _lost_refreshes(database)
    flaws = []
    if lost:
        number = len(lost)
        flaws.append(
            Flaw(
                f"{count(number, 'refresh', 'refreshes')} {'has' if number == 1 else 'have'} no "
                "record of when it read what.",
                mend=partial(_put_refreshes, lost),
            )
        )
    if orphans:
        flaws.append(
            Flaw(
                f"{count(orphans, 'state')} of object types "
                f"{'belongs' if orphans == 1 else 'belong'} to no refresh.",
                lost="The moment of a refresh. What it found counts from the one before or after.",
                remedy=RESTORE,
            )
        )
    runs = database.rows(
        "SELECT seq, connection_id FROM refresh WHERE run_id NOT IN (SELECT id FROM sync_run) "
        "ORDER BY seq"
    )
    if runs:
        number = len(runs)
        flaws.append(
            Flaw(
                f"{count(number, 'refresh', 'refreshes')} {'has' if number == 1 else 'have'} no "
                "run that tells how it went.",
                mend=partial(_put_runs, [seq for seq, _ in runs]),
            )
        )
    return flaws


def _lost_refreshes(database: Database) -> tuple[list[LostRefresh], int]:
    """Return the refreshes that can be put together again, and how many states are left over."""
    known = {key for (key,) in database.rows("SELECT DISTINCT id FROM connection")}
    numbers: dict[int, str] = {}
    for column in ("refresh", "seen"):
        for key, seq in database.rows(_NO_REFRESH.format(column=column)):
            if key in known:
                numbers[int(seq)] = key
    lost = []
    for run_id, after, before, key, begun_at, kind, outcome, there in database.rows(
        "SELECT id, seq, lead(seq) OVER (ORDER BY seq), connection_id, started_at, kind, outcome, "
        "id IN (SELECT run_id FROM refresh) FROM sync_run ORDER BY seq"
    ):
        if there or kind != "refresh" or outcome not in ("ok", "partial") or key not in known:
            continue
        mine = [
            seq
            for seq, other in numbers.items()
            if other == key and seq > after and (before is None or seq < before)
        ]
        seq = mine[0] if mine else None
        if seq is not None:
            numbers.pop(seq)
        lost.append(LostRefresh(key, seq, run_id, begun_at, after, before))
    for seq, key in sorted(numbers.items()):
        told = _told_after(database, "schema.refreshed", key, seq)
        if told is not None:
            numbers.pop(seq)
            lost.append(LostRefresh(key, seq, None, stored(told.at), seq - 1, seq + 1))
    orphans = 0
    for column in ("refresh", "seen"):
        rows = database.rows(_NO_REFRESH.format(column=column))
        orphans += sum(key not in known or seq in numbers for key, seq in rows)
    return lost, orphans


def _told_after(database: Database, event: str, key: str, seq: int) -> AuditEntry | None:
    """Return what the audit log says of the refresh of that number; None where it says nothing."""
    [(end,)] = database.rows(
        "SELECT min(seq) FROM refresh WHERE seq > ? AND connection_id = ?", [seq, key]
    )
    # It is written in one piece: the numbers of others lie before or after.
    [(other,)] = database.rows("SELECT min(seq) FROM sync_run WHERE seq > ?", [seq])
    bounds = [each for each in (end, other) if each is not None]
    found = ENTRIES.select(
        database,
        "WHERE event = ? AND connection_id = ? AND seq > ? AND seq < ? ORDER BY seq LIMIT 1",
        [event, key, seq, min(bounds, default=2**62)],
    )
    return found[0] if found else None


def _put_refreshes(lost: Sequence[LostRefresh], database: Database) -> str:
    done = 0
    for each in sorted(lost, key=lambda one: one.after):
        seq = each.seq
        if seq is None:
            numbers = free_numbers(database, each.after, each.before, 1)
            if numbers is None:
                continue
            [seq] = numbers
        run_id = each.run_id or str(uuid.uuid5(_IDS, f"{each.connection_id} {seq}"))
        row = (
            seq,
            run_id,
            each.connection_id,
            _scope_near(database, each.connection_id, seq),
            each.begun_at,
            later(each.begun_at, _lifetime(database, each.connection_id, seq)),
            _changes(database, each.connection_id, seq),
            0,
            0,
            0,
            0,
            None,
        )
        database.insert("refresh", REFRESH_COLUMNS, [row])
        done += 1
    write_counts(miscounted(database), database)
    left = len(lost) - done
    told = f"{count(done, 'refresh', 'refreshes')} put together again from what is left of them"
    return told + (f"; of {left} nothing is left" if left else "")


def _scope_near(database: Database, key: str, seq: int) -> str:
    for (scope,) in database.rows(
        "SELECT scope FROM refresh WHERE connection_id = ? ORDER BY abs(seq - ?::BIGINT)",
        [key, seq],
    ):
        if not why_unreadable(partial(Scope.model_validate_json, scope)):
            return str(scope)
    return Scope().to_json()


def _lifetime(database: Database, key: str, seq: int) -> timedelta:
    """Return for how long schemas of a connection were good then."""
    rows = database.rows(
        "SELECT ttl_hours FROM connection WHERE id = ? ORDER BY seq > ?, seq DESC LIMIT 1",
        [key, seq],
    )
    return timedelta(hours=rows[0][0]) if rows else _DAY


def _changes(database: Database, key: str, seq: int) -> int:
    """Return how many object types changed with a refresh."""
    return number_of(
        database,
        "SELECT count(*) FROM (SELECT refresh, state, content_hash, "
        "lag(state) OVER history AS state_before, lag(content_hash) OVER history AS before "
        "FROM object_state WHERE connection_id = ? "
        "WINDOW history AS (PARTITION BY object_type ORDER BY refresh)) AS steps "
        "WHERE refresh = ? AND state <> ? AND (before IS NULL OR before <> content_hash "
        "OR (state <> state_before AND state_before <> ?))",
        [key, seq, UNREAD, UNREAD],
    )


def _put_runs(seqs: Sequence[int], database: Database) -> str:
    done = 0
    for seq in seqs:
        [(run_id, key, begun_at, objects, unread, fields)] = database.rows(
            "SELECT run_id, connection_id, discovered_at, objects, unread, fields FROM refresh "
            "WHERE seq = ?",
            [seq],
        )
        [(before,)] = database.rows("SELECT max(seq) FROM sync_run WHERE seq < ?", [seq])
        [(failed, first)] = database.rows(
            "SELECT count(*), min(seq) FROM object_failure WHERE run_id = ?", [run_id]
        )
        numbers = free_numbers(database, before or 0, min(seq, first or seq), 1, last=True)
        if numbers is None:
            continue
        refreshed = _told_after(database, "schema.refreshed", key, seq)
        drifted = _told_after(database, "schema.drift_detected", key, seq)
        said = refreshed.details if refreshed else {}
        run = SyncRun(
            id=run_id,
            connection_id=key,
            outcome=SyncOutcome.PARTIAL if failed else SyncOutcome.OK,
            started_at=to_utc(begun_at),
            finished_at=refreshed.at if refreshed else to_utc(begun_at),
            objects=_whole(said.get("objects"), objects - unread),
            fields=_whole(said.get("fields"), fields),
            drift_events=_whole(drifted.details.get("events"), 0) if drifted else 0,
        )
        RUNS.insert_at(database, numbers, [run])
        done += 1
    left = len(seqs) - done
    told = f"{count(done, 'run')} put together again from refreshes and the audit log"
    return told + (f"; for {left} there is no place" if left else "")


def _whole(said: object, otherwise: int) -> int:
    return said if isinstance(said, int) and not isinstance(said, bool) else otherwise
