"""Keyrings for the tests: one in memory, with a bound on what an entry takes, and none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keyring
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import PasswordDeleteError, PasswordSetError


class MemoryKeyring(KeyringBackend):
    """Keeps entries in memory; refuses long ones, as the one of Windows does."""

    priority = 1

    def __init__(self, longest: int = 1280) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self._longest = longest

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password) > self._longest:
            raise PasswordSetError("too long")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


@contextmanager
def using(backend: KeyringBackend) -> Iterator[KeyringBackend]:
    """Let `backend` be the keyring of this machine meanwhile."""
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield backend
    finally:
        keyring.set_keyring(before)


def none() -> KeyringBackend:
    """Return what stands for a machine without a keyring."""
    return fail.Keyring()  # type: ignore[no-untyped-call]
