"""The verdicts of preflight on object pairs: derived from the history, and kept for readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from crmdeck.store.database import Database
from crmdeck.store.record_table import Where


class StoredVerdicts(NamedTuple):
    """Verdicts as JSON, and what they were made from: another schema or decision makes others."""

    made_from: str
    verdicts: str


class PairVerdictRows:
    """The verdicts by connection ID and object pair."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, connection_id: str | None = None) -> dict[tuple[str, str], StoredVerdicts]:
        """Return the verdicts of a connection, or of all."""
        where = Where().add("connection_id = ?", connection_id)
        rows = self._database.rows(
            f"SELECT connection_id, object_pair, made_from, verdicts FROM pair_verdict {where}",
            where.parameters,
        )
        return {(key, pair): StoredVerdicts(*rest) for key, pair, *rest in rows}

    def put(self, rows: Mapping[tuple[str, str], StoredVerdicts]) -> None:
        """Replace the verdicts on these pairs."""
        self.delete(rows)
        columns = ("connection_id", "object_pair", "made_from", "verdicts")
        self._database.insert(
            "pair_verdict", columns, [(*place, *stored) for place, stored in rows.items()]
        )

    def delete(self, places: Iterable[tuple[str, str]]) -> None:
        for key, pair in places:
            self._database.run(
                "DELETE FROM pair_verdict WHERE connection_id = ? AND object_pair = ?", [key, pair]
            )
