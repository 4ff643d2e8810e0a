"""The salesforce source: one org through simple-salesforce."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime

from crmdeck.clock import utc_now
from crmdeck.connectors.base import (
    Attribution,
    ChangedThing,
    ConnectorFactory,
    Credentials,
    Discovery,
    FoundUser,
    Known,
    Meter,
    Missing,
    Record,
    TokenListener,
    Usage,
)
from crmdeck.connectors.http import records_of
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.salesforce.access import find_users, read_access
from crmdeck.connectors.salesforce.attribution import who_changed, who_granted
from crmdeck.connectors.salesforce.client import SalesforceClient
from crmdeck.connectors.salesforce.delivery import (
    count_created,
    published_objects,
)
from crmdeck.connectors.salesforce.discovery import discover, select
from crmdeck.connectors.salesforce.gone_reasons import explain_missing
from crmdeck.connectors.salesforce.records import find, recent
from crmdeck.connectors.salesforce.where_used import where_used
from crmdeck.errors import CrmdeckError, PermissionDeniedError
from crmdeck.model import (
    CancelToken,
    Connection,
    EffectiveAccess,
    GoneReason,
    Notice,
    ProbeReport,
    Quota,
    Scope,
)
from crmdeck.model.delivery import RecordCounts
from crmdeck.redaction import redact

VIEW_SETUP = "View Setup and Configuration (shows whether a missing field is hidden or removed)"


class SalesforceConnector:
    """The connection to one org; safe to call from any thread.

    It reads one of these sets of secrets: `access_token`; `refresh_token` with `client_id` (and
    `client_secret` if the app has one); `client_id`, `username` and `private_key` for JWT bearer;
    `client_id` and `client_secret` for client credentials. Makes no request before the first call.
    Raises UsageError for an endpoint or an instance URL that it can't use.
    """

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener,
        limits: Limits,
    ) -> None:
        self.meter = Meter()
        self._limits = limits
        self._scope = connection.scope
        self._client = SalesforceClient(connection, credentials, listener, limits, self.meter)

    def probe(self) -> ProbeReport:
        user = self._client.user_info()
        version = self._client.version()
        reply = self._client.get("limits", reserve=False)
        daily = reply.fields.get("DailyApiRequests")
        if isinstance(daily, Mapping):
            limit, left = daily.get("Max"), daily.get("Remaining")
            if isinstance(limit, int) and isinstance(left, int):
                quota = Quota(used=limit - left, limit=limit, observed_at=utc_now())
                self.meter.observe(quota)
        return ProbeReport(
            user=_text(user.get("preferred_username")) or _text(user.get("email")),
            organization=_text(user.get("organization_id")),
            instance_url=self._client.org_url,
            api_version=version,
            quota=self.meter.quota,
            token_expires_at=self._client.token_ends_at(),
            objects=self._readable(),
            missing_permissions=self._missing_permissions(),
        )

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        yield from discover(self._client, scope, known, cancel, self._limits, utc_now())
        before, now = self._client.known_url, self._client.org_url
        if before is not None and now is not None and before != now:
            yield Notice(
                code="INSTANCE_URL_CHANGED",
                message=f"The org moved from {before} to {now}.",
                cause="Salesforce moved the org, or an admin renamed its My Domain.",
                remedy="Update other tools that use the old address. crmdeck uses the new one.",
            )

    def explain_missing(self, missing: Sequence[Missing]) -> Mapping[Missing, GoneReason]:
        return explain_missing(self._client, missing)

    def who_changed(
        self, changes: Sequence[ChangedThing]
    ) -> Mapping[ChangedThing, Attribution | str]:
        return who_changed(self._client, changes)

    def where_used(self, object_type: str, field_name: str, cancel: CancelToken) -> Usage:
        return where_used(self._client, object_type, field_name, cancel)

    def find_users(self, name: str) -> tuple[FoundUser, ...]:
        return find_users(self._client, name, CancelToken())

    def read_access(
        self,
        user_id: str,
        mapped: Collection[str],
        known: EffectiveAccess | None,
        cancel: CancelToken,
        now: datetime,
    ) -> EffectiveAccess:
        return read_access(self._client, user_id, mapped, known, cancel, now)

    def who_granted(self, names: Collection[str]) -> Attribution | None:
        return who_granted(self._client, names)

    def published_objects(self, cancel: CancelToken) -> tuple[str, ...]:
        return published_objects(self._client, cancel)

    def count_created(
        self,
        user_id: str,
        objects: Mapping[str, Sequence[str]],
        since: date,
        until: date,
        cancel: CancelToken,
    ) -> Mapping[str, RecordCounts | str]:
        return count_created(self._client, user_id, objects, since, until, cancel)

    def version_in_use(self) -> str | None:
        return self._client.version_in_use()

    def api_versions(self) -> tuple[str, ...]:
        return self._client.versions()

    def found_at(self) -> str | None:
        return self._client.org_url

    def recent(
        self, object_type: str, fields: Sequence[str], limit: int = 200
    ) -> tuple[Record, ...]:
        return recent(self._client, object_type, fields, limit)

    def find(
        self, object_type: str, key: str, values: Sequence[str], fields: Sequence[str]
    ) -> tuple[Record, ...]:
        return find(self._client, object_type, key, values, fields)

    def _readable(self) -> tuple[str, ...]:
        rows = records_of(self._client.get("sobjects", reserve=False).body, "sobjects", "name")
        listed = {row["name"] for row in rows}
        return tuple(name for name in select(self._scope, rows) if name in listed)

    def _missing_permissions(self) -> tuple[str, ...]:
        soql = "SELECT QualifiedApiName FROM EntityDefinition WHERE QualifiedApiName IN ('User')"
        try:
            self._client.get("tooling/query", params={"q": soql}, reserve=False)
        except CrmdeckError as error:
            refused = isinstance(error, PermissionDeniedError) or error.code == "NOT_VISIBLE"
            return (VIEW_SETUP,) if refused else ()
        return ()


open_connector: ConnectorFactory = SalesforceConnector


def _text(value: object) -> str | None:
    return redact(value) if isinstance(value, str) else None
