"""The rate limits that HubSpot reports in the headers of its responses.

`Caller` obeys them: it waits, and it stops before the quota reserve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmdeck.clock import utc_now
from crmdeck.connectors.http import Response, retry_after, whole_number
from crmdeck.model import Quota

# The burst limit counts the calls of ten seconds ("API usage guidelines and limits").
_TEN_SECONDS = 10.0


@dataclass(frozen=True)
class RateLimits:
    """The calls `left` in a `window` (in seconds), and the daily quota; None if not reported."""

    left: int | None
    window: float
    daily: Quota | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> RateLimits:
        """Return the limits in the headers of a response, whatever their case."""
        found = {
            name.casefold().removeprefix("x-hubspot-ratelimit-"): whole_number(value)
            for name, value in headers.items()
            if name.casefold().startswith("x-hubspot-ratelimit-")
        }
        window = found.get("interval-milliseconds")
        limit, left = found.get("daily"), found.get("daily-remaining")
        daily = None
        if limit is not None and left is not None:
            daily = Quota(used=max(0, limit - left), limit=limit, observed_at=utc_now())
        return cls(
            left=found.get("remaining"),
            window=_TEN_SECONDS if window is None else min(window / 1000, _TEN_SECONDS),
            daily=daily,
        )


def pause(reply: Response, policy: str) -> float | None:
    """Return the wait for a limit of some seconds; None if the response has another one.

    The window is rolling, so only a wait for all of it is safe.
    """
    if reply.status != 429 or not policy.startswith("TEN") or retry_after(reply) is not None:
        return None
    return RateLimits.of(reply.headers).window
