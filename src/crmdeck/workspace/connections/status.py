"""The status of a connection: active, failing, in need of a sign-in, or disconnected."""

from __future__ import annotations

from crmdeck.errors import CanceledError, CrmdeckError, QuotaExceededError, ReauthRequiredError
from crmdeck.model import Connection, Status, SyncOutcome, SyncRun

GOOD = (SyncOutcome.OK, SyncOutcome.PARTIAL)
BAD = (SyncOutcome.FAILED, SyncOutcome.REAUTH, SyncOutcome.STOPPED)
# A run that stopped for the quota reached the CRM; a canceled run proves nothing.
WORKING = (*GOOD, SyncOutcome.STOPPED)
COMPLETED = (*GOOD, *BAD)


def outcome_of(error: CrmdeckError) -> SyncOutcome:
    """Return the outcome of a run that ended with `error`."""
    match error:
        case ReauthRequiredError():
            return SyncOutcome.REAUTH
        case CanceledError():
            return SyncOutcome.CANCELED
        case QuotaExceededError(code="QUOTA_RESERVE"):
            return SyncOutcome.STOPPED
        case _:
            return SyncOutcome.FAILED


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
