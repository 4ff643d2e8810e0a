"""The requests session for simple-salesforce: timeouts, size limits, and a custom endpoint."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar

from crmdeck.connectors.base import Meter
from crmdeck.connectors.deadline import bound, request_deadline
from crmdeck.connectors.faults import load_faults
from crmdeck.connectors.http import broken_off, read_body, timed_out, unreachable
from crmdeck.connectors.limits import Limits

WHO = "Salesforce"
FAULTS = load_faults("salesforce", WHO)


class _NoCookies(RequestsCookieJar):
    """Keeps no cookies, because threads share the session and the token identifies the user."""

    def set_cookie(self, cookie: object, *args: object, **kwargs: object) -> None:
        pass


class _Adapter(HTTPAdapter):
    """Sends every request to `endpoint`, if any, and reads answers of limited size."""

    def __init__(self, endpoint: str | None, limits: Limits, meter: Meter) -> None:
        # Connections that find no place in the pool are closed after each response.
        super().__init__(pool_maxsize=max(10, limits.threads))
        bound(self.poolmanager)
        self._endpoint = endpoint
        self._limits = limits
        self._meter = meter
        self._last = threading.local()

    @property
    def last(self) -> tuple[Mapping[str, str], int]:
        return getattr(self._last, "facts", ({}, 0))

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **proxy_kwargs)
        bound(manager)
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send, read the whole answer, count it. Raises SourceError."""
        # If this request fails, `last` must not have the headers of the one before.
        self._last.facts = ({}, 0)
        if self._endpoint:
            parts = urlsplit(request.url or "")
            query = f"?{parts.query}" if parts.query else ""
            request.url = f"{self._endpoint}{parts.path}{query}"
            # The proxies in the environment are for the vendor's host, not for this one.
            proxies = None
        timeout = (self._limits.connect_timeout, self._limits.read_timeout)
        with request_deadline(self._limits.total_timeout, WHO):
            try:
                # Streamed, because requests otherwise reads the whole body first, without a limit.
                response = super().send(request, True, timeout, verify, cert, proxies)
            except requests.exceptions.ReadTimeout:
                raise timed_out(WHO) from None
            except requests.exceptions.ConnectTimeout as error:
                raise unreachable(WHO, error) from None
            except requests.exceptions.ConnectionError as error:
                # requests wraps urllib3's ProtocolError in the same class as a refused connection.
                reset = "Connection aborted" in str(error)
                raise (broken_off if reset else unreachable)(WHO, error) from None
            except requests.exceptions.RequestException as error:
                raise unreachable(WHO, error) from None
            try:
                response._content = read_body(response.raw, self._limits, WHO)
            finally:
                path = urlsplit(request.url or "").path.rstrip("/")
                # Sign-in and the list of versions use no quota.
                free = "/services/oauth2/" in path or path.endswith("/services/data")
                self._meter.count(received=response.raw.tell(), quota_spent=0 if free else 1)
        self._last.facts = (response.headers, len(response.content))
        return response


class SalesforceSession(requests.Session):
    """A session for several threads. It follows no redirect and keeps no cookie."""

    def __init__(self, endpoint: str | None, limits: Limits, meter: Meter) -> None:
        super().__init__()
        self._adapter = _Adapter(endpoint, limits, meter)
        # Plain http, which is for loopback only, gets the same limits.
        for scheme in ("https://", "http://"):
            self.mount(scheme, self._adapter)
        self.cookies = _NoCookies()
        self.headers["Accept-Encoding"] = "gzip, deflate"
        # Otherwise requests replaces the token with a .netrc entry for the host.
        self.auth = lambda request: request

    @property
    def last(self) -> tuple[Mapping[str, str], int]:
        """The headers and the size in bytes of the last response in this thread."""
        return self._adapter.last
