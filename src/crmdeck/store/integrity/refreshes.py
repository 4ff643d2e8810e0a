"""Refreshes, states, drift and decisions: gaps and orphans between them, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from crmdeck.model import Scope
from crmdeck.store.database import Database
from crmdeck.store.integrity.counts import miscounted, write_counts
from crmdeck.store.integrity.flaws import (
    RESTORE,
    Examined,
    Flaw,
    is_or_are,
    number_of,
    why_unreadable,
)
from crmdeck.store.integrity.lost_refreshes import lost_flaws
from crmdeck.store.source_times import unpack
from crmdeck.text import count

_POINTERS = (
    (
        "SELECT count(*) FROM acknowledgement WHERE event_id NOT IN (SELECT id FROM drift_event)",
        "acknowledgment of a change that is not there",
        "acknowledgments of changes that are not there",
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
    flaws += lost_flaws(database)
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
    if wrong := miscounted(database):
        flaws.append(
            Flaw(
                f"{count(len(wrong), 'refresh', 'refreshes')} {is_or_are(wrong)} counted wrong.",
                mend=partial(write_counts, wrong),
            )
        )
    number = number_of(database, "SELECT count(*) FROM refresh")
    states = number_of(database, "SELECT count(*) FROM object_state")
    return Examined(
        f"{count(number, 'refresh', 'refreshes')} and {count(states, 'state')} of object types",
        tuple(flaws),
    )


def examine_references(database: Database) -> Examined:
    """Look for drift, acknowledgments and decisions that point to what is not there."""
    flaws: list[Flaw] = []
    for sql, found, plural, lost in _POINTERS:
        if number := number_of(database, sql):
            flaws.append(Flaw(f"{count(number, found, plural)}.", lost=lost, remedy=RESTORE))
    acknowledged = number_of(database, "SELECT count(*) FROM acknowledgement")
    return Examined(
        f"{count(number_of(database, 'SELECT count(*) FROM drift_event'), 'drift event')}, "
        f"{count(acknowledged, 'acknowledgment')}, "
        f"{count(number_of(database, 'SELECT count(*) FROM decision'), 'decision')}",
        tuple(flaws),
    )


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
