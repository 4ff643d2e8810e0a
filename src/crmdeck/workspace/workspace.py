"""The workspace: every use case, one service per subject, over one context."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from crmdeck import workspace
from crmdeck.clock import Clock, utc_now
from crmdeck.credentials import SecretStore
from crmdeck.home import resolve_database, resolve_home
from crmdeck.settings import Settings
from crmdeck.workspace.context import Context

if TYPE_CHECKING:
    from crmdeck.connectors.base import ConnectorFactory
    from crmdeck.store import Session
    from crmdeck.workspace.commands import Option


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
        prepare: Callable[[], None] | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self.context = context
        context.store.before_commit = _derive
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
        """Open the workspace in `home`; the folder is created on the first write.

        The default `home` is $CRMDECK_HOME, else the user's data folder. A `home` like
        `postgresql://host/database` is a team's workspace in PostgreSQL. `actor` is the name in the
        audit log (default: the user of this machine). `clock`, `secrets` and `connect` replace the
        real ones. Raises UsageError for invalid settings.
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
        """The folder of the workspace, or the one of its database. It need not exist."""
        return self.context.home

    @property
    def read_only(self) -> bool:
        """True if nothing can be changed."""
        return self.context.read_only

    @property
    def shared(self) -> bool:
        """True if it is in a database that other machines may write to."""
        return self.context.shared

    @property
    def settings(self) -> Settings:
        """The user's settings, as of when the workspace was opened."""
        return self.context.settings

    @property
    def actor(self) -> str:
        """The acting user's name in the audit log."""
        return self.context.actor

    @property
    def now(self) -> datetime:
        """The current time by the workspace's clock, in UTC."""
        return self.context.now

    @cached_property
    def connections(self) -> workspace.Connections:
        """Add, change, test and disconnect connections."""
        return workspace.Connections(self.context)

    @cached_property
    def signin(self) -> workspace.SignIn:
        """Sign in, and renew a connection's credentials."""
        return workspace.SignIn(self.context)

    @cached_property
    def schemas(self) -> workspace.Schemas:
        """Cached schemas, now or as of a date, and samples of records."""
        return workspace.Schemas(self.context)

    @cached_property
    def fields(self) -> workspace.Fields:
        """Fields by meaning, and what depends on a field."""
        return workspace.Fields(self.context)

    @cached_property
    def refreshes(self) -> workspace.Refreshes:
        """Refresh schemas and record what changed."""
        return workspace.Refreshes(self.context)

    @cached_property
    def drift(self) -> workspace.Drift:
        """Changes and their acknowledgment."""
        return workspace.Drift(self.context)

    @cached_property
    def mappings(self) -> workspace.Mappings:
        """Object pairs: suggestions, decisions, and the current mapping."""
        return workspace.Mappings(self.context)

    @cached_property
    def health(self) -> workspace.Health:
        """The status and the runs of each connection."""
        return workspace.Health(self.context)

    @cached_property
    def findings(self) -> workspace.Findings:
        """Everything that is open, and the risks that users accepted."""
        return workspace.Findings(self.context)

    @cached_property
    def places(self) -> workspace.Places:
        """Everything to go to: connections, pairs, objects, fields, changes, findings."""
        return workspace.Places(self.context)

    @cached_property
    def copies(self) -> workspace.Copies:
        """What is on screen, in forms for colleagues and machines."""
        return workspace.Copies(self.context)

    @cached_property
    def audit(self) -> workspace.Audit:
        """The audit log: who did what, when."""
        return workspace.Audit(self.context)

    @cached_property
    def checks(self) -> workspace.Checks:
        """New problems since the last check."""
        return workspace.Checks(self.context)

    @cached_property
    def fleet(self) -> workspace.Fleet:
        """Checks that several processes share."""
        return workspace.Fleet(self.context, self.checks)

    @cached_property
    def preflights(self) -> workspace.Preflights:
        """Writes that the CRM will reject or change, before a sync sends them."""
        return workspace.Preflights(self.context)

    @cached_property
    def errors(self) -> workspace.SyncErrors:
        """Explain a sync's error messages."""
        return workspace.SyncErrors(self.context)

    @cached_property
    def proposals(self) -> workspace.Proposals:
        """Changes of the CRM that a mapping needs, as files to review and deploy."""
        return workspace.Proposals(self.context)

    @cached_property
    def notices(self) -> workspace.Notices:
        """Notifications about a check, by chat, email or webhook."""
        return workspace.Notices(self.context)

    @cached_property
    def exports(self) -> workspace.Exports:
        """Export data and reports."""
        return workspace.Exports(self.context)

    @cached_property
    def backups(self) -> workspace.Backups:
        """Back up and restore the history."""
        return workspace.Backups(self.context)

    @cached_property
    def secrets(self) -> workspace.Secrets:
        """Move secrets of connections, and replace the key for those in the workspace."""
        return workspace.Secrets(self.context)

    @cached_property
    def documents(self) -> workspace.Documents:
        """What the servers of a team share in addition to the history."""
        return workspace.Documents(self.context)

    def command_line(self, command: str, *arguments: str, **options: Option) -> str:
        """Return a command in this workspace, quoted for a POSIX shell.

        `command` may have several words (`mapping accept`). An option that is True is a flag; None
        and False are left out; several values repeat the option.
        """
        return workspace.command_line(self.context, command, *arguments, **options)

    def head(self) -> int:
        """Return a number that changes with each write to the cache. Cheap."""
        return self.context.store.head()

    def probe(self) -> None:
        """Raise CacheError unless the history answers now, on a connection of its own."""
        self.context.store.probe()

    def report_waits(self, listener: Callable[[str], None] | None) -> None:
        """Call `listener` with a sentence about each long wait for others.

        A wait is long after a second. The listener runs in the thread that waits.
        """
        self.context.store.report_waits(listener)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the cache open, and locked, over many calls; for bulk work."""
        with self.context.store.hold():
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Show the calls of this thread a single state of the cache; they can't write."""
        with self.context.store.read():
            yield

    def on_behalf_of(self, actor: str) -> Workspace:
        """Return the same workspace with another acting user.

        The cache, the clock and running refreshes are shared, so that many users can act at once.
        Closing it closes nothing.
        """
        # Without `close`: what is open belongs to this workspace.
        return Workspace(self.context.on_behalf_of(actor))

    def prepare(self) -> None:
        """Build what the workspace needs first; only the demo needs anything."""
        if self._prepare is not None:
            self._prepare()

    def close(self) -> None:
        """Close what is open: database connections, the demo's sandbox."""
        self.context.store.close()
        if self._close is not None:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _derive(session: Session) -> None:
    # Importing it takes longer than most writes.
    from crmdeck.workspace.open_changes import keep_settlements

    keep_settlements(session)
