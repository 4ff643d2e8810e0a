"""How often somebody may try to sign in."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from crmdeck.errors import CrmdeckError

WINDOW = 300.0
PER_EMAIL = 10
PER_ADDRESS = 40
_MOST_KEYS = 10_000


class TooManyAttemptsError(CrmdeckError):
    """Signing in was tried too often; `retry_after` is in seconds."""

    code = "TOO_MANY_ATTEMPTS"
    http_status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "Signing in was tried too often.",
            cause="So many attempts in a few minutes look like guessing.",
            remedy=f"Try again in {retry_after} seconds.",
        )
        self.retry_after = retry_after


class Attempts:
    """Counts the attempts of the last five minutes, for each e-mail address and each host.

    An attempt counts before the password is looked at, so that many at once gain nothing. One
    that succeeds takes the count of its e-mail address back.
    """

    def __init__(
        self,
        *,
        per_email: int = PER_EMAIL,
        per_address: int = PER_ADDRESS,
        window: float = WINDOW,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = {"email": per_email, "address": per_address}
        self._window = window
        self._timer = timer
        self._made: dict[tuple[str, str], deque[float]] = {}
        self._guard = threading.Lock()

    def count(self, email: str, address: str) -> None:
        """Count an attempt; raises TooManyAttemptsError where there were too many."""
        now = self._timer()
        keys = (("email", email.strip().casefold()), ("address", address))
        with self._guard:
            if len(self._made) > _MOST_KEYS:
                self._forget(now)
            made = [self._made.setdefault(key, deque()) for key in keys]
            for key, times in zip(keys, made, strict=True):
                while times and times[0] <= now - self._window:
                    times.popleft()
                if len(times) >= self._limits[key[0]]:
                    raise TooManyAttemptsError(math.ceil(times[0] + self._window - now))
            for times in made:
                times.append(now)

    def succeeded(self, email: str) -> None:
        """Take the attempts of an e-mail address back."""
        with self._guard:
            self._made.pop(("email", email.strip().casefold()), None)

    def _forget(self, now: float) -> None:
        self._made = {
            key: times
            for key, times in self._made.items()
            if times and times[-1] > now - self._window
        }
