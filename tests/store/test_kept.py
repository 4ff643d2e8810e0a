"""What a process keeps of the whole log is what it would read anew, whatever was written since."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from crmdeck.clock import utc_now
from crmdeck.model import AuditEntry, Decision, DecisionState, ObjectFailure, SyncOutcome
from crmdeck.store import Session, Store
from crmdeck.store.backup import restore_backup, write_backup

from .build import connection, day, record, run, schema


def decision(number: int, connection_id: str) -> Decision:
    return Decision(
        id=f"d{number}",
        connection_id=connection_id,
        object_pair="deal--Account",
        partner_field="name",
        crm_field=None,
        state=DecisionState.REJECTED,
        decided_by="dana",
        decided_at=day(number),
    )


def _answers(session: Session) -> list[Any]:
    return [
        session.runs.newest(),
        session.snapshots.stats_by_connection(day(40)),
        session.decisions.by_connection(),
    ]


def _agree(store: Store) -> list[Any]:
    with store.read() as session:
        kept = _answers(session)
        assert kept == _answers(Session(session.database))
    return kept


def _write(session: Session, dice: random.Random, number: int) -> None:
    """Do one of the things that change what is told of connections."""
    key = dice.choice(("acme", "globex", "initech"))
    what = dice.randrange(4)
    if what == 0:
        session.runs.add(run(number, key, outcome=dice.choice(tuple(SyncOutcome)), kind="test"))
    elif what == 1:
        record(session, number, schema("Account"), connection_id=key)
    elif what == 2:
        failure = ObjectFailure(object_type="Lead", code="X", message="no")
        session.runs.add_failures(f"{key}-{number}", key, [failure] * dice.randrange(1, 4))
    else:
        session.decisions.add([decision(number, key)])


def test_kept_values_equal_the_history(store: Store, tmp_path: Path) -> None:
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
        session.decisions.add([decision(200, "globex")])
        session.database.run("UPDATE decision SET seq = -1 WHERE id = 'd200'")
        session.audit.add(
            AuditEntry(id="r", at=day(50), actor="dana", event="cache.repaired", summary="1 event")
        )
    assert _agree(store) != seen
    with store.write() as session:
        session.decisions.add([decision(201, "globex")])
    _agree(store)
    restore_backup(store, backup, force=True, clock=utc_now)
    assert _agree(store) == seen
