"""What can be done about an alert with one key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from crmdeck.model import Alert, ConnectionStatus, Source, Status


class Step(Enum):
    """A next step, and how it is called."""

    SIGN_IN = "sign in again"
    REFRESH = "refresh"
    DRIFT = "see the drift"
    TEST = "test it"

    @property
    def writes(self) -> bool:
        """Return whether it is refused in a read-only workspace."""
        return self in (Step.SIGN_IN, Step.REFRESH)


_BY_CODE = {
    "TOKEN_ENDED": Step.SIGN_IN,
    "TOKEN_ENDS_SOON": Step.SIGN_IN,
    "DRIFT_ON_MAPPED_FIELDS": Step.DRIFT,
    "SYNC_NOT_ADVANCING": Step.REFRESH,
    "OBJECTS_FAILED": Step.REFRESH,
    "NEVER_REFRESHED": Step.REFRESH,
    "SCHEMA_STALE": Step.REFRESH,
}


def step_of(alert: Alert, status: ConnectionStatus) -> Step | None:
    """Return what a key can do about an alert; None where only the remedy's words help."""
    if alert.code == status.last_error_code and status.status is Status.REAUTH_REQUIRED:
        return None if status.source is Source.FILES else Step.SIGN_IN
    if alert.code == status.last_error_code and status.status is Status.ERROR:
        return Step.TEST
    step = _BY_CODE.get(alert.code)
    if step is Step.REFRESH and status.status is Status.REAUTH_REQUIRED:
        return None  # nothing comes of it before the sign-in
    return step


def first_step(status: ConnectionStatus, *, read_only: bool) -> tuple[Alert, Step] | None:
    """Return the most urgent alert that a key can do something about, and what."""
    return next(_steps(status, read_only=read_only), None)


def _steps(status: ConnectionStatus, *, read_only: bool) -> Iterator[tuple[Alert, Step]]:
    for alert in status.alerts:
        step = step_of(alert, status)
        if step is not None and not (read_only and step.writes):
            yield alert, step
