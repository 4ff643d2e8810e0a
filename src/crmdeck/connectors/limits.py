"""The limits of a connector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits of one connector. Times are in seconds.

    `total_timeout` covers one request from connecting to the last byte of its response. `max_bytes`
    is the size of a response after decompression, `max_memory` the estimated memory for parsing it.
    Of all bodies that arrive at the same time, two are larger than `share`; the others wait.
    The description of one object can have `max_bytes_alone`; crmdeck reads such answers one at a
    time. `wait_budget` is the total of all waits that the CRM asks for, `backoff` the first wait if
    the CRM gives none, and `attempts` the number of tries for one call. `reserve` is the share of
    the API quota that crmdeck leaves to other apps. `threads` is the number of parallel calls,
    but up to `calls_at_once` small ones go out together. If the CRM reports an unchanged list of
    objects, crmdeck trusts it for `trust` seconds before it asks for each object again.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float = 180.0
    max_bytes: int = 16 * MEBIBYTE
    max_bytes_alone: int = 64 * MEBIBYTE
    max_memory: int = 155 * MEBIBYTE
    wait_budget: float = 60.0
    backoff: float = 1.0
    attempts: int = 4
    reserve: float = 0.10
    threads: int = 6
    calls_at_once: int = 60
    trust: float = 12 * 3600.0
    on_body: Callable[[str, str, int, bytes], None] | None = None
    """Gets the method, URL, status and body of each response, from any thread."""

    @property
    def share(self) -> int:
        """The bytes that each of all parallel responses can have."""
        return self.max_bytes // max(self.threads, self.calls_at_once)
