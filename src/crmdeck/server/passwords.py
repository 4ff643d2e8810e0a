"""Passwords, hashed with argon2id by argon2-cffi at its defaults."""

from __future__ import annotations

import functools
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
# One check takes 64 MiB; however many sign in at once, two are made at a time.
_turns = threading.Semaphore(2)


def hash_password(password: str) -> str:
    """Return the hash to store."""
    return _hasher.hash(password)


def password_fits(password_hash: str | None, password: str) -> bool:
    """Return whether a password is the one that was hashed.

    Without a hash (nobody of that name) it takes as long, and the answer is no.
    """
    with _turns:
        try:
            _hasher.verify(password_hash or _nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


@functools.cache
def _nobody() -> str:
    return _hasher.hash("")
