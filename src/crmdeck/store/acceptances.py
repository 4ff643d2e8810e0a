"""Findings whose risk users accepted, or that they snoozed."""

from __future__ import annotations

import json

from crmdeck.model import Acceptance, Urgency, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import Where, stored

_COLUMNS = (
    "connection_id", "finding_id", "accepted_by", "accepted_at", "taken_back", "until", "urgency",
    "weight", "note", "changes",
)  # fmt: skip


class Acceptances:
    """Every acceptance ever made. The last one of a finding wins, whoever made it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        connection_id: str,
        finding_id: str,
        acceptance: Acceptance,
        *,
        taken_back: bool = False,
    ) -> None:
        """Append that a user accepted a risk or snoozed a finding, or reopened it."""
        one = acceptance
        row = (
            connection_id, finding_id, one.by, stored(one.at), taken_back, one.until,
            one.urgency.value, one.weight, one.note, json.dumps(one.changes),
        )  # fmt: skip
        self._database.insert("acceptance", _COLUMNS, [row])

    def last(self, connection_id: str | None = None) -> dict[str, dict[str, Acceptance]]:
        """Return the acceptances that no one took back, by connection and finding ID."""
        where = Where().add("connection_id = ?", connection_id)
        rows = self._database.rows(
            "SELECT connection_id, finding_id, taken_back, accepted_at, accepted_by, until, "
            f"urgency, weight, note, changes FROM acceptance {where} ORDER BY seq",
            where.parameters,
        )
        found: dict[str, dict[str, Acceptance]] = {}
        for key, finding_id, taken_back, at, by, until, urgency, weight, note, changes in rows:
            mine = found.setdefault(key, {})
            mine.pop(finding_id, None)
            if not taken_back:
                mine[finding_id] = Acceptance(
                    to_utc(at), by, until, Urgency(urgency), weight, note,
                    tuple(json.loads(changes)),
                )  # fmt: skip
        return found
