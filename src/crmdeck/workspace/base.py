"""What every use case has at hand: the cache, the clock, who acts, and where secrets are."""

from __future__ import annotations

import copy
import getpass
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from crmdeck.clock import Clock, utc_now
from crmdeck.connectors.base import Connector, ConnectorFactory, Credentials, TokenListener
from crmdeck.connectors.limits import Limits
from crmdeck.credentials import ConnectionSecrets, SecretStore, Vault
from crmdeck.errors import ConflictError, NotFoundError, ReadOnlyError
from crmdeck.model import AuditEntry, Connection, RefreshResult, Source
from crmdeck.settings import Settings
from crmdeck.store import Store

CACHE_FILE = "crmdeck.duckdb"


class UseCases:
    """The common ground of the use cases; `Workspace` puts them together."""

    def __init__(
        self,
        home: Path,
        *,
        settings: Settings | None = None,
        read_only: bool = False,
        actor: str | None = None,
        clock: Clock = utc_now,
        secrets: SecretStore | None = None,
        connect: ConnectorFactory | None = None,
    ) -> None:
        self.home = home
        self.settings = settings if settings is not None else Settings.load(home)
        self.read_only = read_only
        self.actor = actor or self.settings.actor or current_user()
        self._clock = clock
        self._secrets = secrets
        self._vault = Vault(home, prefer_file=self.settings.secrets == "file")
        self._connect = connect
        self._store = Store(
            home / CACHE_FILE,
            wait=self.settings.cache_wait,
            read_only=read_only,
            clock=clock,
        )
        self._refreshing: dict[str, Future[RefreshResult]] = {}
        self._guard = threading.Lock()

    @property
    def now(self) -> datetime:
        """Return the present moment by the workspace's clock, in UTC."""
        return self._clock()

    def connections(self) -> tuple[Connection, ...]:
        """Return all connections, by name."""
        with self._store.read() as session:
            return session.connections.all()

    def connection(self, ref: str) -> Connection:
        """Return the connection of that name or UUID; raises NotFoundError."""
        return find_connection(self.connections(), ref)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the cache open, and locked, over many calls; for work in bulk."""
        with self._store.hold():
            yield

    def on_behalf_of(self, actor: str) -> Self:
        """Return the same workspace with somebody else acting, in the audit log.

        The cache, the clock and the refreshes that run are shared, so that many may act at once.
        """
        other = copy.copy(self)
        other.actor = actor
        return other

    @contextmanager
    def acting_as(self, actor: str) -> Iterator[None]:
        """Let somebody else act for the calls inside, in the audit log."""
        before, self.actor = self.actor, actor
        try:
            yield
        finally:
            self.actor = before

    def _require_writable(self) -> None:
        if self.read_only:
            raise ReadOnlyError(
                "This workspace is open read-only; nothing can be changed.",
                remedy="Start crmdeck without --read-only.",
            )

    def _open_connector(self, connection: Connection) -> Connector:
        self._require_connected(connection)
        return self._connector(connection, self._credentials(connection))

    def _connector(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener | None = None,
    ) -> Connector:
        factory = self._connect or open_source(connection)
        limits = Limits(reserve=self.settings.quota_reserve)
        return factory(
            connection, credentials, listener or self._token_listener(connection), limits
        )

    def _require_connected(self, connection: Connection) -> None:
        if connection.disconnected_at is not None:
            raise ConflictError(
                f"'{connection.name}' is disconnected.",
                cause=f"It was disconnected on {connection.disconnected_at:%Y-%m-%d}.",
                remedy=f"Connect it again: crmdeck connections set {connection.name} --reconnect",
                code="CONNECTION_DISCONNECTED",
            )

    def _credentials(self, connection: Connection) -> ConnectionSecrets:
        # Secrets that were handed in are all there are; the environment is for the real ones.
        environment = None if self._secrets is not None else connection.name
        return ConnectionSecrets(self._secret_store(), connection.id, environment)

    def _secret_store(self) -> SecretStore:
        return self._secrets if self._secrets is not None else self._vault

    def _token_listener(self, connection: Connection) -> TokenListener:
        def listen(event: str, summary: str) -> None:
            entry = self._entry(event, summary, connection_id=connection.id)
            with self._store.write() as session:
                session.audit.add(entry)

        return listen

    def _recovered_entry(self, connection: Connection) -> AuditEntry:
        return self._entry(
            "connection.recovered",
            f"{connection.name} works again",
            connection_id=connection.id,
        )

    def _entry(
        self,
        event: str,
        summary: str,
        *,
        connection_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> AuditEntry:
        return AuditEntry(
            id=new_id(),
            at=self.now,
            actor=self.actor,
            event=event,
            connection_id=connection_id,
            summary=summary,
            details=dict(details or {}),
        )


def find_connection(connections: tuple[Connection, ...], ref: str) -> Connection:
    """Return the connection of that name or UUID; raises NotFoundError naming the nearest."""
    for connection in connections:
        if ref == connection.name or ref.lower() == connection.id:
            return connection
    raise not_found("connection", ref, [connection.name for connection in connections])


def not_found(kind: str, name: str, known: list[str]) -> NotFoundError:
    """Return an error that says what is not there and what is nearest to it."""
    import difflib

    folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.5)
    if near:
        remedy = "Did you mean " + " or ".join(f"'{folded[match]}'" for match in near) + "?"
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
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def open_source(connection: Connection) -> ConnectorFactory:
    """Return what opens the connector of a connection's source."""
    import importlib

    sandboxed = connection.source is Source.SANDBOX
    package = connection.platform.value if sandboxed else connection.source.value
    opened: ConnectorFactory = importlib.import_module(
        f"crmdeck.connectors.{package}"
    ).open_connector
    return opened
