"""The console in a browser, through textual-serve, on loopback and behind a key.

Anyone who reaches the console can change mappings and use the stored credentials, and
textual-serve has no access control. So every request needs the key printed at the start (later
from a cookie) and the right host, and the websocket needs the right origin. Another page in the
same browser can't control the console.

The page is ours, because that of textual-serve loads a font from the internet. Its policy lets the
browser ask no other host.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from crmdeck.errors import UsageError
from crmdeck.home import HOME_VARIABLE

COOKIE = "crmdeck_web"
PAGE = Path(__file__).with_name("web_page")
# The terminal in the page writes styles of its own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GuardedServer(Server):
    """textual-serve that requires a `key`."""

    def __init__(self, command: str, *, host: str, port: int, key: str) -> None:
        # textual-serve would leave out the brackets of an IPv6 address.
        named = f"[{host}]" if ":" in host else host
        url = f"http://{named}" + (f":{port}" if port != 80 else "")
        super().__init__(
            command, host=host, port=port, title="crmdeck", public_url=url, templates_path=PAGE
        )
        self.key = key
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def url_with_key(self) -> str:
        """The address to open, with the key in it."""
        return f"{self.public_url}/?key={self.key}"

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        # textual-serve takes no middlewares. Its application takes more until it starts.
        app.middlewares.append(self._guard)
        app.router.add_get("/page.js", self._script)
        return app

    async def _script(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE / "page.js")

    def initialize_logging(self) -> None:
        # No log of requests: it would print the key on stdout.
        logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing yet: the server doesn't listen."""

    def serve(self, debug: bool = False) -> None:
        self.debug = debug
        self.initialize_logging()
        # As textual-serve does it, but the address is printed once the server listens.
        loop = asyncio.new_event_loop()
        with suppress(NotImplementedError):  # on Windows
            for stop in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(stop, self.request_exit)
        web.run_app(
            self._make_app(),
            host=self.host,
            port=self.port,
            handle_signals=False,
            loop=loop,
            print=self._announce,
        )

    def _announce(self, *_: object) -> None:
        """Print the address: the server listens now."""
        # Only the address goes to stdout.
        sys.stdout.write(f"{self.url_with_key}\n")
        sys.stdout.flush()
        sys.stderr.write("Press Ctrl+C to stop.\n")

    async def _process_messages(
        self, websocket: web.WebSocketResponse, app_service: AppService
    ) -> None:
        self._sockets.add(websocket)
        try:
            await super()._process_messages(websocket, app_service)
        finally:
            self._sockets.discard(websocket)

    async def on_shutdown(self, app: web.Application) -> None:
        # Otherwise Ctrl+C waits for tabs that are open until they miss a heartbeat.
        await asyncio.gather(*(socket.close() for socket in self._sockets))

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if f"http://{request.host}" != self.public_url:
            raise web.HTTPForbidden(text="crmdeck doesn't serve this host name.")
        origin = request.headers.get("Origin")
        if origin is not None and origin != self.public_url:
            raise web.HTTPForbidden(text="Only the console's own page can open it.")
        if request.path == "/" and self._opens(request.query.get("key")):
            answer = web.HTTPSeeOther("/")
            answer.set_cookie(COOKIE, self.key, httponly=True, samesite="Strict", path="/")
            raise answer
        if not self._opens(request.cookies.get(COOKIE)):
            raise web.HTTPForbidden(text="Open the address that crmdeck web printed.")
        response = await handler(request)
        if not response.prepared:
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Frame-Options"] = "DENY"
            response.headers["Content-Security-Policy"] = (
                f"{POLICY}; connect-src 'self' ws://{request.host}"
            )
        return response

    def _opens(self, key: str | None) -> bool:
        return key is not None and hmac.compare_digest(key.encode(), self.key.encode())


def make_server(arguments: Sequence[str], *, host: str, port: int) -> GuardedServer:
    """Return a server that runs `crmdeck ARGUMENTS` for each browser.

    Raises UsageError for a host other than loopback.
    """
    if host not in LOOPBACK:
        raise UsageError(
            f"Can't serve the console on {host}. Only loopback addresses work.",
            remedy="Forward the port instead: ssh -L 8000:127.0.0.1:8000 HOST",
            code="NOT_LOOPBACK",
        )
    command = shlex.join([sys.executable, "-m", "crmdeck", *arguments])
    return GuardedServer(command, host=host, port=port, key=secrets.token_urlsafe(24))


def serve_web(
    home: Path | str | None, *, demo: bool, read_only: bool, host: str, port: int
) -> None:
    """Serve the console until interrupted."""
    arguments = ["--demo"] if demo else []
    if home is not None:
        # Not an argument, which all users of the machine can see: a URL can contain a password.
        os.environ[HOME_VARIABLE] = str(home)
    if read_only:
        arguments.append("--read-only")
    make_server(arguments, host=host, port=port).serve()
