"""A team behind pgbouncer in transaction mode: a connection serves another client each time."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from crmdeck.errors import CacheError, ConflictError
from crmdeck.store import Store
from tests.postgres import execute, postgres_url
from tests.store.build import START, connection

psycopg = pytest.importorskip("psycopg")
pwd = pytest.importorskip("pwd")

__all__ = ["postgres_url"]


@pytest.fixture
def pooled_url(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a pgbouncer that has two connections to an empty database."""
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("no pgbouncer")
    given = psycopg.conninfo.conninfo_to_dict(postgres_url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n* = host={given['host']} port={given.get('port', 5432)} "
        f"user={given['user']}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n"
        "max_prepared_statements = 0\n"
    )
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    # It refuses to run as root, and the folder of the server's socket is private.
    owner = pwd.getpwuid(Path(given["host"]).stat().st_uid).pw_name
    other = ["-u", owner] if os.getuid() == 0 else []
    pooler = subprocess.Popen([program, "-q", *other, str(config)])
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"postgresql://{quote(given['user'])}@127.0.0.1:{port}/{given['dbname']}"
    finally:
        pooler.kill()
        pooler.wait(20)


def test_writers_readers_and_refreshes_share_two_connections(pooled_url: str) -> None:
    stores = [Store(pooled_url, wait=30) for _ in range(4)]
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                with stores[number].write() as session:
                    session.connections.put(connection(f"c{number}-{turn}"), START, "me")
                with stores[number].read() as session:
                    assert session.database.rows("SHOW timezone") == [("UTC",)]
                    assert session.connections.find(f"c{number}-{turn}") is not None
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    with stores[0].alone("acme", "anna"):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for store in stores[1:]:
            with pytest.raises(ConflictError) as caught, store.alone("acme", "bob"):
                pass
            assert "anna on" in (caught.value.cause or "")
    assert failed == []
    with stores[1].alone("acme", "bob"):
        stores[2].probe()
    with stores[3].read() as session:
        assert len(session.connections.all()) == 20
    for store in stores:
        store.close()


def test_options_that_the_pooler_refuses_are_named(pooled_url: str, postgres_url: str) -> None:
    with pytest.raises(CacheError) as caught:
        Store(f"{pooled_url}?options=-csearch_path%3Dcrmdeck").head()
    assert caught.value.code == "DATABASE_POOLER"
    name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]
    execute(
        postgres_url,
        "CREATE SCHEMA crmdeck",
        f'ALTER DATABASE "{name}" SET search_path = crmdeck',
    )
    with Store(pooled_url).read() as session:
        assert session.database.rows("SELECT current_schema()") == [("crmdeck",)]
