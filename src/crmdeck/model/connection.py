"""Connections: an authorized CRM each, and its health."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from crmdeck.model.drift import OpenChanges
from crmdeck.model.enums import Platform, Source, Status, Urgency
from crmdeck.model.finding import Finding
from crmdeck.model.schema import SchemaStats, Scope
from crmdeck.model.wire import UtcTime, WireModel

PARTNER = "partneros:"
"""The start of the sync user's ID if a PartnerOS connection shows its access."""
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class Connection(WireModel):
    """An authorized CRM. Contains no secrets: those are stored under `id`.

    `path` is the folder of the files source. `endpoint` is a host that replaces the vendor's
    (a sandbox, a proxy), or the base URL of the partneros source; `remote_id` is the
    integration's UUID there. `ttl_hours` is how long a snapshot is fresh. `organization` is the
    ID of the org or portal. `sign_in` is the flow that its secrets come from,
    `token_expires_at` when they expire, unless they are renewed. `reader` is crmdeck's own user.
    `sync_user` names the user that the sync runs as; without `sync_user_id` its access comes from
    files.
    """

    id: str
    name: str = Field(pattern=NAME_PATTERN)
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
    reader: str | None = None
    sync_user: str | None = None
    sync_user_id: str | None = None
    token_expires_at: UtcTime | None = None
    scope: Scope = Scope()
    ttl_hours: float = 24.0
    created_at: UtcTime
    disconnected_at: UtcTime | None = None

    @property
    def is_direct(self) -> bool:
        """True if crmdeck uses the CRM's own API."""
        return self.source not in (Source.PARTNEROS, Source.FILES)

    @property
    def is_of_partner(self) -> bool:
        """True if PartnerOS is known to be what syncs."""
        return self.source == Source.PARTNEROS or (self.sync_user_id or "").startswith(PARTNER)


class Quota(WireModel):
    """How much of an API allowance is used, by the CRM's last response."""

    used: int
    limit: int
    window: str = "day"
    observed_at: UtcTime | None = None

    @property
    def left(self) -> float:
        """Return the share that is left, 0 to 1."""
        return max(0.0, 1 - self.used / self.limit) if self.limit > 0 else 0.0


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
    """The response of `GET /integrations/{id}/status`, with name, quota and findings.

    `token_renewed`: crmdeck renews the token automatically. `token_used_at` is when crmdeck
    last used or stored the refresh token, `token_rotated_at` when the CRM last replaced it.
    `endings` is what can end the connection. `token_urgency` and `quota_urgency` are those of
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
    token_urgency: Urgency | None = None
    token_used_at: UtcTime | None = None
    token_rotated_at: UtcTime | None = None
    endings: tuple[ConnectionEnd, ...] = ()
    schema_stats: SchemaStats
    quota: Quota | None = None
    quota_urgency: Urgency | None = None
    findings: tuple[Finding, ...] = ()
    open_changes: OpenChanges = OpenChanges()

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """The findings that no one accepted, snoozed or excused."""
        return tuple(finding for finding in self.findings if finding.is_open)


class ProbeReport(WireModel):
    """The result of testing a connection: the user in the CRM, and the quota left.

    Only the partneros source gives `platform`. `objects` lists the object types of the scope that
    crmdeck's own user can read; None if the source doesn't list them.
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
    objects: tuple[str, ...] | None = None
    missing_permissions: tuple[str, ...] = ()
