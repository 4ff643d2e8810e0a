"""One call to a CRM with all that surrounds it: token, waiting, quota, errors."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from crmdeck.connectors.base import Meter, Wait
from crmdeck.connectors.faults import Fault
from crmdeck.connectors.http import Reply, retry_after
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.tokens import TokenKeeper
from crmdeck.errors import CrmdeckError, QuotaExceededError, ReauthRequiredError
from crmdeck.model import CancelToken

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal:
    """What an answer that is a failure means; `pause` is how many seconds it says to wait."""

    fault: Fault
    error: CrmdeckError
    pause: float | None = None


class Patience:
    """The seconds that may be spent waiting, shared by all threads of a connector."""

    def __init__(self, budget: float) -> None:
        self._left = budget
        self._lock = threading.Lock()

    def take(self, seconds: float) -> bool:
        """Return whether `seconds` more may be waited, and count them if so."""
        with self._lock:
            if seconds > self._left:
                return False
            self._left -= seconds
            return True


class Pace:
    """Until when no request should go out, shared by all threads of a connector."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lock = threading.Lock()

    def hold(self, seconds: float) -> None:
        """Let no request go out for `seconds` from now."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def left(self) -> float:
        """Return how many seconds are left to wait; 0 where a request may go out."""
        with self._lock:
            return max(0.0, self._until - time.monotonic())


class Caller:
    """Makes calls: renews the token once, waits where told, and stops before the reserve."""

    def __init__(
        self,
        who: str,
        tokens: TokenKeeper,
        meter: Meter,
        limits: Limits,
        explain: Callable[[Reply], Refusal],
    ) -> None:
        self._who = who
        self._tokens = tokens
        self._meter = meter
        self._limits = limits
        self._explain = explain
        self._patience = Patience(limits.wait_budget)
        self.pace = Pace()
        """Makes all calls wait where the CRM's headers say that nothing is left for now."""

    def start(self) -> None:
        """Begin a piece of work: it may wait for its whole budget again."""
        self._patience = Patience(self._limits.wait_budget)

    def call(
        self,
        send: Callable[[str], Reply],
        cancel: CancelToken,
        *,
        accept: Collection[int] = (),
        reserve: bool = True,
    ) -> Reply:
        """Return the answer to `send(token)`: a success, or one of the statuses in `accept`.

        A refused token is renewed once and the call repeated once. What passes by itself is
        waited for, as told or with growing pauses, within the budget. `reserve` is off for what
        has to be known whatever the quota. Raises CrmdeckError.
        """
        renewed = False
        pauses = 0
        while True:
            cancel.check()
            if reserve:
                self.check_reserve(1)
            self._keep_pace(cancel)
            token = self._tokens.token()
            reply = send(token)
            if reply.status < 300 or reply.status in accept:
                self._tokens.accepted(token)
                return reply
            refusal = self._explain(reply)
            if refusal.fault.renew and not renewed:
                renewed = True
                try:
                    self._tokens.renew(token)
                except ReauthRequiredError as error:
                    # Without any way to renew, what the CRM said is the better word.
                    raise refusal.error if error.code == "SESSION_EXPIRED" else error from None
                continue
            if refusal.fault.wait and pauses + 1 < self._limits.attempts:
                self._pause(reply, refusal, pauses, cancel)
                pauses += 1
                continue
            raise refusal.error

    def check_reserve(self, calls: int) -> None:
        """Raise QuotaExceededError where `calls` more would go below the reserve."""
        quota = self._meter.quota
        if quota is None or quota.limit <= 0:
            return
        if quota.used + calls > quota.limit * (1 - self._limits.reserve):
            raise QuotaExceededError(
                "The API allowance is nearly used up; crmdeck leaves the rest to others.",
                cause=f"{quota.used:,} of {quota.limit:,} requests a {quota.window} are used, and "
                f"{self._limits.reserve:.0%} are kept as a reserve.",
                remedy="Refresh later, narrow the scope, or lower the reserve in the settings.",
                code="QUOTA_RESERVE",
            )

    def _keep_pace(self, cancel: CancelToken) -> None:
        seconds = self.pace.left()
        # Beyond the budget the CRM decides: it refuses, and says so.
        if seconds and self._patience.take(seconds):
            with self._meter.pause(Wait(self._who, seconds, told=True)):
                cancel.wait(seconds)

    def _pause(self, reply: Reply, refusal: Refusal, pauses: int, cancel: CancelToken) -> None:
        told = retry_after(reply) if refusal.pause is None else refusal.pause
        seconds = self._limits.backoff * 2**pauses if told is None else told
        if not self._patience.take(seconds):
            raise refusal.error
        _log.info("%s Waiting %.1f seconds.", refusal.error.message, seconds)
        with self._meter.pause(Wait(self._who, seconds, told is not None)):
            cancel.wait(seconds)
