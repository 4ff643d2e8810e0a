"""How a connection is doing, as a sign, a word and a state: never by colour alone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import AlertLevel, Platform, Status

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus

PLATFORM_NAMES = {Platform.SALESFORCE: "Salesforce", Platform.HUBSPOT: "HubSpot"}


class Health(NamedTuple):
    """A sign, a word, and the name of the state that the theme colours."""

    sign: str
    word: str
    state: str

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"


def health_of(status: ConnectionStatus) -> Health:
    """Return the health of a connection from its status and its most urgent alert."""
    if status.status is Status.DISCONNECTED:
        return Health("○", "disconnected", "muted")
    if status.status is Status.REAUTH_REQUIRED:
        return Health("✕", "sign in again", "error")
    if status.status is Status.ERROR:
        return Health("✕", "error", "error")
    if any(alert.level is not AlertLevel.INFO for alert in status.alerts):
        return Health("▲", "attention", "warn")
    return Health("●", "active", "ok")


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago `moment` was: `just now`, `5 min ago`, `3 h ago`, `12 d ago`, `never`."""
    if moment is None:
        return "never"
    passed = now - moment
    if passed < timedelta(0):
        return f"in {_span(-passed)}"
    return "just now" if passed < timedelta(minutes=1) else f"{_span(passed)} ago"


def _span(passed: timedelta) -> str:
    minutes = int(passed.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
