"""One request has one end, from connecting to the last byte, however little comes each time.

A timeout of a socket bounds each read: a server that sends a byte now and then, or says `100
Continue` for ever, is in time with each. So the socket is shut down from outside when the time is
over.
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

# Answers in between (1xx) that are taken before the one that counts.
_MOST_INTERIM = 32
_current = threading.local()


class Deadline:
    """The end of the request that this thread is making; `who` is asked."""

    def __init__(self, who: str) -> None:
        self.expired = False
        self._who = who
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def watch(self, connection: socket.socket) -> None:
        """Shut this socket down when the time is over; raises SourceError where it is already."""
        # A socket of its own on the same connection: TLS takes the other one over.
        ours = socket.socket(fileno=socket.dup(connection.fileno()))
        with self._lock:
            self._sockets.append(ours)
            if not self.expired:
                return
        self.expire()
        raise timed_out(self._who)

    def expire(self) -> None:
        """End the request now; from any thread."""
        with self._lock:
            self.expired = True
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        """Leave the connections as they are."""
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()


@contextmanager
def ending_after(seconds: float, who: str) -> Iterator[Deadline]:
    """Let the block make one request; raises SourceError where it takes longer than `seconds`."""
    deadline = _current.deadline = Deadline(who)
    timer = threading.Timer(seconds, deadline.expire)
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
    # What was cut off may look like an answer that ended.
    if deadline.expired:
        raise timed_out(who)


def watch(connection: socket.socket | None) -> None:
    """Let the deadline of this thread, if it has one, end what this socket is used for."""
    deadline: Deadline | None = getattr(_current, "deadline", None)
    if deadline is not None and connection is not None:
        deadline.watch(connection)


def bound(manager: urllib3.PoolManager) -> None:
    """Let every connection of a pool manager end with the deadline of the thread that uses it."""
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


class _Response(http.client.HTTPResponse):
    """Takes so many answers in between and no more, where the library goes on for ever."""

    _interim = 0

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            self._interim += 1
            if self._interim > _MOST_INTERIM:
                raise http.client.HTTPException("no end of interim answers")
            version, status, reason = super()._read_status()  # type: ignore[misc]
            # The library knows of 100 only, and takes 103 for the answer.
            if not http.HTTPStatus.PROCESSING <= status < http.HTTPStatus.OK:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _HTTPConnection(HTTPConnection):
    response_class = _Response

    # Before TLS begins, whose first bytes may drip as well.
    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        watch(made)
        return made

    def request(self, *args: Any, **kwargs: Any) -> None:
        watch(self.sock)
        super().request(*args, **kwargs)


class _HTTPSConnection(_HTTPConnection, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection
