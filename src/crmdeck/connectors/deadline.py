"""One deadline for each request, from connecting to the last byte of the response.

The timeout of a socket limits one read. A server that sends a byte now and then, or `100 Continue`
forever, never exceeds it. So a timer shuts the socket down from another thread.
"""

from __future__ import annotations

import contextlib
import http
import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from crmdeck.connectors.http import timed_out

# The most interim answers (1xx) before the final one.
_MOST_INTERIM = 32
_current = threading.local()


class Deadline:
    """The deadline of the request that this thread makes to `who`."""

    def __init__(self, who: str) -> None:
        self.expired = False
        self._who = who
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def watch(self, connection: socket.socket) -> None:
        """Shut this socket down at the deadline; raises SourceError if it has passed already."""
        # A second socket object on the same connection, because TLS detaches the first one.
        ours = socket.socket(fileno=socket.dup(connection.fileno()))
        with self._lock:
            self._sockets.append(ours)
            if not self.expired:
                return
        self.expire()
        raise timed_out(self._who)

    def expire(self) -> None:
        """End the request now, from any thread."""
        with self._lock:
            self.expired = True
            for each in self._sockets:
                # Closing a socket doesn't wake a thread that reads from it.
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        """Stop watching, and leave the connections open."""
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()


@contextmanager
def request_deadline(seconds: float, who: str) -> Iterator[Deadline]:
    """Allow the block one request of at most `seconds`; raises SourceError after that."""
    deadline = _current.deadline = Deadline(who)
    timer = threading.Timer(seconds, deadline.expire)
    # The process can exit before the deadline.
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    except Exception:
        if deadline.expired:
            raise timed_out(who) from None
        raise
    finally:
        _current.deadline = None
        timer.cancel()
        deadline.let_go()
    # A response that was cut off can look complete.
    if deadline.expired:
        raise timed_out(who)


def watch(connection: socket.socket | None) -> None:
    """Apply the deadline of this thread, if any, to a socket."""
    deadline: Deadline | None = getattr(_current, "deadline", None)
    if deadline is not None and connection is not None:
        deadline.watch(connection)


def bound(manager: urllib3.PoolManager) -> None:
    """Apply to each connection of a pool manager the deadline of the thread that uses it."""
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _Response(http.client.HTTPResponse):
    """Accepts a limited number of interim answers; the library has no limit."""

    _interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            self._interim += 1
            if self._interim > _MOST_INTERIM:
                raise http.client.HTTPException("no end of interim answers")
            version, status, reason = super()._read_status()  # type: ignore[misc]
            # The library skips only 100, and treats 103 as the final answer.
            if not http.HTTPStatus.PROCESSING <= status < http.HTTPStatus.OK:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _HTTPConnection(HTTPConnection):
    response_class = _Response

    # Start the deadline before the TLS handshake, which a server can slow down as well.
    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        watch(made)
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        # A connection from the pool is open already, and has another deadline now.
        watch(self.sock)
        super().request(*args, **kwargs)


class _HTTPSConnection(_HTTPConnection, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection
