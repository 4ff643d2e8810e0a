"""Connections: add, change, test, disconnect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmdeck.connectors.base import Connector
from crmdeck.credentials import keyring_available, no_keyring
from crmdeck.errors import ConflictError, CrmdeckError, UsageError
from crmdeck.model import (
    AuditEntry,
    Connection,
    Platform,
    ProbeReport,
    ProgressCallback,
    Scope,
    SecretsPlace,
    Source,
    WireModel,
)
from crmdeck.workspace.base import UseCases, new_id
from crmdeck.workspace.checks import (
    absolute,
    check_endpoint,
    check_instance_url,
    check_name,
    check_remote_id,
    checked_api_version,
    checked_hours,
    checked_path,
)
from crmdeck.workspace.learned import learned, remember
from crmdeck.workspace.runs import failed_run, started_run, write_quota, write_run
from crmdeck.workspace.telling import Telling


class ConnectionDraft(WireModel):
    """What is needed to add a connection; secrets are handed over beside it."""

    name: str
    source: Source
    platform: Platform | None = None
    id: str | None = None
    path: str | None = None
    remote_id: str | None = None
    instance_url: str | None = None
    endpoint: str | None = None
    api_version: str | None = None
    scope: Scope = Scope()
    ttl_hours: float | None = None


class Connecting(UseCases):
    """The use cases around a connection itself."""

    def add_connection(
        self, draft: ConnectionDraft, secrets: Mapping[str, str] | None = None
    ) -> Connection:
        """Add a connection and store its secrets; nothing is asked of the CRM yet.

        Raises UsageError for a draft that makes no sense, ConflictError for a name in use.
        """
        self._require_writable()
        if draft.platform is None and draft.source is Source.PARTNEROS:
            raise platform_needed(draft)
        connection = self._draft(draft)
        with self._store.write() as session:
            require_free_name(connection.name, session.connections.all())
            session.connections.put(connection, self.now, self.actor)
            session.audit.add(self._added_entry(connection))
        if secrets:
            self._credentials(connection).put(secrets)
        return connection

    def update_connection(
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

        `api_version` pins Salesforce's (`66.0`), or with `newest` leaves it to the next refresh.
        """
        changes: dict[str, Any] = {}
        if path is not None:
            changes["path"] = checked_path(self.connection(ref), path)
        if remote_id is not None:
            changes["remote_id"] = check_remote_id(remote_id)
        if endpoint is not None:
            changes["endpoint"] = check_endpoint(endpoint)
        if instance_url is not None:
            changes["instance_url"] = check_instance_url(instance_url)
        if scope is not None:
            changes["scope"] = scope
        if ttl_hours is not None:
            changes["ttl_hours"] = checked_hours(ttl_hours)
        if api_version is not None:
            changes["api_version"] = checked_api_version(self.connection(ref), api_version)
        if reconnect:
            changes["disconnected_at"] = None
        if not changes:
            raise UsageError("Nothing to change was given.", remedy="Name what to set.")
        event = "connection.reconnected" if reconnect else "connection.updated"
        return self._change(ref, changes, event, "Changed " + ", ".join(sorted(changes)))

    def rename_connection(self, ref: str, name: str) -> Connection:
        """Give a connection another name; its id and its history stay."""
        connection = self.connection(ref)
        summary = f"Renamed {connection.name} to {check_name(name)}"
        return self._change(connection.id, {"name": name}, "connection.renamed", summary)

    def disconnect(self, ref: str) -> Connection:
        """Mark a connection as disconnected. Nothing is deleted, its secrets neither."""
        connection = self.connection(ref)
        if connection.disconnected_at is not None:
            return connection
        if connection.source is Source.PARTNEROS:
            self._open_connector(connection).disconnect()
        changes = {"disconnected_at": self.now}
        summary = f"Disconnected {connection.name}"
        return self._change(connection.id, changes, "connection.disconnected", summary)

    def store_secrets(
        self, ref: str, secrets: Mapping[str, str], *, place: SecretsPlace | None = None
    ) -> None:
        """Store secrets of a connection in the keyring, or in the workspace's private file.

        Without `place` they go where the connection's are. Raises NoKeyringError where there is
        no keyring.
        """
        self._require_writable()
        connection = self.connection(ref)
        self._store_secrets(connection, secrets, place)
        with self._store.write() as session:
            session.audit.add(self._stored_entry(connection, secrets))
            if connection.token_expires_at is not None:
                remember(session, connection.id, {"token_expires_at": None}, self.now, self.actor)

    def _store_secrets(
        self, connection: Connection, secrets: Mapping[str, str | None], place: SecretsPlace | None
    ) -> None:
        if place in (SecretsPlace.KEYRING, SecretsPlace.FILE) and self._secrets is None:
            if place is SecretsPlace.KEYRING and not keyring_available():
                raise no_keyring()
            self._vault.settle(connection.id, place)
        self._credentials(connection).put(secrets)

    def _added_entry(self, connection: Connection) -> AuditEntry:
        return self._entry(
            "connection.added",
            f"Added {connection.name} ({connection.platform}, {connection.source})",
            connection_id=connection.id,
        )

    def _stored_entry(
        self, connection: Connection, secrets: Mapping[str, str | None]
    ) -> AuditEntry:
        names = ", ".join(sorted(name for name, value in secrets.items() if value is not None))
        return self._entry(
            "token.stored", f"Stored {names} of {connection.name}", connection_id=connection.id
        )

    def test(self, ref: str, *, progress: ProgressCallback | None = None) -> ProbeReport:
        """Ask the source who we are there; the outcome counts for the connection's status.

        `progress` is told what the source makes us wait for.
        """
        connection = self.connection(ref)
        run = started_run(connection.id, "test", self.now)
        connector: Connector | None = None
        try:
            connector = self._open_connector(connection)
            Telling(progress).listen_to(connector.meter)
            report = connector.probe()
        except CrmdeckError as error:
            error.connection = connection.name
            if connector is not None and not self.read_only:
                with self._store.write() as session:
                    session.runs.add(failed_run(run, error, self.now))
            raise
        if not self.read_only:
            changes = learned(connection, report, self._credentials(connection))
            finished = run.model_copy(update={"finished_at": self.now})
            with self._store.write() as session:
                write_run(session, connection, finished, self._recovered_entry(connection))
                write_quota(session, connector, finished)
                remember(session, connection.id, changes, self.now, self.actor)
        return report

    def _change(self, ref: str, changes: Mapping[str, Any], event: str, summary: str) -> Connection:
        self._require_writable()
        connection = self.connection(ref)
        changed = connection.model_copy(update=changes)
        with self._store.write() as session:
            others = [c for c in session.connections.all() if c.id != connection.id]
            require_free_name(changed.name, others)
            session.connections.put(changed, self.now, self.actor)
            session.audit.add(self._entry(event, summary, connection_id=connection.id))
        return changed

    def _draft(self, draft: ConnectionDraft) -> Connection:
        platform = draft.platform
        if draft.source in (Source.SALESFORCE, Source.HUBSPOT):
            platform = Platform(draft.source.value)
            if draft.platform not in (None, platform):
                raise UsageError(f"The source {draft.source} is always of platform {platform}.")
        if draft.source is Source.PARTNEROS:
            _require_address(draft)
            # Until a sign-in has asked which it is; nothing depends on it before.
            platform = platform or Platform.SALESFORCE
        if platform is None:
            raise platform_needed(draft)
        if draft.source is Source.FILES and not draft.path:
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
            instance_url=check_instance_url(draft.instance_url) if draft.instance_url else None,
            endpoint=check_endpoint(draft.endpoint) if draft.endpoint else None,
            api_version=draft.api_version,
            scope=draft.scope,
            ttl_hours=self._hours(draft),
            created_at=self.now,
        )

    def _hours(self, draft: ConnectionDraft) -> float:
        return (
            self.settings.ttl_hours if draft.ttl_hours is None else checked_hours(draft.ttl_hours)
        )


def require_free_name(name: str, others: tuple[Connection, ...] | list[Connection]) -> None:
    """Raise ConflictError where one of `others` has the name."""
    if any(other.name == name for other in others):
        raise ConflictError(
            f"There is a connection '{name}' already.",
            remedy="Choose another name.",
            code="NAME_IN_USE",
        )


def _require_address(draft: ConnectionDraft) -> None:
    if not (draft.endpoint and draft.remote_id):
        raise UsageError(
            "The source partneros needs to know where PartnerOS is, and which integration.",
            remedy="Add --endpoint https://HOST and --remote-id UUID.",
            code="NO_REMOTE_ID",
        )


def platform_needed(draft: ConnectionDraft) -> UsageError:
    """Return the error for a source that does not say which CRM it leads to."""
    return UsageError(
        f"The source {draft.source} needs a platform.",
        remedy="Add --platform salesforce or --platform hubspot.",
    )
