"""Fill rates: the share of sampled records with a value in a field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from crmdeck.model import FillRate, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import stored

_COLUMNS = ("connection_id", "object_type", "field_name", "rate", "sampled", "measured_at")


class Rates:
    """Measured fill rates; the last measurement of a field counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self,
        connection_id: str,
        object_type: str,
        rates: Mapping[str, float],
        sampled: int,
        at: datetime,
    ) -> None:
        """Append rates (0 to 1, by field name), measured on `sampled` records."""
        moment = stored(at)
        self._database.insert(
            "fill_rate",
            _COLUMNS,
            [
                (connection_id, object_type, name, float(rate), sampled, moment)
                for name, rate in rates.items()
            ],
        )

    def get(self, connection_id: str, object_type: str) -> dict[str, FillRate]:
        """Return the last measurement of each field, by its name."""
        rows = self._database.rows(
            "SELECT DISTINCT ON (field_name) field_name, rate, sampled, measured_at "
            "FROM fill_rate WHERE connection_id = ? AND object_type = ? "
            "ORDER BY field_name, seq DESC",
            [connection_id, object_type],
        )
        return {name: FillRate(rate, sampled, to_utc(at)) for name, rate, sampled, at in rows}
