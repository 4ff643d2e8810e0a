"""What the health pane shows: every connection with its history, in which order, and what next.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from rich.cells import cell_len

from crmdeck.errors import NextStep
from crmdeck.model import (
    Alert,
    AlertLevel,
    Connection,
    ConnectionStatus,
    ObjectFailure,
    Platform,
    Source,
    Status,
    SyncRun,
)
from crmdeck.tui.filters import KeyTest, one_of
from crmdeck.tui.health import PLATFORM_NAMES, health_of

GAP = 3
"""Cells between the parts of a heading."""


@dataclass(frozen=True)
class Entry:
    """One connection: what it is, how it is doing, what was tried (newest first), what failed."""

    connection: Connection
    status: ConnectionStatus
    runs: tuple[SyncRun, ...] = ()
    failures: tuple[ObjectFailure, ...] = ()

    @property
    def id(self) -> str:
        """Return the id of the connection."""
        return self.connection.id

    @property
    def platform_name(self) -> str:
        """Return the name of the CRM."""
        return PLATFORM_NAMES[self.connection.platform]


@dataclass(frozen=True)
class HealthOverview:
    """All connections as they were at `now`."""

    entries: tuple[Entry, ...] = ()
    now: datetime | None = None

    def entry(self, connection_id: str | None) -> Entry | None:
        """Return the entry of a connection, if it is there."""
        return next((entry for entry in self.entries if entry.id == connection_id), None)


def urgency(entry: Entry) -> tuple[int, int, int]:
    """Return what a connection is ordered by, the most urgent first; what is off comes last."""
    order = (Status.REAUTH_REQUIRED, Status.ERROR, Status.ACTIVE, Status.DISCONNECTED)
    levels = [alert.level for alert in entry.status.alerts]
    return (
        order.index(entry.status.status),
        -levels.count(AlertLevel.CRITICAL),
        -levels.count(AlertLevel.WARNING),
    )


def ordered(entries: Iterable[Entry], *, worst_first: bool) -> tuple[Entry, ...]:
    """Return the entries by name, or the worst first and those alike by name."""
    by_name = sorted(entries, key=lambda entry: entry.connection.name.casefold())
    return tuple(sorted(by_name, key=urgency) if worst_first else by_name)


def where(connection: Connection) -> str:
    """Return where a connection leads to, as short as it can be said."""
    match connection.source:
        case Source.FILES:
            return connection.path or ""
        case Source.SANDBOX if not connection.instance_url:
            return "sandbox"
        case Source.PARTNEROS:
            return f"via {_host(connection.endpoint)}"
    if connection.platform is Platform.HUBSPOT:
        portal = f"portal {connection.organisation}" if connection.organisation else ""
        return portal or _host(connection.endpoint)
    return _host(connection.instance_url or connection.endpoint)


def summary(entries: Sequence[Entry], width: int) -> tuple[str, ...]:
    """Return the morning's answer: how many are in which state, the worst first.

    Where it does not fit into `width` cells, the last words are left to their signs.
    """
    words = [health_of(entry.status) for entry in ordered(entries, worst_first=True)]
    counts = {health: words.count(health) for health in dict.fromkeys(words)}
    told = [(f"{health.sign} {number}", f" {health.word}") for health, number in counts.items()]
    for in_words in reversed(range(len(told) + 1)):
        parts = [sign + word * (at < in_words) for at, (sign, word) in enumerate(told)]
        if cell_len((" " * GAP).join(parts)) <= width:
            break
    return tuple(parts)


def searched(entry: Entry) -> Iterable[str]:
    """Yield the texts in which words are looked for."""
    status = entry.status
    yield from (status.name, entry.platform_name, status.source, where(entry.connection))
    yield health_of(status).word
    for alert in status.alerts:
        yield alert.message


FILTER_KEYS: dict[str, KeyTest[Entry]] = {
    "status": lambda entry, wanted: (
        one_of(entry.status.status.value, wanted) or one_of(health_of(entry.status).word, wanted)
    ),
    "platform": lambda entry, wanted: one_of(entry.connection.platform.value, wanted),
    "source": lambda entry, wanted: one_of(entry.connection.source.value, wanted),
    "alert": lambda entry, wanted: any(
        one_of(alert.level.value, wanted) or wanted in alert.code.casefold()
        for alert in entry.status.alerts
    ),
}


STEP_WORDS = {
    NextStep.SIGN_IN: "sign in again",
    NextStep.REFRESH: "refresh",
    NextStep.SEE_DRIFT: "see the drift",
    NextStep.TEST: "test it",
}
STEP_ACTIONS = {
    NextStep.SIGN_IN: "connection.sign_in",
    NextStep.REFRESH: "connection.refresh",
    NextStep.TEST: "health.test",
}
"""The action that does it, where it has a key of its own."""

_WRITES = (NextStep.SIGN_IN, NextStep.REFRESH)


def first_step(status: ConnectionStatus, *, read_only: bool) -> tuple[Alert, NextStep] | None:
    """Return the most urgent alert that a key can do something about, and what."""
    return next(
        (
            (alert, alert.next_step)
            for alert in status.alerts
            if alert.next_step is not None and not (read_only and alert.next_step in _WRITES)
        ),
        None,
    )


def _host(url: str | None) -> str:
    try:
        return urlsplit(url).netloc or url if url else ""
    except ValueError:
        return url or ""
