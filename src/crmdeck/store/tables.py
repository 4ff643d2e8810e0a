"""The tables of a log as the database itself lists them, for what copies whole logs."""

from __future__ import annotations

import base64
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crmdeck.store.database import Database

OUTSIDE = ("schema_migration", "head", "text_vector", "server_document")
"""Tables that are no part of the log.

They hold what each place has of its own, what can be made again, and who may sign in to a server.
"""


@dataclass(frozen=True)
class Column:
    """A column of a table, and its type as the engine calls it."""

    name: str
    type: str

    def to_json(self, value: Any) -> Any:
        """Return a value of it as JSON has it."""
        if isinstance(value, datetime):
            return value.isoformat(timespec="microseconds")
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value

    def from_json(self, value: Any) -> Any:
        """Return the value that JSON has."""
        if value is None:
            return None
        if self.type.startswith("timestamp"):
            return datetime.fromisoformat(value)
        return base64.b64decode(value) if self.type in ("bytea", "blob") else value


def tables_of(database: Database, without: Collection[str] = OUTSIDE) -> dict[str, list[Column]]:
    """Return the tables with their columns, in order, but for those named in `without`."""
    tables: dict[str, list[Column]] = {}
    for table, column, kind in database.rows(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' "
        "ORDER BY table_name, ordinal_position"
    ):
        if table not in without:
            tables.setdefault(table, []).append(Column(column, kind.lower()))
    return tables


def count_on(database: Database, last: int) -> None:
    """Let what happens next have a number above `last`."""
    # Neither engine's SQL for setting a sequence is known to the other.
    missing = last - database.rows("SELECT nextval('happened')")[0][0]
    if missing > 0:
        database.rows("SELECT count(nextval('happened')) FROM generate_series(1, ?)", [missing])
