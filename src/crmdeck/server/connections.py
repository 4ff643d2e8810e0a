"""Connections of clients: limits in time and in number.

uvicorn waits for a request as long as its client likes, so a few hundred half-sent requests could
hold all sockets of the process. Here the header and the body each have a time limit, and a client
that reads a response has to keep reading. If there are too many connections, the server closes
the one that has waited longest at the busiest address, so that a client that sends a whole request
gets a response.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from crmdeck.server.addresses import rate_limit_key

_LINGER = 2.0
_TOO_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\n"
    b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
)
_TOO_LATE_BODY = b'{"error": "The request did not arrive in time.", "code": "REQUEST_TIMEOUT"}'

FEWEST_CONNECTIONS = 32
MOST_CONNECTIONS = 1024
BACKLOG = 64
# For the process itself: the cache, its log, CRMs, and as many as are accepted at once.
_RESERVED = 128 + BACKLOG
_WANTED = 4096


@dataclass(frozen=True)
class RequestLimits:
    """How long a client may take, in seconds, and how many connections there may be.

    `header` runs from connecting (or from the last response), `body` from the end of the header. A
    reader of a response has to accept `pace` bytes per second, checked every `stall` seconds.
    """

    header: float = 10.0
    body: float = 30.0
    stall: float = 30.0
    pace: int = 1024
    connections: int = MOST_CONNECTIONS


class Crowd:
    """All connections of a server, and which of them wait for their client."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: set[BoundedProtocol] = set()
        # Dictionaries keep their order: the first connection has waited longest.
        # Counted by address, so that one client's many connections don't affect others.
        self._waiting: dict[str, dict[BoundedProtocol, None]] = {}

    def enter(self, connection: BoundedProtocol) -> None:
        """Admit a connection; without room, another one or this one is dropped."""
        if len(self._all) >= self._most:
            dropped = self._dispensable() or connection
            dropped.drop()
            self.leave(dropped)
        else:
            dropped = None
        if dropped is not connection:
            self._all.add(connection)

    def leave(self, connection: BoundedProtocol) -> None:
        self._all.discard(connection)
        self.works(connection)

    def waits(self, connection: BoundedProtocol) -> None:
        """Record that a connection now waits for its client."""
        if connection in self._all:
            self._waiting.setdefault(connection.rate_limit_key, {})[connection] = None

    def works(self, connection: BoundedProtocol) -> None:
        """Record that a connection has a whole request."""
        neighbors = self._waiting.get(connection.rate_limit_key)
        if neighbors is not None:
            neighbors.pop(connection, None)
            if not neighbors:
                del self._waiting[connection.rate_limit_key]

    def _dispensable(self) -> BoundedProtocol | None:
        """Return the unanswered connection that has waited longest at the busiest address."""
        for neighbors in sorted(self._waiting.values(), key=len, reverse=True):
            for each in neighbors:
                # A response that is being sent must not be cut off.
                if each.transport.get_write_buffer_size() == 0:
                    return each
        return None


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol over h11, with time limits."""

    def __init__(self, *args: Any, limits: RequestLimits, crowd: Crowd, **more: Any) -> None:
        super().__init__(*args, **more)
        self._limits = limits
        self._crowd = crowd
        self._phase: tuple[object, object] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self.rate_limit_key = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        # asyncio turns this on only for sockets whose protocol number is given, so the body of an
        # answer would wait 40 ms for the acknowledgment of its header.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rate_limit_key = rate_limit_key(self.client[0] if self.client else "")
        self._crowd.enter(self)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._stall):
            if timer is not None:
                timer.cancel()
        self._crowd.leave(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def drop(self) -> None:
        self.transport.abort()

    def _watch(self) -> None:
        """Start the clock of the request's phase, if it entered a new one."""
        # The cycle too, because the next request of a connection begins in the same state.
        phase = (self.conn.their_state, self.cycle)
        if phase == self._phase:
            return
        self._phase = phase
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        seconds = {h11.IDLE: self._limits.header, h11.SEND_BODY: self._limits.body}.get(phase[0])
        if seconds is None:
            self._crowd.works(self)
            return
        self._crowd.waits(self)
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self.transport.is_closing():
            return
        begun = self.conn.their_state is h11.SEND_BODY or bool(self.conn.trailing_data[0])
        if begun and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_TOO_LATE % (len(_TOO_LATE_BODY), _TOO_LATE_BODY))
        if self.cycle is not None:
            # The application must not add to that.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # Closing still sends the response, which aborting would drop.
        self.transport.close()
        # A client that doesn't read its response would keep the socket open.
        self.loop.call_later(_LINGER, self.drop)

    def _watch_reader(self, before: int | None = None) -> None:
        left = self.transport.get_write_buffer_size()
        if before is not None and before - left < self._limits.pace * self._limits.stall:
            self.drop()
            return
        self._stall = self.loop.call_later(self._limits.stall, self._watch_reader, left)


def room_for_connections() -> int:
    """Return this process's maximum of connections, after asking the system for more."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(hard, _WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, soft - _RESERVED))
