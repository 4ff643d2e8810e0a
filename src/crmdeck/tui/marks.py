"""Marks of connections and changes: a sign and a word or a color, never a color alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import AlertLevel, Severity, Status
from crmdeck.text import count

if TYPE_CHECKING:
    from crmdeck.model import ConnectionStatus, OpenChanges

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


def open_mark(changes: OpenChanges) -> tuple[str, str]:
    """Return how many change groups are open, with the sign of the worst, and the state of that.

    An empty text if none is open.
    """
    if changes.severity is None:
        return "", "muted"
    return f"{SEVERITY_SIGNS[changes.severity]} {changes.count:,}", SEVERITY_STATES[
        changes.severity
    ]


def health_of(status: ConnectionStatus, required: int) -> Health:
    """Return the health of a connection from its status and its worst alert, dismissed or not.

    `required` counts the required CRM fields without a source: they come before warnings.
    """
    if status.status is Status.DISCONNECTED:
        return Health("○", "disconnected", "muted")
    if status.status is Status.REAUTH_REQUIRED:
        return Health("✕", "sign in again", "error")
    if status.status is Status.ERROR:
        return Health("✕", "error", "error")
    # Alerts come with the worst first.
    worst = next((alert for alert in status.alerts if alert.level is not AlertLevel.INFO), None)
    is_critical = worst is not None and worst.level is AlertLevel.CRITICAL
    if required and not is_critical:
        return Health("✕", count(required, "required field"), "error")
    if worst is None:
        return Health("●", "active", "ok")
    word = worst.short or "attention"
    return Health("✕", word, "error") if is_critical else Health("▲", word, "warn")
