"""Leases: who works on a connection of a team, and until when.

A lease is extended while its work runs, and runs out if the process dies. Leases don't belong to
the history: taking one waits for no writer and changes no head.
"""

from __future__ import annotations

import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crmdeck.clock import Clock
from crmdeck.errors import CacheError, ConflictError
from crmdeck.model.wire import wire_record
from crmdeck.store.database import Database

LEASE = timedelta(seconds=60)
"""How long a lease lasts after it was taken or extended."""

_REFRESH, _CHECK = "refresh", "check"

# One statement, so that two processes can't both find the lease free.
_TAKE = """
    INSERT INTO lease (kind, connection_id, token, holder, since, until)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (kind, connection_id) DO UPDATE SET token = excluded.token,
        holder = excluded.holder, since = excluded.since, until = excluded.until
    WHERE lease.token IS NULL OR lease.until <= excluded.since
    RETURNING token"""

# Skips what others claim at this moment, and what a user is refreshing.
_CLAIM = """
    UPDATE lease SET token = ?, holder = ?, since = ?, until = ?
    WHERE kind = 'check' AND connection_id = (
        SELECT connection_id FROM lease AS due
        WHERE kind = 'check' AND connection_id = ANY(?) AND due_at <= ?
        AND (token IS NULL OR until <= ?)
        AND NOT EXISTS (
            SELECT 1 FROM lease AS other WHERE other.kind = 'refresh'
            AND other.connection_id = due.connection_id
            AND other.token IS NOT NULL AND other.until > ?)
        ORDER BY due_at, connection_id LIMIT 1 FOR UPDATE OF due SKIP LOCKED)
    RETURNING connection_id"""

_MINE = "kind = ? AND connection_id = ? AND token = ?"


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
    def refreshing(self, connection_id: str, who: str) -> Iterator[Lease]:
        """Keep others, on any machine, from a refresh of a connection.

        Raises ConflictError that names who is refreshing it, and since when.
        """
        token, now = uuid.uuid4().hex, self._now()
        with self._leasing() as database:
            row = [_REFRESH, connection_id, token, _holder(who), now, now + LEASE]
            taken = database.rows(_TAKE, row)
            if not taken:
                [(holder, began)] = database.rows(
                    "SELECT holder, since FROM lease WHERE kind = ? AND connection_id = ?",
                    [_REFRESH, connection_id],
                )
                raise ConflictError(
                    "Another process is refreshing this connection.",
                    cause=f"{holder} has been refreshing it since {began:%Y-%m-%d %H:%M} UTC.",
                    remedy="Wait: the result will appear here.",
                    code="REFRESH_RUNNING",
                )
        lease = Lease(self, _REFRESH, connection_id, token, now)
        try:
            yield lease
        finally:
            lease.give_back()

    def claim(self, connection_ids: Sequence[str], who: str) -> Lease | None:
        """Return a lease on the check that is due for longest, None if none is due."""
        token, now = uuid.uuid4().hex, self._now()
        ids = list(connection_ids)
        with self._leasing() as database:
            rows = database.rows(
                _CLAIM, [token, _holder(who), now, now + LEASE, ids, now, now, now]
            )
        return Lease(self, _CHECK, rows[0][0], token, now) if rows else None

    def enroll(self, connection_ids: Sequence[str]) -> None:
        """Make the first check of each new connection due now."""
        with self._leasing() as database:
            database.run(
                "INSERT INTO lease (kind, connection_id, due_at) SELECT 'check', each, ? "
                "FROM unnest(?::VARCHAR[]) AS each ON CONFLICT (kind, connection_id) DO NOTHING",
                [self._now(), list(connection_ids)],
            )

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
            return bool(
                database.rows(
                    f"UPDATE lease SET until = ? WHERE {_MINE} RETURNING token",
                    [self._now() + LEASE, *lease.key],
                )
            )

    def end(self, lease: Lease, due_at: datetime | None = None) -> None:
        """End a lease, and set when its next check is due."""
        with self._leasing() as database:
            database.run(
                "UPDATE lease SET token = NULL, until = NULL, due_at = coalesce(?, due_at) "
                f"WHERE {_MINE}",
                [due_at, *lease.key],
            )

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)


class Lease:
    """A lease, extended by a thread until it is given back."""

    def __init__(
        self, leases: Leases, kind: str, connection_id: str, token: str, since: datetime
    ) -> None:
        self.connection_id = connection_id
        self.key = (kind, connection_id, token)
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
        if not database.rows(f"SELECT token FROM lease WHERE {_MINE}", list(self.key)):
            raise ConflictError(
                "Another process took over this refresh. Nothing was written.",
                cause="This process was paused, or could not reach the database, for more than "
                f"{LEASE.total_seconds():.0f} s.",
                remedy="Wait: the result of the other refresh will appear here.",
                code="REFRESH_TAKEN_OVER",
            )

    def _end(self, due_at: datetime | None) -> None:
        self._ended.set()
        try:
            # Without the database, the lease runs out.
            with suppress(CacheError):
                self._leases.end(self, due_at)
        finally:
            self.over.set()

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
    return f"{who} on {socket.gethostname()}"
