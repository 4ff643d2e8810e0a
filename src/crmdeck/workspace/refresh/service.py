"""Refreshes of one connection or of many: which share one run, and how many run at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CanceledError, CrmdeckError
from crmdeck.model import (
    CancelToken,
    Connection,
    Progress,
    ProgressCallback,
    RefreshResult,
    Scope,
)
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.refresh.run import refresh

AT_ONCE = 4
GRACE = 5.0
"""Seconds that refreshes which were told to stop are given to write down that they did."""


@dataclass(frozen=True)
class Attempt:
    """What came of one refresh among many: `result`, or the `error` that ended it.

    `name` is that of the connection, however it was asked for.
    """

    name: str
    connection_id: str
    result: RefreshResult | None = None
    error: CrmdeckError | None = None


class Refreshes:
    """Discovering the schemas of connections and recording what changed."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(
        self,
        ref: str,
        *,
        scope: Scope | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> RefreshResult:
        """Discover the schema of a connection and record what changed.

        One transaction holds snapshots, drift and audit entries. An object type that fails keeps
        its last snapshot and is listed in `failures`. A caller that comes while the same refresh
        runs in this process gets that one's result, with its own `progress` and `cancel`. `scope`
        is the connection's unless given. `progress` counts object types, and may be called from
        other threads. Raises ConflictError for a disconnected connection, ReauthRequiredError,
        SourceError where nothing could be read (the failure is recorded), CanceledError (only the
        attempt is recorded).
        """
        connection = self._context.connection(ref)
        # After something was read: only then it is known who may write to a database.
        self._context.require_writable()
        wanted = scope or connection.scope
        stop = cancel or CancelToken()
        return self._context.refreshing.run(
            connection.id,
            wanted,
            lambda tell: refresh(self._context, connection, wanted, tell, stop),
            progress or (lambda _: None),
            stop,
        )

    def run_many(
        self,
        refs: Sequence[str],
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[Attempt, ...]:
        """Refresh the connections at the same time, a few at once; answers in the order asked.

        Each is a refresh of its own, with its own transaction and its own entries in the audit
        log: one that fails stops no other. `progress` counts connections (with one, its object
        types), and is called from several threads. Raises NotFoundError for a connection that
        is not there, before any is refreshed, and CanceledError; those that had finished by
        then stay refreshed.
        """
        with self._context.store.read() as session:
            named = [find_connection(session, ref) for ref in refs]
        self._context.require_writable()
        wanted = tuple({connection.id: connection for connection in named}.values())
        if len(wanted) == 1:
            alone = progress or (lambda _: None)
            return (self._attempt(wanted[0], alone, cancel or CancelToken()),)
        count = _Count(len(wanted), progress)
        waiting = list(wanted)

        def one(connection: Connection, stop: CancelToken) -> tuple[str, Attempt]:
            with count.one(connection.name) as progress:
                return connection.id, self._attempt(connection, progress, stop)

        def take() -> Callable[[CancelToken], tuple[str, Attempt]] | None:
            return partial(one, waiting.pop(0)) if waiting else None

        threads = min(AT_ONCE, len(wanted))
        try:
            found = dict(in_parallel(take, threads, cancel or CancelToken(), "refresh"))
        finally:
            count.wait_for_all(GRACE)
        return tuple(found[connection.id] for connection in wanted)

    def _attempt(
        self, connection: Connection, progress: ProgressCallback, stop: CancelToken
    ) -> Attempt:
        name, key = connection.name, connection.id
        try:
            return Attempt(name, key, self.run(key, progress=progress, cancel=stop))
        except CanceledError:
            raise
        except CrmdeckError as error:
            return Attempt(name, key, error=error)


class _Count:
    """How many are done, and who is under way; safe to use from several threads."""

    def __init__(self, total: int, callback: ProgressCallback | None) -> None:
        self._total = total
        self._callback = callback
        self._done = 0
        self._running = 0
        self._waiting: dict[str, str] = {}
        self._changed = threading.Condition()

    @contextmanager
    def one(self, name: str) -> Iterator[ProgressCallback]:
        """Count what the block does as one; yields what it tells its own progress to."""
        with self._changed:
            self._running += 1
        self._tell(name, Progress(0, None))
        try:
            yield partial(self._tell, name)
        finally:
            with self._changed:
                self._running -= 1
                self._done += 1
                self._waiting.pop(name, None)
                self._changed.notify_all()
            self._tell("", Progress(0, None))

    def wait_for_all(self, seconds: float) -> None:
        """Wait until none is under way, so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=seconds)

    def _tell(self, name: str, inner: Progress) -> None:
        if self._callback is None:
            return
        with self._changed:
            self._waiting[name] = f"{name}: {inner.waiting}" if inner.waiting else ""
            waiting = next(filter(None, self._waiting.values()), "")
            done = self._done
        self._callback(Progress(done, self._total, f"{name} {inner.label}".strip(), waiting))
