"""Dismissed alerts."""

from __future__ import annotations

from datetime import datetime

from crmdeck.model import to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import stored

_COLUMNS = ("connection_id", "alert_id", "put_away_by", "put_away_at", "taken_back")


class DismissedAlerts:
    """Which user dismissed which alert. A user's last entry for an alert counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, connection_id: str, alert_id: str, at: datetime, by: str, *, taken_back: bool = False
    ) -> None:
        """Append that a user dismissed an alert, or reopened it."""
        row = (connection_id, alert_id, by, stored(at), taken_back)
        self._database.insert("put_away_alert", _COLUMNS, [row])

    def standing(self, by: str) -> dict[str, dict[str, datetime]]:
        """Return when a user dismissed the alerts that are still dismissed, by connection and alert
        ID.
        """
        rows = self._database.rows(
            "SELECT DISTINCT ON (connection_id, alert_id) connection_id, alert_id, put_away_at, "
            "taken_back FROM put_away_alert WHERE put_away_by = ? "
            "ORDER BY connection_id, alert_id, seq DESC",
            [by],
        )
        found: dict[str, dict[str, datetime]] = {}
        for connection_id, alert_id, at, taken_back in rows:
            if not taken_back:
                found.setdefault(connection_id, {})[alert_id] = to_utc(at)
        return found
