"""Limits on sign-in attempts."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from crmdeck.errors import CrmdeckError
from crmdeck.server.addresses import household

WINDOW = 300.0
PER_PAIR = 10
PER_ADDRESS = 40
PER_EMAIL = 100
TRICKLE = 2
_LONGEST = 1000
_MOST_KEYS = 10_000


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
        *,
        per_pair: int = PER_PAIR,
        per_address: int = PER_ADDRESS,
        per_email: int = PER_EMAIL,
        trickle: int = TRICKLE,
        window: float = WINDOW,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_pair = per_pair
        self._per_address = per_address
        self._per_email = per_email
        self._trickle = trickle
        self._window = window
        self._timer = timer
        self._made: dict[tuple[str, ...], deque[float]] = {}
        self._guard = threading.Lock()

    def count(
        self, email: str, address: str, *, known: bool = False, device: str | None = None
    ) -> None:
        """Count an attempt; raises TooManyAttemptsError if there were too many.

        `known`: the user is signed in from that address already. `device`: proof that the user
        signed in from this device before, wherever it is now.
        """
        now = self._timer()
        email = email.strip().casefold()
        with self._guard:
            if len(self._made) > _MOST_KEYS:
                self._forget(now)
            if device is not None:
                self._count_on(self._recent(("device", device), now), now)
                return
            pair, from_there, of_user = (
                self._recent(key, now) for key in _keys(email, household(address))
            )
            besieged = not known and len(of_user) >= self._per_email
            bounds = [(pair, self._trickle if besieged else self._per_pair)]
            if not known:
                bounds.append((from_there, self._per_address))
            for times, most in bounds:
                if len(times) >= most:
                    raise TooManyAttemptsError(math.ceil(times[-most] + self._window - now))
            for times in (pair, from_there, of_user):
                times.append(now)
                if len(times) > _LONGEST:
                    times.popleft()

    def _count_on(self, times: deque[float], now: float) -> None:
        if len(times) >= self._per_pair:
            raise TooManyAttemptsError(math.ceil(times[-self._per_pair] + self._window - now))
        times.append(now)

    def succeeded(self, email: str, address: str, *, device: str | None = None) -> None:
        """Uncount the attempts of a user from an address or a device."""
        with self._guard:
            if device is not None:
                self._made.pop(("device", device), None)
                return
            pair, from_there, of_user = _keys(email.strip().casefold(), household(address))
            for _ in self._made.pop(pair, ()):
                for key in (from_there, of_user):
                    if self._made.get(key):
                        self._made[key].pop()

    def _recent(self, key: tuple[str, ...], now: float) -> deque[float]:
        times = self._made.setdefault(key, deque())
        while times and times[0] <= now - self._window:
            times.popleft()
        return times

    def _forget(self, now: float) -> None:
        self._made = {
            key: times
            for key, times in self._made.items()
            if times and times[-1] > now - self._window
        }


def _keys(email: str, place: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    return ("pair", email, place), ("address", place), ("email", email)
