"""Passwords, hashed with argon2id by argon2-cffi at its defaults."""

from __future__ import annotations

import functools
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crmdeck.errors import CrmdeckError

_hasher = PasswordHasher()
# One check takes 64 MiB, so only two run at a time, and only so many wait: the server's other
# threads are for users who are signed in.
_turns = threading.Semaphore(2)
_places = threading.BoundedSemaphore(16)


class TooBusyError(CrmdeckError):
    """Too many users sign in at the same time."""

    code = "BUSY"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("Too many users are signing in.", remedy="Try again in a few seconds.")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def password_fits(password_hash: str | None, password: str) -> bool:
    """True if a password matches the hash.

    Without a hash (an unknown user) the check takes as long and fails. Raises TooBusyError if too
    many users sign in at the same time.
    """
    if not _places.acquire(blocking=False):
        raise TooBusyError
    try:
        with _turns:
            _hasher.verify(password_hash or _dummy_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _places.release()
    return password_hash is not None


@functools.cache
def _dummy_hash() -> str:
    return _hasher.hash("")
