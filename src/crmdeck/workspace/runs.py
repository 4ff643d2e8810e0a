"""Runs: the record of each attempt to talk to a CRM."""

from __future__ import annotations

from datetime import datetime

from crmdeck.connectors.base import Connector
from crmdeck.errors import CancelledError, CrmdeckError, QuotaExceededError, ReauthRequiredError
from crmdeck.model import SyncOutcome, SyncRun
from crmdeck.store import Session
from crmdeck.workspace.base import new_id


def started_run(connection_id: str, kind: str, at: datetime) -> SyncRun:
    """Return a run that has just begun."""
    return SyncRun(
        id=new_id(),
        connection_id=connection_id,
        kind=kind,
        outcome=SyncOutcome.OK,
        started_at=at,
        finished_at=at,
    )


def failed_run(run: SyncRun, error: CrmdeckError, finished: datetime) -> SyncRun:
    """Return `run` as it ended: with the error that stopped it."""
    match error:
        case ReauthRequiredError():
            outcome = SyncOutcome.REAUTH
        case CancelledError():
            outcome = SyncOutcome.CANCELLED
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


def write_quota(session: Session, connector: Connector, run: SyncRun) -> None:
    """Record the quota that the source told during a run, if it told any."""
    if connector.meter.quota is not None:
        session.runs.add_quota(run.connection_id, connector.meter.quota, run.finished_at)
