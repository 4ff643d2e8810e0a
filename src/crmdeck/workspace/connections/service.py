"""Connections: add, change, test, disconnect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import AddressReporter, Connector, Integration, VersionReporter
from crmdeck.connectors.registry import CRMS, flows_of, sources, vendor_of
from crmdeck.credentials import SECRET_NAMES
from crmdeck.credentials import secrets_from_environment as secrets_from_environment
from crmdeck.errors import ConflictError, CrmdeckError, UsageError
from crmdeck.model import (
    AuditEntry,
    Connection,
    CrmPage,
    Platform,
    ProbeReport,
    ProgressCallback,
    Scope,
    SecretsPlace,
    Source,
    WireModel,
)
from crmdeck.store import Session
from crmdeck.workspace.connections.crm_pages import crm_page
from crmdeck.workspace.connections.runs import failed_run, started_run, write_quota, write_run
from crmdeck.workspace.connections.signin.flows import ENDING, flow_in_use
from crmdeck.workspace.connections.validation import (
    absolute,
    check_endpoint,
    check_instance_url,
    check_name,
    check_remote_id,
    checked_api_version,
    checked_hours,
    checked_path,
)
from crmdeck.workspace.context import Context, new_id, not_found
from crmdeck.workspace.refresh.progress import ProgressReporter


class ConnectionDraft(WireModel):
    """What is needed to add a connection; secrets are handed over beside it."""

    name: str
    source: str
    platform: Platform | None = None
    id: str | None = None
    path: str | None = None
    remote_id: str | None = None
    instance_url: str | None = None
    endpoint: str | None = None
    api_version: str | None = None
    scope: Scope = Scope()
    ttl_hours: float | None = None


class Connections:
    """Connections themselves, without what they lead to."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def all(self) -> tuple[Connection, ...]:
        """Return all connections, by name."""
        with self._context.store.read() as session:
            return session.connections.all()

    def get(self, ref: str) -> Connection:
        """Return the connection of that name or UUID; raises NotFoundError naming the nearest."""
        return self._context.connection(ref)

    def page(
        self, ref: str, object_type: str | None = None, field_name: str | None = None
    ) -> CrmPage:
        """Return the CRM's own setup page of a field, an object, or the org or portal itself.

        Nothing is asked. Raises UsageError where there is none, or nothing says which org it is.
        """
        return crm_page(self.get(ref), object_type, field_name)

    def add(self, draft: ConnectionDraft, secrets: Mapping[str, str] | None = None) -> Connection:
        """Add a connection and store its secrets; nothing is asked of the CRM yet.

        Raises UsageError for a draft that makes no sense, ConflictError for a name in use.
        """
        self._context.require_writable()
        if draft.platform is None and draft.source == Source.PARTNEROS:
            raise platform_needed(draft)
        connection = drafted(self._context, draft)
        with self._context.store.write() as session:
            require_free_name(session, connection.name)
            session.connections.put(connection, self._context.now, self._context.actor)
            session.audit.add(added_entry(self._context, connection))
        if secrets:
            self._context.credentials(connection).put(secrets)
        return connection

    def update(
        self,
        ref: str,
        *,
        path: str | None = None,
        remote_id: str | None = None,
        endpoint: str | None = None,
        instance_url: str | None = None,
        scope: Scope | None = None,
        ttl_hours: float | None = None,
        api_version: str | None = None,
        reconnect: bool = False,
    ) -> Connection:
        """Change what is given of a connection; `reconnect` takes a disconnection back.

        What is None stays; an `endpoint` or `instance_url` of '' is taken away. `ttl_hours` is
        how long a snapshot counts as fresh. `api_version` pins Salesforce's (`66.0`), or with
        `newest` leaves it to the next refresh. Raises UsageError for what can't be, or where
        nothing is given.
        """
        connection = self.get(ref)
        changes: dict[str, Any] = {}
        if path is not None:
            changes["path"] = checked_path(connection, path)
        if remote_id is not None:
            changes["remote_id"] = check_remote_id(remote_id)
        if endpoint is not None:
            changes["endpoint"] = check_endpoint(endpoint) if endpoint else None
            if not endpoint and connection.source == Source.PARTNEROS:
                raise _address_needed()
        if instance_url is not None:
            vendor = vendor_of(connection.platform)
            changes["instance_url"] = (
                check_instance_url(instance_url, vendor) if instance_url else None
            )
        if scope is not None:
            changes["scope"] = scope
        if ttl_hours is not None:
            changes["ttl_hours"] = checked_hours(ttl_hours)
        if api_version is not None:
            changes["api_version"] = checked_api_version(connection, api_version)
        if reconnect:
            changes["disconnected_at"] = None
        if not changes:
            raise UsageError("Nothing to change was given.", remedy="Name what to set.")
        event = "connection.reconnected" if reconnect else "connection.updated"
        return self._change(connection, changes, event, "Changed " + ", ".join(sorted(changes)))

    def rename(self, ref: str, name: str) -> Connection:
        """Give a connection another name; its id and its history stay.

        Raises UsageError for what can't be a name, ConflictError for one in use.
        """
        connection = self._context.connection(ref)
        summary = f"Renamed {connection.name} to {check_name(name)}"
        return self._change(connection, {"name": name}, "connection.renamed", summary)

    def disconnect(self, ref: str) -> Connection:
        """Mark a connection as disconnected. Nothing is deleted, its secrets neither.

        For the source `partneros` the integration is disconnected there first; raises what it
        answers. A grant of Salesforce or HubSpot stays: it is the admin's to revoke, and other apps
        may share it.
        """
        connection = self._context.connection(ref)
        if connection.disconnected_at is not None:
            return connection
        if connection.source == Source.PARTNEROS:
            with fault_barrier(connection):
                connector = self._context.open_connector(connection)
                if isinstance(connector, Integration):
                    connector.disconnect()
        changes = {"disconnected_at": self._context.now}
        summary = f"Disconnected {connection.name}"
        return self._change(connection, changes, "connection.disconnected", summary)

    def store_secrets(
        self, ref: str, secrets: Mapping[str, str], *, place: SecretsPlace | None = None
    ) -> None:
        """Store secrets of a connection in the keyring, or in the workspace's private file.

        Without `place` they go where the connection's are. Raises NoKeyringError where there is
        no keyring.
        """
        self._context.require_writable()
        connection = self._context.connection(ref)
        self._context.put_secrets(connection, secrets, place)
        with self._context.store.write() as session:
            session.audit.add(stored_entry(self._context, connection, secrets))
            if connection.token_expires_at is not None:
                remember(self._context, session, connection.id, {"token_expires_at": None})

    def test(self, ref: str, *, progress: ProgressCallback | None = None) -> ProbeReport:
        """Ask the source who we are there; the outcome counts for the connection's status.

        What the source tells of the connection is kept with it. `progress` is told what the
        source makes us wait for. Raises ConflictError for a disconnected connection, and what
        the source answers; that is recorded too.
        """
        connection = self._context.connection(ref)
        run = started_run(connection.id, "test", self._context.now)
        connector: Connector | None = None
        try:
            with fault_barrier(connection):
                connector = self._context.open_connector(connection)
                ProgressReporter(progress).listen_to(connector.meter)
                report = connector.probe()
        except CrmdeckError as error:
            error.connection = connection.name
            if connector is not None and not self._context.read_only:
                with self._context.store.write() as session:
                    session.runs.add(failed_run(run, error, self._context.now))
            raise
        if not self._context.read_only:
            changes = learned(connection, report, self._context.credentials(connection))
            finished = run.model_copy(update={"finished_at": self._context.now})
            with self._context.store.write() as session:
                write_run(self._context, session, connection, finished)
                write_quota(session, connection.id, connector, finished.finished_at)
                remember(self._context, session, connection.id, changes)
        return report

    def _change(
        self, connection: Connection, changes: Mapping[str, Any], event: str, summary: str
    ) -> Connection:
        self._context.require_writable()
        with self._context.store.write() as session:
            # As it is by now: others may have changed something else of it meanwhile.
            latest = session.connections.get(connection.id) or connection
            changed = latest.model_copy(update=changes)
            require_free_name(session, changed.name, but=connection.id)
            session.connections.put(changed, self._context.now, self._context.actor)
            session.audit.add(self._context.entry(event, summary, connection_id=connection.id))
        return changed


def drafted(context: Context, draft: ConnectionDraft) -> Connection:
    """Return the connection that a draft describes; raises UsageError where it makes no sense."""
    platform = draft.platform
    if draft.source not in sources():
        raise not_found("source", draft.source, list(sources()))
    if platform is not None and platform not in CRMS:
        raise not_found("platform", platform, list(CRMS))
    if draft.source in CRMS:
        platform = draft.source
        if draft.platform not in (None, platform):
            raise UsageError(
                f"The source {draft.source} can't connect to the platform {draft.platform}.",
                remedy="Leave out --platform.",
            )
    if draft.source == Source.PARTNEROS:
        if not (draft.endpoint and draft.remote_id):
            raise _address_needed()
        # A placeholder until the sign-in asks PartnerOS; nothing depends on it before.
        platform = platform or next(iter(CRMS))
    if platform is None:
        raise platform_needed(draft)
    if draft.source == Source.FILES and not draft.path:
        raise UsageError(
            "The source files needs a path.",
            remedy="Add --path with a file or a folder of exported schemas.",
        )
    return Connection(
        id=draft.id or new_id(),
        name=check_name(draft.name),
        platform=platform,
        source=draft.source,
        path=absolute(draft.path) if draft.path else None,
        remote_id=check_remote_id(draft.remote_id) if draft.remote_id else None,
        instance_url=(
            check_instance_url(draft.instance_url, vendor_of(platform))
            if draft.instance_url
            else None
        ),
        endpoint=check_endpoint(draft.endpoint) if draft.endpoint else None,
        api_version=draft.api_version,
        scope=draft.scope,
        ttl_hours=(
            context.settings.ttl_hours
            if draft.ttl_hours is None
            else checked_hours(draft.ttl_hours)
        ),
        created_at=context.now,
    )


def added_entry(context: Context, connection: Connection) -> AuditEntry:
    """Return the audit entry for a connection that was added."""
    return context.entry(
        "connection.added",
        f"Added {connection.name} ({connection.platform}, {connection.source})",
        connection_id=connection.id,
    )


def stored_entry(
    context: Context, connection: Connection, secrets: Mapping[str, str | None]
) -> AuditEntry:
    """Return the audit entry for secrets that were stored; it has their names only."""
    names = ", ".join(sorted(name for name, value in secrets.items() if value is not None))
    return context.entry(
        "token.stored", f"Stored {names} of {connection.name}", connection_id=connection.id
    )


def require_free_name(session: Session, name: str, *, but: str | None = None) -> None:
    """Raise ConflictError where a connection, but for the one of the id `but`, has the name."""
    holder = session.connections.find(name)
    if holder is not None and holder.id != but:
        raise ConflictError(
            f"There is a connection '{name}' already.",
            remedy="Choose another name.",
            code="NAME_IN_USE",
        )


def _address_needed() -> UsageError:
    return UsageError(
        "The source partneros needs to know where PartnerOS is, and which integration.",
        remedy="Add --endpoint https://HOST and --remote-id ID.",
        code="NO_REMOTE_ID",
    )


def platform_needed(draft: ConnectionDraft) -> UsageError:
    """Return the error for a source that does not say which CRM it leads to."""
    return UsageError(
        f"The source {draft.source} needs a platform.",
        remedy="Add " + " or ".join(f"--platform {name}" for name in CRMS),
    )


class _Secrets(Protocol):
    def get(self, name: str) -> str | None: ...


def learned(connection: Connection, report: ProbeReport, secrets: _Secrets) -> dict[str, Any]:
    """Return what a probe told that the connection did not know."""
    told = {
        "instance_url": report.instance_url,
        "api_version": report.api_version,
        # The organization behind an Integrations API is chosen there; an org or portal is not.
        "organization": None if connection.source == Source.PARTNEROS else report.organization,
        "platform": report.platform,
        "sign_in": _sign_in(connection, secrets),
    }
    changes: dict[str, Any] = _news(connection, told)
    flow = changes.get("sign_in", connection.sign_in)
    # A session is had again with the password, where that was kept.
    renewed = flow not in ENDING and (flow != "password" or secrets.get("password"))
    ends = None if renewed else report.token_expires_at
    if ends != connection.token_expires_at:
        changes["token_expires_at"] = ends
    return changes


def learned_on_the_way(
    connection: Connection, connector: Connector, secrets: _Secrets
) -> dict[str, Any]:
    """Return what a discovery showed that the connection did not know."""
    version = connector.version_in_use() if isinstance(connector, VersionReporter) else None
    address = connector.found_at() if isinstance(connector, AddressReporter) else None
    told = {
        "instance_url": address,
        "api_version": version,
        "sign_in": _sign_in(connection, secrets),
    }
    return _news(connection, told)


def remember(
    context: Context, session: Session, connection_id: str, changes: dict[str, Any]
) -> None:
    """Write what was learned into the connection, as it is by now."""
    connection = session.connections.get(connection_id)
    if changes and connection is not None:
        session.connections.put(connection.model_copy(update=changes), context.now, context.actor)


def _news(connection: Connection, told: dict[str, str | None]) -> dict[str, Any]:
    return {
        key: value for key, value in told.items() if value and value != getattr(connection, key)
    }


def _sign_in(connection: Connection, secrets: _Secrets) -> str | None:
    flows = flows_of(connection)
    if not flows:
        # No keyring is asked, and none imported, for a source that has no secrets.
        return None
    flow = flow_in_use(flows, [name for name in SECRET_NAMES if secrets.get(name)])
    return flow.name if flow else None
