"""What answers in a CRM's place and means no good, on loopback."""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import re
import socket
import threading
import zlib
from collections.abc import Callable
from typing import Self

MEGABYTE = 1024 * 1024
Answer = Callable[["Visitor"], None]


class Visitor:
    """One connection: the request's path, and what is sent to it."""

    def __init__(self, connection: socket.socket, path: str, stop: threading.Event) -> None:
        self._connection = connection
        self.path = path
        self.stop = stop
        self.sent = 0

    def send(self, data: bytes) -> None:
        """Send bytes; raises OSError once the other side has had enough."""
        self._connection.sendall(data)
        self.sent += len(data)

    def head(self, *headers: str, status: str = "200 OK") -> None:
        """Send the head of an answer."""
        lines = (f"HTTP/1.1 {status}", "Content-Type: application/json", *headers)
        self.send("\r\n".join((*lines, "", "")).encode("latin-1"))

    def json(self, value: object, *headers: str, status: str = "200 OK") -> None:
        """Send a whole answer."""
        body = json.dumps(value).encode()
        self.head(f"Content-Length: {len(body)}", *headers, status=status)
        self.send(body)


class HostileServer:
    """Answers every request alike, one request a connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.visitors: list[Visitor] = []

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            request = b""
            # A connection that is closed before all was read takes the answer back.
            while not _is_whole(request):
                part = connection.recv(65536)
                if not part:
                    return
                request += part
            path = request.split(b" ", 2)[1].decode("latin-1")
            visitor = Visitor(connection, path, self._stop)
            self.visitors.append(visitor)
            self._answer(visitor)


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def endless(to: Visitor) -> None:
    to.head("Transfer-Encoding: chunked")
    while not to.stop.is_set():
        to.send(b"10000\r\n" + b"[" * 65536 + b"\r\n")


def dripping(to: Visitor) -> None:
    to.head("Content-Length: 100000")
    while not to.stop.wait(0.1):
        to.send(b"[")


def fifty_megabytes(to: Visitor) -> None:
    to.head(f"Content-Length: {50 * MEGABYTE}")
    for _ in range(50):
        to.send(b" " * MEGABYTE)


def longer_than_it_is(to: Visitor) -> None:
    to.head("Content-Length: 5000")
    to.send(b'{"records": [')


def shorter_than_it_is(to: Visitor) -> None:
    to.head("Content-Length: 5")
    to.send(b'{"access_token": "x"}HTTP/1.1 200 OK\r\n\r\n{}')


def no_length(to: Visitor) -> None:
    to.head("Content-Length: -7")
    to.send(b"{}")


def two_lengths(to: Visitor) -> None:
    to.head("Content-Length: 2", "Content-Length: 900")
    to.send(b"{}")


def bad_chunks(to: Visitor) -> None:
    to.head("Transfer-Encoding: chunked")
    to.send(b"zz\r\n{}\r\n0\r\n\r\n")


def elsewhere(to: Visitor) -> None:
    to.json({}, "Location: http://evil.example/?t=1", status="302 Found")


def elsewhere_without_end(to: Visitor) -> None:
    to.head("Location: /", "Transfer-Encoding: chunked", status="302 Found")
    while not to.stop.is_set():
        to.send(b"10000\r\n" + b"[" * 65536 + b"\r\n")


def in_circles(to: Visitor) -> None:
    to.json({}, f"Location: {to.path}", status="307 Temporary Redirect")


@functools.cache
def zeros_by(pack: Callable[[bytes], bytes]) -> bytes:
    """Return fifty megabytes of nothing, packed."""
    return pack(bytes(50 * MEGABYTE))


def gzip_bomb(to: Visitor) -> None:
    packed = zeros_by(gzip.compress)
    to.head("Content-Encoding: gzip", f"Content-Length: {len(packed)}")
    to.send(packed)


def deflate_bomb(to: Visitor) -> None:
    packed = zeros_by(zlib.compress)
    to.head("Content-Encoding: deflate", f"Content-Length: {len(packed)}")
    to.send(packed)


def twice_packed(to: Visitor) -> None:
    packed = gzip.compress(zeros_by(gzip.compress))
    to.head("Content-Encoding: gzip, gzip", f"Content-Length: {len(packed)}")
    to.send(packed)


def falsely_packed(to: Visitor) -> None:
    to.head("Content-Encoding: gzip", "Content-Length: 2")
    to.send(b"{}")


def packed_by(encoding: str) -> Answer:
    """Return the answer of an encoding that crmdeck never asks for; its bytes are never decoded."""

    def bomb(to: Visitor) -> None:
        to.head(f"Content-Encoding: {encoding}", f"Content-Length: {MEGABYTE}")
        to.send(bytes(MEGABYTE))

    return bomb


def no_http(to: Visitor) -> None:
    to.send(b"\x16\x03\x01 hello \xff\xfe\r\n\r\n")


def too_many_headers(to: Visitor) -> None:
    to.send(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n{}")


def an_endless_header(to: Visitor) -> None:
    to.send(b"HTTP/1.1 200 OK\r\nX-A: ")
    while not to.stop.is_set():
        to.send(b"a" * 65536)


def dripping_headers(to: Visitor) -> None:
    to.send(b"HTTP/1.1 200 OK\r\nX-A: ")
    while not to.stop.wait(0.1):
        to.send(b"a")


def many_small_headers(to: Visitor) -> None:
    to.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(90):
        if to.stop.wait(0.1):
            return
        to.send(b"X-%d: a\r\n" % number)


def continue_for_ever(to: Visitor) -> None:
    while not to.stop.wait(0.001):
        to.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def continue_at_once(to: Visitor) -> None:
    while not to.stop.is_set():
        to.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def continue_now_and_then(to: Visitor) -> None:
    while not to.stop.wait(0.1):
        to.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")


def hung_up(to: Visitor) -> None:
    to.send(b"HTTP/1.1 200 OK\r\nContent-")


def odd_headers(to: Visitor) -> None:
    said = ("Sforce-Limit-Info", "X-HubSpot-RateLimit-Remaining", "X-HubSpot-RateLimit-Daily")
    odd = ("api-usage=²/³", "²", "9" * 5000)
    more = ("Retry-After: nan", "Date: Mon, 01 Jan 0001 00:00:00 +2359")
    length = "X-HubSpot-RateLimit-Interval-Milliseconds: " + "9" * 400
    headers = [f"{name}: {value}" for name, value in zip(said, odd, strict=True)]
    daily = "X-HubSpot-RateLimit-Daily-Remaining: ³"
    to.json({"status": "error"}, *headers, *more, length, daily, status="429 Too Many")


def deep(to: Visitor) -> None:
    body = b'{"a":' * 100_000
    to.head(f"Content-Length: {len(body)}")
    to.send(body)


def all_numbers(to: Visitor) -> None:
    numbers = {"expires_in": 1e300, "exp": 10**40, "hub_id": True, "records": 5, "objects": 7}
    to.json({**numbers, "access_token": "t", "sobjects": {"a": 1}, "results": "x", "fields": 1})


def no_end_of_pages(to: Visitor) -> None:
    following = "/services/data/v60.0/tooling/query/next-2000"
    page = {"next": {"after": "again"}}
    rows = [{"Id": "1", "version": "60.0", "name": "x"}]
    to.json({"records": rows, "results": rows, "nextRecordsUrl": following, "paging": page})


ANSWERS: tuple[Answer, ...] = (
    endless,
    dripping,
    fifty_megabytes,
    longer_than_it_is,
    shorter_than_it_is,
    no_length,
    two_lengths,
    bad_chunks,
    elsewhere,
    elsewhere_without_end,
    in_circles,
    gzip_bomb,
    deflate_bomb,
    twice_packed,
    falsely_packed,
    no_http,
    too_many_headers,
    an_endless_header,
    dripping_headers,
    many_small_headers,
    continue_for_ever,
    continue_at_once,
    continue_now_and_then,
    hung_up,
    odd_headers,
    deep,
    all_numbers,
    no_end_of_pages,
)
