"""What table and details both say of token and quota, in the same words. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from crmdeck.model import AlertLevel, ConnectionStatus, Source, Status
from crmdeck.tui.panes.health.overview import Entry, quota_left

STATES = {
    AlertLevel.CRITICAL: "error",
    AlertLevel.WARNING: "warn",
    AlertLevel.INFO: "muted",
    None: "muted",
}
"""How urgent something is, as the state that the theme colors."""


def token_life(entry: Entry, now: datetime) -> tuple[str, str]:
    """Return how long the token lasts, in words, and the state of that."""
    connection = entry.connection
    if connection.source == Source.FILES:
        return "none needed", "muted"
    if entry.status.status is Status.REAUTH_REQUIRED:
        return "refused", "error"
    ends = connection.token_expires_at
    if ends is not None:
        left = ends - now
        if left <= timedelta(0):
            return f"ended {_days(-left)} ago", "error"
        return f"ends in {_days(left)}", STATES[entry.status.token_level]
    return ("renewed" if entry.status.token_renewed else "no expiry"), "muted"


def token_in_full(entry: Entry, now: datetime) -> str:
    """Return how long the token lasts, for a line of its own."""
    words = token_life(entry, now)[0]
    ends = entry.connection.token_expires_at
    if ends is not None:
        return f"{words}, {ends:%Y-%m-%d %H:%M} UTC"
    return "renewed by crmdeck when it ends" if words == "renewed" else words


def quota_words(status: ConnectionStatus) -> tuple[str, str]:
    """Return how much of the API allowance is left, in words, and the state of that."""
    if status.quota is None:
        return "no quota" if status.source == Source.FILES else "quota unknown", "muted"
    state = "ok" if status.quota_level is None else STATES[status.quota_level]
    return f"{quota_left(status.quota)} left", state


def _days(left: timedelta) -> str:
    hours = int(left.total_seconds() // 3600)
    if hours < 1:
        return f"{int(left.total_seconds() // 60)} min"
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"
