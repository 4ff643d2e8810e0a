"""A team behind pgbouncer in transaction mode: a connection serves another client each time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.errors import CacheError, ConflictError
from crmdeck.store import Store
from tests.postgres import execute, pooler, postgres_url
from tests.store.build import START, connection

psycopg = pytest.importorskip("psycopg")
pytest.importorskip("pwd")

__all__ = ["postgres_url"]


@pytest.fixture
def pooled_url(postgres_url: str, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a pgbouncer that has two connections to an empty database."""
    with pooler(postgres_url, tmp_path, 2) as url:
        yield url


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


def test_options_rejected_by_pooler_are_reported(pooled_url: str, postgres_url: str) -> None:
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
