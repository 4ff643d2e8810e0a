"""Answers over HTTP: bounded in time and size, and errors of the network in words for people."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from crmdeck.clock import later
from crmdeck.connectors.limits import Limits
from crmdeck.errors import SourceError, UsageError
from crmdeck.redaction import redact

_CHUNK = 64 * 1024
_DIGITS = 15


@dataclass(frozen=True)
class Reply:
    """One answer of a CRM: `body` is parsed JSON (None where there is none)."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 0

    def header(self, name: str) -> str | None:
        """Return a header, whatever its case."""
        wanted = name.casefold()
        return next((v for k, v in self.headers.items() if k.casefold() == wanted), None)


class AnswerTooLargeError(SourceError):
    """An answer beyond the size that crmdeck takes."""

    code = "ANSWER_TOO_LARGE"


def check_endpoint(endpoint: str) -> str:
    """Return `endpoint` without a trailing slash.

    Raises UsageError where it is no URL, or plain http to anything but loopback.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "The endpoint is not a URL.",
            cause="It has to begin with https:// (or http:// on loopback) and a host.",
            remedy="Set the endpoint of the connection again.",
            code="BAD_ENDPOINT",
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise UsageError(
            "The endpoint is not encrypted.",
            cause="Plain http would show the token to the network; it is for loopback only.",
            remedy="Use https.",
            code="INSECURE_ENDPOINT",
        )
    return endpoint.rstrip("/")


def check_origin(url: str) -> str:
    """Return scheme and host of a URL that a CRM gave as its own, and nothing else of it.

    Raises UsageError like `check_endpoint`, and where a secret was put into the host.
    """
    parts = urlsplit(check_endpoint(url))
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if redact(origin) != origin:
        raise UsageError(
            "The CRM gave an address that can't be its own.",
            cause="A secret stands in the name of the host.",
            remedy="Check what answers in the CRM's place.",
            code="BAD_ENDPOINT",
        )
    return origin


def read_body(raw: urllib3.BaseHTTPResponse, limits: Limits, who: str) -> bytes:
    """Return the decompressed body of an answer.

    Raises AnswerTooLargeError beyond `limits.max_bytes`, SourceError where it breaks off. The
    connection is closed in each of these cases.
    """
    chunks = []
    size = 0
    try:
        for chunk in raw.stream(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > limits.max_bytes:
                raise too_large(who, limits.max_bytes)
            chunks.append(chunk)
    except SourceError:
        raw.close()
        raise
    except (HTTPError, ValueError, OSError) as error:
        raw.close()
        late = isinstance(error, ReadTimeoutError)
        raise timed_out(who) if late else broken_off(who, error) from None
    raw.release_conn()
    return b"".join(chunks)


def too_large(who: str, limit: int) -> AnswerTooLargeError:
    """Return the error for an answer beyond `limit` bytes."""
    return AnswerTooLargeError(
        f"{who} sent more than can be taken in.",
        cause=f"One answer had over {limit // (1024 * 1024)} MB.",
        remedy="Leave the object out of the scope, or check what answers in the CRM's place.",
    )


def timed_out(who: str) -> SourceError:
    """Return the error for an answer that does not come, or not to an end."""
    return SourceError(
        f"{who} did not answer in time.",
        cause="The connection stood, but the answer did not come to its end.",
        remedy="Try again; if it stays, check the network and the vendor's status page.",
        code="SOURCE_TIMEOUT",
    )


def unreachable(who: str, error: Exception) -> SourceError:
    """Return the error for a host that can't be reached."""
    return SourceError(
        f"{who} can't be reached.",
        cause=f"The connection could not be made ({type(error).__name__}).",
        remedy="Check the network, the proxy and the instance URL of the connection.",
        code="SOURCE_UNREACHABLE",
    )


def broken_off(who: str, error: Exception) -> SourceError:
    """Return the error for an answer that was cut short."""
    return SourceError(
        f"{who} broke off in the middle of an answer.",
        cause=f"The connection was closed before the end ({type(error).__name__}).",
        remedy="Try again; if it stays, look at what stands between here and the CRM.",
        code="ANSWER_CUT_SHORT",
    )


def not_json(who: str) -> SourceError:
    """Return the error for an answer that is a web page, or anything else but JSON."""
    return SourceError(
        f"{who} did not answer in JSON.",
        cause="A web page or nonsense came back, as from a proxy or a sign-in page.",
        remedy="Check the instance URL or endpoint of the connection, and the proxy.",
        code="ANSWER_NOT_JSON",
    )


def retry_after(reply: Reply) -> float | None:
    """Return how many seconds the CRM asks to wait, where it says so in seconds."""
    try:
        seconds = float(reply.header("Retry-After") or "")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def records_of(body: object, key: str = "records") -> list[Mapping[str, Any]]:
    """Return the records that an answer lists, nothing where it lists none."""
    listed = body.get(key) if isinstance(body, Mapping) else None
    return (
        [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    )


def whole_number(said: str | None) -> int | None:
    """Return the number in a header; None where it is none, or one that nothing is counted to."""
    text = said or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def seconds_from(now: datetime, seconds: object) -> datetime | None:
    """Return the moment so many seconds from `now`; None where a CRM said no such number."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return later(now, timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
