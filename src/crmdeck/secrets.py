"""Where secrets live: the OS keyring, the environment, or a private file. Never the cache.

Secret names are `access_token`, `refresh_token`, `client_id`, `client_secret`, `private_key`,
`username`, `session_token`, `password`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from crmdeck.errors import CrmdeckError

SERVICE = "crmdeck"
SECRETS_FILE = "secrets.json"
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


class NoKeyringError(CrmdeckError):
    """There is no OS keyring to put a secret into."""

    code = "NO_KEYRING"


class SecretStore(Protocol):
    """Secrets by connection and name."""

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret, or None."""
        ...

    def put(self, connection_id: str, values: Mapping[str, str]) -> None:
        """Store secrets; raises CrmdeckError where they can't be stored."""
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
        """Return the secret, or None."""
        return self._values.get(connection_id, {}).get(name)

    def put(self, connection_id: str, values: Mapping[str, str]) -> None:
        """Keep secrets."""
        self._values.setdefault(connection_id, {}).update(values)

    def forget(self, connection_id: str) -> None:
        """Remove all secrets of a connection."""
        self._values.pop(connection_id, None)


class KeyringSecrets:
    """Secrets in the keyring of the operating system."""

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret, or None (also where there is no keyring)."""
        import keyring
        import keyring.errors

        try:
            return keyring.get_password(SERVICE, f"{connection_id}/{name}")
        except keyring.errors.KeyringError:
            return None

    def put(self, connection_id: str, values: Mapping[str, str]) -> None:
        """Store secrets; raises NoKeyringError where there is no keyring that takes them."""
        import keyring
        import keyring.errors

        try:
            for name, value in values.items():
                keyring.set_password(SERVICE, f"{connection_id}/{name}", value)
        except keyring.errors.KeyringError as error:
            raise NoKeyringError(
                "There is no keyring on this machine that takes a secret.",
                remedy="Give it in the environment (crmdeck connections add --help says how), "
                "or keep it in a private file with --secrets file.",
            ) from error

    def forget(self, connection_id: str) -> None:
        """Remove all secrets of a connection."""
        import keyring
        import keyring.errors

        for name in SECRET_NAMES:
            with contextlib.suppress(keyring.errors.KeyringError):
                keyring.delete_password(SERVICE, f"{connection_id}/{name}")


class FileSecrets:
    """Secrets in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret, or None."""
        return self._load().get(connection_id, {}).get(name)

    def put(self, connection_id: str, values: Mapping[str, str]) -> None:
        """Store secrets; the file is replaced as a whole."""
        from filelock import FileLock

        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(f"{self._path}.lock", mode=0o600):
            everything = self._load()
            everything.setdefault(connection_id, {}).update(values)
            self._save(everything)

    def forget(self, connection_id: str) -> None:
        """Remove all secrets of a connection."""
        from filelock import FileLock

        if not self._path.exists():
            return
        with FileLock(f"{self._path}.lock", mode=0o600):
            everything = self._load()
            if everything.pop(connection_id, None) is not None:
                self._save(everything)

    def _load(self) -> dict[str, dict[str, str]]:
        try:
            loaded = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CrmdeckError(
                f"{self._path} can't be read.",
                cause=f"{type(error).__name__}.",
                remedy="Restore it, or remove it and sign in again.",
                code="SECRETS_UNREADABLE",
            ) from None
        return loaded if isinstance(loaded, dict) else {}

    def _save(self, everything: dict[str, dict[str, str]]) -> None:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".secrets-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(everything, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(self._path)


class EnvironmentSecrets:
    """Secrets that a machine gets in its environment: CRMDECK_<CONNECTION>_<NAME>."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Take the names of the connections by their ids."""
        self._names = names

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret, or None."""
        connection_name = self._names.get(connection_id)
        if connection_name is None:
            return None
        return os.environ.get(environment_variable(connection_name, name))


def environment_variable(connection_name: str, secret_name: str) -> str:
    """Return the variable that holds a secret: `CRMDECK_ACME_PROD_ACCESS_TOKEN`."""
    return re.sub(r"\W", "_", f"crmdeck_{connection_name}_{secret_name}").upper()


class Readable(Protocol):
    """Whatever a secret can be read from."""

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret, or None."""
        ...


class ChainedSecrets:
    """Reads from the first place that has a secret; writes to the one that was chosen."""

    def __init__(self, readers: Sequence[Readable], writer: SecretStore) -> None:
        self._readers = readers
        self._writer = writer

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret, or None."""
        for reader in self._readers:
            found = reader.get(connection_id, name)
            if found is not None:
                return found
        return None

    def put(self, connection_id: str, values: Mapping[str, str]) -> None:
        """Store secrets where they are to be kept."""
        self._writer.put(connection_id, values)

    def forget(self, connection_id: str) -> None:
        """Remove all secrets of a connection."""
        self._writer.forget(connection_id)


class ConnectionSecrets:
    """The secrets of one connection, as a connector wants them."""

    def __init__(self, store: SecretStore, connection_id: str) -> None:
        self._store = store
        self._connection_id = connection_id

    def get(self, name: str) -> str | None:
        """Return the secret of that name, or None."""
        return self._store.get(self._connection_id, name)

    def put(self, values: Mapping[str, str]) -> None:
        """Store secrets."""
        self._store.put(self._connection_id, values)
