"""The hash chain over the audit log: what it covers, and what it names when the log was changed."""

from __future__ import annotations

import json
import threading
import zipfile
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.clock import utc_now
from crmdeck.model import AuditEntry
from crmdeck.store import Store
from crmdeck.store.backup import restore_backup, unpack_backup, write_backup
from crmdeck.store.chain import COLUMNS, START, Chain, link, rows_after, walk
from crmdeck.store.integrity.audit_log import check_audit_log
from tests.store.build import HOSTILE
from tests.store.build import START as NOON

Row = tuple[Any, ...]


def log(entries: int) -> list[Row]:
    """Return rows of a log as `walk` takes them."""
    rows, running = [], START
    for number in range(entries):
        at = NOON + timedelta(minutes=number)
        values = (f"id{number}", at, "me", None, "x", None, HOSTILE, "{}")
        running = link(running, values)
        rows.append((number, running, *values))
    return rows


@given(st.data())
def test_tampering_reports_first_wrong_entry(
    data: st.DataObject,
) -> None:
    rows = log(data.draw(st.integers(3, 12)))
    last = rows[-1][1]
    kept = walk(rows, last)
    assert not kept.breaks
    assert kept.kept == rows[-1][0]
    place = data.draw(st.integers(0, len(rows) - 2))
    kind = data.draw(st.sampled_from(["edit", "delete", "reorder", "add", "truncate"]))
    if kind == "edit":
        column = data.draw(st.integers(2, len(COLUMNS) + 1))
        changed = list(rows[place])
        changed[column] = "another"
        rows[place] = tuple(changed)
        first = rows[place][0]
    elif kind == "delete":
        del rows[place]
        first = rows[place][0]
    elif kind == "reorder":
        one, other = rows[place], rows[place + 1]
        rows[place : place + 2] = [(one[0], *other[1:]), (other[0], *one[1:])]
        first = rows[place][0]
    elif kind == "add":
        rows.insert(place + 1, (rows[place][0], None, "forged", *rows[place][3:]))
        first = rows[place][0]
    else:
        del rows[place + 1 :]
        assert walk(rows, last).kept is None
        return
    found = walk(rows, last)
    assert found.breaks[0].seq == first


def add(store: Store, *names: str, actor: str = "me") -> None:
    with store.write() as session:
        session.audit.add(
            *(
                AuditEntry(id=name, at=utc_now(), actor=actor, event="x", summary=HOSTILE)
                for name in names
            )
        )


def chain_of(store: Store) -> Chain:
    with store.read() as session:
        found = walk(rows_after(session.database, -1))
        assert session.audit.head() == found.head
        return found


@pytest.fixture(params=["duckdb", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "duckdb":
        return Store(tmp_path / "cache.duckdb")
    return Store(request.getfixturevalue("postgres_url"))


def test_chain_survives_writers_backups_and_moves(store: Store, tmp_path: Path) -> None:
    add(store, "a", "b")
    together = [threading.Thread(target=add, args=(store, f"{n}a", f"{n}b")) for n in range(6)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    chain = chain_of(store)
    assert (chain.entries, chain.breaks) == (14, [])

    write_backup(store, tmp_path / "1.zip")
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        lines = archive.read("tables/audit_entry.jsonl").splitlines()
    running = ""
    for entry in map(json.loads, lines):
        values = [running, *(entry[column] for column in COLUMNS)]
        # As docs/security.md describes it; the text has a NUL.
        texts = [each and each.replace("\0", "\ufdd0") for each in values]
        parts = ["-" if each is None else f"{len(each)}:{each}" for each in texts]
        running = sha256("".join(parts).encode()).hexdigest()
    assert chain.head
    assert running == chain.head.hash

    other = Store(tmp_path / "other.duckdb")
    restore_backup(other, tmp_path / "1.zip", force=False, clock=utc_now)
    assert chain_of(other).head == chain.head
    unpack_backup(tmp_path / "1.zip", tmp_path / "moved.duckdb", NOON)
    moved = chain_of(Store(tmp_path / "moved.duckdb"))
    assert (moved.entries, moved.breaks) == (14, [])
    assert moved.head != chain.head


def test_stores_of_one_process_take_turns(tmp_path: Path) -> None:
    stores = [Store(tmp_path / "cache.duckdb", wait=60) for _ in range(3)]
    threads = [
        threading.Thread(target=add, args=(store, f"{n} {id(store)}"))
        for n in range(10)
        for store in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chain = chain_of(stores[0])
    assert (chain.entries, chain.breaks) == (30, [])


def test_repair_settles_gaps_except_for_older_head(store: Store) -> None:
    add(store, *map(str, range(5)))
    before = chain_of(store).head
    assert before
    with store.write() as session:
        session.database.run("UPDATE audit_entry SET actor = 'ceo' WHERE id = '2'")
        session.database.run(
            'INSERT INTO audit_entry (id, "at", actor, event, summary, details, hash) '
            "VALUES ('forged', '2026-01-01', 'ceo', 'x', 'x', '{}', 'x')"
        )
    add(store, "next")
    with store.read() as session:
        checked = check_audit_log(session.database)
        assert [each.name.split()[-1] for each in chain_of(store).breaks] == ["2", "forged"]
    [damage] = [each for each in checked.damage if "changed outside" in each.found]
    assert damage.found.endswith(", 2.")
    assert damage.repair
    with store.write() as session:
        entry = AuditEntry(id="r", at=NOON, actor="me", event="cache.repaired", summary="")
        session.audit.add(entry)
        after = session.audit.head()
        assert after
        assert check_audit_log(session.database, after.hash).damage == ()
        [damage] = check_audit_log(session.database, before.hash).damage
        assert damage.found.endswith(", 2.")
        assert damage.repair is None
        session.database.run("DELETE FROM audit_entry WHERE id = 'r'")
        damage = check_audit_log(session.database, after.hash).damage[0]
        assert after.hash in damage.found
        assert "next" in damage.found
