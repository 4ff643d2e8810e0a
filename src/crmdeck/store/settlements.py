"""What the history settled of the changes of each connection: derived from it, kept for readers."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import NamedTuple

from crmdeck.model import OpenChanges, Severity
from crmdeck.store.database import Database
from crmdeck.store.record_table import Where

_OF = "connection_id IN (SELECT unnest(?::VARCHAR[]))"


class Settlement(NamedTuple):
    """The number of open change groups, apart from what a policy or an accepted risk excuses.

    `states` has the states of the changes that the history settled, as JSON. `version` is a new one
    for each derivation, None if it isn't stored.
    """

    breaking: int
    risky: int
    states: str | None = None
    version: str | None = None

    @property
    def open_changes(self) -> OpenChanges:
        severity = Severity.BREAKING if self.breaking else Severity.RISKY if self.risky else None
        return OpenChanges(
            count=self.breaking + self.risky,
            breaking=self.breaking,
            risky=self.risky,
            severity=severity,
        )


class Settlements:
    """The settlements by connection ID."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, connection_id: str | None = None) -> dict[str, Settlement]:
        """Return the stored ones, without their states, of a connection or of all."""
        where = Where().add("connection_id = ?", connection_id)
        rows = self._database.rows(
            f"SELECT connection_id, breaking, risky, NULL, version FROM settlement {where}",
            where.parameters,
        )
        return {key: Settlement(*rest) for key, *rest in rows}

    def states(self, connection_ids: Collection[str]) -> dict[str, str]:
        rows = self._database.rows(
            f"SELECT connection_id, states FROM settlement WHERE {_OF}", [list(connection_ids)]
        )
        return dict(rows)

    def missing(self) -> list[str]:
        """Return the connections without one."""
        rows = self._database.rows(
            "SELECT DISTINCT id FROM connection "
            "WHERE id NOT IN (SELECT connection_id FROM settlement) ORDER BY 1"
        )
        return [key for (key,) in rows]

    def put(self, rows: Mapping[str, Settlement]) -> None:
        """Store them, each with a version of its own."""
        columns = ("connection_id", "breaking", "risky", "states", "version")
        values = [(key, *one[:3], uuid.uuid4().hex) for key, one in rows.items()]
        self._database.insert("settlement", columns, values)

    def clear(self) -> None:
        self._database.run("DELETE FROM settlement")


def forget_settlements(database: Database, connection_ids: Collection[str]) -> None:
    """Delete the settlements of connections with new rows that can settle a change."""
    if connection_ids:
        database.run(f"DELETE FROM settlement WHERE {_OF}", [list(connection_ids)])
