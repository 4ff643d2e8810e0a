"""Checks before every request, and headers of every answer."""

from __future__ import annotations

import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.server.addresses import host_of, is_address
from crmdeck.server.errors import (
    MAX_BODY,
    CrossOriginError,
    TooLargeError,
    TwoLengthsError,
    WrongHostError,
    error_response,
    internal_error,
)

_DIGITS = 15
_OWN_NAMES = ("localhost", socket.gethostname())
_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
# Answers aren't pages: a browser that shows one loads and runs nothing.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Rejects requests of other sites' pages and large bodies; answers get safe headers.

    The session cookie is SameSite=Strict, which browsers don't send with requests that another site
    starts. The check of `Origin` covers those that do, and signing in, which needs no cookie.
    `origins` are accepted in addition to the request's own host. `hosts` are the accepted host
    names: a name of another site that resolves to this server isn't one. An IP address can't be
    made to lead elsewhere, and is accepted.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Collection[str] = (),
        hosts: Collection[str] = (),
        secure: bool,
    ) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._hosts = frozenset(map(host_of, (*hosts, *_OWN_NAMES)))
        self._headers = dict(_HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_safely(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, _bounded(receive), send_safely)
        except CrmdeckError as error:
            # The status is sent, so only a broken connection can still show the failure.
            if begun:
                raise
            await error_response(error)(scope, receive, send_safely)
        except Exception as error:
            if begun:
                raise
            await internal_error(error)(scope, receive, send_safely)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if length.isdecimal() and (len(length) > _DIGITS or int(length) > MAX_BODY):
            raise TooLargeError
        if length and "transfer-encoding" in headers:
            # A proxy in front may use the other one, and take part of a body for the next request.
            raise TwoLengthsError(
                "The request is invalid.",
                cause="The request has both a Content-Length and a Transfer-Encoding.",
                remedy="Send only one of them.",
            )
        names = [name for name, _ in QueryParams(scope["query_string"]).multi_items()]
        if len(names) > len(set(names)):
            # Readers must not differ in which one applies.
            raise UsageError(
                "The request is invalid.",
                cause="A query parameter appears twice.",
                remedy="Send each parameter once.",
            )
        host = host_of(headers.get("host", ""))
        if host not in self._hosts and not is_address(host):
            raise WrongHostError(
                "This server doesn't serve the requested host.",
                cause="The Host header isn't one of the server's names.",
                remedy="Ask the administrator of this server to add the host to server_hosts.",
            )
        origin = headers.get("origin")
        # These methods change nothing, and browsers keep the response from a page of another site.
        if scope["method"] in _SAFE or origin in self._origins:
            return
        foreign = origin is not None and not _same_host(origin, headers.get("host", ""))
        if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise CrossOriginError(
                "A page of another site can't send this request.",
                cause="The request's Origin differs from the server's address.",
                remedy="Ask the administrator of this server to set its public URL.",
            )


def _same_host(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def _bounded(receive: Receive) -> Receive:
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            # The framework takes any other exception here for a malformed body.
            raise HTTPException(TooLargeError.http_status)
        return message

    return receive_bounded
