"""What can be done about an alert with one key. Pure."""

from __future__ import annotations

from crmdeck.errors import NextStep
from crmdeck.model import Alert, ConnectionStatus

WORDS = {
    NextStep.SIGN_IN: "sign in again",
    NextStep.REFRESH: "refresh",
    NextStep.SEE_DRIFT: "see the drift",
    NextStep.TEST: "test it",
}
ACTIONS = {
    NextStep.SIGN_IN: "connection.sign_in",
    NextStep.REFRESH: "connection.refresh",
    NextStep.TEST: "health.test",
}
"""The action that does it, where it has a key of its own."""

_WRITES = (NextStep.SIGN_IN, NextStep.REFRESH)


def first_step(status: ConnectionStatus, *, read_only: bool) -> tuple[Alert, NextStep] | None:
    """Return the most urgent alert that a key can do something about, and what."""
    return next(
        (
            (alert, alert.next_step)
            for alert in status.alerts
            if alert.next_step is not None and not (read_only and alert.next_step in _WRITES)
        ),
        None,
    )
