"""The faults of the sandbox, and their order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ConfigDict, with_config


class FaultKind(StrEnum):
    EXPIRED_TOKEN = "expired_token"  # noqa: S105
    REVOKED_REFRESH_TOKEN = "revoked_refresh_token"  # noqa: S105
    ROTATED_REFRESH_TOKEN = "rotated_refresh_token"  # noqa: S105
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    TRUNCATED = "truncated"
    HTML = "html"
    BODY = "body"
    MOVED = "moved"
    OVERSIZED = "oversized"
    HANG = "hang"
    SLOW = "slow"
    HIDDEN_OBJECT = "hidden_object"
    HIDDEN_FIELD = "hidden_field"
    LOST_SCHEMA = "lost_schema"


# These change the tokens once, instead of responses to requests.
ONCE = frozenset(
    {
        FaultKind.EXPIRED_TOKEN,
        FaultKind.REVOKED_REFRESH_TOKEN,
        FaultKind.ROTATED_REFRESH_TOKEN,
    }
)
# These change what the user sees for as long as they last.
VIEWS = frozenset({FaultKind.HIDDEN_OBJECT, FaultKind.HIDDEN_FIELD, FaultKind.LOST_SCHEMA})


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Fault:
    """One fault.

    `path`: only requests with this text in their path; the default is all requests except those to
    the OAuth endpoints. `query`: only requests with this text in a query value. `times`: the number
    of affected requests, None for all until `clear`. `code`, `message`, `status`: the vendor's
    error code (Salesforce `errorCode`, HubSpot `category` or rate limit policy, OAuth `error`),
    message and HTTP status, instead of the usual ones. `body` answers 200 with the JSON in
    `message`. `retry_after`: seconds, None for no header.
    `seconds`: the duration of `hang` and `slow`, and the interval of a HubSpot limit (at most 10).
    `size`: the bytes of `oversized`. `object_type`, `field_name`: the hidden object or field, or
    the object of the lost schema.
    """

    kind: FaultKind
    path: str | None = None
    query: str | None = None
    times: int | None = None
    code: str | None = None
    message: str | None = None
    status: int | None = None
    retry_after: int | None = None
    seconds: float = 30.0
    # More than crmdeck accepts, even for the description of one object (`Limits`).
    size: int = 80_000_000
    object_type: str | None = None
    field_name: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The header `Retry-After`, if the fault has it."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}

    def concerns(self, path: str, query: str = "") -> bool:
        """Return True if the fault affects a request to `path` with these query values."""
        if self.query is not None and self.query not in query:
            return False
        if self.path is not None:
            return self.path in path
        return "/oauth" not in path


@dataclass
class _Counted:
    """A fault and its remaining number of requests, None for all."""

    fault: Fault
    left: int | None


class FaultPlan:
    """The faults of one organization: lasting ones, and a script of steps. Thread-safe.

    After `times` requests, a script continues with its next step. A step of None lets one request
    pass.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lasting: list[_Counted] = []
        self._script: deque[_Counted | None] = deque()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._lasting.append(_Counted(fault, fault.times))

    def script(self, steps: Iterable[Fault | None]) -> None:
        counted: deque[_Counted | None] = deque()
        for step in steps:
            if step is None:
                counted.append(None)
            else:
                counted.append(_Counted(step, 1 if step.kind in ONCE else step.times))
        with self._lock:
            self._script = counted

    def clear(self) -> None:
        with self._lock:
            self._lasting.clear()
            self._script.clear()

    def take(self, path: str, query: str = "") -> list[Fault]:
        """Return the faults for a request to `path`, and count the request.

        `query` has all query values in one text.
        """
        with self._lock:
            hit = [each for each in self._lasting if each.fault.concerns(path, query)]
            if self._script:
                step = self._script[0]
                # A sign-in isn't the request that a step lets pass.
                if step is None and "/oauth" not in path:
                    self._script.popleft()
                elif step is not None and step.fault.concerns(path, query):
                    hit.append(step)
            for each in hit:
                self._count(each)
            return [each.fault for each in hit if each.fault.kind not in VIEWS]

    def views(self) -> list[Fault]:
        """Return the faults that hide objects or fields."""
        with self._lock:
            active = [*self._lasting, *[each for each in list(self._script)[:1] if each]]
            return [each.fault for each in active if each.fault.kind in VIEWS]

    def _count(self, hit: _Counted) -> None:
        if hit.left is None:
            return
        hit.left -= 1
        if hit.left <= 0:
            if self._script and self._script[0] is hit:
                self._script.popleft()
            else:
                self._lasting.remove(hit)
