"""Connections: add, change, test, disconnect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import (
    AddressReporter,
    Connector,
    Credentials,
    Integration,
    VersionReporter,
)
from crmdeck.connectors.registry import CRMS, flows_of, host_of, sources, vendor_of
from crmdeck.credentials import SECRET_NAMES, host_error
from crmdeck.errors import ConflictError, CrmdeckError, NotFoundError, UsageError
from crmdeck.home import absolute_path
from crmdeck.mapping.state import accepted_fields
from crmdeck.model import (
    AuditEntry,
    Connection,
    CrmPage,
    EffectiveAccess,
    Platform,
    ProbeReport,
    ProgressCallback,
    Scope,
    SecretsPlace,
    Source,
    WireModel,
)
from crmdeck.store import Session
from crmdeck.store.audit import HOST
from crmdeck.workspace.connections.response_report import describe_responses
from crmdeck.workspace.connections.runs import failed_run, started_run, write_quota, write_run
from crmdeck.workspace.connections.signin.flows import EXPIRING, flow_in_use
from crmdeck.workspace.connections.sync_user import find_sync_user, read_access_files
from crmdeck.workspace.connections.validation import (
    check_endpoint,
    check_instance_url,
    check_name,
    check_remote_id,
    checked_api_version,
    checked_hours,
    checked_path,
    checked_rule_kinds,
)
from crmdeck.workspace.context import Context, new_id, not_found
from crmdeck.workspace.progress import ProgressReporter


class ConnectionDraft(WireModel):
    """The values of a new connection, without its secrets."""

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
    """The connections of a workspace."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def all(self) -> tuple[Connection, ...]:
        """Return all connections, by name."""
        with self._context.store.read() as session:
            return session.connections.all()

    def get(self, ref: str) -> Connection:
        """Return the connection of that name or UUID; raises NotFoundError naming the nearest."""
        return self._context.connection(ref)

    def find(self, ref: str) -> Connection | None:
        """Return the connection of that name or UUID, None without one."""
        try:
            return self.get(ref)
        except NotFoundError:
            return None

    def page(
        self, ref: str, object_type: str | None = None, field_name: str | None = None
    ) -> CrmPage:
        """Return the CRM's setup page of a field, of an object, or of the account itself.

        Makes no request. Raises UsageError without such a page, or if the account is unknown.
        """
        return crm_page(self.get(ref), object_type, field_name)

    def add(self, draft: ConnectionDraft, secrets: Mapping[str, str] | None = None) -> Connection:
        """Add a connection and store its secrets, without a request to the CRM.

        Raises UsageError for an invalid draft, and ConflictError for a name in use.
        """
        self._context.require_writable()
        if draft.platform is None and draft.source == Source.PARTNEROS:
            raise platform_needed(draft)
        connection = drafted(self._context, draft)
        with self._context.store.write() as session:
            require_free_name(session, connection.name)
            session.connections.put(connection, self._context.now, self._context.actor)
            session.audit.add(added_entry(self._context, connection))
        # Last: secrets of a connection that was not added would stay in the keyring.
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
        without_rules: Sequence[str] | None = None,
        ttl_hours: float | None = None,
        api_version: str | None = None,
        sync_user: str | None = None,
        sync_access: str | None = None,
        reconnect: bool = False,
    ) -> Connection:
        """Change the given values of a connection, or reconnect a disconnected one.

        None keeps a value; '' removes an `endpoint` or `instance_url`. `without_rules` names kinds
        of rules to leave out of a refresh, () reads all. `ttl_hours` is the time
        until a schema is stale. `api_version` pins a version (`66.0`), or lets the next refresh
        choose (`newest`). `sync_user` is the name or ID of the CRM user that the sync runs as, ''
        for crmdeck's own user. `sync_access` is a file or folder with that user's permissions.
        Raises UsageError for an invalid value, and without any.
        """
        connection = self.get(ref)
        changes: dict[str, object] = {}
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
        if scope is not None or without_rules is not None:
            # A new scope keeps the kinds of rules that are left out.
            left_out = connection.scope.without_rules
            if without_rules is not None:
                left_out = checked_rule_kinds(without_rules, vendor_of(connection.platform))
            chosen = scope or connection.scope
            changes["scope"] = chosen.model_copy(update={"without_rules": left_out})
        if ttl_hours is not None:
            changes["ttl_hours"] = checked_hours(ttl_hours)
        if api_version is not None:
            changes["api_version"] = checked_api_version(connection, api_version)
        if sync_user is not None:
            changes |= find_sync_user(self._context, connection, sync_user)
        access = None
        if sync_access is not None:
            access = read_access_files(sync_access, self._context.now)
            changes |= {"sync_user": access.user, "sync_user_id": None}
        if reconnect:
            changes["disconnected_at"] = None
        if not changes:
            raise UsageError(
                f"No changes given for {connection.name}.",
                remedy="Add at least one option: crmdeck connections set --help",
            )
        event = "connection.reconnected" if reconnect else "connection.updated"
        summary = "Changed " + ", ".join(sorted(changes))
        return self._change(connection, changes, event, summary, access)

    def rename(self, ref: str, name: str) -> Connection:
        """Rename a connection; its ID and its history stay.

        Raises UsageError for an invalid name, and ConflictError for a name in use.
        """
        connection = self._context.connection(ref)
        summary = f"Renamed {connection.name} to {check_name(name)}"
        return self._change(connection, {"name": name}, "connection.renamed", summary)

    def disconnect(self, ref: str) -> Connection:
        """Mark a connection as disconnected. Keeps its history and its secrets.

        For the partneros source, disconnects the integration in PartnerOS first, and raises its
        errors. Doesn't revoke tokens in a CRM, because other apps may use them.
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

        The default `place` is that of the connection's other secrets. Raises NoKeyringError.
        """
        self._context.require_writable()
        connection = self._context.connection(ref)
        self._context.put_secrets(connection, secrets, place)
        with self._context.store.write() as session:
            session.audit.add(stored_entry(self._context, connection, secrets))
            if connection.token_expires_at is not None:
                remember(self._context, session, connection.id, {"token_expires_at": None})

    def test(self, ref: str, *, progress: ProgressCallback | None = None) -> ProbeReport:
        """Test the sign-in, permissions and quota of a connection.

        The result changes the connection's status, and updates its facts. `progress` gets the
        waits that the source asks for. Raises ConflictError for a disconnected connection, and the
        errors of the source, which the history records too.
        """
        connection = self._context.connection(ref)
        run = started_run(connection.id, "test", self._context.now)
        connector: Connector | None = None
        try:
            with fault_barrier(connection):
                connector = self._context.open_connector(connection)
                ProgressReporter(progress).listen_to(connector.meter)
                report = self._with_mapped(connection, connector.probe())
        except CrmdeckError as error:
            error.connection = connection.name
            # Without a connector nothing was asked: missing secrets say nothing about the CRM.
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

    def describe_responses(self, ref: str) -> dict[str, object]:
        """Read a connection, store nothing, and return requests and responses without names."""
        return describe_responses(self._context, self._context.connection(ref))

    def _with_mapped(self, connection: Connection, report: ProbeReport) -> ProbeReport:
        """Return a report that also lists the objects with mappings that can't be read."""
        with self._context.store.read() as session:
            accepted = accepted_fields(session.decisions.log(connection.id))
        if report.objects is None:
            return report
        unread = {each.crm_object for each in accepted} - set(report.objects)
        needs = [f"read access to {name}, which has mappings" for name in sorted(unread)]
        if not report.objects:
            needs.insert(0, vendor_of(connection.platform).read_access)
        return report.model_copy(
            update={"missing_permissions": (*report.missing_permissions, *needs)}
        )

    def _change(
        self,
        connection: Connection,
        changes: Mapping[str, object],
        event: str,
        summary: str,
        access: EffectiveAccess | None = None,
    ) -> Connection:
        self._context.require_writable()
        with self._context.store.write() as session:
            # The current one: another user may have changed other values in the meantime.
            latest = session.connections.get(connection.id) or connection
            changed = latest.model_copy(update=changes)
            require_free_name(session, changed.name, but=connection.id)
            session.connections.put(changed, self._context.now, self._context.actor)
            if access is not None:
                session.access.put(connection.id, access, self._context.now)
            # A refresh asks whether these explain what it would remove.
            new = {name: True for name, value in changes.items() if getattr(latest, name) != value}
            entry = self._context.entry(event, summary, connection_id=connection.id, details=new)
            session.audit.add(entry)
        return changed


def crm_page(
    connection: Connection, object_type: str | None = None, field_name: str | None = None
) -> CrmPage:
    """Return the page of `Connections.page`."""
    vendor = vendor_of(connection.platform)
    page, remedy = None, None
    if connection.source == Source.SANDBOX:
        cause = "The built-in sandbox has no setup pages."
    elif vendor.setup_page is None:
        cause = f"crmdeck doesn't know the setup pages of {vendor.title}."
    else:
        page = vendor.setup_page(connection, object_type, field_name)
        cause = f"crmdeck doesn't know the {vendor.account} of this connection."
        remedy = vendor.no_setup_page.format(name=connection.name)
    if page is None:
        raise UsageError(
            f"Can't open {connection.name} in the CRM.",
            cause=cause,
            remedy=remedy,
            code="NO_CRM_PAGE",
        )
    return page


def drafted(context: Context, draft: ConnectionDraft) -> Connection:
    """Return the connection of a draft; raises UsageError for an invalid one."""
    platform = draft.platform
    if draft.source not in sources():
        raise not_found("source", draft.source, list(sources()))
    if platform is not None and platform not in CRMS:
        raise not_found("platform", platform, list(CRMS))
    if draft.source in CRMS:
        platform = draft.source
        if draft.platform not in (None, platform):
            raise UsageError(
                f"The {draft.source} source can't connect to {draft.platform}.",
                remedy="Leave out --platform.",
            )
    if draft.source == Source.PARTNEROS:
        if not (draft.endpoint and draft.remote_id):
            raise _address_needed()
        # A placeholder until the sign-in asks PartnerOS; nothing depends on it before.
        platform = platform or next(iter(CRMS))
    if draft.source == Source.FILES and not draft.path:
        raise UsageError(
            "The 'files' source needs a path.",
            remedy="Add a file or folder with exported schemas: --path FOLDER",
        )
    if draft.source == Source.FILES and draft.path and platform is None:
        # Imported late: it loads every reader of schema files.
        from crmdeck.connectors.files import recognize

        platform = recognize(absolute_path(draft.path))
    if platform is None:
        raise platform_needed(draft)
    return Connection(
        id=draft.id or new_id(),
        name=check_name(draft.name),
        platform=platform,
        source=draft.source,
        path=str(absolute_path(draft.path)) if draft.path else None,
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
    """Return the audit entry for a new connection."""
    return context.entry(
        "connection.added",
        f"Added {connection.name} ({connection.platform}, {connection.source})",
        connection_id=connection.id,
        details={HOST: host_of(connection)},
    )


def stored_entry(
    context: Context, connection: Connection, secrets: Mapping[str, str | None]
) -> AuditEntry:
    """Return the audit entry for stored secrets, with their names only."""
    names = ", ".join(sorted(name for name, value in secrets.items() if value is not None))
    return context.entry(
        "token.stored",
        f"Stored {names} of {connection.name}",
        connection_id=connection.id,
        details={HOST: host_of(connection)},
    )


def require_free_name(session: Session, name: str, *, but: str | None = None) -> None:
    """Raise ConflictError if another connection than `but` (an ID) has the name."""
    holder = session.connections.find(name)
    if holder is not None and holder.id != but:
        raise ConflictError(
            f"A connection named '{name}' already exists.",
            remedy="Choose another name.",
            code="NAME_IN_USE",
        )


def _address_needed() -> UsageError:
    return UsageError(
        "The partneros source needs an endpoint and a remote ID.",
        remedy="Add --endpoint https://HOST --remote-id ID",
        code="NO_REMOTE_ID",
    )


def platform_needed(draft: ConnectionDraft) -> UsageError:
    """Return the error for a draft without a CRM."""
    files = f"The files at {draft.path} don't show which CRM they are from."
    return UsageError(
        files if draft.path else f"The {draft.source} source needs a platform.",
        remedy="Specify the CRM: " + " or ".join(f"--platform {name}" for name in CRMS),
    )


def learned(connection: Connection, report: ProbeReport, secrets: Credentials) -> dict[str, object]:
    """Return the new facts about a connection from a probe."""
    facts = {
        "instance_url": report.instance_url,
        "api_version": report.api_version,
        # A PartnerOS session can change its organization; an org or account stays the same.
        "organization": None if connection.source == Source.PARTNEROS else report.organization,
        "platform": report.platform,
        "reader": report.user,
        "sign_in": _sign_in(connection, secrets),
    }
    changes: dict[str, object] = _news(connection, facts)
    flow = changes.get("sign_in", connection.sign_in)
    # A stored password renews a PartnerOS session.
    renewed = flow not in EXPIRING and (flow != "password" or secrets.get("password"))
    expires_at = None if renewed else report.token_expires_at
    if expires_at != connection.token_expires_at:
        changes["token_expires_at"] = expires_at
    return changes


def learned_on_the_way(
    connection: Connection, connector: Connector, secrets: Credentials
) -> dict[str, object]:
    """Return the new facts about a connection from a refresh."""
    version = connector.version_in_use() if isinstance(connector, VersionReporter) else None
    address = connector.found_at() if isinstance(connector, AddressReporter) else None
    facts = {
        "instance_url": address,
        "api_version": version,
        "sign_in": _sign_in(connection, secrets),
    }
    return _news(connection, facts)


def remember(
    context: Context, session: Session, connection_id: str, changes: dict[str, object]
) -> None:
    """Store new facts in the current connection.

    Its secrets follow an address that the CRM itself reported.
    """
    connection = session.connections.get(connection_id)
    if not changes or connection is None:
        return
    changed = connection.model_copy(update=changes)
    session.connections.put(changed, context.now, context.actor)
    before, host = host_of(connection), host_of(changed)
    if host_error(before, host):
        context.credentials(changed).follow(before)
        session.audit.add(
            context.entry(
                "connection.moved",
                f"{connection.name} moved to {changed.instance_url}",
                connection_id=connection_id,
                details={HOST: host},
            )
        )


def _news(connection: Connection, facts: dict[str, str | None]) -> dict[str, object]:
    return {
        key: value for key, value in facts.items() if value and value != getattr(connection, key)
    }


def _sign_in(connection: Connection, secrets: Credentials) -> str | None:
    flows = flows_of(connection)
    if not flows:
        # A source without secrets needs no keyring.
        return None
    flow = flow_in_use(flows, [name for name in SECRET_NAMES if secrets.get(name)])
    return flow.name if flow else None
