"""One request to PartnerOS over httpx: bounded in time and size, errors in words for people."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

from crmdeck.connectors.base import Meter
from crmdeck.connectors.caller import Refusal
from crmdeck.connectors.deadline import ending_after, watch
from crmdeck.connectors.faults import load_faults
from crmdeck.connectors.http import (
    Reply,
    broken_off,
    check_endpoint,
    not_json,
    timed_out,
    too_large,
    unreachable,
)
from crmdeck.connectors.limits import Limits
from crmdeck.errors import UsageError, one_line

WHO = "PartnerOS"
FAULTS = load_faults("partneros")
NO_ACTIVE_ORGANISATION = "NO_ACTIVE_ORGANIZATION"
COOKIE = "session_token"
_LONGEST = 300


@dataclass(frozen=True)
class Answer(Reply):
    """One answer of PartnerOS, with the session token that its cookie sets."""

    session_token: str | None = field(default=None, repr=False)


class _Own(threading.local):
    """What a thread has of its own: a client, and a socket on the connection it last made."""

    client: httpx.Client | None = None
    connection: socket.socket | None = None

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of a connection that is made."""
        if event == "connection.connect_tcp.complete":
            self.end()
            made = info["return_value"].get_extra_info("socket")
            self.connection = socket.socket(fileno=os.dup(made.fileno()))
            watch(self.connection)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """End the connection where the block fails."""
        try:
            yield
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Let the connection end; the client has given it up."""
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()
            self.connection = None


class Transport:
    """Sends requests below `<endpoint>/api`. TLS is verified, redirects are not followed."""

    def __init__(self, endpoint: str | None, limits: Limits, meter: Meter) -> None:
        if not endpoint:
            raise UsageError(
                "The connection has no endpoint.",
                cause="The source partneros needs the base URL of PartnerOS.",
                remedy="Set it: crmdeck connections set NAME --endpoint https://HOST",
                code="BAD_ENDPOINT",
            )
        base = check_endpoint(endpoint).removesuffix("/api")
        self.base = f"{base}/api"
        self._limits = limits
        self._meter = meter
        # A proxy of the environment has no business between two programs on this machine.
        local = urlsplit(base).scheme == "http"
        self._trust_env = not local
        self._tls = httpx.create_ssl_context(trust_env=not local)
        self._own = _Own()

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        patient: bool = False,
    ) -> Answer:
        """Return the answer, whatever its status; `patient` waits for the whole time allowed.

        Raises SourceError where none comes, or one that is too large or is not JSON.
        """
        limits = self._limits
        read = limits.total_timeout if patient else limits.read_timeout
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Cookie"] = f"{COOKIE}={token}"
        with self._own.ending(), ending_after(limits.total_timeout, WHO):
            try:
                watch(self._own.connection)
                with self._client.stream(
                    method,
                    f"{self.base}{path}",
                    params=query,
                    json=body,
                    headers=headers,
                    timeout=httpx.Timeout(read, connect=limits.connect_timeout),
                    extensions={"trace": self._own.note},
                ) as response:
                    data = self._read(response)
            except httpx.ConnectTimeout as error:
                raise unreachable(WHO, error) from None
            except httpx.TimeoutException:
                raise timed_out(WHO) from None
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.DecodingError) as error:
                raise broken_off(WHO, error) from None
            except httpx.HTTPError as error:
                raise unreachable(WHO, error) from None
        return Answer(
            response.status_code,
            _parsed(response, data),
            dict(response.headers),
            len(data),
            next((each.value for each in response.cookies.jar if each.name == COOKIE), None),
        )

    @property
    def _client(self) -> httpx.Client:
        """Return this thread's own client, whose one connection is known."""
        if self._own.client is None:
            # Each request carries its own cookie; what answers set is not to linger.
            jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            self._own.client = httpx.Client(
                verify=self._tls, trust_env=self._trust_env, follow_redirects=False, cookies=jar
            )
        return self._own.client

    def _read(self, response: httpx.Response) -> bytes:
        data = bytearray()
        try:
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > self._limits.max_bytes:
                    raise too_large(WHO, self._limits.max_bytes)
        finally:
            # As it came over the wire, packed.
            self._meter.count(received=response.num_bytes_downloaded, quota_spent=0)
        return bytes(data)


def _parsed(response: httpx.Response, data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except (ValueError, RecursionError):
        if response.status_code < 300:
            raise not_json(WHO) from None
        return None


def explain(reply: Reply) -> Refusal:
    """Return what an answer that is a failure means; its own words come after ours."""
    body = reply.body if isinstance(reply.body, Mapping) else {}
    code = body.get("code")
    vendor_code = code if isinstance(code, str) else ""
    if 300 <= reply.status < 400:
        return Refusal(FAULTS.rows[-1], not_json(WHO))
    fault = FAULTS.find(vendor_code, str(body.get("error") or "")[:_LONGEST], reply.status)
    said = [body.get(key) for key in ("error", "cause")]
    detail = " ".join(one_line(text)[:_LONGEST] for text in said if isinstance(text, str))
    return Refusal(fault, fault.to_error(vendor_code, detail))


def remote_code(reply: Reply) -> str:
    """Return the code of a failure's body, empty where it has none."""
    code = reply.body.get("code") if isinstance(reply.body, Mapping) else None
    return code if isinstance(code, str) else ""
