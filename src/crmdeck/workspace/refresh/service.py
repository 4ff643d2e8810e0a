"""Refresh one connection, or many at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CanceledError, CrmdeckError
from crmdeck.model import CancelToken, Connection, Progress, ProgressCallback, RefreshResult, Scope
from crmdeck.model.wire import wire_record
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.refresh.run import refresh

AT_ONCE = 4
GRACE = 5.0
"""Seconds that canceled refreshes get to record their end."""


@dataclass(frozen=True)
class Attempt:
    """The outcome of one refresh among many: `result`, or the `error` that stopped it."""

    name: str
    connection_id: str
    result: RefreshResult | None = None
    error: CrmdeckError | None = None

    def to_wire(self) -> dict[str, object]:
        return wire_record(self)


class Refreshes:
    """Reads schemas from CRMs and records the changes."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(
        self,
        ref: str,
        *,
        scope: Scope | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        accept_suspect: bool = False,
        patient: bool = False,
    ) -> RefreshResult:
        """Read the schema of a connection and record the changes, in one transaction.

        An object that can't be read keeps its last snapshot and is listed in `failures`. A second
        caller of the same refresh in this process waits for it and shares its result. `scope`
        defaults to the connection's. `progress` counts objects, from any thread. A refresh that
        would remove more than a tenth of the objects or fields is suspect: it fails, unless the
        caller accepts it or a refresh an hour earlier found the same. With `patient`, wait for the
        refresh of a process that was lost, up to a minute. Raises
        ConflictError for a disconnected connection, ReauthRequiredError, SourceError if nothing
        could be read, and CanceledError; the attempt is recorded.
        """
        connection = self._context.connection(ref)
        # Only the first read shows whether this user can write.
        self._context.require_writable()
        # The rules to read are a setting of the connection, not of one refresh.
        left_out = connection.scope.without_rules
        wanted = (scope or connection.scope).model_copy(update={"without_rules": left_out})
        stop = cancel or CancelToken()
        return self._context.refreshing.run(
            connection.id,
            (wanted, accept_suspect),
            lambda report: refresh(
                self._context,
                connection,
                wanted,
                report,
                stop,
                accept_suspect=accept_suspect,
                patient=patient,
            ),
            progress or (lambda _: None),
            stop,
        )

    def run_many(
        self,
        refs: Sequence[str],
        *,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        accept_suspect: bool = False,
    ) -> tuple[Attempt, ...]:
        """Refresh several connections at the same time; return the outcomes in the order given.

        Each has its own transaction and audit entries, and one that fails doesn't stop the others.
        `progress` counts connections (or objects, if there is only one connection), from any
        thread. Raises NotFoundError before it refreshes anything, and CanceledError; connections
        that have finished by then stay refreshed.
        """
        with self._context.store.read() as session:
            named = [find_connection(session, ref) for ref in refs]
        self._context.require_writable()
        wanted = tuple({connection.id: connection for connection in named}.values())
        if len(wanted) == 1:
            alone = progress or (lambda _: None)
            stop = cancel or CancelToken()
            return (self._attempt(wanted[0], alone, stop, accept_suspect),)
        count = _Count(len(wanted), progress)
        waiting = list(wanted)

        def one(connection: Connection, stop: CancelToken) -> tuple[str, Attempt]:
            with count.one(connection.name) as progress:
                return connection.id, self._attempt(connection, progress, stop, accept_suspect)

        # The pool asks one thread at a time, so the list needs no lock.
        def take() -> Callable[[CancelToken], tuple[str, Attempt]] | None:
            return partial(one, waiting.pop(0)) if waiting else None

        threads = min(AT_ONCE, len(wanted))
        try:
            found = dict(in_parallel(take, threads, cancel or CancelToken(), "refresh"))
        finally:
            count.wait_for_all(GRACE)
        return tuple(found[connection.id] for connection in wanted)

    def _attempt(
        self,
        connection: Connection,
        progress: ProgressCallback,
        stop: CancelToken,
        accept_suspect: bool,
    ) -> Attempt:
        # Use the ID: the connection can be renamed while others are refreshed.
        name, key = connection.name, connection.id
        try:
            result = self.run(key, progress=progress, cancel=stop, accept_suspect=accept_suspect)
            return Attempt(name, key, result)
        except CanceledError:
            # The user canceled all of them: no outcome of one, but the end of the round.
            raise
        except CrmdeckError as error:
            return Attempt(name, key, error=error)


class _Count:
    """Progress over several connections; thread-safe."""

    def __init__(self, total: int, callback: ProgressCallback | None) -> None:
        self._total = total
        self._callback = callback
        self._done = 0
        self._running = 0
        self._waiting: dict[str, str] = {}
        self._changed = threading.Condition()

    @contextmanager
    def one(self, name: str) -> Iterator[ProgressCallback]:
        """Count the block as one connection; yields its progress callback."""
        with self._changed:
            self._running += 1
        self._report(name, Progress(0, None))
        try:
            yield partial(self._report, name)
        finally:
            with self._changed:
                self._running -= 1
                self._done += 1
                self._waiting.pop(name, None)
                self._changed.notify_all()
            self._report("", Progress(0, None))

    def wait_for_all(self, seconds: float) -> None:
        """Wait until all have finished, at most this long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=seconds)

    def _report(self, name: str, inner: Progress) -> None:
        if self._callback is None:
            return
        with self._changed:
            self._waiting[name] = f"{name}: {inner.waiting}" if inner.waiting else ""
            waiting = next(filter(None, self._waiting.values()), "")
            done = self._done
        self._callback(Progress(done, self._total, f"{name} {inner.label}".strip(), waiting))
