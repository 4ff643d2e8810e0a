"""Plain HTTP/1.1 on loopback with keep-alive."""

from __future__ import annotations

import gzip
import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from crmdeck.sandbox.messages import Reply

Answer = Callable[[str, str, Mapping[str, str], bytes], Reply | None]
_Socket = socket.socket | tuple[bytes, socket.socket]
"""What the base class calls a request; a tuple is one of UDP."""

_GZIP_FROM = 1024
_LOG = logging.getLogger(__name__)


class LoopbackServer(ThreadingHTTPServer):
    """Calls `answer` (method, target, headers, body) for every reply.

    None closes the connection without a reply. Port 0 picks a free port.
    """

    daemon_threads = True
    # Threads that wait for a client would delay the end.
    block_on_close = False
    # A refresh of HubSpot opens up to 60 connections at once. The usual queue takes five.
    request_queue_size = 64

    def __init__(self, port: int, answer: Answer) -> None:
        self.answer = answer
        self._open: set[_Socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer looks up the host name here, which can take seconds and isn't needed.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: _Socket, client_address: object) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: _Socket) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Close the connections that clients keep open."""
        with self._open_lock:
            still_open = list(self._open)
        for each in still_open:
            if isinstance(each, tuple):
                continue
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: object, client_address: object) -> None:
        # Clients may hang up at any time.
        if not isinstance(sys.exception(), OSError):
            _LOG.exception("Can't answer a request.")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "crmdeck-sandbox"
    sys_version = ""
    # Otherwise the body waits 40 ms for the acknowledgment of its header.
    disable_nagle_algorithm = True
    # Buffered, so that header and body leave together.
    wbufsize = 1 << 16
    server: LoopbackServer

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        asked = self.rfile.read(length) if length else b""
        answer = self.server.answer(self.command, self.path, dict(self.headers), asked)
        if answer is None:
            self.close_connection = True
            return
        body, headers = answer.body, dict(answer.headers)
        cut = answer.promised is not None
        packs = "gzip" in self.headers.get("Accept-Encoding", "")
        # A cut body stays plain: its promised length is that of the plain text.
        if packs and not cut and len(body) >= _GZIP_FROM:
            # On loopback only the processor's time counts.
            body = gzip.compress(body, compresslevel=1)
            headers["Content-Encoding"] = "gzip"
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        if answer.status not in {204, 304}:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(answer.promised if cut else len(body)))
        # Only the end of the connection shows a client that nothing more will come. The base class
        # ends it after this header.
        if cut:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        pass  # the sandbox has its own log
