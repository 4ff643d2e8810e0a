"""What only PostgreSQL has: roles, sign-in, a server that goes away, machines beside each other."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from crmdeck.clock import utc_now
from crmdeck.errors import (
    CacheBusyError,
    CacheError,
    CacheTooNewError,
    ConflictError,
    ReadOnlyError,
    SourceError,
    UsageError,
)
from crmdeck.model import AuditEntry
from crmdeck.store import Store, leases, migrations, postgres_engine
from crmdeck.store.backup import write_backup
from crmdeck.store.chain import rows_after, walk
from crmdeck.store.integrity.audit_log import check_audit_log
from crmdeck.store.integrity.locks import check_locks
from crmdeck.store.postgres_database import PostgresDatabase
from tests.bench.bench_log import fill
from tests.postgres import execute, role, server_url, with_database
from tests.store.build import START, connection, record, schema

psycopg = pytest.importorskip("psycopg")

SECRET = "p:w/d@ ?"


def names(store: Store) -> list[str]:
    with store.read() as session:
        return [one.name for one in session.connections.all()]


def put(store: Store, name: str) -> None:
    with store.write() as session:
        session.connections.put(connection(name), START, "me")


def test_two_machines_write_and_read_one_log(postgres_url: str) -> None:
    one, other = Store(postgres_url), Store(postgres_url)
    assert names(other) == []
    before = other.head()
    put(one, "acme")
    assert other.head() != before
    put(other, "beta")
    assert names(one) == names(other) == ["acme", "beta"]
    for store in (one, other):
        store.close()
    assert names(one) == ["acme", "beta"]


def test_many_writers_keep_order_without_gaps(
    postgres_url: str,
) -> None:
    Store(postgres_url).head()
    seen: list[int] = []
    finished = threading.Event()

    def write(name: str) -> None:
        store = Store(postgres_url, wait=60)
        for number in range(8):
            put(store, f"{name}{number}")
        store.close()

    def follow() -> None:
        store, last = Store(postgres_url), 0
        while True:
            done = finished.is_set()
            with store.read() as session:
                rows = session.connections._database.rows(
                    "SELECT seq FROM connection WHERE seq > ? ORDER BY seq", [last]
                )
            seen.extend(seq for (seq,) in rows)
            last = seen[-1] if seen else 0
            if done:
                return store.close()

    reader = threading.Thread(target=follow)
    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    finished.set()
    reader.join()
    assert len(seen) == len(set(seen)) == 32


def test_a_read_sees_one_moment(postgres_url: str) -> None:
    store, other = Store(postgres_url), Store(postgres_url)
    put(store, "first")
    with store.read() as session:
        before = session.connections.all()
        put(other, "later")
        assert session.connections.all() == before
    assert names(store) == ["first", "later"]


def test_timed_out_wait_reports_the_writer(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_engine, "LONG_WAIT", 0.1)
    store, other = Store(postgres_url), Store(postgres_url, wait=0.3)
    told: list[str] = []
    other.report_waits(told.append)
    with store.write():
        assert names(other) == []
        with pytest.raises(CacheBusyError) as caught:
            put(other, "acme")
    assert "crmdeck" in (caught.value.cause or "")
    assert told == [f"Waiting to write to {other.place}: {caught.value.cause}"]
    assert "@" in (caught.value.cause or "")
    put(other, "acme")


def test_failed_write_leaves_no_rows(postgres_url: str) -> None:
    store = Store(postgres_url)

    def work() -> None:
        with store.write() as session:
            session.connections.put(connection(), START, "me")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert names(store) == []


def test_one_refresh_of_a_connection_at_a_time(postgres_url: str) -> None:
    one, other = Store(postgres_url), Store(postgres_url)
    before = one.head()
    with one.alone("acme", "anna"):
        with other.alone("beta", "bob"):
            pass
        with pytest.raises(ConflictError) as caught, other.alone("acme", "bob"):
            pass
    assert caught.value.code == "REFRESH_RUNNING"
    assert (caught.value.cause or "").startswith(f"anna on {socket.gethostname()} (process ")
    with other.alone("acme", "bob"):
        pass
    assert one.head() == before


def test_expired_lease_prevents_the_write(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, other = Store(postgres_url), Store(postgres_url)
    with ExitStack() as both:
        lost = both.enter_context(paused.alone("acme", "anna"))
        execute(postgres_url, "UPDATE lease SET until = since")
        taken = both.enter_context(other.alone("acme", "bob"))
        assert lost is not None
        assert taken is not None
        with other.write() as session:
            taken.require(session.database)
            with pytest.raises(ConflictError) as caught:
                lost.require(session.database)
        assert caught.value.code == "REFRESH_TAKEN_OVER"
        lost.give_back()
        with pytest.raises(ConflictError), other.alone("acme", "cy"):
            pass
    monkeypatch.setattr(leases, "LEASE", timedelta(seconds=0.3))
    one = Store(postgres_url)
    extended = threading.Semaphore(0)
    extend = leases.Leases.extend

    def count(self: leases.Leases, lease: leases.Lease) -> bool:
        mine = extend(self, lease)
        extended.release()
        return mine

    monkeypatch.setattr(leases.Leases, "extend", count)
    with one.alone("acme", "anna"):
        for _ in range(3):
            assert extended.acquire(timeout=60)
        with one.read() as session:
            [(lasted,)] = session.database.rows("SELECT until - since FROM lease")
        assert lasted > leases.LEASE * 1.5


def test_damaged_locks_are_named_and_block_no_one(postgres_url: str) -> None:
    store = Store(postgres_url)
    entry = AuditEntry(id="first", at=START, actor="me", event="x", summary="")
    with store.write() as session:
        session.connections.put(connection("acme"), START, "me")
        session.audit.add(entry)
    # What only the owner can do.
    execute(
        postgres_url,
        f"UPDATE head SET seq = {2**63 - 1}",
        "INSERT INTO lease (kind, connection_id, token, holder, until) "
        "VALUES ('refresh', 'acme', 'x', 'mallory on x (process 1)', '9999-12-31')",
        'INSERT INTO audit_entry (seq, id, "at", actor, event, summary, details, hash) '
        f"VALUES ({2**63 - 1}, 'forged', now(), 'ceo', 'x', 'x', '{{}}', 'x')",
    )
    with store.read() as session:
        found = [each.found for each in check_locks(session.database).damage]
        assert found[0].startswith("The head has the number 9,223,372,036,854,775,807")
        assert found[1].startswith("A lease on acme lasts until 9999-12-31")
        [damage] = check_audit_log(session.database).damage
        assert "number 9,223,372,036,854,775,807" in damage.found
    with store.alone("acme", "me"), store.write() as session:
        session.audit.add(entry.model_copy(update={"id": "next"}))
    with store.write() as session:
        assert check_locks(session.database).damage == ()
        assert walk(rows_after(session.database, -1)).breaks == []
        assert damage.repair is not None
        assert damage.repair(session.database).endswith(", forged")
        assert check_audit_log(session.database).damage == ()
    store.close()


def test_audit_entry_of_a_stale_transaction_fails(postgres_url: str) -> None:
    store = Store(postgres_url)
    put(store, "acme")
    add = "SELECT add_audit_entry('a', now()::TIMESTAMP, 'me', 'x', NULL, '', '{}')"
    with psycopg.connect(postgres_url) as raw, psycopg.connect(postgres_url) as other:
        raw.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        raw.execute("SELECT 1 FROM head")
        other.execute(add)
        other.commit()
        with pytest.raises(psycopg.errors.SerializationFailure):
            raw.execute(add)
    with store.read() as session:
        assert walk(rows_after(session.database, -1)).breaks == []
    store.close()


def test_select_only_user_reads_with_note(postgres_url: str) -> None:
    put(Store(postgres_url), "acme")
    with role(postgres_url) as url:
        user = psycopg.conninfo.conninfo_to_dict(url)["user"]
        with pytest.raises(CacheError) as caught:
            names(Store(url))
        assert caught.value.code == "CACHE_NO_PERMISSION"
        execute(postgres_url, f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{user}"')
        store = Store(url)
        assert names(store) == ["acme"]
        assert store.read_only
        with pytest.raises(ReadOnlyError) as refused:
            put(store, "beta")
        assert "read-only" in (refused.value.cause or "")
        store.close()


def test_backup_needs_all_read_rights(postgres_url: str, tmp_path: Path) -> None:
    put(Store(postgres_url), "acme")
    file = tmp_path / "acme.zip"
    with role(postgres_url) as url:
        user = psycopg.conninfo.conninfo_to_dict(url)["user"]
        grant = f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{user}"'
        for revoked, granted in (("decision", None), ("story", "seq, id")):
            execute(postgres_url, grant, f'REVOKE SELECT ON {revoked} FROM "{user}"')
            if granted:
                execute(postgres_url, f'GRANT SELECT ({granted}) ON {revoked} TO "{user}"')
            store = Store(url)
            with pytest.raises(SourceError, match=f"{revoked} would be missing") as caught:
                write_backup(store, file)
            assert caught.value.code == "BACKUP_NOT_ALLOWED"
            assert list(tmp_path.iterdir()) == []
            store.close()
        execute(postgres_url, grant, f'REVOKE SELECT ON server_document FROM "{user}"')
        store = Store(url)
        assert write_backup(store, file).rows["connection"] == 1
        store.close()


def test_a_read_only_store_makes_no_tables(postgres_url: str) -> None:
    with pytest.raises(CacheError) as caught:
        names(Store(postgres_url, read_only=True))
    assert caught.value.code == "CACHE_MISSING"
    with psycopg.connect(postgres_url) as raw:
        count = raw.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert count.fetchone() == (0,)


def test_foreign_database_is_left_alone(postgres_url: str) -> None:
    execute(postgres_url, "CREATE TABLE theirs (a INT)")
    with pytest.raises(CacheError, match="isn't a crmdeck workspace") as caught:
        names(Store(postgres_url))
    assert caught.value.code == "DATABASE_NOT_OURS"
    execute(postgres_url, "CREATE SCHEMA crmdeck")
    store = Store(f"{postgres_url}&options=-csearch_path%3Dcrmdeck")
    put(store, "acme")
    assert names(store) == ["acme"]
    store.close()


def test_newer_database_is_rejected_by_readers(
    postgres_url: str,
) -> None:
    store = Store(postgres_url)
    put(store, "acme")
    newer = migrations.newest(migrations.shipped()) + 1
    execute(postgres_url, f"INSERT INTO schema_migration VALUES ({newer}, 'x', now(), {newer})")
    with pytest.raises(CacheTooNewError):
        put(store, "beta")
    with pytest.raises(CacheTooNewError):
        names(Store(postgres_url))
    execute(postgres_url, f"DELETE FROM schema_migration WHERE number = {newer}")
    assert names(store) == ["acme"]


def test_concurrent_first_opens_create_tables_once(postgres_url: str) -> None:
    stores = [Store(postgres_url) for _ in range(4)]
    threads = [threading.Thread(target=put, args=(store, "acme")) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(postgres_url) as raw:
        rows = raw.execute("SELECT number FROM schema_migration ORDER BY number").fetchall()
    assert [number for (number,) in rows] == [m.number for m in migrations.shipped()]


def test_dropped_connections_are_reported_and_reopened(postgres_url: str) -> None:
    store = Store(postgres_url)
    put(store, "acme")
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    execute(postgres_url, cut)
    assert names(store) == ["acme"]

    def work() -> None:
        with store.write() as session:
            record(session, 0, schema("Account"))
            execute(postgres_url, cut)
            record(session, 1, schema("Lead"))

    with pytest.raises(CacheError) as caught:
        work()
    assert caught.value.code == "DATABASE_UNREACHABLE"
    with store.read() as session:
        assert session.snapshots.current("acme") == ()
    put(store, "beta")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "nowhere.invalid"])
def test_silent_host_is_reported_without_password(host: str) -> None:
    encoded = quote(SECRET, safe="")
    with pytest.raises(CacheError) as caught:
        names(Store(f"postgresql://me:{encoded}@{host}/db", wait=2))
    assert caught.value.code == "DATABASE_UNREACHABLE"
    assert host in caught.value.message
    assert " since " in caught.value.message
    assert caught.value.remedy
    for password in (SECRET, encoded):
        assert password not in f"{caught.value!r} {caught.value} {caught.value.__cause__}"


def test_a_wrong_database_and_a_wrong_user_have_their_sentence(postgres_url: str) -> None:
    for url in (
        with_database(server_url(), "missing"),
        with_database(server_url(), "postgres", "nobody_here", SECRET),
    ):
        with pytest.raises(CacheError) as caught:
            names(Store(url))
        assert caught.value.code == "DATABASE_MISSING"
        assert SECRET not in str(caught.value)


def test_database_defaults_have_no_effect(postgres_url: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]
    for setting in (
        "DateStyle = 'German, DMY'",
        "TimeZone = 'Asia/Kathmandu'",
        "client_encoding = 'LATIN1'",
        "extra_float_digits = -15",
        "default_transaction_isolation = 'serializable'",
        "lock_timeout = '1ms'",
    ):
        execute(postgres_url, f'ALTER DATABASE "{name}" SET {setting}')
    store = Store(postgres_url)
    wanted = connection(path="\u20ac\u2713", ttl_hours=0.1 + 0.2)
    with store.write() as session:
        session.connections.put(wanted, START, "me")
    with store.read() as session:
        assert session.connections.all() == (wanted,)
    assert store.now() - utc_now() < timedelta(minutes=5)
    store.close()


def test_canceled_query_and_denied_user_are_reported(
    postgres_url: str,
) -> None:
    with role(postgres_url) as mine:
        user = psycopg.conninfo.conninfo_to_dict(mine)["user"]
        execute(postgres_url, f"ALTER ROLE \"{user}\" SET statement_timeout = '300ms'")
        store = Store(postgres_url)
        put(store, "acme")
        store.close()
        execute(postgres_url, f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{user}"')
        store = Store(mine)
        with pytest.raises(CacheError) as caught, store.read() as session:
            session.database.rows("SELECT pg_sleep(30)")
        assert caught.value.code == "DATABASE_TIMEOUT"
        assert "statement_timeout" in (caught.value.remedy or "")
        store.close()
        execute(postgres_url, f'ALTER ROLE "{user}" NOLOGIN')
        with pytest.raises(CacheError) as caught:
            names(Store(mine))
        assert caught.value.code == "DATABASE_SIGN_IN"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql://host",
        "postgresql://me:secret@host:port/db",
        "postgresql://[::1/db",
        "postgresql://me:half@secret@host/db",
        "postgresql://me:se/secret@host/db",
        "postgresql://me:1?secret@host/db",
        "mysql://me:secret@host/db",
    ],
)
def test_invalid_url_is_rejected_without_its_text(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Store(url)
    assert caught.value.code == "HOME_NOT_A_URL"
    assert "secret" not in str(caught.value)


def test_server_clock_is_used_unless_given(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow() -> datetime:
        return utc_now() - timedelta(hours=3)

    own = Store(postgres_url, clock=slow)
    names(own)
    assert utc_now() - own.now() > timedelta(hours=2)
    monkeypatch.setattr("crmdeck.store.postgres_engine.utc_now", slow)
    corrected = Store(postgres_url, clock=slow)
    names(corrected)
    assert abs(corrected.now() - utc_now()) < timedelta(minutes=1)


def test_nul_round_trip_is_exact(postgres_url: str) -> None:
    store = Store(postgres_url)
    texts = ["a\0b", "\ufdd0", "\ufdd1", "\ufdd1\ufdd2", "\0\ufdd1", "\ufdd0\ufdd1\0\ufdd2"]
    for number, text in enumerate(texts):
        with store.write() as session:
            session.connections.put(connection(f"c{number}", path=text), START, "me")
    with store.read() as session:
        assert [one.path for one in session.connections.all()] == texts
        sql = "SELECT id FROM connection WHERE path = ?"
        assert [session.database.rows(sql, [text])[0][0] for text in texts] == [
            f"c{number}" for number in range(6)
        ]
    store.close()


def test_a_year_of_history_is_read_by_its_indexes(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(postgres_url)
    fill(store, 10, 365)
    asked: list[tuple[str, list[object]]] = []
    rows = PostgresDatabase.rows

    def noting(database: PostgresDatabase, sql: str, parameters: Sequence[object] = ()) -> Any:
        asked.append((sql, list(parameters)))
        return rows(database, sql, parameters)

    with store.write() as session:
        session.database.run("ANALYZE")
        monkeypatch.setattr(PostgresDatabase, "rows", noting)
        session.snapshots.stats_by_connection(START)
        session.snapshots.latest_refreshes()
        session.snapshots.incomplete("c1")
        session.runs.newest("c1")
        session.drift.unacknowledged(["c1"])
        session.drift.uncertain(["c1"])
        session.settlements.counts()
        session.drift.page("c1", 200)
        session.audit.head()
        monkeypatch.setattr(PostgresDatabase, "rows", rows)
        plans = [session.database.rows(f"EXPLAIN {sql}", given) for sql, given in asked]
    assert len(plans) > 6
    text = "\n".join(line for plan in plans for (line,) in plan)
    assert not re.findall(r"Seq Scan on (?:refresh|sync_run|object_state|drift_event)\b", text)
