"""Health: the status and the runs of each connection."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from crmdeck.model import ConnectionStatus, ObjectFailure, SyncRun
from crmdeck.workspace.connections.retirements import Retirement, load_retirements
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.findings.reading import read_statuses


class Health:
    """The health of connections."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def status(self, ref: str) -> ConnectionStatus:
        """Return the status of a connection, without a request to the CRM."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return read_statuses(self._context, session, (connection,), connection.id)[0]

    def statuses(
        self, among: Collection[str] | None = None, *, with_findings: bool = True
    ) -> tuple[ConnectionStatus, ...]:
        """Return the statuses of all connections, by name, without requests to the CRMs.

        `among` are the IDs of the connections wanted. Without findings, the statuses of many
        connections are much faster.
        """
        with self._context.store.read() as session:
            wanted = [
                each for each in session.connections.all() if among is None or each.id in among
            ]
            return read_statuses(self._context, session, wanted, with_findings=with_findings)

    def sync_history(self, ref: str, limit: int = 200) -> tuple[SyncRun, ...]:
        """Return the refreshes and tests of a connection, newest first."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.runs.history(connection.id, limit)

    def recent_runs(self, since: datetime, least: int) -> dict[str, list[SyncRun]]:
        """Return by connection ID the runs that ended after `since`, newest first.

        The newest `least` of each are among them, whenever they ended.
        """
        with self._context.store.read() as session:
            return session.runs.recent(since, least)

    def failures(self, ref: str) -> tuple[ObjectFailure, ...]:
        """Return the object types that failed in the last refresh, with their errors."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.runs.failures(connection.id)

    def retirements(self) -> tuple[Retirement, ...]:
        """Return the vendor retirements, with the changes from the user's file."""
        return load_retirements(self._context.home)
