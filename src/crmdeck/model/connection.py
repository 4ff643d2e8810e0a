"""Connections: one authorized CRM each, and how it is doing."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from crmdeck.errors import NextStep
from crmdeck.model.drift import OpenChanges
from crmdeck.model.enums import AlertLevel, Platform, Source, Status
from crmdeck.model.schema import SchemaStats, Scope
from crmdeck.model.wire import UtcTime, WireModel


class Connection(WireModel):
    """One authorized CRM. Holds no secret: those live under `id` in the keyring.

    `path` is where the source `files` reads, `endpoint` the host that stands in for the
    vendor's (a sandbox, a proxy) or, for the source `partneros`, its base URL, `remote_id` the
    UUID of the integration there, `ttl_hours` how long a snapshot counts as fresh.
    `organization` is the id of the org or portal that it was found to lead to, `api_version` the
    version that is spoken with it (`66.0`, `2026-09`), `sign_in` the flow that its secrets come
    from, `token_expires_at` when they end where nothing renews them. `disconnected_at` is set
    while the connection is disconnected.
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
        """True if crmdeck talks to the CRM itself, in the CRM's own API."""
        return self.source not in (Source.PARTNEROS, Source.FILES)


class Quota(WireModel):
    """How much of an API allowance is used, as the CRM said it last."""

    used: int
    limit: int
    window: str = "day"
    observed_at: UtcTime | None = None

    @property
    def left(self) -> float:
        """Return the share that is left, 0 to 1."""
        return max(0.0, 1 - self.used / self.limit) if self.limit > 0 else 0.0


class Alert(WireModel):
    """Something to act on: what, why, and what to do; `short` says what in two or three words.

    `since` is when it began, where that is known and not in the message; `due_at` when it bites,
    where that is known ahead; `link` where the vendor says so.
    `next_step` is what of the remedy crmdeck itself can do. `id` stays as long as it is the same
    alert of its connection: one that comes back later, or says something else, has another.
    `dismissed_at` is when the operator put it away, None while it is open.
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
    dismissed_at: UtcTime | None = Field(
        default=None, validation_alias=AliasChoices("dismissedAt", "putAwayAt")
    )


class UnseenDrift(WireModel):
    """How much drift the operator has not had on screen yet.

    `breaking` counts how much of it breaks something, `mapped` how much touches what is mapped.
    """

    total: int = 0
    breaking: int = 0
    mapped: int = 0


class ConnectionStatus(WireModel):
    """The answer of `GET /integrations/{id}/status`, with name, quota and alerts beside it.

    `token_renewed`: crmdeck renews the token by itself. `token_level` and `quota_level` say how
    urgent the end of the token and of the API allowance is, None where neither is near.
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
    schema_stats: SchemaStats
    quota: Quota | None = None
    quota_level: AlertLevel | None = None
    alerts: tuple[Alert, ...] = ()
    open_changes: OpenChanges = OpenChanges()
    unseen: UnseenDrift = UnseenDrift()

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        """The alerts that the operator has not put away."""
        return tuple(alert for alert in self.alerts if alert.dismissed_at is None)


class ProbeReport(WireModel):
    """What a cheap look at a CRM told: who we are there, and how much quota is left.

    `platform` is told by the source `partneros` only, which stands before either.
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
