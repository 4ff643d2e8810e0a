"""What stands before every request and after every answer."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmdeck.errors import CrmdeckError
from crmdeck.server.errors import (
    MAX_BODY,
    CrossOriginError,
    TooLargeError,
    error_response,
    internal_error,
)

_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Refuses requests of other sites' pages and large bodies; answers carry safe headers.

    The session cookie is SameSite=Lax, which browsers do not send along with another site's
    POST. The check of `Origin` holds where they do, and for signing in, which needs no cookie.
    `origins` are taken besides the one that the request itself was sent to.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str] = (), secure: bool) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._headers = dict(_HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
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
        if length.isdigit() and int(length) > MAX_BODY:
            raise TooLargeError
        origin = headers.get("origin")
        if scope["method"] in _SAFE or origin is None or origin in self._origins:
            return
        if urlsplit(origin).netloc != headers.get("host"):
            raise CrossOriginError(
                "A page of another site must not send this.",
                cause="The request's Origin is not the address of this server.",
                remedy="Behind a proxy, start crmdeck serve with --public-url.",
            )


def _bounded(receive: Receive) -> Receive:
    taken = 0

    async def receive_bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            # The framework takes any other exception in here for a malformed body.
            raise HTTPException(TooLargeError.http_status)
        return message

    return receive_bounded
