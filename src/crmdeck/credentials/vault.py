"""Which secrets apply to a connection, and where they are stored."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from crmdeck import credentials
from crmdeck.credentials.sealing import SecretsKeyError
from crmdeck.credentials.stores import (
    PUBLIC_NAMES,
    REPLACES,
    SECRET_NAMES,
    SECRETS_FILE,
    FileSecrets,
    MemorySecrets,
    NoKeyringError,
    SecretStore,
)
from crmdeck.errors import ReauthRequiredError
from crmdeck.model import SecretsPlace
from crmdeck.redaction import remember

# Marks a connection as one of the file before there is a secret to store.
_KEPT_HERE = "kept_here"


class MarkedStore(SecretStore, Protocol):
    """A store that knows which connections belong to it."""

    def has(self, connection_id: str) -> bool:
        """True if the store has a secret of a connection."""
        ...


class Vault:
    """The secrets of a workspace: in the workspace, in its private file, or in the keyring.

    A connection whose secrets are in the workspace or the file stays there, rotated tokens too.
    Others go to the preferred place. A secret that can't be stored is valid as long as this object
    exists.
    """

    def __init__(
        self,
        home: Path,
        sealed: MarkedStore | None = None,
        *,
        preferred: SecretsPlace = SecretsPlace.KEYRING,
    ) -> None:
        self._marked: dict[SecretsPlace, MarkedStore] = {}
        if sealed is not None:
            self._marked[SecretsPlace.WORKSPACE] = sealed
        self._marked[SecretsPlace.FILE] = FileSecrets(home / SECRETS_FILE)
        self._unkept = MemorySecrets()
        self._preferred = preferred

    @cached_property
    def _keyring(self) -> credentials.KeyringSecrets:
        return credentials.KeyringSecrets()

    def place(self, connection_id: str) -> SecretsPlace:
        """Return where a connection's secrets are stored."""
        for place, store in self._marked.items():
            if store.has(connection_id):
                return place
        return self._preferred

    def get(self, connection_id: str, name: str) -> str | None:
        for store in (self._unkept, *self._marked.values()):
            found = store.get(connection_id, name)
            if found is not None:
                return found
        return self._keyring.get(connection_id, name)

    def stored(self, connection_id: str) -> bool:
        """True if a secret of a connection is stored anywhere here."""
        if any(store.has(connection_id) for store in self._marked.values()):
            return True
        return any(self._keyring.get(connection_id, name) is not None for name in SECRET_NAMES)

    def put(self, connection_id: str, values: Mapping[str, str | None]) -> None:
        """Store secrets in the place of the connection's others.

        Raises NoKeyringError or SecretsKeyError if they can't be stored; they are then valid in
        this process only.
        """
        store: SecretStore = self._marked.get(self.place(connection_id)) or self._keyring
        try:
            store.put(connection_id, values)
        except (NoKeyringError, SecretsKeyError):
            # A rotated refresh token can't be obtained again, so this process keeps using it.
            self._unkept.put(connection_id, values)
            raise
        # Stored now: what this process kept earlier no longer counts.
        self._unkept.put(connection_id, dict.fromkeys(values))

    def settle(self, connection_id: str, place: SecretsPlace) -> None:
        """Move a connection's secrets to one place, and store later ones there too.

        Raises NoKeyringError without a keyring to move them to, or SecretsKeyError without the key;
        then nothing moves.
        """
        target = self._marked.get(place)
        if target is not None and target.has(connection_id) and self.place(connection_id) is place:
            return
        others = (each for each in self._marked.values() if each is not target)
        marked = [each for each in others if each.has(connection_id)]
        if target is None and not marked:
            return
        # What `get` finds first counts.
        sources: list[SecretStore] = [*marked[::-1]]
        if target is not None:
            sources.insert(0, self._keyring)
        held = {
            name: value
            for each in sources
            for known in SECRET_NAMES
            for name in (known, known + REPLACES)
            if (value := each.get(connection_id, name)) is not None
        }
        if target is not None:
            target.put(connection_id, held | {_KEPT_HERE: "yes"})
        else:
            self._keyring.put(connection_id, held)
        # Last: if storing fails, the secrets are still in the old place.
        for source in sources:
            source.forget(connection_id)

    def forget(self, connection_id: str) -> None:
        # In all places: a secret may have been left where it was stored before it moved.
        for store in (self._unkept, *self._marked.values(), self._keyring):
            store.forget(connection_id)


class ConnectionSecrets:
    """The secrets of one connection, as a connector uses them.

    Each is stored together with `host`, the address and account that it was entered for, and
    applies to that one only. With `environment` (the connection's name), secrets in
    CRMDECK_<NAME>_<SECRET> take precedence, unless a stored secret replaced exactly that value: a
    rotated refresh token outlives the one in the environment. Those belong to `signed_in_at`, the
    host of the last sign-in.
    """

    def __init__(
        self,
        store: SecretStore,
        connection_id: str,
        host: str,
        environment: str | None = None,
        signed_in_at: str = "",
    ) -> None:
        self._store = store
        self._connection_id = connection_id
        self._host = host
        self._environment = environment
        self._signed_in_at = signed_in_at

    def get(self, name: str) -> str | None:
        """Return the secret with that name, or None.

        Raises ReauthRequiredError for a secret of another host than the connection's.
        """
        given = self._given(name)
        host, found = self._signed_in_at, given
        # A digest recognizes the replaced value, and reveals nothing.
        if given is None or self._stored(name + REPLACES)[1] == _digest(given):
            host, found = self._stored(name)
        if found is not None:
            remember_secrets({name: found})
            if error := host_error(host, self._host):
                raise error
        return found

    def put(self, values: Mapping[str, str | None]) -> None:
        """Store secrets, and remove those that are None."""
        remember_secrets(values)
        replaced = {
            name + REPLACES: _digest(given)
            for name, value in values.items()
            if value is not None and (given := self._given(name)) not in (None, value)
        }
        bound = {
            name: None if value is None else f"{self._host}\n{value}"
            for name, value in {**values, **replaced}.items()
        }
        self._store.put(self._connection_id, bound)

    def follow(self, before: str) -> None:
        """Move secrets from the host `before` to the connection's, which that host reported."""
        moved = {}
        for name in (*SECRET_NAMES, *(name + REPLACES for name in SECRET_NAMES)):
            host, value = self._stored(name)
            if value is not None and not host_error(host, before):
                moved[name] = f"{self._host}\n{value}"
        if moved:
            self._store.put(self._connection_id, moved)

    def _stored(self, name: str) -> tuple[str, str | None]:
        """Return the host that a stored value was entered for, and the value."""
        packed = self._store.get(self._connection_id, name)
        host, bound, value = (packed or "").partition("\n")
        return (host, value) if bound else ("", packed)

    def _given(self, name: str) -> str | None:
        if self._environment is None:
            return None
        return os.environ.get(environment_variable(self._environment, name)) or None


def host_error(entered_for: str, host: str) -> ReauthRequiredError | None:
    """Return the error for secrets of another address or account; both come from `host_of`."""
    address, _, account = entered_for.rpartition(" ")
    current, _, known = host.rpartition(" ")
    # An account that crmdeck doesn't know yet can be the right one.
    if address == current and (account == known or not (account and known)):
        return None
    old, new = (address, current) if address != current else (entered_for, host)
    return ReauthRequiredError(
        f"The secrets were entered for {old or 'an unknown host'}, but the connection uses {new}.",
        cause="The connection changed after the sign-in, so crmdeck didn't send the secrets.",
        remedy="If the new host is right, sign in again. If not, set the old one: "
        "crmdeck connections set NAME --endpoint URL",
        code="OTHER_HOST",
    )


def remember_secrets(values: Mapping[str, str | None]) -> None:
    """Make `redact` hide these secrets from now on."""
    for name, value in values.items():
        if name not in PUBLIC_NAMES:
            remember(value)


def environment_variable(connection_name: str, secret_name: str) -> str:
    """Return the environment variable of a secret: `CRMDECK_ACME_PROD_ACCESS_TOKEN`."""
    return re.sub(r"\W", "_", f"crmdeck_{connection_name}_{secret_name}").upper()


def _digest(value: str | None) -> str:
    return hashlib.sha256((value or "").encode()).hexdigest()


def secrets_from_environment(connection_name: str) -> dict[str, str]:
    """Return a connection's secrets in the environment, by secret name."""
    found = {}
    for name in SECRET_NAMES:
        value = os.environ.get(environment_variable(connection_name, name))
        if value:
            found[name] = value
    return found
