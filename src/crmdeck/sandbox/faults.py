"""What can be made to go wrong, and in which order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ConfigDict, with_config


class FaultKind(StrEnum):
    """The faults on order."""

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
    MOVED = "moved"
    OVERSIZED = "oversized"
    HANG = "hang"
    SLOW = "slow"
    HIDDEN_OBJECT = "hidden_object"
    HIDDEN_FIELD = "hidden_field"
    LOST_SCHEMA = "lost_schema"


ONCE = frozenset(
    {
        FaultKind.EXPIRED_TOKEN,
        FaultKind.REVOKED_REFRESH_TOKEN,
        FaultKind.ROTATED_REFRESH_TOKEN,
    }
)
VIEWS = frozenset({FaultKind.HIDDEN_OBJECT, FaultKind.HIDDEN_FIELD, FaultKind.LOST_SCHEMA})


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Fault:
    """One fault.

    `path`: only requests whose path contains this text; without it every request but those to
    the OAuth endpoints. `query`: only those with this text in a value of their query.
    `times`: how many requests it spoils, None for all until it is cleared.
    `code`, `message`, `status`: the vendor's error code (Salesforce `errorCode`, HubSpot
    `category` or rate limit policy, OAuth `error`), its words and the HTTP status, where they
    shall be other than usual. `retry_after`: seconds, None for no such header. `seconds`: how
    long `hang` and `slow` take, and the interval of a limit of
    HubSpot (10 at most). `size`: bytes of `oversized`. `object_type`, `field_name`: what
    is hidden, or which schema is lost.
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
    size: int = 50_000_000
    object_type: str | None = None
    field_name: str | None = None

    def concerns(self, path: str, query: str = "") -> bool:
        """Return whether a request to `path`, with these values in its query, is spoilt by it."""
        if self.query is not None and self.query not in query:
            return False
        if self.path is not None:
            return self.path in path
        return "/oauth" not in path


@dataclass
class _Counted:
    """A fault and how many requests it still spoils, None for all."""

    fault: Fault
    left: int | None


class FaultPlan:
    """The faults of one organization: those that stand, and a script that goes step by step.

    Thread-safe. A fault of a script gives way to the next step after `times` requests; None in
    a script's place lets one request through unharmed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standing: list[_Counted] = []
        self._script: deque[_Counted | None] = deque()

    def add(self, fault: Fault) -> None:
        """Spoil requests from now on."""
        with self._lock:
            self._standing.append(_Counted(fault, fault.times))

    def script(self, steps: Iterable[Fault | None]) -> None:
        """Replace the script."""
        counted: deque[_Counted | None] = deque()
        for step in steps:
            if step is None:
                counted.append(None)
            else:
                counted.append(_Counted(step, 1 if step.kind in ONCE else step.times))
        with self._lock:
            self._script = counted

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._standing.clear()
            self._script.clear()

    def take(self, path: str, query: str = "") -> list[Fault]:
        """Return the faults that spoil a request to `path`, and count it against them.

        `query` is the values of its query, in one text.
        """
        with self._lock:
            hit = [each for each in self._standing if each.fault.concerns(path, query)]
            if self._script:
                step = self._script[0]
                if step is None and "/oauth" not in path:
                    self._script.popleft()
                elif step is not None and step.fault.concerns(path, query):
                    hit.append(step)
            for each in hit:
                self._count(each)
            return [each.fault for each in hit if each.fault.kind not in VIEWS]

    def views(self) -> list[Fault]:
        """Return the faults that change what can be seen."""
        with self._lock:
            active = [*self._standing, *[each for each in list(self._script)[:1] if each]]
            return [each.fault for each in active if each.fault.kind in VIEWS]

    def _count(self, hit: _Counted) -> None:
        if hit.left is None:
            return
        hit.left -= 1
        if hit.left <= 0:
            if self._script and self._script[0] is hit:
                self._script.popleft()
            else:
                self._standing.remove(hit)
