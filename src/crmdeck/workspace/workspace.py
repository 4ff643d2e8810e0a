"""The workspace: every use case, one service a subject, over one context."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from crmdeck.clock import Clock, utc_now
from crmdeck.credentials import SecretStore
from crmdeck.home import resolve_database, resolve_home
from crmdeck.model import ProgressCallback
from crmdeck.settings import Settings
from crmdeck.workspace.context import Context

if TYPE_CHECKING:
    from crmdeck.connectors.base import ConnectorFactory
    from crmdeck.workspace.audit import Audit
    from crmdeck.workspace.backups import Backups
    from crmdeck.workspace.checks.notices import Notices
    from crmdeck.workspace.checks.preflight import Preflights
    from crmdeck.workspace.checks.service import Checks
    from crmdeck.workspace.connections.health import Health
    from crmdeck.workspace.connections.service import Connections
    from crmdeck.workspace.connections.signin.service import SignIn
    from crmdeck.workspace.documents import Documents
    from crmdeck.workspace.drift import Drift
    from crmdeck.workspace.explore.command_line import Option
    from crmdeck.workspace.explore.copies import Copies
    from crmdeck.workspace.explore.exports import Exports
    from crmdeck.workspace.explore.places import Places
    from crmdeck.workspace.explore.schemas import Schemas
    from crmdeck.workspace.mappings.service import Mappings
    from crmdeck.workspace.refresh.service import Refreshes


class Workspace:
    """One organization's connections, schemas, drift and mappings over one cache.

    Synchronous and safe to use from several threads; several processes may have the same
    workspace open. A service is imported when it is first asked for, and holds no state of its
    own. Every method raises CrmdeckError and nothing else.

    >>> with Workspace.open(home) as ws:  # doctest: +SKIP
    ...     ws.refreshes.run("acme-prod")
    """

    def __init__(
        self,
        context: Context,
        *,
        prepare: Callable[[ProgressCallback], None] | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        """Put the services over a context; the methods `prepare` and `close` call theirs."""
        self.context = context
        self._prepare = prepare
        self._close = close

    @classmethod
    def open(
        cls,
        home: Path | str | None = None,
        *,
        read_only: bool = False,
        actor: str | None = None,
        clock: Clock = utc_now,
        secrets: SecretStore | None = None,
        connect: ConnectorFactory | None = None,
    ) -> Self:
        """Open the workspace in the folder `home`; the folder is made on the first write.

        Without `home` it is $CRMDECK_HOME, else the user's data folder. A `home` like
        `postgresql://host/database` is a team's, in PostgreSQL. `actor` is the name
        in the audit log (the user of this machine). `clock`, `secrets` and `connect` stand in for
        the real ones. Raises UsageError for settings that can't be used.
        """
        return cls(
            Context(
                resolve_home(home),
                database=resolve_database(home),
                read_only=read_only,
                actor=actor,
                clock=clock,
                secrets=secrets,
                connect=connect,
            )
        )

    @property
    def home(self) -> Path:
        """The folder that the workspace is in, or that goes with its database; it may not exist."""
        return self.context.home

    @property
    def read_only(self) -> bool:
        """Whether everything that would change something is refused."""
        return self.context.read_only

    @property
    def shared(self) -> bool:
        """Whether it is in a database that other machines may write to."""
        return self.context.shared

    @property
    def settings(self) -> Settings:
        """What the user set, as it was when the workspace was opened."""
        return self.context.settings

    @property
    def actor(self) -> str:
        """The name of the operator, as the audit log has it."""
        return self.context.actor

    @property
    def now(self) -> datetime:
        """The present moment by the workspace's clock, in UTC."""
        return self.context.now

    @cached_property
    def connections(self) -> Connections:
        """Connections: add, change, test, disconnect."""
        from crmdeck.workspace.connections.service import Connections

        return Connections(self.context)

    @cached_property
    def signin(self) -> SignIn:
        """How a connection gets its credentials, and gets them again."""
        from crmdeck.workspace.connections.signin.service import SignIn

        return SignIn(self.context)

    @cached_property
    def schemas(self) -> Schemas:
        """What the cache knows of schemas, now or as of a moment, and a look into records."""
        from crmdeck.workspace.explore.schemas import Schemas

        return Schemas(self.context)

    @cached_property
    def refreshes(self) -> Refreshes:
        """Discovering schemas and recording what changed."""
        from crmdeck.workspace.refresh.service import Refreshes

        return Refreshes(self.context)

    @cached_property
    def drift(self) -> Drift:
        """What changed, and what was acknowledged."""
        from crmdeck.workspace.drift import Drift

        return Drift(self.context)

    @cached_property
    def mappings(self) -> Mappings:
        """Object pairs: suggestions, decisions, and what holds."""
        from crmdeck.workspace.mappings.service import Mappings

        return Mappings(self.context)

    @cached_property
    def health(self) -> Health:
        """How connections are doing, and their alerts."""
        from crmdeck.workspace.connections.health import Health

        return Health(self.context)

    @cached_property
    def places(self) -> Places:
        """All that one can go to: connections, pairs, objects, fields, changes, alerts."""
        from crmdeck.workspace.explore.places import Places

        return Places(self.context, self.health)

    @cached_property
    def copies(self) -> Copies:
        """What is on screen in the forms that colleagues and machines read."""
        from crmdeck.workspace.explore.copies import Copies

        return Copies(self.context)

    @cached_property
    def audit(self) -> Audit:
        """Who did what when."""
        from crmdeck.workspace.audit import Audit

        return Audit(self.context)

    @cached_property
    def checks(self) -> Checks:
        """Whether anything happened that somebody must know of, in one run."""
        from crmdeck.workspace.checks.service import Checks

        return Checks(
            self.context,
            self.refreshes,
            self.drift,
            self.mappings,
            self.health,
            self.audit,
            self.schemas,
        )

    @cached_property
    def preflights(self) -> Preflights:
        """Which writes the CRM will refuse or change, before a sync sends them."""
        from crmdeck.workspace.checks.preflight import Preflights

        return Preflights(self.context, self.mappings)

    @cached_property
    def notices(self) -> Notices:
        """Messages about what a check found, by chat, e-mail or webhook."""
        from crmdeck.workspace.checks.notices import Notices

        return Notices(self.context)

    @cached_property
    def exports(self) -> Exports:
        """Handing results over."""
        from crmdeck.workspace.explore.exports import Exports

        return Exports(
            self.context, self.schemas, self.drift, self.mappings, self.health, self.audit
        )

    @cached_property
    def backups(self) -> Backups:
        """The whole history in one file, and back."""
        from crmdeck.workspace.backups import Backups

        return Backups(self.context)

    @cached_property
    def documents(self) -> Documents:
        """What the servers of a team share besides the history."""
        from crmdeck.workspace.documents import Documents

        return Documents(self.context)

    def command_line(self, command: str, *arguments: str, **options: Option) -> str:
        """Return a command in this workspace, quoted for a POSIX shell.

        `command` may be of several words (`mapping accept`); an option that is True is a flag, one
        that is None or False is left out, several values are given one by one.
        """
        from crmdeck.workspace.explore.command_line import command_line

        return command_line(self.context, command, *arguments, **options)

    def head(self) -> int:
        """Return a number that differs once anybody has written to the cache; cheap to ask."""
        return self.context.store.head()

    def tell_waits(self, listener: Callable[[str], None] | None) -> None:
        """Let `listener` have the sentence that says on whom each long wait for others is.

        A wait is long after a second. The listener is called from the thread that waits.
        """
        self.context.store.tell_waits(listener)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the cache open, and locked, over many calls; for work in bulk."""
        with self.context.store.hold():
            yield

    def on_behalf_of(self, actor: str) -> Workspace:
        """Return the same workspace with somebody else acting, in the audit log.

        The cache, the clock and the refreshes that run are shared, so that many may act at once;
        closing it closes nothing.
        """
        return Workspace(self.context.on_behalf_of(actor))

    @contextmanager
    def acting_as(self, actor: str) -> Iterator[None]:
        """Let somebody else act for the calls inside, in the audit log, in all threads."""
        before, self.context.actor = self.context.actor, actor
        try:
            yield
        finally:
            self.context.actor = before

    def prepare(self, progress: ProgressCallback | None = None) -> None:
        """Make ready what has to be there first; only the demo has anything to do."""
        if self._prepare is not None:
            self._prepare(progress or (lambda _: None))

    def close(self) -> None:
        """Close what is open: connections to a database, the demo's sandbox."""
        self.context.store.close()
        if self._close is not None:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
