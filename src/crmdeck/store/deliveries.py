"""What refreshes read about the records of each connection's sync."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from crmdeck.model.delivery import DeliveryReading
from crmdeck.store.database import Database
from crmdeck.store.record_table import stored


class Deliveries:
    """The readings; each different one is a row."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, connection_id: str, delivery: DeliveryReading, at: datetime) -> None:
        """Append a reading."""
        columns = ("connection_id", "read_at", "body")
        row = (connection_id, stored(at), delivery.model_dump_json(exclude_defaults=True))
        self._database.insert("delivery", columns, [row])

    def last(self, connection_ids: Collection[str]) -> dict[str, DeliveryReading]:
        """Return the last reading of each connection that has one."""
        rows = self._database.rows(
            "SELECT connection_id, body FROM delivery WHERE seq IN (SELECT max(seq) FROM delivery "
            "WHERE connection_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY connection_id)",
            [list(connection_ids)],
        )
        return {key: DeliveryReading.model_validate_json(body) for key, body in rows}

    def since(self, connection_id: str, at: datetime) -> list[DeliveryReading]:
        """Return the readings of a connection since then, oldest first."""
        rows = self._database.rows(
            "SELECT body FROM delivery WHERE connection_id = ? AND read_at >= ? ORDER BY seq",
            [connection_id, stored(at)],
        )
        return [DeliveryReading.model_validate_json(body) for (body,) in rows]
