"""Records the SQL of this version: `python -m tests.store.record_statements`.

Run it before a migration is added. The file is named after the last migration, and test_window.py
runs it against the tables of later versions.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from crmdeck.store import migrations
from crmdeck.store.duckdb_file import DuckDBFile

FOLDER = Path(__file__).parent / "statements"
_TESTS = (
    "tests/store/test_records.py",
    "tests/store/test_snapshots.py",
    "tests/store/test_store.py",
    "tests/workspace",
)
# The first inserts by statements of its own, the others know versions.
_LEFT_OUT = ("crmdeck.store.duckdb_file", "crmdeck.store.migrations", "crmdeck.store.salvage")
_QUERY = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b")


class Recorder:
    """The statements, and for each table the sets of columns that were inserted."""

    def __init__(self) -> None:
        self.statements: set[str] = set()
        self.inserts: set[tuple[str, ...]] = set()

    def of_query(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def run(file: DuckDBFile, sql: str, parameters: Sequence[object] = ()) -> Any:
            if _QUERY.match(sql) and "incoming" not in sql and _ours():
                self.statements.add(re.sub(r"IN \(\?(, \?)+\)", "IN (?)", sql))
            return original(file, sql, parameters)

        return run

    def of_insert(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def insert(
            file: DuckDBFile, table: str, columns: Sequence[str], rows: Sequence[Any]
        ) -> Any:
            if _ours():
                self.inserts.add((table, *columns))
            return original(file, table, columns, rows)

        return insert


def _ours() -> bool:
    module = str(sys._getframe(2).f_globals["__name__"])
    return module.startswith("crmdeck.") and module not in _LEFT_OUT


def main() -> None:
    """Run tests that use the history, and write what they asked of it."""
    recorder = Recorder()
    with (
        mock.patch.object(DuckDBFile, "rows", recorder.of_query(DuckDBFile.rows)),
        mock.patch.object(DuckDBFile, "run", recorder.of_query(DuckDBFile.run)),
        mock.patch.object(DuckDBFile, "insert", recorder.of_insert(DuckDBFile.insert)),
    ):
        pytest.main(["-q", "-n", "0", "-k", "not postgres and not soak", *_TESTS])
    newest = migrations.newest(migrations.shipped())
    FOLDER.mkdir(exist_ok=True)
    found = {
        "statements": sorted(recorder.statements),
        "inserts": sorted(map(list, recorder.inserts)),
    }
    (FOLDER / f"v{newest:02}.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
