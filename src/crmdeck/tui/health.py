"""How a connection is doing, as a sign, a word and a state: never by colour alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import AlertLevel, Platform, Status
from crmdeck.text import ago as ago

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus

PLATFORM_NAMES = {Platform.SALESFORCE: "Salesforce", Platform.HUBSPOT: "HubSpot"}
COLOURS = {"ok": "$good", "warn": "$warn", "error": "$bad", "muted": "$muted"}
"""The theme's colour of a state."""


class Health(NamedTuple):
    """A sign, a word, and the name of the state that the theme colours."""

    sign: str
    word: str
    state: str

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"


def is_ill(status: ConnectionStatus) -> bool:
    """Return whether a connection does not work, and who looks has not put that away."""
    urgent = [alert for alert in status.alerts if alert.level is AlertLevel.CRITICAL]
    is_away = bool(urgent) and all(alert.put_away_at is not None for alert in urgent)
    return health_of(status).state == "error" and not is_away


def health_of(status: ConnectionStatus) -> Health:
    """Return the health of a connection from its status and its most urgent open alert."""
    if status.status is Status.DISCONNECTED:
        return Health("○", "disconnected", "muted")
    if status.status is Status.REAUTH_REQUIRED:
        return Health("✕", "sign in again", "error")
    if status.status is Status.ERROR:
        return Health("✕", "error", "error")
    urgent = [alert for alert in status.open_alerts if alert.level is not AlertLevel.INFO]
    if urgent:
        return Health("▲", urgent[0].short or "attention", "warn")
    return Health("●", "active", "ok")
