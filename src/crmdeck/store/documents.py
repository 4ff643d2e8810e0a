"""Small texts by name that the servers of a team share. They aren't part of the history."""

from __future__ import annotations

from crmdeck.store.database import Database


class Documents:
    """Texts that are overwritten as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str | None:
        """Return a text; None if no text has that name."""
        rows = self._database.rows("SELECT body FROM server_document WHERE name = ?", [name])
        return rows[0][0] if rows else None

    def put(self, name: str, body: str) -> None:
        self._database.run("DELETE FROM server_document WHERE name = ?", [name])
        self._database.insert("server_document", ("name", "body"), [(name, body)])
