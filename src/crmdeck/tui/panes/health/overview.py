"""Connections with their health: order, findings, addresses, and filter keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from crmdeck.model import (
    Connection,
    ConnectionStatus,
    Finding,
    FindingState,
    ObjectFailure,
    PairSummary,
    Quota,
    Source,
    Status,
    SyncRun,
    Urgency,
)
from crmdeck.tui.filters import FilterKey, one_of, text_key
from crmdeck.tui.marks import health_of
from crmdeck.workspace import vendor_of


@dataclass(frozen=True)
class ConnectionHealth:
    """One connection with its health.

    `runs` are newest first, `failures` are of the last refresh, `pairs` have a decision.
    """

    connection: Connection
    status: ConnectionStatus
    runs: tuple[SyncRun, ...] = ()
    failures: tuple[ObjectFailure, ...] = ()
    pairs: tuple[PairSummary, ...] = ()

    @property
    def id(self) -> str:
        return self.connection.id

    @property
    def platform_name(self) -> str:
        return vendor_of(self.connection.platform).title


@dataclass(frozen=True)
class HealthOverview:
    """All connections, read at `now` (None before the first read)."""

    entries: tuple[ConnectionHealth, ...] = ()
    now: datetime | None = None

    def entry(self, connection_id: str | None) -> ConnectionHealth | None:
        return next((entry for entry in self.entries if entry.id == connection_id), None)


def urgency(entry: ConnectionHealth) -> tuple[int | bool, ...]:
    """Return the sort key of a connection: by its findings, disconnected ones last."""
    # What can't be read stays urgent, even if it is snoozed.
    found = [one.urgency for one in entry.status.findings if one.is_open or one.is_unread]
    return entry.status.status is Status.DISCONNECTED, *(-found.count(one) for one in Urgency)


def ordered(entries: Iterable[ConnectionHealth]) -> tuple[ConnectionHealth, ...]:
    """Return the entries by urgency, then by name."""
    # Sorting is stable: among equally urgent ones the names stay in order.
    by_name = sorted(entries, key=lambda entry: entry.connection.name.casefold())
    return tuple(sorted(by_name, key=urgency))


def where(connection: Connection) -> str:
    """Return the address of a connection, as short as possible."""
    match connection.source:
        case Source.FILES:
            return connection.path or ""
        case Source.SANDBOX if not connection.instance_url:
            return "sandbox"
        case Source.PARTNEROS:
            return f"via {_host(connection.endpoint)}"
    vendor = vendor_of(connection.platform)
    # All accounts of such a CRM have one address, so the number of the account says more.
    if vendor.own_url_example is None and connection.organization:
        return f"{vendor.account} {connection.organization}"
    return _host(connection.instance_url or connection.endpoint)


def settled(status: ConnectionStatus) -> tuple[Finding, ...]:
    """Return the findings that a user accepted or snoozed."""
    states = (FindingState.ACCEPTED, FindingState.SNOOZED)
    return tuple(finding for finding in status.findings if finding.state in states)


def quota_left(quota: Quota) -> str:
    """Return the share of an allowance that is left: `8%`."""
    return f"{quota.left:.0%}"


def searched(entry: ConnectionHealth) -> Iterable[str]:
    """Yield the texts in which a filter searches words."""
    status = entry.status
    yield from (status.name, entry.platform_name, status.source, where(entry.connection))
    yield health_of(status).word
    for finding in status.findings:
        yield finding.title


def _has_finding(entry: ConnectionHealth, wanted: str) -> bool:
    return any(
        one_of(finding.urgency.value, wanted)
        or one_of(finding.state.value, wanted)
        or wanted in finding.code.casefold()
        for finding in entry.status.findings
    )


FILTER_KEYS: dict[str, FilterKey[ConnectionHealth]] = {
    "status": FilterKey(
        lambda entry, wanted: (
            one_of(entry.status.status.value, wanted)
            or one_of(health_of(entry.status).word, wanted)
        ),
        lambda entry: (entry.status.status.value,),
    ),
    "platform": text_key(lambda entry: entry.connection.platform),
    "source": text_key(lambda entry: entry.connection.source),
    "finding": FilterKey(
        _has_finding,
        lambda entry: (
            word for one in entry.status.findings for word in (one.urgency.value, one.code)
        ),
    ),
}


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").netloc or url or ""
    except ValueError:  # Not a URL: it was typed, or is hostile.
        return url or ""
