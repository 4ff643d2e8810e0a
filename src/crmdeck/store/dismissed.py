"""Dismissed alerts."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from crmdeck.model import AlertLevel, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import stored

_COLUMNS = (
    "connection_id", "alert_id", "put_away_by", "put_away_at", "taken_back", "until", "level",
)  # fmt: skip


class Dismissal(NamedTuple):
    """One dismissal of an alert: when, until which day, and the alert's level at the time."""

    at: datetime
    until: date | None = None
    level: AlertLevel | None = None

    def covers(self, level: AlertLevel, today: date) -> bool:
        """True unless the day has passed or the alert has become more urgent."""
        order = list(AlertLevel)
        worse = self.level is not None and order.index(level) < order.index(self.level)
        return not worse and (self.until is None or today <= self.until)


class DismissedAlerts:
    """The dismissals of alerts. The last entry for an alert wins, whoever wrote it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        connection_id: str,
        alert_id: str,
        by: str,
        dismissal: Dismissal,
        *,
        taken_back: bool = False,
    ) -> None:
        """Append that a user dismissed an alert, or reopened it."""
        row = (
            connection_id, alert_id, by, stored(dismissal.at), taken_back, dismissal.until,
            dismissal.level,
        )  # fmt: skip
        self._database.insert("put_away_alert", _COLUMNS, [row])

    def standing(self) -> dict[str, dict[str, Dismissal]]:
        """Return the dismissals, by connection and alert ID."""
        rows = self._database.rows(
            "SELECT connection_id, alert_id, put_away_at, taken_back, until, level "
            "FROM put_away_alert ORDER BY seq"
        )
        found: dict[str, dict[str, Dismissal]] = {}
        for connection_id, alert_id, at, taken_back, until, level in rows:
            dismissals = found.setdefault(connection_id, {})
            if taken_back:
                dismissals.pop(alert_id, None)
            else:
                known = AlertLevel(level) if level else None
                dismissals[alert_id] = Dismissal(to_utc(at), until, known)
        return found
