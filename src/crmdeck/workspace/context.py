"""What every service has at hand: the cache, the clock, the operator, the secrets, how to connect.

A `Context` is what a `Workspace` is opened over. Tests build one of a temporary folder, a clock
that stands still and a connector of their own, and hand it to `Workspace` or to a single service.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from crmdeck.clock import Clock, utc_now
from crmdeck.connectors.registry import open_source
from crmdeck.credentials import (
    ConnectionSecrets,
    SecretStore,
    Vault,
    keyring_available,
    no_keyring,
)
from crmdeck.errors import ConflictError, NotFoundError
from crmdeck.model import AuditEntry, Connection, SecretsPlace
from crmdeck.settings import Settings
from crmdeck.store import Session, Store
from crmdeck.store.automatic_backups import FOLDER, AutomaticBackups
from crmdeck.text import did_you_mean, nearest
from crmdeck.workspace.refresh.single_flight import SingleFlight

if TYPE_CHECKING:
    # What only asks the cache, a status say, needs nothing of the connectors.
    from crmdeck.connectors.base import Connector, ConnectorFactory, Credentials, TokenListener
    from crmdeck.model import RefreshResult

CACHE_FILE = "crmdeck.duckdb"


class Context:
    """The surroundings of one workspace, shared by its services and by all threads.

    `shared` says whether other machines may write to the same log; the clock is then the
    database's. `secrets` and `connect` are None unless somebody handed in their own in place of
    the keyring and of the real connectors. `refreshing` knows the refreshes that run.
    """

    def __init__(
        self,
        home: Path,
        *,
        database: str | None = None,
        settings: Settings | None = None,
        read_only: bool = False,
        actor: str | None = None,
        clock: Clock = utc_now,
        secrets: SecretStore | None = None,
        connect: ConnectorFactory | None = None,
    ) -> None:
        """Without `settings` those of `home` are read; without `actor` the settings say who acts,
        else it is the user of this machine. The log is in `database`, the URL of a PostgreSQL
        database, else in the one that the settings name, else in a file in `home`. Raises
        UsageError for settings or a URL that can't be used.
        """
        self.home = home
        self.settings = settings if settings is not None else Settings.load(home)
        self._actor = actor or self.settings.actor
        self.secrets = secrets
        self.connect = connect
        self.vault = Vault(home, prefer_file=self.settings.secrets == "file")
        database = database or self.settings.database
        self.shared = database is not None
        # A database is backed up by its own means.
        self.automatic_backups = (
            None
            if database
            else AutomaticBackups(
                home / Path(self.settings.backup_folder or FOLDER).expanduser(),
                daily=self.settings.backups,
            )
        )
        self.store = Store(
            database or home / CACHE_FILE,
            wait=self.settings.cache_wait,
            read_only=read_only,
            clock=clock,
            backups=self.automatic_backups,
        )
        self.clock = self.store.now
        self.refreshing: SingleFlight[RefreshResult] = SingleFlight()

    @property
    def actor(self) -> str:
        """The name of the operator, as the audit log has it."""
        return self._actor or current_user()

    @actor.setter
    def actor(self, actor: str) -> None:
        self._actor = actor

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed: it was opened so, or there is no right to."""
        return self.store.read_only

    @property
    def now(self) -> datetime:
        """The present moment by the clock, in UTC."""
        return self.clock()

    def on_behalf_of(self, actor: str) -> Self:
        """Return a context with somebody else acting, that shares everything with this one."""
        other = copy.copy(self)
        other.actor = actor
        return other

    def connection(self, ref: str) -> Connection:
        """Return the connection of that name or UUID; raises NotFoundError naming the nearest."""
        with self.store.read() as session:
            return find_connection(session, ref)

    def require_writable(self) -> None:
        """Raise ReadOnlyError where nothing may be changed."""
        self.store.require_writable()

    def open_connector(
        self,
        connection: Connection,
        credentials: Credentials | None = None,
        listener: TokenListener | None = None,
    ) -> Connector:
        """Return a connector to the source of a connection; nothing is asked of the source yet.

        Without `credentials` they are those that are stored; without `listener` what becomes of
        tokens goes to the audit log. Raises ConflictError for a disconnected connection.
        """
        from crmdeck.connectors.limits import Limits

        require_connected(connection)
        factory = self.connect or open_source(connection)
        return factory(
            connection,
            credentials or self.credentials(connection),
            listener or self._token_listener(connection),
            Limits(reserve=self.settings.quota_reserve),
        )

    def credentials(self, connection: Connection) -> ConnectionSecrets:
        """Return the stored secrets of a connection; none is read before it is asked for."""
        # Secrets that were handed in are all there are; the environment is for the real ones.
        environment = None if self.secrets is not None else connection.name
        return ConnectionSecrets(self._secret_store, connection.id, environment)

    def put_secrets(
        self,
        connection: Connection,
        values: Mapping[str, str | None],
        place: SecretsPlace | None = None,
    ) -> None:
        """Store secrets of a connection, None forgets one; without `place` where its others are.

        Raises NoKeyringError where that is the keyring and there is none.
        """
        if place in (SecretsPlace.KEYRING, SecretsPlace.FILE) and self.secrets is None:
            if place is SecretsPlace.KEYRING and not keyring_available():
                raise no_keyring()
            self.vault.settle(connection.id, place)
        self.credentials(connection).put(values)

    def forget_secrets(self, connection: Connection) -> None:
        """Forget all secrets of a connection."""
        self._secret_store.forget(connection.id)

    def entry(
        self,
        event: str,
        summary: str,
        *,
        connection_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> AuditEntry:
        """Return an audit entry of this moment by the operator; the caller writes it."""
        return AuditEntry(
            id=new_id(),
            at=self.now,
            actor=self.actor,
            event=event,
            connection_id=connection_id,
            summary=summary,
            details=dict(details or {}),
        )

    @property
    def _secret_store(self) -> SecretStore:
        return self.secrets if self.secrets is not None else self.vault

    def _token_listener(self, connection: Connection) -> TokenListener:
        def listen(event: str, summary: str) -> None:
            entry = self.entry(event, summary, connection_id=connection.id)
            with self.store.write() as session:
                session.audit.add(entry)

        return listen


def require_connected(connection: Connection) -> None:
    """Raise ConflictError where a connection was disconnected."""
    if connection.disconnected_at is not None:
        raise ConflictError(
            f"'{connection.name}' is disconnected.",
            cause=f"It was disconnected on {connection.disconnected_at:%Y-%m-%d}.",
            remedy=f"Connect it again: crmdeck connections set {connection.name} --reconnect",
            code="CONNECTION_DISCONNECTED",
        )


def find_connection(session: Session, ref: str) -> Connection:
    """Return the connection of that name or UUID; raises NotFoundError naming the nearest."""
    found = session.connections.find(ref)
    if found is None:
        raise not_found("connection", ref, [each.name for each in session.connections.all()])
    return found


def not_found(kind: str, name: str, known: list[str]) -> NotFoundError:
    """Return an error that says what is not there and what is nearest to it."""
    near = nearest(name, known)
    if near:
        remedy = did_you_mean(near)
    elif known:
        remedy = "Known are: " + ", ".join(known[:8]) + (", ..." if len(known) > 8 else ".")
    else:
        remedy = f"There is no {kind} yet."
    return NotFoundError(
        f"There is no {kind} '{name}'.",
        remedy=remedy,
        code=f"{kind.upper().replace(' ', '_')}_NOT_FOUND",
    )


def new_id() -> str:
    """Return a new random UUID, in lower case."""
    return str(uuid.uuid4())


def current_user() -> str:
    """Return the name of the user of this machine."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
