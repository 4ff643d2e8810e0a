"""The loopback end of a sign-in: a small server that the browser comes back to.

Source: RFC 8252, "OAuth 2.0 for Native Apps", section 7.3 and 8.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from crmdeck.errors import CrmdeckError

_SECONDS_FOR_A_REQUEST = 10.0
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>crmdeck</title></head>
<body style="font-family: sans-serif; margin: 4em auto; max-width: 30em">
<h1>{title}</h1><p>{text}</p></body></html>
"""


class PortInUseError(CrmdeckError):
    """The port that the browser is to come back to is taken."""

    code = "PORT_IN_USE"


class RedirectServer:
    """Listens on 127.0.0.1 and hands each query that comes to `path` to `take`.

    `take` returns whether the query was the awaited one; the browser is told so.
    """

    def __init__(self, port: int, path: str, take: Callable[[str], bool]) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise PortInUseError(
                f"Port {port} of this machine can't be listened on.",
                cause=f"{error.strerror or type(error).__name__}.",
                remedy="End what uses it, or choose another --redirect-port and add it to the "
                "app's callback URLs.",
            ) from None
        self._server.path, self._server.take = path, take
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening; harmless when that is done already."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Elsewhere it lets the port be used again at once; on Windows two servers could share it.
    allow_reuse_address = os.name == "posix"
    path: str
    take: Callable[[str], bool]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that breaks off is no concern of the user's."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _SECONDS_FOR_A_REQUEST
    server_version = "crmdeck"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        """Answer the browser."""
        path, _, query = self.path.partition("?")
        if path != self.server.path:
            self._show(404, "Nothing here", "This is where crmdeck waits for a sign-in.")
        elif self.server.take(query):
            self._show(200, "crmdeck has the answer", "Close this page and go back to crmdeck.")
        else:
            self._show(
                400, "Not the awaited sign-in", "Start again from the link that crmdeck gave."
            )

    def _show(self, status: int, title: str, text: str) -> None:
        page = _PAGE.format(title=title, text=text).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the path holds the code."""
