"""Clients that take their time: held in bounds, while the others are answered."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import time
from typing import Any

import httpx
import pytest

from crmdeck.server.addresses import rate_limit_key
from crmdeck.server.connections import RequestLimits
from crmdeck.server.log import LONGEST_LINE, JsonFormatter, RepeatLimit

from .conftest import House, serving

HALF_A_HEADER = b"GET /api/auth/session HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
HALF_A_BODY = (
    b"POST /api/auth/sign-in/email HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Connection: close\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)
LARGE = 30_000_000


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def rest_of(connection: socket.socket) -> bytes:
    """Return what comes until the other side ends the connection."""
    taken = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            taken += part
    return bytes(taken)


def test_half_sent_requests_make_room_for_whole_ones(house: House) -> None:
    limits = RequestLimits(header=3600, body=3600, connections=20)
    with serving(house.app, limits) as url, contextlib.ExitStack() as held:
        sockets = []
        for number in range(60):
            sockets.append(held.enter_context(connect(url)))
            sockets[-1].sendall(HALF_A_BODY if number % 2 else HALF_A_HEADER)
        for _ in range(5):
            assert httpx.get(f"{url}/api/auth/session", timeout=30).status_code == 401
        # The oldest went; who came last still has its turn.
        assert [rest_of(each) for each in sockets[:40]] == [b""] * 40
        sockets[-1].sendall(b" " * 99)
        assert rest_of(sockets[-1]).startswith(b"HTTP/1.1 400 ")


def test_request_with_two_lengths_is_rejected(served: House) -> None:
    host = served.url.removeprefix("http://").encode()
    second = b"GET /api/openapi.json HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    first = (
        b"POST /api/auth/sign-in/email HTTP/1.1\r\nHost: " + host + b"\r\n"
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    with connect(served.url) as client:
        client.sendall(first + second)
        answers = rest_of(client)
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert answers.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b""),
        (HALF_A_HEADER, b"HTTP/1.1 408 "),
        (HALF_A_BODY, b"HTTP/1.1 408 "),
        (HALF_A_HEADER.replace(b"X-Slow: ", b"\r\n") + HALF_A_HEADER, b"HTTP/1.1 401 "),
    ],
)
def test_a_request_that_does_not_arrive_in_time_ends(
    house: House, sent: bytes, answered: bytes
) -> None:
    with (
        serving(house.app, RequestLimits(header=0.2, body=0.2)) as url,
        connect(url) as connection,
    ):
        connection.sendall(sent)
        taken = rest_of(connection)
        assert taken.startswith(answered)
        assert bool(taken) == bool(answered)
        if sent.count(b"HTTP") == 2:
            assert b"HTTP/1.1 408 " in taken
        assert httpx.get(f"{url}/api/auth/session", timeout=30).status_code == 401


async def tell_delay(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    connection = receive.__self__.transport.get_extra_info("socket")
    delays = not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"yes" if delays else b"no"})


def test_response_body_is_sent_without_delay() -> None:
    with serving(tell_delay) as url:
        assert httpx.get(url, timeout=30).text == "no"


async def large_answer(_: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(LARGE)})


@pytest.mark.parametrize("reads", [True, False])
def test_slow_reader_of_large_response_is_dropped(reads: bool) -> None:
    limits = RequestLimits(stall=3600 if reads else 0.2, header=0.5)
    server = serving(large_answer, limits)
    with server as url, connect(url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        if reads:
            assert len(rest_of(connection)) > LARGE
            return
        assert connection.recv(1)
        while server.connections():
            time.sleep(0.01)
        assert len(rest_of(connection)) < LARGE


def test_repeated_log_records_are_counted() -> None:
    now = 0.0
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(self.format(record))["message"])

    handler = Lines()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RepeatLimit(most=3, window=60, timer=lambda: now))
    log = logging.Logger("flood")
    log.addHandler(handler)
    for number in range(1000):
        log.warning("Refused %s.", number)
    log.warning("Something else: %s", "x\x1b[2J\n" * LONGEST_LINE)
    assert lines[:3] == ["Refused 0.", "Refused 1.", "Refused 2."]
    assert len(lines) == 4
    assert len(lines[3]) <= LONGEST_LINE + 3
    assert lines[3].isprintable()
    now = 61.0
    log.warning("Refused %s.", "again")
    assert lines[4] == "(997 similar records left out.) Refused again."


def test_an_ipv6_client_is_counted_by_the_network_that_it_has() -> None:
    assert rate_limit_key("2001:db8:1:2::5") == rate_limit_key("2001:db8:1:2:ffff::1")
    assert rate_limit_key("2001:db8:1:3::5") != rate_limit_key("2001:db8:1:2::5")
    assert rate_limit_key("::ffff:192.0.2.1") == rate_limit_key("192.0.2.1") == "192.0.2.1"
    assert rate_limit_key("") == ""
