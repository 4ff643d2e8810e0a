"""Limits on sign-in attempts, counted for all servers of a workspace together."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from crmdeck.clock import Clock, utc_now
from crmdeck.errors import CrmdeckError
from crmdeck.server.addresses import rate_limit_key
from crmdeck.server.sessions import digest
from crmdeck.workspace import SignInAttempts

WINDOW = timedelta(minutes=5)
PER_PAIR = 10
PER_ADDRESS = 40
PER_EMAIL = 100
TRICKLE = 2


class TooManyAttemptsError(CrmdeckError):
    """Too many sign-in attempts; `retry_after` is in seconds."""

    code = "TOO_MANY_ATTEMPTS"
    http_status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Too many sign-in attempts.",
            cause="This many attempts in a few minutes look like guessing.",
            remedy=f"Try again in {retry_after} seconds.",
        )
        self.retry_after = retry_after


class Attempts:
    """Counts the attempts of the last five minutes; it can't be used to lock anyone out.

    Attempts are counted by user and address together: wrong passwords from one address leave the
    user's own address alone. All attempts of one address are counted too, and all attempts on one
    user. Beyond `per_email`, each further address has `trickle` attempts left for that user, so
    that many addresses gain little and the user can still sign in from a new one. Both apply only
    to addresses from which the user has no session. A browser or program that signed in before, and
    shows the token it got then, has a count of its own: others behind the same address use up none
    of its attempts. An attempt counts before the password is checked, so that parallel attempts
    gain nothing. A successful attempt isn't counted.
    """

    def __init__(
        self,
        opened: Callable[[], AbstractContextManager[SignInAttempts]],
        *,
        per_pair: int = PER_PAIR,
        per_address: int = PER_ADDRESS,
        per_email: int = PER_EMAIL,
        trickle: int = TRICKLE,
        window: timedelta = WINDOW,
        clock: Clock = utc_now,
    ) -> None:
        self._opened = opened
        self._per_pair = per_pair
        self._per_address = per_address
        self._per_email = per_email
        self._trickle = trickle
        self._window = window.total_seconds()
        self._clock = clock

    def count(
        self, email: str, address: str, *, known: bool = False, device: str | None = None
    ) -> None:
        """Count an attempt; raises TooManyAttemptsError if there were too many.

        `known`: the user is signed in from that address already. `device`: proof that the user
        signed in from this device before, wherever it is now.
        """
        now = self._clock().timestamp()
        email, address = _hashed(email, address)
        with self._opened() as attempts:
            attempts.forget(now - self._window)

            def bound(most: int, **of: str | None) -> None:
                if (at := attempts.time_of(most, **of)) is not None:
                    raise TooManyAttemptsError(max(1, math.ceil(at + self._window - now)))

            if device is not None:
                bound(self._per_pair, device=device)
            else:
                # A known device has its own count, and must not use up the one of its address.
                of_user = attempts.time_of(self._per_email, email=email, device=None)
                besieged = not known and of_user is not None
                most = self._trickle if besieged else self._per_pair
                bound(most, email=email, address=address, device=None)
                if not known:
                    bound(self._per_address, address=address, device=None)
            attempts.add(now, email, address, device)

    def succeeded(self, email: str, address: str, *, device: str | None = None) -> None:
        """Uncount the attempts of a user from an address or a device."""
        email, address = _hashed(email, address)
        with self._opened() as attempts:
            if device is not None:
                attempts.remove(device=device)
            else:
                attempts.remove(email=email, address=address, device=None)


def _hashed(email: str, address: str) -> tuple[str, str]:
    # Hashes, because people type passwords as addresses.
    return digest(email.strip().casefold())[:16], digest(rate_limit_key(address))[:16]
