"""Requests through urllib3, each with one deadline and a response of limited size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    ProtocolError,
    ReadTimeoutError,
)

from crmdeck.connectors.deadline import bound, request_deadline
from crmdeck.connectors.http import broken_off, not_json, read_body, timed_out, unreachable
from crmdeck.connectors.limits import Limits

Count = Callable[[Mapping[str, str], int, str], None]


@dataclass(frozen=True)
class RawAnswer:
    """One answer, read to its end, in the form that the client libraries expect."""

    status: int
    reason: str | None
    data: bytes
    headers: Mapping[str, str]

    def getheaders(self) -> Mapping[str, str]:
        return self.headers


class BoundedPool:
    """Makes requests to `who` through a pool manager, from any thread. Raises SourceError."""

    def __init__(self, inner: urllib3.PoolManager, limits: Limits, who: str, count: Count) -> None:
        self._inner = inner
        bound(inner)
        self._limits = limits
        self._who = who
        self._count = count

    def request(self, method: str, url: str, **kwargs: Any) -> RawAnswer:
        """Return the response, and pass its headers, size and path to `count`.

        Raises SourceError for a redirect, and never follows it.
        """
        kwargs["preload_content"] = False
        # Otherwise urllib3 reads the whole body of a redirect.
        kwargs["redirect"] = False
        with request_deadline(self._limits.total_timeout, self._who):
            try:
                raw = self._inner.request(method, url, **kwargs)
            # urllib3 raises ValueError for a header value that it can't send.
            except (HTTPError, ValueError) as error:
                reason: Exception = error
                if isinstance(error, MaxRetryError) and error.reason:
                    reason = error.reason
                if isinstance(reason, ReadTimeoutError):
                    raise timed_out(self._who) from None
                if isinstance(reason, ProtocolError):
                    raise broken_off(self._who, reason) from None
                raise unreachable(self._who, reason) from None
            try:
                data = read_body(raw, self._limits, self._who)
            # A response that is too large or cut short has used quota as well.
            finally:
                self._count(raw.headers, raw.tell(), urlsplit(url).path)
        if raw.get_redirect_location():
            raise not_json(self._who)
        # The client libraries decode the body of an error strictly.
        if raw.status >= 300:
            data = data.decode("utf-8", "replace").encode()
        return RawAnswer(raw.status, raw.reason, data, raw.headers)


def proxy_for(host: str) -> str | None:
    """Return the proxy that the environment sets for the URL `host`."""
    parts = urlsplit(host)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")
