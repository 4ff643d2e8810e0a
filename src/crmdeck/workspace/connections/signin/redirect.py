"""The loopback server to which the browser returns after a sign-in.

Source: RFC 8252, "OAuth 2.0 for Native Apps", section 7.3 and 8.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from crmdeck.errors import CrmdeckError

_SECONDS_FOR_A_REQUEST = 10.0
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>crmdeck</title></head>
<body style="font-family: sans-serif; margin: 4em auto; max-width: 30em">
<h1>{title}</h1><p>{text}</p></body></html>
"""


class PortInUseError(CrmdeckError):
    """Another program uses the redirect port."""

    code = "PORT_IN_USE"


class RedirectServer:
    """Listens on every address of `localhost`, and passes each query of `path` to `take`.

    The browser chooses among the addresses. `take` returns True for the expected answer, and the
    browser shows that.
    """

    def __init__(self, port: int, path: str, take: Callable[[str], bool]) -> None:
        servers: list[_Server] = []
        try:
            for family, address in _addresses():
                kind = _ServerV6 if family == socket.AF_INET6 else _Server
                servers.append(kind((address, port), _Handler))
                # If any port will do, the first server chooses it for all.
                port = servers[0].server_address[1]
        except OSError as error:
            for server in servers:
                server.server_close()
            raise PortInUseError(
                f"Can't listen on port {port}.",
                cause=f"{error.strerror or type(error).__name__}.",
                remedy="Stop the program that uses the port, or add another port to the app's "
                "callback URLs and use it: --redirect-port PORT",
            ) from None
        self.port, self._servers = port, servers
        for server in servers:
            server.path, server.take = path, take
            # `close` waits for one interval, by default half a second for each server.
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
            ).start()

    def close(self) -> None:
        """Stop listening."""
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # On Windows it lets two servers share the port; elsewhere it only makes the port free sooner.
    allow_reuse_address = os.name == "posix"
    path: str
    take: Callable[[str], bool]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a browser that closes its connection isn't the user's problem


class _ServerV6(_Server):
    address_family = socket.AF_INET6


def _addresses() -> list[tuple[int, str]]:
    """Return the loopback addresses that `localhost` resolves to, 127.0.0.1 first."""
    found: list[tuple[int, str]] = [(socket.AF_INET, "127.0.0.1")]
    with suppress(OSError):
        for family, _, _, _, address in socket.getaddrinfo("localhost", 0):
            each = (int(family), str(address[0]))
            if each not in found and ipaddress.ip_address(each[1]).is_loopback and _exists(*each):
                found.append(each)
    return found


def _exists(family: int, address: str) -> bool:
    # A machine can resolve a name to an address that it doesn't have.
    with suppress(OSError), socket.socket(family) as probe:
        probe.bind((address, 0))
        return True
    return False


class _Handler(BaseHTTPRequestHandler):
    # A program that connects and never sends would keep its thread.
    timeout = _SECONDS_FOR_A_REQUEST
    server_version = "crmdeck"
    sys_version = ""
    server: _Server

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path != self.server.path:
            self._show(404, "Page not found", "crmdeck waits for a sign-in at this address.")
        elif self.server.take(query):
            self._show(200, "Signed in", "Close this page and return to crmdeck.")
        else:
            self._show(400, "Unknown sign-in", "Start again with the link from crmdeck.")

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

    def log_message(self, format: str, *args: object) -> None:
        pass  # the path contains the code
