"""Marks of connections and changes: a sign and a word or a color, never a color alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import AlertLevel, Severity, Status

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus

STATE_COLORS = {"ok": "$good", "warn": "$warn", "error": "$bad", "muted": "$muted"}
"""Color in the theme of each state."""

SEVERITY_SIGNS = {Severity.BREAKING: "✕", Severity.RISKY: "▲", Severity.SAFE: "•"}
SEVERITY_STATES = {Severity.BREAKING: "error", Severity.RISKY: "warn", Severity.SAFE: "muted"}
SEVERITY_COLORS = {one: STATE_COLORS[state] for one, state in SEVERITY_STATES.items()}


class Health(NamedTuple):
    """A sign, a word, and the name of the state that gives the color."""

    sign: str
    word: str
    state: str

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"


def is_ill(status: ConnectionStatus) -> bool:
    """True if a connection doesn't work and a critical alert of it is open."""
    urgent = [alert for alert in status.alerts if alert.level is AlertLevel.CRITICAL]
    is_away = bool(urgent) and all(alert.dismissed_at is not None for alert in urgent)
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
