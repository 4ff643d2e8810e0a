"""What every service uses: the cache, the clock, the acting user, the secrets, the connectors.

A `Workspace` is opened over a `Context`. Tests build a `Context` with a temporary folder, a clock
of their own and a fake connector, and pass it to a `Workspace` or to one service.
"""

from __future__ import annotations

import copy
import getpass
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from crmdeck import credentials
from crmdeck.clock import Clock, utc_now
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.registry import host_of, open_source
from crmdeck.credentials import (
    ConnectionSecrets,
    SecretStore,
    Vault,
    no_keyring,
    secrets_from_environment,
)
from crmdeck.errors import ConflictError, NotFoundError
from crmdeck.home import CACHE_FILE
from crmdeck.model import AuditEntry, Connection, SecretsPlace
from crmdeck.settings import Settings
from crmdeck.store import Session, Store
from crmdeck.store.automatic_backups import FOLDER, AutomaticBackups
from crmdeck.text import did_you_mean, nearest
from crmdeck.workspace.sealed_secrets import SealedSecrets
from crmdeck.workspace.single_flight import SingleFlight

if TYPE_CHECKING:
    # Commands that only read the cache, such as status, need no connectors.
    from crmdeck.connectors.base import Connector, ConnectorFactory, Credentials, TokenListener
    from crmdeck.model import RefreshResult

T = TypeVar("T")


class _DiscardedError(Exception):
    """Rolls a rehearsal back."""


class Context:
    """The surroundings of one workspace, shared by its services and all threads.

    `shared` is True if other machines may write to the same history; the clock is then the
    database's. `secrets` and `connect` are None unless passed in to replace the keyring and the
    real connectors. `refreshing` has the refreshes that run.
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
        self.home = home
        self.settings = settings if settings is not None else Settings.load(home)
        self._actor = actor or self.settings.actor
        self.secrets = secrets
        self.connect = connect
        database = database or self.settings.database
        self.shared = database is not None
        # The server of a database backs it up.
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
        # A team's machines can disagree on the time, so the database's clock counts for all.
        self.clock = self.store.now
        self.sealed = SealedSecrets(self.store, self.settings)
        self.vault = Vault(home, self.sealed, preferred=SecretsPlace(self.settings.secrets))
        self.refreshing: SingleFlight[RefreshResult] = SingleFlight()
        self.rehearsing = False

    @contextmanager
    def rehearse(self) -> Iterator[None]:
        """Discard what the block writes, here and to a source: a dry run with the real checks."""
        with suppress(_DiscardedError), self.store.write():
            self.rehearsing = True
            try:
                yield
            finally:
                self.rehearsing = False
            raise _DiscardedError

    @property
    def actor(self) -> str:
        """The acting user's name in the audit log."""
        if self._actor:
            return self._actor
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            # A container can run as a number that no user has.
            return "unknown"

    @property
    def read_only(self) -> bool:
        """True if nothing can be changed: opened so, or no permission."""
        return self.store.read_only

    @property
    def now(self) -> datetime:
        """The current time by the workspace's clock, in UTC."""
        return self.clock()

    def on_behalf_of(self, actor: str) -> Self:
        """Return a context with another acting user, which shares everything with this one."""
        other = copy.copy(self)
        other._actor = actor
        return other

    def connection(self, ref: str) -> Connection:
        """Return the connection with that name or UUID; raises NotFoundError."""
        with self.store.read() as session:
            return find_connection(session, ref)

    def require_writable(self) -> None:
        """Raise ReadOnlyError if nothing can be changed."""
        self.store.require_writable()

    def open_connector(
        self,
        connection: Connection,
        credentials: Credentials | None = None,
        listener: TokenListener | None = None,
        *,
        on_body: Callable[[str, str, int, bytes], None] | None = None,
    ) -> Connector:
        """Return a connector to the source of a connection, without contacting it.

        The defaults are the stored credentials, and a listener that writes token events to the
        audit log. `on_body` is in `Limits`. Raises ConflictError for a disconnected connection.
        """
        require_connected(connection)

        def audit(event: str, summary: str) -> None:
            entry = self.entry(event, summary, connection_id=connection.id)
            with self.store.write() as session:
                session.audit.add(entry)

        factory = self.connect or open_source(connection)
        return factory(
            connection,
            credentials or self.credentials(connection),
            listener or audit,
            Limits(reserve=self.settings.quota_reserve, on_body=on_body),
        )

    def credentials(self, connection: Connection) -> ConnectionSecrets:
        """Return the stored secrets of a connection. Each is read when needed."""
        # Secrets that were passed in replace all others; the environment is for the real ones.
        environment = None if self.secrets is not None else connection.name
        signed_in_at = ""
        if environment is not None and secrets_from_environment(environment):
            with self.store.read() as session:
                signed_in_at = session.audit.sign_in_hosts().get(connection.id, "")
        return ConnectionSecrets(
            self._secret_store, connection.id, host_of(connection), environment, signed_in_at
        )

    def put_secrets(
        self,
        connection: Connection,
        values: Mapping[str, str | None],
        place: SecretsPlace | None = None,
    ) -> None:
        """Store secrets of a connection; None removes one. The default place is that of its others.

        Raises NoKeyringError, or SecretsKeyError, if they can't be stored there.
        """
        if place not in (None, SecretsPlace.ENVIRONMENT) and self.secrets is None:
            self.settle_secrets(connection, place)
        self.credentials(connection).put(values)

    def settle_secrets(self, connection: Connection, place: SecretsPlace) -> None:
        """Move a connection's secrets to `place`; raises as `require_place` does."""
        self.require_place(place)
        # A keyring can't discard what a dry run stores.
        if not self.rehearsing:
            self.vault.settle(connection.id, place)

    def require_place(self, place: SecretsPlace) -> None:
        """Raise NoKeyringError or SecretsKeyError if secrets can't be stored in that place."""
        if place is SecretsPlace.KEYRING and not credentials.keyring_available():
            raise no_keyring()
        if place is SecretsPlace.WORKSPACE:
            self.sealed.require_key()

    def forget_secrets(self, connection: Connection) -> None:
        self._secret_store.forget(connection.id)

    def entry(
        self,
        event: str,
        summary: str,
        *,
        connection_id: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> AuditEntry:
        """Return an audit entry of the acting user, with the current time. The caller writes it."""
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


def require_connected(connection: Connection) -> None:
    """Raise ConflictError if a connection is disconnected."""
    if connection.disconnected_at is not None:
        raise ConflictError(
            f"{connection.name} is disconnected.",
            cause=f"The connection was disconnected on {connection.disconnected_at:%Y-%m-%d}.",
            remedy=f"Reconnect it: crmdeck connections set {connection.name} --reconnect",
            code="CONNECTION_DISCONNECTED",
        )


def find_connection(session: Session, ref: str) -> Connection:
    """Return the connection with that name or UUID; raises NotFoundError."""
    found = session.connections.find(ref)
    if found is None:
        raise not_found("connection", ref, [each.name for each in session.connections.all()])
    return found


def not_found(kind: str, name: str, known: list[str]) -> NotFoundError:
    """Return the error for a name that doesn't exist, with the nearest names."""
    near = nearest(name, known)
    if near:
        remedy = did_you_mean(near)
    elif known:
        kinds = f"{kind[:1].upper()}{kind[1:]}s: "
        remedy = kinds + ", ".join(known[:8]) + (", ..." if len(known) > 8 else ".")
    else:
        remedy = f"There are no {kind}s yet."
    return NotFoundError(
        f"No {kind} named '{name}'.",
        remedy=remedy,
        code=f"{kind.upper().replace(' ', '_')}_NOT_FOUND",
    )


def find_named(kind: str, name: str, known: Mapping[str, T]) -> T:
    """Return the entry with that name; raises NotFoundError."""
    if name not in known:
        raise not_found(kind, name, sorted(known))
    return known[name]


def new_id() -> str:
    """Return a new random UUID, in lower case."""
    return str(uuid.uuid4())
