"""A fleet: processes on any number of machines that share the checks of a team's connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CacheError, CanceledError, UsageError
from crmdeck.model import CancelToken, CheckReport, FailOn
from crmdeck.store.leases import Lease, LeaseFigures, Leases, lease_figures
from crmdeck.workspace.checks.service import Checks
from crmdeck.workspace.context import Context
from crmdeck.workspace.refresh.run import REFRESHED_BY_OTHERS
from crmdeck.workspace.refresh.service import AT_ONCE, GRACE

# A connection can be added, or another process can die, while this one waits.
_LONGEST_WAIT, _SHORTEST_WAIT = 60.0, 1.0


class Fleet:
    """Check connections together with other processes."""

    def __init__(self, context: Context, checks: Checks) -> None:
        self._context = context
        self._checks = checks

    def run(
        self,
        refs: Sequence[str] = (),
        *,
        every: timedelta,
        fail_on: FailOn = FailOn.BREAKING,
        policy: Path | None = None,
        drain: CancelToken | None = None,
        cancel: CancelToken | None = None,
    ) -> Iterator[CheckReport]:
        """Check the connections that are due, until none is; yield the report of each.

        Each process takes the one that has been due for longest, up to four at the same time. No
        other process checks it before `every` has passed. `drain` lets running checks finish, and
        starts no others. Raises what `Checks.run` raises, and UsageError without a database; what
        was running then is due at once.
        """
        leases, ids = self._enrolled(refs)
        draining = drain or CancelToken()

        def one(lease: Lease, stop: CancelToken) -> CheckReport | None:
            finished = False
            try:
                report = self._checks.run(
                    [lease.connection_id], fail_on=fail_on, policy=policy, cancel=stop
                )
                # A user began to refresh it: it is due when that has finished.
                finished = not any(each.code in REFRESHED_BY_OTHERS for each in report.findings)
            finally:
                if finished:
                    lease.finish(every)
                else:
                    # It stays due, for whichever process asks next.
                    lease.give_back()
            return report if finished else None

        claimed: list[Lease] = []

        def take() -> Callable[[CancelToken], CheckReport | None] | None:
            lease = None if draining.canceled else leases.claim(ids, self._context.actor)
            if lease is None:
                return None
            claimed.append(lease)
            return partial(one, lease)

        threads = min(AT_ONCE, len(ids))
        try:
            for report in in_parallel(take, threads, cancel or CancelToken(), "check"):
                if report is not None:
                    yield report
        finally:
            # Canceled checks give their leases back, unless the process ends before.
            deadline = time.monotonic() + GRACE
            for lease in claimed:
                lease.over.wait(max(0.0, deadline - time.monotonic()))

    def wait(
        self, refs: Sequence[str], drain: CancelToken, report: Callable[[float], None]
    ) -> None:
        """Wait until a check is due, or until `drain` is canceled.

        `report` gets the seconds until then, as known at first. A database that can't be reached
        is asked again a minute later.
        """
        reported = False
        while not drain.canceled:
            try:
                leases, ids = self._enrolled(refs)
                due = leases.next_due(ids)
                seconds = (due - self._context.now).total_seconds() if due else _LONGEST_WAIT
            except CacheError:
                seconds = _LONGEST_WAIT
            if seconds <= 0:
                return
            if not reported:
                report(seconds)
                reported = True
            with suppress(CanceledError):
                drain.wait(min(max(seconds, _SHORTEST_WAIT), _LONGEST_WAIT))

    def figures(self) -> LeaseFigures:
        """Return the running and waiting work on all machines."""
        with self._context.store.read() as session:
            ids = [c.id for c in session.connections.all() if c.disconnected_at is None]
            return lease_figures(session.database, ids, self._context.now)

    def _enrolled(self, refs: Sequence[str]) -> tuple[Leases, list[str]]:
        """Return the leases, which now contain the wanted connections, and their IDs."""
        leases = self._context.store.leases
        if leases is None:
            raise UsageError(
                "Only a workspace in PostgreSQL has a fleet.",
                cause="This workspace is a folder, which belongs to one machine.",
                remedy="Leave out --fleet, or move to a database: crmdeck restore FILE --home "
                "postgresql://HOST/DATABASE",
                code="NO_TEAM",
            )
        ids = [connection.id for connection in self._checks.chosen(refs)]
        leases.enroll(ids)
        return leases, ids
