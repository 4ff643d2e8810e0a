"""The hubspot source: one account through hubspot-api-client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote

from crmdeck.clock import utc_now
from crmdeck.connectors.base import (
    Attribution,
    ChangedThing,
    ConnectorFactory,
    Credentials,
    Discovery,
    Known,
    Meter,
    Missing,
    Record,
    TokenListener,
)
from crmdeck.connectors.http import seconds_from
from crmdeck.connectors.hubspot.attribution import who_changed
from crmdeck.connectors.hubspot.client import HubSpotClient
from crmdeck.connectors.hubspot.discovery import discover, object_types, results, select
from crmdeck.connectors.hubspot.gone_reasons import explain_missing
from crmdeck.connectors.hubspot.oauth import OPTIONAL_SCOPES, SCOPE_OF, USUAL_USE, lacking
from crmdeck.connectors.hubspot.profile import OBJECTS
from crmdeck.connectors.hubspot.records import find, recent
from crmdeck.connectors.limits import Limits
from crmdeck.errors import CrmdeckError, PermissionDeniedError, SourceError
from crmdeck.model import (
    CancelToken,
    Connection,
    GoneReason,
    ProbeReport,
    Quota,
    Scope,
)
from crmdeck.redaction import redact

# A key doesn't list its scopes, so crmdeck tries a small request for each.
_TRIES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    **{
        # One small property that every object has.
        scope: ("properties", f"{quote(name)}/hs_object_id", {})
        for name, scope in SCOPE_OF.items()
    },
    "crm.schemas.custom.read": ("schemas", "schemas", {}),
    "crm.objects.owners.read": ("owners", "", {"limit": "1"}),
    "crm.pipelines.governance.read": ("pipelines-rules", f"{OBJECTS['deals'][0]}/default", {}),
}


class HubSpotConnector:
    """The connection to one account; safe to call from any thread.

    It reads `access_token` (from OAuth, a service key or a private app), or `refresh_token` with
    `client_id` and `client_secret`. Makes no request before the first call. Raises UsageError for
    an endpoint that it can't use.
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
        self._client = HubSpotClient(connection, credentials, listener, limits, self.meter)

    def probe(self) -> ProbeReport:
        reply = self._client.get("account-info", "details", reserve=False)
        details = reply.fields
        self._ask_usage()
        token: Mapping[str, object] = {}
        with suppress(PermissionDeniedError, SourceError):
            token = self._client.introspect()
        user = token.get("user") or token.get("user_email")
        lacks = self._missing_permissions(token)
        readable = select(self._scope, object_types(self._client, reserve=False))
        return ProbeReport(
            user=redact(user) if isinstance(user, str) else None,
            organization=redact(str(details["portalId"])) if "portalId" in details else None,
            quota=self.meter.quota,
            token_expires_at=self._client.tokens.expires_at
            or seconds_from(utc_now(), token.get("expires_in")),
            objects=tuple(name for name in readable if SCOPE_OF.get(name) not in lacks),
            missing_permissions=tuple(f"{scope} ({use})" for scope, use in lacks.items()),
            api_version=self.version_in_use(),
        )

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        return discover(self._client, scope, known, cancel, self._limits)

    def explain_missing(self, missing: Sequence[Missing]) -> Mapping[Missing, GoneReason]:
        return explain_missing(self._client, missing)

    def who_changed(
        self, changes: Sequence[ChangedThing]
    ) -> Mapping[ChangedThing, Attribution | str]:
        return who_changed(self._client, changes)

    def version_in_use(self) -> str | None:
        return self._client.paths.oldest_in_use()

    def recent(
        self, object_type: str, fields: Sequence[str], limit: int = 200
    ) -> tuple[Record, ...]:
        return recent(self._client, object_type, fields, limit)

    def find(
        self, object_type: str, key: str, values: Sequence[str], fields: Sequence[str]
    ) -> tuple[Record, ...]:
        return find(self._client, object_type, key, values, fields)

    def _missing_permissions(self, token: Mapping[str, object]) -> Mapping[str, str]:
        """Return the use of each scope that the token lacks, or whose request HubSpot rejects."""
        scopes = token.get("scopes")
        lacks = lacking({str(scope) for scope in scopes}) if isinstance(scopes, list) else {}
        for scope, (family, rest, query) in _TRIES.items():
            known = isinstance(scopes, list) and family == "properties"
            if scope in lacks or known:
                continue
            try:
                self._client.get(family, rest, query=query, reserve=False)
            except PermissionDeniedError:
                lacks[scope] = OPTIONAL_SCOPES.get(scope, USUAL_USE)
            except CrmdeckError:
                continue
        return lacks

    def _ask_usage(self) -> None:
        """Read today's usage, which answers to OAuth tokens leave out of the headers."""
        try:
            path = "api-usage/daily/private-apps"
            records = results(self._client.get("account-info", path, reserve=False))
        except (PermissionDeniedError, SourceError):
            return
        for record in records:
            used, limit = record.get("currentUsage"), record.get("usageLimit")
            if isinstance(used, int) and isinstance(limit, int):
                self.meter.observe(Quota(used=used, limit=limit, observed_at=utc_now()))
                return


open_connector: ConnectorFactory = HubSpotConnector
