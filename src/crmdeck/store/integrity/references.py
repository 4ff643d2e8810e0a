"""Rows that belong together: connections, runs, refreshes, states, drift and decisions."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import partial

from crmdeck.model import Scope
from crmdeck.store.database import Database, Row
from crmdeck.store.integrity.damage import RESTORE, Checked, Damage, number_of, why_unreadable
from crmdeck.store.refresh_record import THERE, UNREAD
from crmdeck.store.source_times import unpack
from crmdeck.text import count

# Object types that are present, those of them that were not read, fields, custom fields.
_Counts = tuple[int, int, int, int]

# What is counted, in singular and plural, and what is lost with it.
_Missing = tuple[str, str, str, str]

_OF_REFRESHES: tuple[_Missing, ...] = (
    (
        "SELECT count(*) FROM sync_run WHERE kind = 'refresh' AND outcome IN ('ok', 'partial') "
        "AND id NOT IN (SELECT run_id FROM refresh)",
        "run without its refresh",
        "runs without their refreshes",
        "What those refreshes read, and when.",
    ),
    (
        "SELECT count(*) FROM refresh WHERE run_id NOT IN (SELECT id FROM sync_run)",
        "refresh without its run",
        "refreshes without their runs",
        "How those refreshes went.",
    ),
    (
        "SELECT count(*) FROM object_state "
        "WHERE object_state.refresh NOT IN (SELECT refresh.seq FROM refresh) "
        "OR object_state.seen NOT IN (SELECT refresh.seq FROM refresh)",
        "object state without its refresh",
        "object states without their refreshes",
        "When those object types changed.",
    ),
)

# Nothing else writes between the first and the last number of a refresh.
_MISSING_DRIFT = """
    SELECT coalesce(sum(recorded - found), 0) FROM (
        SELECT run.drift_events AS recorded, count(event.id) AS found
        FROM (
            SELECT
                id, seq, connection_id, drift_events,
                lead(seq) OVER (ORDER BY seq) AS ended
            FROM sync_run
        ) AS run
        LEFT JOIN drift_event AS event
            ON event.connection_id = run.connection_id
            AND event.seq > run.seq
            AND (ended IS NULL OR event.seq < ended)
        WHERE run.drift_events > 0
        GROUP BY run.id, run.drift_events
    ) AS runs
    WHERE found < recorded"""

_REFERENCES: tuple[_Missing, ...] = (
    (_MISSING_DRIFT, "missing change", "missing changes", "What changed then."),
    (
        "SELECT count(*) FROM acknowledgement WHERE event_id NOT IN (SELECT id FROM drift_event)",
        "acknowledgment of a missing change",
        "acknowledgments of missing changes",
        "The acknowledged changes.",
    ),
    (
        "SELECT count(*) FROM decision WHERE undoes IS NOT NULL "
        "AND undoes NOT IN (SELECT id FROM decision)",
        "decision that undoes a missing decision",
        "decisions that undo missing decisions",
        "The undone decisions.",
    ),
    (
        "SELECT count(DISTINCT story) FROM drift_event WHERE story IS NOT NULL "
        "AND story NOT IN (SELECT id FROM story)",
        "missing change group",
        "missing change groups",
        "The titles of those groups; their changes still exist.",
    ),
)


def check_refreshes(database: Database) -> Checked:
    """Find missing connections, runs and refreshes, and count again what each refresh counted."""
    damage = [
        Damage(
            f"{count(number, 'row')} of {table} without a connection.",
            lost="A connection. Its history still exists.",
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
    damage += _missing(database, _OF_REFRESHES)
    unreadable = {
        seq: why
        for seq, scope, packed in database.rows("SELECT seq, scope, source_times FROM refresh")
        if (why := why_unreadable(partial(Scope.model_validate_json, scope)))
        or (packed is not None and (why := why_unreadable(partial(unpack, packed))))
    }
    if unreadable:
        damage.append(
            Damage(
                f"{count(len(unreadable), 'unreadable row')} in refresh: "
                f"{next(iter(unreadable.values()))}",
                lost="The scope of those refreshes, or the times of their source.",
                remedy=RESTORE,
                repair=partial(_replace_scopes, sorted(unreadable)),
            )
        )
    if wrong := _miscounted(database):
        damage.append(
            Damage(
                f"{count(len(wrong), 'refresh', 'refreshes')} with wrong counts.",
                repair=partial(_write_counts, wrong),
            )
        )
    refreshes = number_of(database, "SELECT count(*) FROM refresh")
    states = number_of(database, "SELECT count(*) FROM object_state")
    return Checked(
        f"{count(refreshes, 'refresh', 'refreshes')} and {count(states, 'object state')}",
        tuple(damage),
    )


def check_references(database: Database) -> Checked:
    """Find changes, acknowledgments, decisions and change groups that are missing."""
    damage = _missing(database, _REFERENCES)
    numbers = (
        count(number_of(database, f"SELECT count(*) FROM {table}"), name)
        for table, name in (
            ("drift_event", "change"),
            ("acknowledgement", "acknowledgment"),
            ("decision", "decision"),
        )
    )
    return Checked(", ".join(numbers), tuple(damage))


def _missing(database: Database, queries: Sequence[_Missing]) -> list[Damage]:
    return [
        Damage(f"{count(number, one, several)}.", lost=lost, remedy=RESTORE)
        for sql, one, several, lost in queries
        if (number := number_of(database, sql))
    ]


def _miscounted(database: Database) -> dict[int, _Counts]:
    """Return by `seq` the right counts of each refresh whose counts differ from its states."""
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
    wrong: dict[int, _Counts] = {}
    unsure: set[str] = set()
    now: dict[tuple[str, str], _Counts] = {}
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for seq, key, *stored in database.rows(
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
        if key not in unsure and [objects, unread, fields, custom] != stored:
            wrong[seq] = (objects, unread, fields, custom)
    return wrong


def _write_counts(counts: Mapping[int, _Counts], database: Database) -> str:
    for seq, (objects, unread, fields, custom) in counts.items():
        database.run(
            "UPDATE refresh SET objects = ?, unread = ?, fields = ?, custom_fields = ? "
            "WHERE seq = ?",
            [objects, unread, fields, custom, seq],
        )
    return f"recomputed the counts of {count(len(counts), 'refresh', 'refreshes')}"


def _replace_scopes(seqs: Sequence[int], database: Database) -> str:
    """Give unreadable refreshes the scope that their connection has now, and no source times."""
    database.run(
        "UPDATE refresh SET source_times = NULL, scope = (SELECT scope FROM connection "
        "WHERE connection.id = refresh.connection_id ORDER BY connection.seq DESC LIMIT 1) "
        "WHERE seq IN (SELECT unnest(?::BIGINT[]))",
        [list(seqs)],
    )
    return f"replaced the scope of {count(len(seqs), 'refresh', 'refreshes')} with the current one"
