"""Stores for secrets, and those that need no keyring: memory and a private file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from crmdeck.errors import CrmdeckError
from crmdeck.files import replace_text

SECRETS_FILE = "secrets.json"
REPLACES = ".replaces"
SECRET_NAMES = (
    "access_token",
    "refresh_token",
    "client_id",
    "client_secret",
    "private_key",
    "username",
    "session_token",
    "password",
)
PUBLIC_NAMES = ("client_id", "username")
"""Those that are names rather than secrets, and may be shown."""


class NoKeyringError(CrmdeckError):
    """This machine has no OS keyring that can store a secret."""

    code = "NO_KEYRING"


class SecretStore(Protocol):
    """Secrets by connection and name."""

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret, or None."""
        ...

    def put(self, connection_id: str, values: Mapping[str, str | None]) -> None:
        """Store secrets, and remove those that are None.

        Raises CrmdeckError if they can't be stored.
        """
        ...

    def forget(self, connection_id: str) -> None:
        """Remove all secrets of a connection."""
        ...


class MemorySecrets:
    """Secrets that end with the process; for the demo and for tests."""

    def __init__(self, values: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._values = {key: dict(value) for key, value in (values or {}).items()}

    def __repr__(self) -> str:
        return f"MemorySecrets({len(self._values)} connections)"

    def get(self, connection_id: str, name: str) -> str | None:
        return self._values.get(connection_id, {}).get(name)

    def put(self, connection_id: str, values: Mapping[str, str | None]) -> None:
        _merge(self._values.setdefault(connection_id, {}), values)

    def forget(self, connection_id: str) -> None:
        self._values.pop(connection_id, None)


class FileSecrets:
    """Secrets in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, connection_id: str, name: str) -> str | None:
        return self._load().get(connection_id, {}).get(name)

    def has(self, connection_id: str) -> bool:
        """True if the file has a secret of a connection."""
        return bool(self._load().get(connection_id))

    def put(self, connection_id: str, values: Mapping[str, str | None]) -> None:
        with self._changed() as everything:
            _merge(everything.setdefault(connection_id, {}), values)

    def forget(self, connection_id: str) -> None:
        if self.has(connection_id):
            with self._changed() as everything:
                everything.pop(connection_id, None)

    def _load(self) -> dict[str, dict[str, str]]:
        try:
            loaded = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            # Leave out the error's own text, which could contain a secret.
            raise CrmdeckError(
                f"Can't read {self._path}.",
                cause=f"{type(error).__name__}.",
                remedy="Restore the file, or remove it and sign in again.",
                code="SECRETS_UNREADABLE",
            ) from None
        return loaded if isinstance(loaded, dict) else {}

    @contextmanager
    def _changed(self) -> Iterator[dict[str, dict[str, str]]]:
        """Yield the contents of the file to change, and write them; no one else does in the
        meantime.
        """
        # Every command imports this module, but few change a secret.
        from filelock import FileLock

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(f"{self._path}.lock", mode=0o600):
                # Read again under the lock: another process can have stored a rotated token.
                everything = self._load()
                yield everything
                replace_text(self._path, json.dumps(everything))
        except OSError as error:
            raise CrmdeckError(
                f"Can't write {self._path}.",
                cause=f"{error.strerror or type(error).__name__}.",
                remedy="Free some space, or get write permission for the folder.",
                code="SECRETS_NOT_STORED",
            ) from None


def no_keyring() -> NoKeyringError:
    return NoKeyringError(
        "No keyring on this machine can store a secret.",
        cause="The keyring is missing or locked.",
        remedy="Store secrets in a private file with --secrets file, or set them in the "
        "environment with --secrets environment.",
    )


def _merge(into: dict[str, str], values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            into.pop(name, None)
        else:
            into[name] = value
