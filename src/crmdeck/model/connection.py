"""Connections: an authorized CRM each, and its health."""

from __future__ import annotations

from datetime import date

from pydantic import AliasChoices, Field

from crmdeck.errors import NextStep
from crmdeck.model.drift import OpenChanges
from crmdeck.model.enums import AlertLevel, Platform, Source, Status
from crmdeck.model.schema import SchemaStats, Scope
from crmdeck.model.wire import UtcTime, WireModel


class Connection(WireModel):
    """An authorized CRM. Contains no secrets: those are stored under `id`.

    `path` is the folder of the source `files`. `endpoint` is a host that replaces the vendor's
    (a sandbox, a proxy), or the base URL of the source `partneros`; `remote_id` is the
    integration's UUID there. `ttl_hours` is how long a snapshot is fresh. `organization` is the
    ID of the org or portal. `sign_in` is the flow that its secrets come from,
    `token_expires_at` when they expire, unless they are renewed.
    """

    id: str
    name: str
    platform: Platform
    source: str
    instance_url: str | None = None
    endpoint: str | None = None
    path: str | None = None
    remote_id: str | None = None
    organization: str | None = Field(
        default=None, validation_alias=AliasChoices("organization", "organisation")
    )
    api_version: str | None = None
    sign_in: str | None = None
    token_expires_at: UtcTime | None = None
    scope: Scope = Scope()
    ttl_hours: float = 24.0
    created_at: UtcTime
    disconnected_at: UtcTime | None = None

    @property
    def is_direct(self) -> bool:
        """True if crmdeck uses the CRM's own API."""
        return self.source not in (Source.PARTNEROS, Source.FILES)


class Quota(WireModel):
    """How much of an API allowance is used, by the CRM's last answer."""

    used: int
    limit: int
    window: str = "day"
    observed_at: UtcTime | None = None

    @property
    def left(self) -> float:
        """Return the share that is left, 0 to 1."""
        return max(0.0, 1 - self.used / self.limit) if self.limit > 0 else 0.0


class Alert(WireModel):
    """An alert: what, why, and the next step; `short` is two or three words.

    `since` is when it began, `due_at` when it takes effect, `link` the vendor's page about it.
    `next_step` is the part of the remedy that crmdeck can do. `id` stays the same for the same
    alert of a connection. A dismissed alert reopens after the day `dismissed_until`.
    """

    level: AlertLevel
    code: str
    id: str = ""
    message: str
    short: str = ""
    cause: str | None = None
    remedy: str | None = None
    since: UtcTime | None = None
    due_at: UtcTime | None = None
    link: str | None = None
    next_step: NextStep | None = None
    # Servers of earlier versions still send `putAwayAt`, and `organisation` elsewhere.
    dismissed_at: UtcTime | None = Field(
        default=None, validation_alias=AliasChoices("dismissedAt", "putAwayAt")
    )
    dismissed_until: date | None = None


class ConnectionEnd(WireModel):
    """One thing that can end a connection, and what to do before.

    `ends_at` is the earliest time, if known. `link` is the vendor's page about it.
    """

    code: str
    message: str
    remedy: str
    ends_at: UtcTime | None = None
    link: str | None = None


class ConnectionStatus(WireModel):
    """The answer of `GET /integrations/{id}/status`, with name, quota and alerts.

    `token_renewed`: crmdeck renews the token automatically. `token_used_at` is when crmdeck
    last used or stored the refresh token, `token_rotated_at` when the CRM last replaced it.
    `endings` is what can end the connection. `token_level` and `quota_level` are the urgency of
    the token's expiry and of the API allowance; None if neither is near.
    """

    id: str
    name: str
    platform: Platform
    source: str
    status: Status
    instance_url: str | None
    last_sync_at: UtcTime | None
    last_error_at: UtcTime | None
    last_error_message: str | None
    last_error_code: str | None = None
    last_error_remedy: str | None = None
    created_at: UtcTime
    api_version: str | None = None
    token_expires_at: UtcTime | None = None
    token_renewed: bool = False
    token_level: AlertLevel | None = None
    token_used_at: UtcTime | None = None
    token_rotated_at: UtcTime | None = None
    endings: tuple[ConnectionEnd, ...] = ()
    schema_stats: SchemaStats
    quota: Quota | None = None
    quota_level: AlertLevel | None = None
    alerts: tuple[Alert, ...] = ()
    open_changes: OpenChanges = OpenChanges()

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        """The alerts that the user hasn't dismissed."""
        return tuple(alert for alert in self.alerts if alert.dismissed_at is None)


class ProbeReport(WireModel):
    """The result of testing a connection: the user in the CRM, and the quota left.

    Only the source `partneros` gives `platform`.
    """

    user: str | None = None
    organization: str | None = Field(
        default=None, validation_alias=AliasChoices("organization", "organisation")
    )
    platform: Platform | None = None
    instance_url: str | None = None
    api_version: str | None = None
    quota: Quota | None = None
    token_expires_at: UtcTime | None = None
    missing_permissions: tuple[str, ...] = ()
