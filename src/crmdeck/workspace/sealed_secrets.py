"""Secrets in the workspace: encrypted, for all machines with the key."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from crmdeck.credentials.sealing import (
    KeyRing,
    SecretsKeyError,
    load_keys,
    new_data_key,
    seal,
    unseal,
)
from crmdeck.settings import Settings
from crmdeck.store import Session, Store
from crmdeck.store.sealed_secrets import SealedSecret, WrappedKey


class SealedSecrets:
    """The secrets in the workspace, as a `SecretStore`."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        file = settings.secrets_key_file
        self._key_file = Path(file) if file else None
        self._key_command: Sequence[str] = settings.secrets_key_command
        self._ring: KeyRing | None = None
        # One tuple, assigned at once: threads see the old or the new one.
        self._opened: tuple[WrappedKey, bytes] | None = None

    def has(self, connection_id: str) -> bool:
        """True if the workspace has a secret of a connection that this user may read."""
        return bool(self._rows(connection_id)[0])

    def any(self) -> bool:
        """True if the workspace has secrets that this user may read."""
        with self._store.read() as session:
            stored = session.sealed_secrets
            return stored.readable() and stored.key() is not None

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret, or None; raises SecretsKeyError without the right key."""
        rows, key = self._rows(connection_id)
        row = next((each for each in rows if each.name == name), None)
        if row is None or key is None:
            return None
        return unseal(self._data_key(key), _place(row), row.sealed)

    def put(self, connection_id: str, values: Mapping[str, str | None]) -> None:
        """Store secrets, and remove those that are None; raises SecretsKeyError without a key."""
        with self._store.write() as session:
            key = session.sealed_secrets.key()
            if key is None:
                key = WrappedKey(str(uuid.uuid4()), *self._keys().wrap(new_data_key()))
                session.sealed_secrets.put_key(key)
            data_key = self._data_key(key)
            session.sealed_secrets.put(
                connection_id,
                {
                    name: None
                    if value is None
                    else _sealed(data_key, key.id, connection_id, name, value)
                    for name, value in values.items()
                },
            )

    def forget(self, connection_id: str) -> None:
        # A user without the right to secrets can still remove a connection that has none here.
        if self.has(connection_id):
            with self._store.write() as session:
                session.sealed_secrets.forget(connection_id)

    def require_key(self) -> None:
        """Raise SecretsKeyError if this user or this machine can't seal a secret."""
        with self._store.read() as session:
            if not session.sealed_secrets.readable():
                raise SecretsKeyError(
                    "Your database user can't store secrets in the workspace.",
                    cause="Only the servers' database role can read and write them.",
                    remedy="Ask for that role, or use --secrets keyring or --secrets file.",
                    code="SECRETS_NOT_GRANTED",
                )
            key = session.sealed_secrets.key()
        if key is None:
            self._keys()
        else:
            self._data_key(key)

    def rotate(self, session: Session) -> tuple[str, int]:
        """Encrypt all secrets with a new data key, wrapped by this machine's first key.

        Returns that key's name, and the number of secrets. The old key opens nothing anymore.
        """
        # Read again: the user has just put the new key in front.
        ring = self._ring = load_keys(self._key_file, self._key_command)
        stored = session.sealed_secrets
        old, rows = stored.key(), stored.all()
        new_data = new_data_key()
        key = WrappedKey(str(uuid.uuid4()), *ring.wrap(new_data))
        if old is not None:
            data_key = ring.unwrap(old.wrapped_by, old.wrapped)
            stored.put_all(
                tuple(
                    _sealed(
                        new_data,
                        key.id,
                        row.connection_id,
                        row.name,
                        unseal(data_key, _place(row), row.sealed),
                    )
                    for row in rows
                )
            )
        stored.put_key(key)
        return key.wrapped_by, len(rows)

    def _rows(self, connection_id: str) -> tuple[tuple[SealedSecret, ...], WrappedKey | None]:
        with self._store.read() as session:
            stored = session.sealed_secrets
            if not stored.readable():
                return (), None
            rows = stored.of(connection_id)
            return rows, stored.key() if rows else None

    def _data_key(self, key: WrappedKey) -> bytes:
        opened = self._opened
        if opened is None or opened[0] != key:
            known, ring = self._ring, self._keys()
            if known is not None and not ring.has(key.wrapped_by):
                # The key may have changed since this process read it.
                ring = self._ring = load_keys(self._key_file, self._key_command)
            opened = self._opened = (key, ring.unwrap(key.wrapped_by, key.wrapped))
        return opened[1]

    def _keys(self) -> KeyRing:
        if self._ring is None:
            self._ring = load_keys(self._key_file, self._key_command)
        return self._ring


def _sealed(
    data_key: bytes, key_id: str, connection_id: str, name: str, value: str
) -> SealedSecret:
    row = SealedSecret(connection_id, name, key_id, "")
    return SealedSecret(connection_id, name, key_id, seal(data_key, _place(row), value))


def _place(row: SealedSecret) -> str:
    return f"{row.key_id}/{row.connection_id}/{row.name}"
