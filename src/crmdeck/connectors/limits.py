"""How patient and how greedy a connector is."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits of one connector. Times are seconds.

    `total_timeout` bounds one request from connecting to the last byte of its answer, `max_bytes`
    the size of that after decompression. `wait_budget` is how long all waits together may take that
    the CRM asks for, `backoff` the first wait where it names none, `attempts` how often one call is
    tried. `reserve` is the share of the API allowance that is left to others. A listing that the
    CRM calls unchanged is taken to speak for every object for `trust` seconds, then each object is
    asked again.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    total_timeout: float = 180.0
    max_bytes: int = 32 * MEBIBYTE
    wait_budget: float = 60.0
    backoff: float = 1.0
    attempts: int = 4
    reserve: float = 0.10
    threads: int = 6
    trust: float = 12 * 3600.0
