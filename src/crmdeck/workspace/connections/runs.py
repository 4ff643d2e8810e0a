"""Runs: the records of refreshes and tests."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmdeck.errors import CanceledError, CrmdeckError, QuotaExceededError, ReauthRequiredError
from crmdeck.model import Connection, Status, SyncOutcome, SyncRun
from crmdeck.store import Session
from crmdeck.workspace.context import Context, new_id

if TYPE_CHECKING:
    from crmdeck.connectors.base import Connector

GOOD = (SyncOutcome.OK, SyncOutcome.PARTIAL)
BAD = (SyncOutcome.FAILED, SyncOutcome.REAUTH, SyncOutcome.STOPPED)
# A run that stopped for the quota reached the CRM; a canceled run proves nothing.
WORKING = (*GOOD, SyncOutcome.STOPPED)
COMPLETED = (*GOOD, *BAD)


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
    match error:
        case ReauthRequiredError():
            outcome = SyncOutcome.REAUTH
        case CanceledError():
            outcome = SyncOutcome.CANCELED
        case QuotaExceededError(code="QUOTA_RESERVE"):
            outcome = SyncOutcome.STOPPED
        case _:
            outcome = SyncOutcome.FAILED
    return run.model_copy(
        update={
            "outcome": outcome,
            "finished_at": finished,
            "error_code": error.code,
            "error_message": error.message,
            "error_cause": error.cause,
            "error_remedy": error.remedy,
        }
    )


def derive_status(connection: Connection, last: SyncRun | None) -> Status:
    """Return the status of a connection; `last` is its last completed run."""
    if connection.disconnected_at is not None:
        return Status.DISCONNECTED
    match last.outcome if last else None:
        case SyncOutcome.REAUTH:
            return Status.REAUTH_REQUIRED
        case SyncOutcome.FAILED:
            return Status.ERROR
        case _:
            return Status.ACTIVE


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
