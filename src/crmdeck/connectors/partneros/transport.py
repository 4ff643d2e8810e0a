"""One request to PartnerOS, with one deadline and a response of limited size."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlencode, urlsplit

import certifi
import urllib3

from crmdeck.connectors.base import Meter
from crmdeck.connectors.bounded_pool import BoundedPool, RawAnswer, proxy_for
from crmdeck.connectors.caller import Refusal
from crmdeck.connectors.faults import load_faults
from crmdeck.connectors.http import Response, check_endpoint, not_json, split_json
from crmdeck.connectors.limits import Limits
from crmdeck.errors import UsageError, one_line

WHO = "PartnerOS"
FAULTS = load_faults("partneros", WHO)
NO_ACTIVE_ORGANIZATION = "NO_ACTIVE_ORGANIZATION"
COOKIE = "session_token"
_LONGEST = 300
_SET_COOKIE = re.compile(rf"\s*{COOKIE}\s*=\s*\"?([!-:<-~]+?)\"?\s*(?:;|$)")


@dataclass(frozen=True)
class TokenResponse(Response):
    """One answer of PartnerOS, with the session token from its cookie."""

    session_token: str | None = field(default=None, repr=False)


class Transport:
    """Sends requests below `<endpoint>/api`. Verifies TLS, and follows no redirect."""

    def __init__(self, endpoint: str | None, limits: Limits, meter: Meter) -> None:
        if not endpoint:
            raise UsageError(
                "The PartnerOS connection has no endpoint.",
                cause="The partneros source needs the base URL of PartnerOS.",
                remedy="Set the endpoint: crmdeck connections set NAME --endpoint https://HOST",
                code="BAD_ENDPOINT",
            )
        base = check_endpoint(endpoint).removesuffix("/api")
        self.base = f"{base}/api"
        self._limits = limits
        self._meter = meter
        # Two programs on the same machine need no proxy.
        proxy = None if urlsplit(base).scheme == "http" else proxy_for(base)
        # OpenSSL's variables: a company with its own certificate authority sets them.
        trusted = os.environ.get("SSL_CERT_FILE") or certifi.where()
        folder = os.environ.get("SSL_CERT_DIR")
        make: Callable[..., urllib3.PoolManager] = (
            partial(urllib3.ProxyManager, proxy) if proxy else urllib3.PoolManager
        )
        manager = make(maxsize=limits.threads, ca_certs=trusted, ca_cert_dir=folder)
        self._pool = BoundedPool(manager, limits, WHO, self._count)

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        patient: bool = False,
    ) -> TokenResponse:
        """Return the response, whatever its status; `patient` waits until the total timeout.

        Raises SourceError for a response that is missing, too large or not JSON.
        """
        limits = self._limits
        read = limits.total_timeout if patient else limits.read_timeout
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate"}
        if token is not None:
            headers["Cookie"] = f"{COOKIE}={token}"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        raw = self._pool.request(
            method,
            f"{self.base}{path}" + (f"?{urlencode(query)}" if query else ""),
            body=data,
            headers=headers,
            timeout=urllib3.Timeout(connect=limits.connect_timeout, read=read),
            retries=False,
        )
        parsed = None
        try:
            # The fields of an object type stay text, because a server can send very many.
            parsed = split_json(raw.data, "fields", limits, WHO) if raw.data else None
        except (ValueError, RecursionError):
            if raw.status < 300:
                raise not_json(WHO) from None
        return TokenResponse(
            raw.status, parsed, dict(raw.headers), len(raw.data), _session_token(raw)
        )

    def _count(self, _: Mapping[str, str], size: int, __: str) -> None:
        self._meter.count(received=size, quota_spent=0)


def _session_token(raw: RawAnswer) -> str | None:
    headers = raw.headers
    cookies = headers.getlist("Set-Cookie") if isinstance(headers, urllib3.HTTPHeaderDict) else ()
    found = (_SET_COOKIE.match(each) for each in cookies)
    return next((match[1] for match in found if match), None)


def explain(reply: Response) -> Refusal:
    """Return the meaning of a failed response; the cause ends with PartnerOS's own words."""
    body, vendor_code = reply.fields, remote_code(reply)
    if 300 <= reply.status < 400:
        return Refusal(FAULTS.rows[-1], not_json(WHO))
    fault = FAULTS.find(vendor_code, str(body.get("error") or "")[:_LONGEST], reply.status)
    words = [body.get(key) for key in ("error", "cause")]
    detail = " ".join(one_line(text)[:_LONGEST] for text in words if isinstance(text, str))
    return Refusal(fault, fault.to_error(vendor_code, detail))


def remote_code(reply: Response) -> str:
    code = reply.fields.get("code")
    return code if isinstance(code, str) else ""
