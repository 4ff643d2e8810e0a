"""Leases: who works on a connection of a team, and until when.

A lease is extended while its work runs, and runs out if the process dies. Leases don't belong to
the history: taking one waits for no writer and changes no head.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crmdeck.clock import Clock
from crmdeck.errors import CacheError, ConflictError
from crmdeck.model import CancelToken
from crmdeck.model.wire import wire_record
from crmdeck.store.database import Database
from crmdeck.store.leftovers import is_gone

LEASE = timedelta(seconds=60)
"""How long a lease lasts after it was taken or extended."""

_REFRESH, _CHECK = "refresh", "check"

_PAUSE = 0.5
_PROCESS = re.compile(r"(.*) on (.+) \(process (\d+)\)")

_held: set[str] = set()
"""The tokens of the leases of this process."""


@dataclass(frozen=True)
class LeaseFigures:
    """How much is running and waiting at a time."""

    refreshing: int
    checking: int
    expired: int
    """Leases of processes that died, and that no one has taken over."""
    due: int
    """Checks of a fleet that are due and not running."""
    due_since: datetime | None
    """When the oldest of them became due, in UTC."""

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return wire_record(self)


class Leases:
    """The leases of a team's workspace; `leasing` yields its database for a short transaction."""

    def __init__(
        self, leasing: Callable[[], AbstractContextManager[Database]], clock: Clock
    ) -> None:
        self._leasing = leasing
        self._clock = clock

    @contextmanager
    def refreshing(
        self, connection_id: str, who: str, patience: CancelToken | None = None
    ) -> Iterator[Lease]:
        """Keep others, on any machine, from a refresh of a connection.

        With `patience`, which can be canceled, wait for a lease that its process no longer extends.
        Raises ConflictError that names who is refreshing the connection, and since when.
        """
        secret, now = uuid.uuid4().hex, self._now()
        _held.add(_token(secret))
        first: tuple[object, object] | None = None
        while True:
            with self._leasing() as database:
                row = [connection_id, secret, _holder(who), LEASE.total_seconds()]
                if database.rows("SELECT take_lease(?, ?, ?, ?)", row)[0][0]:
                    break
                [(token, holder, began, until)] = database.rows(
                    "SELECT token, holder, since, until FROM lease "
                    "WHERE kind = ? AND connection_id = ?",
                    [_REFRESH, connection_id],
                ) or [(None, None, None, None)]
                if token is None:
                    continue
                if _is_lost(holder, token):
                    database.run(
                        "SELECT end_lease(?, ?, ?, NULL)", [_REFRESH, connection_id, token]
                    )
                    holder = None
            if holder is None:
                continue
            # A process that extends its lease is at work.
            first = first or (token, until)
            if patience is None or (token, until) != first:
                _held.discard(_token(secret))
                raise ConflictError(
                    "Another process is refreshing this connection.",
                    cause=f"{holder} has been refreshing it since {began:%Y-%m-%d %H:%M} UTC.",
                    remedy="Wait: the result will appear here.",
                    code="REFRESH_RUNNING",
                )
            patience.wait(_PAUSE)
        lease = Lease(self, _REFRESH, connection_id, secret, now)
        try:
            yield lease
        finally:
            lease.give_back()

    def claim(self, connection_ids: Sequence[str], who: str) -> Lease | None:
        """Return a lease on the check that is due for longest, None if none is due."""
        secret, now = uuid.uuid4().hex, self._now()
        _held.add(_token(secret))
        with self._leasing() as database:
            [(connection_id,)] = database.rows(
                "SELECT claim_lease(?, ?, ?, ?, ?)",
                [list(connection_ids), secret, _holder(who), LEASE.total_seconds(), now],
            )
        return Lease(self, _CHECK, connection_id, secret, now) if connection_id else None

    def enroll(self, connection_ids: Sequence[str]) -> None:
        """Make the first check of each new connection due now."""
        with self._leasing() as database:
            database.run("SELECT enroll_checks(?)", [list(connection_ids)])

    def next_due(self, connection_ids: Sequence[str]) -> datetime | None:
        """Return when a process can claim the next check, in UTC."""
        with self._leasing() as database:
            [(due,)] = database.rows(
                "SELECT min(greatest(due_at, CASE WHEN token IS NOT NULL THEN until END)) "
                "FROM lease WHERE kind = 'check' AND connection_id = ANY(?)",
                [list(connection_ids)],
            )
        return None if due is None else due.replace(tzinfo=UTC)

    def extend(self, lease: Lease) -> bool:
        """Extend a lease from now on; return False if another process has it."""
        with self._leasing() as database:
            row = [*lease.key, LEASE.total_seconds()]
            return bool(database.rows("SELECT extend_lease(?, ?, ?, ?)", row)[0][0])

    def end(self, lease: Lease, due_at: datetime | None = None) -> None:
        """End a lease, and set when its next check is due."""
        with self._leasing() as database:
            database.run("SELECT end_lease(?, ?, ?, ?)", [*lease.key, due_at])

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)


class Lease:
    """A lease, extended by a thread until it is given back."""

    def __init__(
        self, leases: Leases, kind: str, connection_id: str, secret: str, since: datetime
    ) -> None:
        self.connection_id = connection_id
        self.key = (kind, connection_id, secret)
        self.over = threading.Event()
        """Set when the lease has been given back, or when that failed."""
        self._leases = leases
        self._since = since
        self._ended = threading.Event()
        # A daemon: a process that ends while it works lets the lease run out, as a killed one does.
        threading.Thread(target=self._extend, name="lease", daemon=True).start()

    def give_back(self) -> None:
        """End the lease; a check stays due."""
        self._end(None)

    def finish(self, every: timedelta) -> None:
        """End the lease of a check; the next one is due `every` after this one began."""
        self._end(self._since + every)

    def require(self, database: Database) -> None:
        """Raise ConflictError if the lease ran out and another process took over."""
        kind, connection_id, secret = self.key
        if not database.rows(
            "SELECT 1 FROM lease WHERE kind = ? AND connection_id = ? AND token = ?",
            [kind, connection_id, _token(secret)],
        ):
            raise ConflictError(
                "Another process took over this refresh. Nothing was written.",
                cause="This process was paused, or could not reach the database, for more than "
                f"{LEASE.total_seconds():.0f} s.",
                remedy="Wait: the result of the other refresh will appear here.",
                code="REFRESH_TAKEN_OVER",
            )

    def _end(self, due_at: datetime | None) -> None:
        self._ended.set()
        _held.discard(_token(self.key[-1]))
        try:
            self._leases.end(self, due_at)
        except CacheError:
            # The database may be back before the lease runs out.
            thread = threading.Thread(target=self._end_later, args=(due_at,), daemon=True)
            thread.start()
        finally:
            self.over.set()

    def _end_later(self, due_at: datetime | None) -> None:
        deadline = time.monotonic() + LEASE.total_seconds()
        while time.monotonic() < deadline:
            time.sleep(_PAUSE)
            with suppress(CacheError):
                self._leases.end(self, due_at)
                return

    def _extend(self) -> None:
        # Two extensions in a row can fail before the lease runs out.
        while not self._ended.wait(LEASE.total_seconds() / 3):
            # The database may be back before the lease runs out.
            with suppress(CacheError):
                if not self._leases.extend(self):
                    return


def lease_figures(database: Database, connection_ids: Sequence[str], now: datetime) -> LeaseFigures:
    """Return the figures of these connections at `now`."""
    at = now.astimezone(UTC).replace(tzinfo=None)
    rows = database.rows("SELECT kind, connection_id, token, until, due_at FROM lease")
    wanted = set(connection_ids)
    running = {_REFRESH: 0, _CHECK: 0}
    expired = 0
    due = []
    for kind, connection_id, token, until, due_at in rows:
        if connection_id not in wanted:
            continue
        if token is not None and until > at:
            running[kind] += 1
            continue
        expired += token is not None
        if due_at is not None and due_at <= at:
            due.append(due_at)
    return LeaseFigures(
        refreshing=running[_REFRESH],
        checking=running[_CHECK],
        expired=expired,
        due=len(due),
        due_since=min(due).replace(tzinfo=UTC) if due else None,
    )


def _holder(who: str) -> str:
    return f"{who} on {socket.gethostname()} (process {os.getpid()})"


def _token(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_lost(holder: str, token: str) -> bool:
    """True if the holder of a lease was a process of this machine that has ended."""
    found = _PROCESS.fullmatch(holder)
    if found is None or found[2] != socket.gethostname():
        return False
    process = int(found[3])
    # In a container, the process that starts again has the number of the earlier one.
    return token not in _held if process == os.getpid() else is_gone(process)
