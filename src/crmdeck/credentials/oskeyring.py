"""The keyring of the operating system.

Importing it looks for all backends of the machine, so it is imported when a secret needs it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import keyring
import keyring.errors
from keyring.backends import fail, null

from crmdeck.credentials.stores import REPLACES, SECRET_NAMES, no_keyring

SERVICE = "crmdeck"
# Windows' credential store holds 2,560 bytes in UTF-16; a private key is longer.
_PART = 1000
_PARTS = "crmdeck-parts:"


class KeyringSecrets:
    """Secrets in the OS keyring; long ones in several entries."""

    def get(self, connection_id: str, name: str) -> str | None:
        """Return the secret; None also without a keyring."""
        entry = f"{connection_id}/{name}"
        try:
            head = keyring.get_password(SERVICE, entry)
            if head is None or not head.startswith(_PARTS):
                return head
            count = int(head.removeprefix(_PARTS))
            parts = [keyring.get_password(SERVICE, f"{entry}/{n}") for n in range(count)]
        except (keyring.errors.KeyringError, ValueError):
            return None
        return None if None in parts else "".join(part or "" for part in parts)

    def put(self, connection_id: str, values: Mapping[str, str | None]) -> None:
        """Store secrets, the refresh token first: it can't be obtained again.

        Raises NoKeyringError without a usable keyring.
        """
        if not keyring_available():
            raise no_keyring()
        try:
            for name in sorted(values, key=lambda name: name != "refresh_token"):
                self._put(f"{connection_id}/{name}", values[name])
        except keyring.errors.KeyringError as error:
            raise no_keyring() from error

    def forget(self, connection_id: str) -> None:
        for name in SECRET_NAMES:
            self._remove(f"{connection_id}/{name}")
            self._remove(f"{connection_id}/{name}{REPLACES}")

    def _put(self, entry: str, value: str | None) -> None:
        if value is None:
            self._remove(entry)
        elif len(value) <= _PART:
            keyring.set_password(SERVICE, entry, value)
        else:
            parts = [value[start : start + _PART] for start in range(0, len(value), _PART)]
            for number, part in enumerate(parts):
                keyring.set_password(SERVICE, f"{entry}/{number}", part)
            # Last, so that a reader never finds the head of parts that are not stored yet.
            keyring.set_password(SERVICE, entry, f"{_PARTS}{len(parts)}")

    def _remove(self, entry: str) -> None:
        with contextlib.suppress(keyring.errors.KeyringError, ValueError):
            head = keyring.get_password(SERVICE, entry)
            if head is None:
                return
            keyring.delete_password(SERVICE, entry)
            if head.startswith(_PARTS):
                for number in range(int(head.removeprefix(_PARTS))):
                    keyring.delete_password(SERVICE, f"{entry}/{number}")


def keyring_available() -> bool:
    """True if there is a keyring that stores secrets."""
    return not isinstance(keyring.get_keyring(), fail.Keyring | null.Keyring)
