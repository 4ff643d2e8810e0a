"""Where fields are used, by the CRM's last response."""

from __future__ import annotations

from crmdeck.model import FieldUsage, to_utc
from crmdeck.store.database import Database
from crmdeck.store.record_table import Where, stored

_COLUMNS = ("connection_id", "object_type", "field_name", "body", "asked_at")


class Usages:
    """Where-used answers; the last one for a field counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, connection_id: str, usage: FieldUsage) -> None:
        """Append a response; nothing if the CRM wasn't asked."""
        if usage.asked_at is not None:
            row = (
                connection_id,
                usage.object_type,
                usage.field_name,
                usage.to_json(),
                stored(usage.asked_at),
            )
            self._database.insert("field_usage", _COLUMNS, [row])

    def all(self, connection_id: str | None = None) -> dict[tuple[str, str, str], FieldUsage]:
        """Return the last responses by connection ID, object type and field name."""
        where = Where().add("connection_id = ?", connection_id)
        rows = self._database.rows(
            "SELECT DISTINCT ON (connection_id, object_type, field_name) "
            "connection_id, object_type, field_name, body, asked_at FROM field_usage "
            f"{where} ORDER BY connection_id, object_type, field_name, seq DESC",
            where.parameters,
        )
        return {
            (connection, object_type, name): FieldUsage.model_validate_json(body).model_copy(
                update={"asked_at": to_utc(at)}
            )
            for connection, object_type, name, body, at in rows
        }
