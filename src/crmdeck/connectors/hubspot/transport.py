"""What stands in for the pool manager inside hubspot-api-client, and bounds every answer.

The client reads failures whole whatever their size, and decodes them strictly; here they are
read within bounds first, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError, ReadTimeoutError

from crmdeck.connectors.deadline import bound, ending_after
from crmdeck.connectors.faults import load_faults
from crmdeck.connectors.http import broken_off, read_body, timed_out, unreachable
from crmdeck.connectors.limits import Limits
from crmdeck.errors import CrmdeckError

WHO = "HubSpot"
FAULTS = load_faults("hubspot")
Count = Callable[[Mapping[str, str], int, str], None]


@dataclass(frozen=True)
class RawAnswer:
    """One answer, read to its end, as the client wants to see it."""

    status: int
    reason: str | None
    data: bytes
    headers: Mapping[str, str]

    def getheaders(self) -> Mapping[str, str]:
        """Return the headers."""
        return self.headers


class BoundedPool:
    """Makes requests through the client's own pool manager. Raises SourceError."""

    def __init__(self, inner: urllib3.PoolManager, limits: Limits, count: Count) -> None:
        self._inner = inner
        bound(inner)
        self._limits = limits
        self._count = count

    def request(self, method: str, url: str, **kwargs: Any) -> RawAnswer:
        """Return the answer; `count` is told its headers, its bytes and its path."""
        kwargs["preload_content"] = False
        with ending_after(self._limits.total_timeout, WHO):
            try:
                raw = self._inner.request(method, url, **kwargs)
            except HTTPError as error:
                raise _network_error(error) from None
            try:
                data = read_body(raw, self._limits, WHO)
            finally:
                self._count(raw.headers, raw.tell(), urlsplit(url).path)
        if raw.status >= 300:
            data = data.decode("utf-8", "replace").encode()
        return RawAnswer(raw.status, raw.reason, data, raw.headers)


def proxy_for(host: str) -> str | None:
    """Return the proxy that the environment names for `host` (a URL), which the client ignores."""
    parts = urlsplit(host)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _network_error(error: HTTPError) -> CrmdeckError:
    reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    if isinstance(reason, ReadTimeoutError):
        return timed_out(WHO)
    if isinstance(reason, ProtocolError):
        return broken_off(WHO, reason)
    return unreachable(WHO, reason)
