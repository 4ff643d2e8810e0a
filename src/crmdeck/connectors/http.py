"""HTTP answers of limited size, and errors for network failures."""

from __future__ import annotations

import ctypes
import io
import ipaddress
import json
import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from crmdeck.clock import later
from crmdeck.connectors.limits import Limits
from crmdeck.errors import SourceError, UsageError
from crmdeck.formats import json_values
from crmdeck.formats.json_values import MalformedError
from crmdeck.model import to_utc
from crmdeck.redaction import redact
from crmdeck.text import split_url

_CHUNK = 64 * 1024
_LARGE = 1024 * 1024
_M_MMAP_THRESHOLD = -3  # of malloc.h
# No count of a CRM is longer, and int() itself rejects very long texts.
_DIGITS = 15
_OK = 200
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_BYTES_OF_PART = 50
# urllib3 decodes brotli and zstd only if optional packages are installed, some without a limit.
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")
_REFUSED = {"br": "brotli", "zstd": "zstd", "compress": "compress"}


@dataclass(frozen=True)
class Response:
    """One answer of a CRM; `body` is the parsed JSON, or None."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 0

    @property
    def fields(self) -> Mapping[str, object]:
        """The body if it is a JSON object, else an empty one."""
        return self.body if isinstance(self.body, Mapping) else {}

    def header(self, name: str) -> str | None:
        """Return a header; its case doesn't matter."""
        wanted = name.casefold()
        return next((v for k, v in self.headers.items() if k.casefold() == wanted), None)


class AnswerTooLargeError(SourceError):
    """A response that is larger than crmdeck accepts."""

    code = "ANSWER_TOO_LARGE"


def check_endpoint(endpoint: str) -> str:
    """Return `endpoint` without a trailing slash.

    Raises UsageError if it isn't a URL, or is plain http to another host than loopback.
    """
    parts = split_url(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"The endpoint '{redact(endpoint)}' isn't a URL.",
            cause="An endpoint starts with https:// (or http:// on loopback) and a host.",
            remedy="Set the endpoint: crmdeck connections set NAME --endpoint https://HOST",
            code="BAD_ENDPOINT",
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise UsageError(
            f"The endpoint at {parts.hostname} isn't encrypted.",
            cause="Plain http exposes the token to the network. Only loopback is safe.",
            remedy="Use https: crmdeck connections set NAME --endpoint https://HOST",
            code="INSECURE_ENDPOINT",
        )
    return endpoint.rstrip("/")


def check_origin(url: str) -> str:
    """Return only scheme and host of a URL that a CRM reports as its own.

    Raises UsageError like `check_endpoint`, and if the host contains a secret.
    """
    parts = split_url(check_endpoint(url))
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if redact(origin) != origin:
        raise UsageError(
            "The CRM reported an address that can't be its own.",
            cause="The host name contains a secret.",
            remedy="Check for a proxy or another server that answers instead of the CRM.",
            code="BAD_ENDPOINT",
        )
    return origin


def read_body(raw: urllib3.BaseHTTPResponse, limits: Limits, who: str) -> bytes:
    """Return the decompressed body of a response.

    Raises AnswerTooLargeError above `limits.max_bytes`, or if the JSON would need more than
    `limits.max_memory`; inside `one_large_answer` only above `limits.max_bytes_alone`. Raises
    SourceError if the response is cut short, or compressed in a format that crmdeck didn't ask for.
    All close the connection.
    """
    body = io.BytesIO()
    most = limits.max_bytes
    has_slot = False
    may_be_large = raw.status == _OK and getattr(_of_thread, "may_be_large", False)
    formats = raw.headers.get("Content-Encoding", "").casefold().replace(" ", "").split(",")
    try:
        # Check before the first byte is read: the response could be a decompression bomb.
        if unknown := next((each for each in formats if each not in _ENCODINGS), None):
            raise unknown_encoding(who, unknown)
        for chunk in raw.stream(_CHUNK, decode_content=True):
            if not has_slot and body.tell() + len(chunk) > limits.share:
                # The other bodies wait: together they would need more than the memory.
                has_slot = _slots.acquire(timeout=limits.total_timeout)
                if not has_slot:
                    raise timed_out(who)
            if may_be_large and body.tell() + len(chunk) > most:
                if not _of_thread.has_turn:
                    _of_thread.has_turn = _large_one.acquire()
                most = limits.max_bytes_alone
            if body.tell() + len(chunk) > most:
                raise too_large(who, most)
            if body.tell() > _LARGE:
                _free_large_blocks()
            body.write(chunk)
    except SourceError:
        # A connection with unread bytes can't serve another request.
        raw.close()
        raise
    except (HTTPError, ValueError, OSError) as error:
        raw.close()
        late = isinstance(error, ReadTimeoutError)
        raise timed_out(who) if late else broken_off(who, error) from None
    finally:
        if has_slot:
            _slots.release()
    raw.release_conn()
    data = body.getvalue()
    if limits.on_body is not None:
        asked = getattr(raw, "_original_response", None)
        limits.on_body(getattr(asked, "_method", ""), raw.url or "", raw.status, data)
    if not may_be_large:
        check_memory(data, limits, who)
    return data


_large_one = threading.Lock()
_slots = threading.BoundedSemaphore(2)
_of_thread = threading.local()


@contextmanager
def one_large_answer() -> Iterator[None]:
    """Allow the block a very large response, which it parses in parts: see `split_json`.

    If several threads have one, they take turns.
    """
    _of_thread.may_be_large, _of_thread.has_turn = True, False
    try:
        yield
    finally:
        _of_thread.may_be_large = False
        if _of_thread.has_turn:
            _large_one.release()


@cache
def _free_large_blocks() -> None:
    """Make glibc return blocks of over 256 KB to the system when they are freed.

    After the first one it otherwise keeps them: 60 MB more in a refresh with 100,000 values.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 256 * 1024)


def free_memory() -> None:
    """Return unused memory to the system: 75 MB after an object with 30,000 fields."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def check_memory(data: bytes | msgspec.Raw, limits: Limits, who: str) -> None:
    """Raise AnswerTooLargeError if parsing a JSON text would need more than `limits.max_memory`.

    The weights fit Salesforce's and HubSpot's answers: each field has a list or two, each picklist
    value five or six members.
    """
    text = bytes(data)
    if text.lstrip()[:1] not in (b"{", b"["):
        return
    weights = {b"[": 1500, b"{": 200, b",": 170}
    needed = 3 * len(text) + sum(text.count(sign) * weight for sign, weight in weights.items())
    if needed > limits.max_memory:
        raise too_complex(who)


def split_json(data: bytes, key: str, limits: Limits, who: str) -> object:
    """Return the value of a JSON text, in which the items of the list under `key` stay text.

    `formats.json_values.record` parses them, one at a time. A text that msgspec rejects is parsed
    by `json`, like all others. Raises like it, and AnswerTooLargeError.
    """
    if data.count(b",") * _BYTES_OF_PART > limits.max_memory:
        raise too_complex(who)
    try:
        members = _MEMBERS.decode(data)
        parts = {key: _ITEMS.decode(members.pop(key))} if key in members else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        check_memory(data, limits, who)
        return json.loads(data)
    for each in (*members.values(), *parts.get(key, ())):
        if len(each) > _LARGE:
            check_memory(each, limits, who)
    return {name: json_values.parsed(each) for name, each in members.items()} | parts


def unknown_encoding(who: str, encoding: str) -> SourceError:
    return SourceError(
        f"{who} sent a response that crmdeck can't decompress.",
        cause=f"The response is compressed with {_REFUSED.get(encoding, 'an unknown format')}, but "
        "crmdeck asked for gzip.",
        remedy=f"Check proxies and firewalls between you and {who}, then try again.",
        code="ANSWER_ENCODING",
    )


def too_complex(who: str) -> AnswerTooLargeError:
    return AnswerTooLargeError(
        f"{who} sent a response that is too large.",
        cause="The response has too many values to fit in memory.",
        remedy="Leave the object out of the scope: crmdeck connections set NAME --exclude OBJECT",
    )


def too_large(who: str, limit: int, what: str = "The response has") -> AnswerTooLargeError:
    return AnswerTooLargeError(
        f"{who} sent a response that is too large.",
        cause=f"{what} more than {limit // (1024 * 1024)} MB.",
        remedy="Leave the object out of the scope: crmdeck connections set NAME --exclude OBJECT",
    )


def timed_out(who: str) -> SourceError:
    return SourceError(
        f"{who} didn't answer in time.",
        cause=f"{who} accepted the connection, but didn't complete the response.",
        remedy=f"Try again. If it happens again, check the network and the status of {who}.",
        code="SOURCE_TIMEOUT",
    )


def unreachable(who: str, error: Exception) -> SourceError:
    return SourceError(
        f"Can't reach {who}.",
        cause=f"The network connection failed ({type(error).__name__}).",
        remedy="Check the network, the proxy and the connection's URL, then try again.",
        code="SOURCE_UNREACHABLE",
    )


def broken_off(who: str, error: Exception) -> SourceError:
    return SourceError(
        f"{who} sent an incomplete response.",
        cause=f"The connection closed before the end of the response ({type(error).__name__}).",
        remedy=f"Check proxies and firewalls between you and {who}, then try again.",
        code="ANSWER_CUT_SHORT",
    )


def not_json(who: str) -> SourceError:
    return SourceError(
        f"{who} sent a response that isn't JSON.",
        cause="The response may come from a proxy or a sign-in page.",
        remedy="Check the connection's URL and the proxy, then try again.",
        code="ANSWER_NOT_JSON",
    )


def retry_after(reply: Response) -> float | None:
    """Return the seconds that the CRM asks to wait; None if it gives no number of seconds."""
    # RFC 9110, section 10.2.3, also allows a date, which counts as no number here.
    try:
        seconds = float(reply.header("Retry-After") or "")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def records_of(body: object, key: str = "records", *names: str) -> list[Mapping[str, object]]:
    """Return the list under `key` in a response, each entry with a text under each of `names`.

    Raises SourceError if any of that is missing: see `json_values.records`.
    """
    try:
        found = json_values.records(json_values.record(body, "it").get(key), f"`{key}`")
        for each in found:
            for name in names:
                json_values.name(each, name)
    except MalformedError as error:
        raise json_values.malformed("A list in the response", error) from None
    return found


def whole_number(header: str | None) -> int | None:
    """Return the number in a header; None if it isn't a number, or has too many digits."""
    text = header or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def seconds_from(now: datetime, seconds: object) -> datetime | None:
    """Return the time `seconds` from `now`; None if a CRM sent no usable number."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return later(now, timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return None


def moment(value: object) -> datetime | None:
    """Return the time in a text, in UTC; None if it isn't one."""
    try:
        return to_utc(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
