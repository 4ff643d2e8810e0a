"""Passwords, hashed with argon2id by argon2-cffi at its defaults."""

from __future__ import annotations

import functools
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crmdeck.errors import CrmdeckError

_hasher = PasswordHasher()
# One check takes 64 MiB; however many sign in at once, two are made at a time, and so many wait:
# the server's other threads are for users who are signed in.
_turns = threading.Semaphore(2)
_places = threading.BoundedSemaphore(16)


class TooBusyError(CrmdeckError):
    """More want to sign in at once than there is room for."""

    code = "BUSY"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("Too many sign in at this moment.", remedy="Try again in a few seconds.")


def hash_password(password: str) -> str:
    """Return the hash to store."""
    return _hasher.hash(password)


def password_fits(password_hash: str | None, password: str) -> bool:
    """Return whether a password is the one that was hashed.

    Without a hash (nobody of that name) it takes as long, and the answer is no. Raises
    TooBusyError where too many ask at once.
    """
    if not _places.acquire(blocking=False):
        raise TooBusyError
    try:
        with _turns:
            _hasher.verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _places.release()
    return password_hash is not None


@functools.cache
def _nobody() -> str:
    return _hasher.hash("")
