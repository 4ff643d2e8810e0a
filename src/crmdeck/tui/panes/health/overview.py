"""Connections with their health: order, alerts, addresses, and filter keys. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from crmdeck.model import (
    Alert,
    AlertLevel,
    Connection,
    ConnectionStatus,
    ObjectFailure,
    PairSummary,
    Quota,
    Source,
    Status,
    SyncRun,
)
from crmdeck.tui.filters import FilterKey, one_of, text_key
from crmdeck.tui.marks import health_of
from crmdeck.workspace import EXPIRING_CODES, vendor_of


@dataclass(frozen=True)
class ConnectionHealth:
    """One connection with its health.

    `runs` are newest first, `failures` are of the last refresh, `pairs` have a decision. `broken`
    are the mappings that an open change breaks, `required` counts the required CRM fields of these
    pairs that have no source.
    """

    connection: Connection
    status: ConnectionStatus
    runs: tuple[SyncRun, ...] = ()
    failures: tuple[ObjectFailure, ...] = ()
    pairs: tuple[PairSummary, ...] = ()
    broken: frozenset[str] = frozenset()
    required: int = 0

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
    """Return the sort key of a connection: what stops data first, disconnected last.

    In this order: broken mappings, required fields without a source, failing connections, what
    expires, the rest.
    """
    status, codes = entry.status, {alert.code for alert in entry.status.open_alerts}
    levels = [alert.level for alert in status.open_alerts]
    return (
        status.status is Status.DISCONNECTED,
        not entry.broken,
        not entry.required,
        not is_failing(status),
        not codes & EXPIRING_CODES,
        -levels.count(AlertLevel.CRITICAL),
        -levels.count(AlertLevel.WARNING),
    )


def is_failing(status: ConnectionStatus) -> bool:
    """True if the connection doesn't work."""
    return status.status in (Status.REAUTH_REQUIRED, Status.ERROR)


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


def dismissed(status: ConnectionStatus) -> tuple[Alert, ...]:
    return tuple(alert for alert in status.alerts if alert.dismissed_at is not None)


def listed(status: ConnectionStatus) -> tuple[Alert, ...]:
    """Return the alerts in the order of the details: open ones first."""
    return (*status.open_alerts, *dismissed(status))


def quota_left(quota: Quota) -> str:
    """Return the share of an allowance that is left: `8%`."""
    return f"{quota.left:.0%}"


def searched(entry: ConnectionHealth) -> Iterable[str]:
    """Yield the texts in which a filter searches words."""
    status = entry.status
    yield from (status.name, entry.platform_name, status.source, where(entry.connection))
    yield health_of(status, entry.required).word
    for alert in status.alerts:
        yield alert.message


def _has_alert(entry: ConnectionHealth, wanted: str) -> bool:
    # `away` may be in saved views of earlier versions.
    is_dismissed = one_of("dismissed", wanted) or one_of("away", wanted)
    return any(
        one_of(alert.level.value, wanted)
        or wanted in alert.code.casefold()
        or (alert.dismissed_at is not None and is_dismissed)
        for alert in entry.status.alerts
    )


FILTER_KEYS: dict[str, FilterKey[ConnectionHealth]] = {
    "status": FilterKey(
        lambda entry, wanted: (
            one_of(entry.status.status.value, wanted)
            or one_of(health_of(entry.status, entry.required).word, wanted)
        ),
        lambda entry: (entry.status.status.value,),
    ),
    "platform": text_key(lambda entry: entry.connection.platform),
    "source": text_key(lambda entry: entry.connection.source),
    "alert": FilterKey(
        _has_alert,
        lambda entry: (
            word for alert in entry.status.alerts for word in (alert.level.value, alert.code)
        ),
    ),
}


def _host(url: str | None) -> str:
    try:
        return urlsplit(url or "").netloc or url or ""
    except ValueError:  # Not a URL: it was typed, or is hostile.
        return url or ""
