"""Encrypted secrets of connections, and the encrypted key that they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmdeck.store.database import Database


@dataclass(frozen=True)
class WrappedKey:
    """A data key, encrypted with the key `wrapped_by`."""

    id: str
    wrapped_by: str
    wrapped: str


@dataclass(frozen=True)
class SealedSecret:
    """A secret, encrypted with the data key `key_id`."""

    connection_id: str
    name: str
    key_id: str
    sealed: str


class SealedSecrets:
    """The sealed secrets of a workspace. They aren't part of the history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def readable(self) -> bool:
        """True if this user of the database may read them."""
        return bool(
            self._database.rows("SELECT has_table_privilege('sealed_secret', 'SELECT')")[0][0]
        )

    def key(self) -> WrappedKey | None:
        rows = self._database.rows("SELECT id, wrapped_by, wrapped FROM secret_key")
        return WrappedKey(*rows[0]) if rows else None

    def put_key(self, key: WrappedKey) -> None:
        """Replace the data key."""
        # Secrets are sealed with one key at a time, so the table has one row at most.
        self._database.run("DELETE FROM secret_key")
        row = (key.id, key.wrapped_by, key.wrapped)
        self._database.insert("secret_key", ("id", "wrapped_by", "wrapped"), [row])

    def all(self) -> tuple[SealedSecret, ...]:
        return self._select("TRUE", [])

    def of(self, connection_id: str) -> tuple[SealedSecret, ...]:
        """Return the sealed secrets of a connection."""
        return self._select("connection_id = ?", [connection_id])

    def put(self, connection_id: str, values: Mapping[str, SealedSecret | None]) -> None:
        """Replace secrets of a connection, and remove those that are None."""
        for name in values:
            self._database.run(
                "DELETE FROM sealed_secret WHERE connection_id = ? AND name = ?",
                [connection_id, name],
            )
        self._add([each for each in values.values() if each is not None])

    def put_all(self, secrets: tuple[SealedSecret, ...]) -> None:
        """Replace the secrets of all connections."""
        self._database.run("DELETE FROM sealed_secret")
        self._add(list(secrets))

    def forget(self, connection_id: str) -> None:
        self._database.run("DELETE FROM sealed_secret WHERE connection_id = ?", [connection_id])

    def _select(self, condition: str, parameters: list[object]) -> tuple[SealedSecret, ...]:
        rows = self._database.rows(
            "SELECT connection_id, name, key_id, sealed FROM sealed_secret "
            f"WHERE {condition} ORDER BY connection_id, name",
            parameters,
        )
        return tuple(SealedSecret(*row) for row in rows)

    def _add(self, secrets: list[SealedSecret]) -> None:
        if secrets:
            self._database.insert(
                "sealed_secret",
                ("connection_id", "name", "key_id", "sealed"),
                [(each.connection_id, each.name, each.key_id, each.sealed) for each in secrets],
            )
