"""Limits on sign-in attempts, counted for all servers of a workspace together."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from crmdeck.clock import Clock, utc_now
from crmdeck.errors import CrmdeckError
from crmdeck.model import UtcTime, WireModel
from crmdeck.server.addresses import rate_limit_key
from crmdeck.server.documents import Document
from crmdeck.server.sessions import digest

ATTEMPTS_FILE = "attempts.json"
WINDOW = timedelta(minutes=5)
PER_PAIR = 10
PER_ADDRESS = 40
PER_EMAIL = 100
TRICKLE = 2
# As many as there are, an attacker needs a hundred addresses to make older ones forgotten.
_MOST = 4000


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


class Attempt(WireModel):
    """An attempt. Email and address are hashes, because people type passwords as addresses."""

    at: UtcTime
    email: str
    address: str
    device: str | None = None


class AttemptBook(WireModel):
    attempts: tuple[Attempt, ...] = ()


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
        document: Document[AttemptBook],
        *,
        per_pair: int = PER_PAIR,
        per_address: int = PER_ADDRESS,
        per_email: int = PER_EMAIL,
        trickle: int = TRICKLE,
        window: timedelta = WINDOW,
        clock: Clock = utc_now,
    ) -> None:
        self._document = document
        self._per_pair = per_pair
        self._per_address = per_address
        self._per_email = per_email
        self._trickle = trickle
        self._window = window
        self._clock = clock

    def count(
        self, email: str, address: str, *, known: bool = False, device: str | None = None
    ) -> None:
        """Count an attempt; raises TooManyAttemptsError if there were too many.

        `known`: the user is signed in from that address already. `device`: proof that the user
        signed in from this device before, wherever it is now.
        """
        now = self._clock()
        attempt = _attempt(now, email, address, device)

        def update(book: AttemptBook) -> AttemptBook:
            self._check(book, attempt, known)
            recent = [each for each in book.attempts if each.at > now - self._window]
            return AttemptBook(attempts=(*recent, attempt)[-_MOST:])

        # Refusing needs no turn at writing, which a flood of attempts would take from others.
        self._check(self._document.read(), attempt, known)
        self._document.change(update)

    def succeeded(self, email: str, address: str, *, device: str | None = None) -> None:
        """Uncount the attempts of a user from an address or a device."""
        mine = _key(_attempt(self._clock(), email, address, device))

        def update(book: AttemptBook) -> AttemptBook:
            return AttemptBook(attempts=tuple(each for each in book.attempts if _key(each) != mine))

        self._document.change(update)

    def _check(self, book: AttemptBook, attempt: Attempt, known: bool) -> None:
        recent = [each for each in book.attempts if each.at > attempt.at - self._window]
        own = [each.at for each in recent if _key(each) == _key(attempt)]
        if attempt.device is not None:
            self._bound(own, self._per_pair, attempt.at)
            return
        # A known device has its own count, and must not use up the one of its address.
        elsewhere = [each for each in recent if each.device is None]
        of_user = sum(each.email == attempt.email for each in elsewhere)
        besieged = not known and of_user >= self._per_email
        self._bound(own, self._trickle if besieged else self._per_pair, attempt.at)
        if not known:
            from_there = [each.at for each in elsewhere if each.address == attempt.address]
            self._bound(from_there, self._per_address, attempt.at)

    def _bound(self, times: list[datetime], most: int, now: datetime) -> None:
        if len(times) >= most:
            left = times[-most] + self._window - now
            raise TooManyAttemptsError(max(1, math.ceil(left.total_seconds())))


def _attempt(at: datetime, email: str, address: str, device: str | None) -> Attempt:
    return Attempt(
        at=at,
        email=digest(email.strip().casefold())[:16],
        address=digest(rate_limit_key(address))[:16],
        device=device,
    )


def _key(attempt: Attempt) -> tuple[str, ...]:
    """Return what an attempt is counted by: the device, or user and address together."""
    return (attempt.device,) if attempt.device else (attempt.email, attempt.address)
