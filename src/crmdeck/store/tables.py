"""The tables of a history as the database lists them, for code that copies whole histories."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from crmdeck.store.database import Database

SECRETS = ("secret_key", "sealed_secret")
OF_SERVERS = ("server_document", "sign_in_attempt", *SECRETS)
OUTSIDE = ("schema_migration", "head", "lease", "text_vector", "settlement", *OF_SERVERS)
"""Tables that aren't part of the history.

They contain data of one place or moment, data that can be computed again, users of a server, and
secrets.
"""


_TYPES: dict[str, tuple[type, ...]] = {
    "bigint": (int,),
    "boolean": (bool,),
    "double": (int, float),
    "double precision": (int, float),
}


@dataclass(frozen=True)
class Column:
    """A column of a table, and its type by the engine's name."""

    name: str
    type: str
    nullable: bool = True

    def to_json(self, value: object) -> object:
        """Return a value of the column for JSON."""
        if isinstance(value, datetime):
            return value.isoformat(timespec="microseconds")
        if isinstance(value, date):
            return value.isoformat()
        return base64.b64encode(value).decode() if isinstance(value, bytes) else value

    def from_json(self, value: Any) -> Any:
        """Return a value of the column from JSON; raises ValueError or TypeError."""
        expected = _TYPES.get(self.type, (str,))
        if value is None and self.nullable:
            return None
        if type(value) not in expected:
            raise ValueError(f"{self.name} can't be {json.dumps(value)[:40]}")
        if self.type.startswith("timestamp"):
            return datetime.fromisoformat(value)
        if self.type == "date":
            return date.fromisoformat(value)
        return base64.b64decode(value) if self.type in ("bytea", "blob") else value


def tables_of(database: Database, without: Collection[str] = OUTSIDE) -> dict[str, list[Column]]:
    """Return the tables with their columns, in order, except those named in `without`."""
    tables: dict[str, list[Column]] = {}
    for table, column, kind, nullable in database.rows(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' "
        "ORDER BY table_name, ordinal_position"
    ):
        if table not in without:
            tables.setdefault(table, []).append(Column(column, kind.lower(), nullable == "YES"))
    return tables


def count_on(database: Database, last: int) -> None:
    """Make the next event get a number above `last`."""
    # The two engines have different SQL for setting a sequence.
    missing = last - database.rows("SELECT nextval('happened')")[0][0]
    if missing > 0:
        database.rows("SELECT count(nextval('happened')) FROM generate_series(1, ?)", [missing])
