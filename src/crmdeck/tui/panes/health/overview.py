"""What the health pane shows: every connection with its history, in which order, and what next.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from rich.cells import cell_len

from crmdeck.errors import NextStep
from crmdeck.model import (
    Alert,
    AlertLevel,
    Connection,
    ConnectionStatus,
    ObjectFailure,
    PairSummary,
    Platform,
    Quota,
    Source,
    Status,
    SyncRun,
)
from crmdeck.tui.filters import KeyTest, one_of
from crmdeck.tui.marks import PLATFORM_NAMES, health_of, is_ill
from crmdeck.tui.text import count, display_text

SEPARATOR = " · "


@dataclass(frozen=True)
class Entry:
    """One connection: what it is, how it is doing, what was tried (newest first), what failed.

    `pairs` are the object pairs that somebody has begun to map.
    """

    connection: Connection
    status: ConnectionStatus
    runs: tuple[SyncRun, ...] = ()
    failures: tuple[ObjectFailure, ...] = ()
    pairs: tuple[PairSummary, ...] = ()

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
    levels = [alert.level for alert in entry.status.open_alerts]
    return (
        order.index(entry.status.status),
        -levels.count(AlertLevel.CRITICAL),
        -levels.count(AlertLevel.WARNING),
    )


def ordered(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries, the worst first and those alike by name."""
    by_name = sorted(entries, key=lambda entry: entry.connection.name.casefold())
    return tuple(sorted(by_name, key=urgency))


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


NUMBERS = ("Nothing", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


class ToDo(NamedTuple):
    """One thing to do, in words, and in fewer."""

    told: str
    short: str


def things_to_do(entries: Sequence[Entry]) -> tuple[ToDo, ...]:
    """Return what is to be done today, the most urgent first."""
    every = [entry for entry in ordered(entries) if entry.status.status is not Status.DISCONNECTED]
    found = []
    for entry in filter(lambda entry: is_ill(entry.status), every):
        again = entry.status.status is Status.REAUTH_REQUIRED
        told = f"{'sign in to' if again else 'find out what is wrong with'} {entry.connection.name}"
        found.append(ToDo(told, told if again else f"test {entry.connection.name}"))
    unseen = [entry.status.unseen for entry in entries]
    total, breaking, mapped = (
        sum(getattr(one, name) for one in unseen) for name in ("total", "breaking", "mapped")
    )
    if total:
        how = f"{mapped:,} touch{'es' if mapped == 1 else ''} mappings" if mapped else ""
        how = how or (f"{breaking:,} breaking" if breaking else "")
        changes = count(total, "change")
        found.append(
            ToDo(
                f"look at {changes}" + (f" ({how})" if how else ""),
                changes + (f", {how}" if how else ""),
            )
        )
    low = sum(1 for entry in every if _is_low(entry.status))
    found += [said for entry in every for said in _said(entry, alone=low == 1)]
    return tuple(found)


def _is_low(status: ConnectionStatus) -> bool:
    """Return whether little quota is left, and who looks has not put that away."""
    away = {alert.code for alert in put_away(status)}
    return status.quota_level is not None and not away & QUOTA_CODES


QUOTA_CODES = {"QUOTA_LOW", "QUOTA_RESERVE"}


def _said(entry: Entry, *, alone: bool) -> Iterable[ToDo]:
    """Yield what else is to be done for a connection that works; `alone` is low on quota."""
    name, status = entry.connection.name, entry.status
    if status.status is not Status.ACTIVE:
        return
    alerts = status.open_alerts
    codes = {alert.code for alert in alerts if alert.level is not AlertLevel.INFO}
    if "DRIFT_ON_MAPPED_FIELDS" in codes and not status.unseen.total:
        yield ToDo(f"repair the mappings of {name}", f"repair mappings of {name}")
    if status.quota is not None and _is_low(status):
        left = quota_left(status.quota)
        yield ToDo(
            f"{name} has {left} quota left", f"{'' if alone else name + ' '}quota {left} left"
        )
    elif "SYNC_NOT_ADVANCING" in codes or "OBJECTS_FAILED" in codes:
        yield ToDo(f"refresh {name}", f"refresh {name}")
    elif any(alert.code == "NEVER_REFRESHED" for alert in alerts):
        yield ToDo(f"read {name} for the first time", f"read {name}")
    if "TOKEN_ENDS_SOON" in codes or "TOKEN_ENDED" in codes:
        yield ToDo(f"sign in to {name}", f"sign in to {name}")


def put_away(status: ConnectionStatus) -> tuple[Alert, ...]:
    """Return the alerts that the operator has put away."""
    return tuple(alert for alert in status.alerts if alert.put_away_at is not None)


def put_away_words(number: int) -> str:
    """Return how many alerts were put away, in words; empty where none was."""
    return f"{count(number, 'alert')} put away" if number else ""


def listed(status: ConnectionStatus) -> tuple[Alert, ...]:
    """Return the alerts as one goes through them: the open ones, then what was put away."""
    return (*status.open_alerts, *put_away(status))


def summary(entries: Sequence[Entry], width: int) -> tuple[str, str]:
    """Return how much there is to do, and what, in `width` cells; what has no room is counted."""
    things = things_to_do(entries)
    away = put_away_words(sum(len(put_away(entry.status)) for entry in entries))
    if not things:
        return "Nothing to do:", f"{count(len(entries), 'connection')}, {away or 'all is well'}"
    number = NUMBERS[len(things)] if len(things) < len(NUMBERS) else str(len(things))
    whole = f"{number} {'thing' if len(things) == 1 else 'things'} to do:"
    forms = [(whole, [one.told for one in things])]
    forms += [("To do:", [one.told for one in things]), ("To do:", [one.short for one in things])]
    for shown in range(len(things), -1, -1):
        more = f" +{len(things) - shown} more" if shown < len(things) else ""
        for lead, told in forms:
            text = SEPARATOR.join(map(display_text, told[:shown])) + more
            if cell_len(f"{lead} {text}") <= width:
                quietly = f"{text}{SEPARATOR}{away}"
                has_room = away and cell_len(f"{lead} {quietly}") <= width
                return lead, quietly if has_room else text
    return whole, ""


def quota_left(quota: Quota) -> str:
    """Return how much of an allowance is left: `8 %`."""
    return f"{quota.left:.0%}".replace("%", " %")


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
        one_of(alert.level.value, wanted)
        or wanted in alert.code.casefold()
        or (alert.put_away_at is not None and one_of("away", wanted))
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
            for alert in status.open_alerts
            if alert.next_step is not None and not (read_only and alert.next_step in _WRITES)
        ),
        None,
    )


def _host(url: str | None) -> str:
    try:
        return urlsplit(url).netloc or url if url else ""
    except ValueError:
        return url or ""
