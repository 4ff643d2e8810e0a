"""Refreshes, states, drift and decisions: gaps and orphans between them, and counts."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import partial

from crmdeck.model import Scope
from crmdeck.store.database import Database, Row
from crmdeck.store.integrity.flaws import (
    RESTORE,
    Examined,
    Flaw,
    is_or_are,
    number_of,
    why_unreadable,
)
from crmdeck.store.refresh_record import THERE, UNREAD
from crmdeck.store.source_times import unpack
from crmdeck.text import count

# What one refresh writes has numbers of its own: nobody else writes between them.
_MISSING_DRIFT = """
    SELECT coalesce(sum(missing), 0) FROM (
        SELECT run.drift_events - count(event.id) AS missing
        FROM (
            SELECT
                id, seq, connection_id, drift_events, lead(seq) OVER (ORDER BY seq) AS ended
            FROM sync_run
        ) AS run
        LEFT JOIN drift_event AS event
            ON event.connection_id = run.connection_id
            AND event.seq > run.seq
            AND (ended IS NULL OR event.seq < ended)
        WHERE run.drift_events > 0
        GROUP BY run.id, run.seq, run.drift_events
    ) AS gaps
    WHERE missing > 0"""
_POINTERS = (
    (
        "SELECT count(*) FROM acknowledgement WHERE event_id NOT IN (SELECT id FROM drift_event)",
        "acknowledgement of a change that is not there",
        "acknowledgements of changes that are not there",
        "The drift events that were acknowledged.",
    ),
    (
        "SELECT count(*) FROM decision WHERE undoes IS NOT NULL "
        "AND undoes NOT IN (SELECT id FROM decision)",
        "decision undoes one that is not there",
        "decisions undo others that are not there",
        "The decisions that were undone.",
    ),
    (
        "SELECT count(DISTINCT story) FROM drift_event WHERE story IS NOT NULL "
        "AND story NOT IN (SELECT id FROM story)",
        "story that drift belongs to is not there",
        "stories that drift belongs to are not there",
        "The titles of those stories; their changes are there.",
    ),
)


def examine_refreshes(database: Database) -> Examined:
    """Look for gaps and orphans between connections, runs, refreshes and states, and recount."""
    flaws = [
        Flaw(
            f"{count(number, 'row')} of {table} {'belongs' if number == 1 else 'belong'} to no "
            "connection.",
            lost="A connection. What happened with it is still there.",
            remedy=RESTORE,
        )
        for table in ("refresh", "object_state", "sync_run", "drift_event", "decision")
        if (
            number := number_of(
                database,
                f"SELECT count(*) FROM {table} WHERE connection_id NOT IN "
                "(SELECT id FROM connection)",
            )
        )
    ]
    flaws += [
        Flaw(
            f"{count(number, 'state')} of object types {'belongs' if number == 1 else 'belong'} "
            "to no refresh.",
            lost="The moment of a refresh. What it found counts from the one before or after.",
            remedy=RESTORE,
        )
        for number in [
            number_of(
                database,
                "SELECT count(*) FROM object_state WHERE NOT EXISTS (SELECT 1 FROM refresh WHERE "
                "refresh.seq = object_state.refresh AND "
                "refresh.connection_id = object_state.connection_id) OR (seen IS NOT NULL AND "
                "NOT EXISTS (SELECT 1 FROM refresh WHERE refresh.seq = object_state.seen))",
            )
        ]
        if number
    ]
    flaws += [
        Flaw(
            f"{count(number, 'run')} that read a schema {'has' if number == 1 else 'have'} no "
            "record of it.",
            lost="What those refreshes saw.",
            remedy=RESTORE,
        )
        for number in [
            number_of(
                database,
                "SELECT count(*) FROM sync_run WHERE kind = 'refresh' AND "
                "outcome IN ('ok', 'partial') AND id NOT IN (SELECT run_id FROM refresh)",
            )
        ]
        if number
    ]
    scopes = {
        seq: why
        for seq, scope, packed in database.rows("SELECT seq, scope, source_times FROM refresh")
        if (why := why_unreadable(partial(Scope.model_validate_json, scope)))
        or (packed is not None and (why := why_unreadable(partial(unpack, packed))))
    }
    if scopes:
        flaws.append(
            Flaw(
                f"{count(len(scopes), 'refresh', 'refreshes')} can't be read in full: "
                f"{next(iter(scopes.values()))}",
                lost="What those refreshes asked for, or when the source had looked.",
                mend=partial(_write_scopes, sorted(scopes)),
            )
        )
    if wrong := _miscounted(database):
        flaws.append(
            Flaw(
                f"{count(len(wrong), 'refresh', 'refreshes')} {is_or_are(wrong)} counted wrong.",
                mend=partial(_write_refresh_counts, wrong),
            )
        )
    number = number_of(database, "SELECT count(*) FROM refresh")
    states = number_of(database, "SELECT count(*) FROM object_state")
    return Examined(
        f"{count(number, 'refresh', 'refreshes')} and {count(states, 'state')} of object types",
        tuple(flaws),
    )


def examine_references(database: Database) -> Examined:
    """Look for drift, acknowledgements and decisions that point to what is not there."""
    flaws: list[Flaw] = []
    for sql, found, plural, lost in _POINTERS:
        if number := number_of(database, sql):
            flaws.append(Flaw(f"{count(number, found, plural)}.", lost=lost, remedy=RESTORE))
    if missing := number_of(database, _MISSING_DRIFT):
        flaws.append(
            Flaw(
                f"{count(missing, 'drift event')} that refreshes found "
                f"{'is' if missing == 1 else 'are'} not there.",
                lost="What changed then; the schemas of before and after can be compared.",
                remedy=RESTORE,
            )
        )
    acknowledged = number_of(database, "SELECT count(*) FROM acknowledgement")
    return Examined(
        f"{count(number_of(database, 'SELECT count(*) FROM drift_event'), 'drift event')}, "
        f"{count(acknowledged, 'acknowledgement')}, "
        f"{count(number_of(database, 'SELECT count(*) FROM decision'), 'decision')}",
        tuple(flaws),
    )


def _miscounted(database: Database) -> dict[int, tuple[int, int, int, int]]:
    """Return by `seq` the counts of each refresh that says others than its states do."""
    sizes = {
        key: (fields, custom)
        for key, fields, custom in database.rows(
            "SELECT content_hash, field_count, custom_field_count FROM object_definition"
        )
    }
    states: defaultdict[str, deque[Row]] = defaultdict(deque)
    for row in database.rows(
        "SELECT connection_id, refresh, object_type, state, content_hash FROM object_state "
        "ORDER BY connection_id, refresh"
    ):
        states[row[0]].append(row)
    wrong: dict[int, tuple[int, int, int, int]] = {}
    unsure: set[str] = set()
    now: dict[tuple[str, str], tuple[int, int, int, int]] = {}
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for seq, key, *told in database.rows(
        "SELECT seq, connection_id, objects, unread, fields, custom_fields FROM refresh "
        "ORDER BY connection_id, seq"
    ):
        waiting = states[key]
        while waiting and waiting[0][1] <= seq:
            _, _, name, state, content = waiting.popleft()
            if content not in sizes:
                unsure.add(key)
                continue
            present = int(state in (THERE, UNREAD))
            fields, custom = sizes[content]
            after = (present, int(state == UNREAD), present * fields, present * custom)
            before = now.get((key, name), (0, 0, 0, 0))
            sums[key] = [
                total + new - old for total, new, old in zip(sums[key], after, before, strict=True)
            ]
            now[key, name] = after
        objects, unread, fields, custom = sums[key]
        if key not in unsure and [objects, unread, fields, custom] != told:
            wrong[seq] = (objects, unread, fields, custom)
    return wrong


def _write_refresh_counts(
    counts: Mapping[int, tuple[int, int, int, int]], database: Database
) -> str:
    for seq, (objects, unread, fields, custom) in counts.items():
        database.run(
            "UPDATE refresh SET objects = ?, unread = ?, fields = ?, custom_fields = ? "
            "WHERE seq = ?",
            [objects, unread, fields, custom, seq],
        )
    return f"{count(len(counts), 'refresh', 'refreshes')} counted again"


def _write_scopes(seqs: Sequence[int], database: Database) -> str:
    for seq in seqs:
        [(key, scope, packed)] = database.rows(
            "SELECT connection_id, scope, source_times FROM refresh WHERE seq = ?", [seq]
        )
        if packed is not None and why_unreadable(partial(unpack, packed)):
            database.run("UPDATE refresh SET source_times = NULL WHERE seq = ?", [seq])
        if why_unreadable(partial(Scope.model_validate_json, scope)):
            others = [
                other
                for (other,) in database.rows(
                    "SELECT scope FROM refresh WHERE connection_id = ? "
                    "ORDER BY abs(seq - ?::BIGINT)",
                    [key, seq],
                )
                if not why_unreadable(partial(Scope.model_validate_json, other))
            ]
            scope = others[0] if others else Scope().to_json()
            database.run("UPDATE refresh SET scope = ? WHERE seq = ?", [scope, seq])
    return f"{count(len(seqs), 'refresh', 'refreshes')} given the scope of the one nearest"
