"""One call to a CRM, with its token, waits, quota and errors."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from crmdeck.connectors.base import Meter, Wait
from crmdeck.connectors.faults import Fault
from crmdeck.connectors.http import Response, retry_after
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.tokens import TokenKeeper
from crmdeck.errors import CrmdeckError, QuotaExceededError, ReauthRequiredError
from crmdeck.model import CancelToken

_log = logging.getLogger(__name__)
NEVER = CancelToken()
"""The token of short calls that no user can cancel."""


@dataclass(frozen=True)
class Refusal:
    """The meaning of a failed response; `pause` is the wait that it asks for, in seconds."""

    fault: Fault
    error: CrmdeckError
    pause: float | None = None


class Patience:
    """The seconds left for waiting, shared by all threads of a connector."""

    def __init__(self, budget: float) -> None:
        self._left = budget
        self._lock = threading.Lock()

    def take(self, seconds: float) -> bool:
        """Use `seconds` of the budget; return False if that is more than what is left."""
        with self._lock:
            if seconds > self._left:
                return False
            self._left -= seconds
            return True


class Pace:
    """The time of the next request, shared by all threads of a connector."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lock = threading.Lock()

    def hold(self, seconds: float) -> None:
        """Delay all requests until `seconds` from now."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds until the next request, at least 0."""
        with self._lock:
            return max(0.0, self._until - time.monotonic())


class Caller:
    """Makes calls. Renews the token once, waits if asked to, and stops before the quota reserve."""

    def __init__(
        self,
        who: str,
        tokens: TokenKeeper,
        meter: Meter,
        limits: Limits,
        explain: Callable[[Response], Refusal],
    ) -> None:
        self._who = who
        self._tokens = tokens
        self._meter = meter
        self._limits = limits
        self._explain = explain
        self._patience = Patience(limits.wait_budget)
        self.pace = Pace()
        """Delays all calls when the CRM's headers report an exhausted rate limit."""

    def start(self) -> None:
        """Start a new operation with a full wait budget."""
        self._patience = Patience(self._limits.wait_budget)

    def call(
        self,
        send: Callable[[str], Response],
        cancel: CancelToken,
        *,
        accept: Collection[int] = (),
        reserve: bool = True,
    ) -> Response:
        """Return the response to `send(token)`: a success, or a status in `accept`.

        A rejected token is renewed once, and the call repeated once. Temporary failures are
        repeated within the wait budget, after the wait that the CRM asks for or a growing one.
        Without `reserve` the call ignores the quota reserve. Raises CrmdeckError.
        """
        renewed = False
        pauses = 0
        while True:
            # Each round starts here, so that a cancel or a used quota also ends repeated calls.
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
            # Once: a CRM that rejects every token would otherwise get requests without end.
            if refusal.fault.renew and not renewed:
                renewed = True
                try:
                    self._tokens.renew(token)
                except ReauthRequiredError as error:
                    # If the token can't be renewed, the CRM's own error explains more.
                    raise refusal.error if error.code == "SESSION_EXPIRED" else error from None
                continue
            if refusal.fault.wait and pauses + 1 < self._limits.attempts:
                self._pause(reply, refusal, pauses, cancel)
                pauses += 1
                continue
            raise refusal.error

    def check_reserve(self, calls: int) -> None:
        """Raise QuotaExceededError if `calls` more requests would use the quota reserve."""
        quota = self._meter.quota
        if quota is None or quota.limit <= 0:
            return
        if quota.used + calls > quota.limit * (1 - self._limits.reserve):
            raise QuotaExceededError(
                f"{self._who} has little API quota left; crmdeck leaves the rest to other apps.",
                cause=f"{quota.used:,} of {quota.limit:,} requests per {quota.window} are used, "
                f"and crmdeck reserves {self._limits.reserve:.0%}.",
                remedy="Refresh later, or lower the reserve: crmdeck config set quota_reserve 0.05",
                code="QUOTA_RESERVE",
            )

    def _keep_pace(self, cancel: CancelToken) -> None:
        seconds = self.pace.left()
        # Over the budget crmdeck sends the request, and the CRM rejects it with a reason.
        if seconds and self._patience.take(seconds):
            with self._meter.pause(Wait(self._who, seconds, asked=True)):
                cancel.wait(seconds)

    def _pause(self, reply: Response, refusal: Refusal, pauses: int, cancel: CancelToken) -> None:
        asked = retry_after(reply) if refusal.pause is None else refusal.pause
        seconds = self._limits.backoff * 2**pauses if asked is None else asked
        if not self._patience.take(seconds):
            raise refusal.error
        _log.info("%s Waiting %.1f seconds.", refusal.error.message, seconds)
        with self._meter.pause(Wait(self._who, seconds, asked is not None)):
            cancel.wait(seconds)
