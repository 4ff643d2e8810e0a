"""What a process keeps of the whole log is what it would read anew, whatever was written since."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from crmdeck.clock import utc_now
from crmdeck.model import AuditEntry, ObjectFailure, SyncOutcome
from crmdeck.store import Session, Store
from crmdeck.store.backup import restore_backup, write_backup

from .build import connection, day, event, record, run, schema

PEOPLE = ("dana", "lee")


def _answers(session: Session) -> list[Any]:
    return [
        session.runs.newest(),
        session.snapshots.stats_by_connection(day(40)),
        session.drift.unacknowledged(),
        session.drift.unacknowledged(safe=True),
    ]


def _agree(store: Store) -> list[Any]:
    with store.read() as session:
        kept = _answers(session)
        assert kept == _answers(Session(session.database))
    return kept


def _write(session: Session, dice: random.Random, number: int) -> None:
    """Do one of the things that change what is told of connections."""
    key = dice.choice(("acme", "globex", "initech"))
    by = dice.choice(PEOPLE)
    some = [f"e{dice.randrange(number + 1)}" for _ in range(3)]
    what = dice.randrange(6)
    if what == 0:
        session.runs.add(run(number, key, outcome=dice.choice(tuple(SyncOutcome)), kind="test"))
    elif what == 1:
        record(session, number, schema("Account"), connection_id=key)
    elif what == 2:
        failure = ObjectFailure(object_type="Lead", code="X", message="no")
        session.runs.add_failures(f"{key}-{number}", key, [failure] * dice.randrange(1, 4))
    elif what == 3:
        mapped = ("deal--Opportunity",) if dice.random() < 0.5 else ()
        session.drift.add([event(number, connection_id=key, affected_mappings=mapped)], ())
    elif what == 4:
        session.drift.acknowledge(some, day(number), by)
        session.drift.take_back(some[:1], day(number), by)
    else:
        session.drift.see(some, day(number), by)


def test_what_is_kept_is_what_is_there(store: Store, tmp_path: Path) -> None:
    dice = random.Random(7)
    for name in ("acme", "globex", "initech"):
        with store.write() as session:
            session.connections.put(connection(name), day(0), "dana")
    # Held, because opening the file takes longer than what is tried.
    with store.hold():
        for number in range(1, 41):
            with store.write() as session:
                _write(session, dice, number)
            if number % 2:
                _agree(store)
        seen = _agree(store)
    assert all(seen)
    backup = tmp_path / "backup.zip"
    write_backup(store, backup)
    # A repair may write below what was read.
    with store.write() as session:
        session.drift.add([event(200, connection_id="globex")], ())
        session.database.run("UPDATE drift_event SET seq = -1 WHERE id = 'e200'")
        session.audit.add(
            AuditEntry(id="r", at=day(50), actor="dana", event="cache.repaired", summary="1 event")
        )
    assert _agree(store) != seen
    with store.write() as session:
        session.drift.acknowledge(["e200"], day(51), "lee")
    _agree(store)
    restore_backup(store, backup, force=True, clock=utc_now)
    assert _agree(store) == seen
