"""Runs: the records of refreshes and tests."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError
from crmdeck.model import Connection, Status, SyncOutcome, SyncRun
from crmdeck.store import Session
from crmdeck.workspace.connections.status import COMPLETED, WORKING, derive_status, outcome_of
from crmdeck.workspace.context import Context, new_id

if TYPE_CHECKING:
    from crmdeck.connectors.base import Connector


def started_run(connection_id: str, kind: str, at: datetime) -> SyncRun:
    """Return a new run."""
    return SyncRun(
        id=new_id(),
        connection_id=connection_id,
        kind=kind,
        outcome=SyncOutcome.OK,
        started_at=at,
        finished_at=at,
    )


def failed_run(run: SyncRun, error: CrmdeckError, finished: datetime) -> SyncRun:
    """Return `run` with its outcome and the error that ended it."""
    return run.model_copy(
        update={
            "outcome": outcome_of(error),
            "finished_at": finished,
            "error_code": error.code,
            "error_message": error.message,
            "error_cause": error.cause,
            "error_remedy": error.remedy,
        }
    )


def write_run(context: Context, session: Session, connection: Connection, run: SyncRun) -> None:
    """Store a run, with an audit entry if the connection works again."""
    completed = [each for each in session.runs.newest(connection.id) if each.outcome in COMPLETED]
    before = derive_status(connection, completed[-1] if completed else None)
    if run.outcome in WORKING and before in (Status.ERROR, Status.REAUTH_REQUIRED):
        run = run.model_copy(update={"recovered": True})
        session.audit.add(
            context.entry(
                "connection.recovered",
                f"{connection.name} works again",
                connection_id=connection.id,
            )
        )
    session.runs.add(run)


def write_quota(session: Session, connection_id: str, connector: Connector, at: datetime) -> None:
    """Store the source's last known quota, if any."""
    if connector.meter.quota is not None:
        session.runs.add_quota(connection_id, connector.meter.quota, at)
