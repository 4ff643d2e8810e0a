"""Words and states of tokens and quotas, for the table and the details. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from crmdeck.model import ConnectionStatus, ScopeMode, Source, Status, Urgency
from crmdeck.text import count
from crmdeck.tui.marks import URGENCY_STATES
from crmdeck.tui.panes.health.overview import ConnectionHealth, quota_left


def token_life(entry: ConnectionHealth, now: datetime) -> tuple[str, str]:
    """Return when the token expires, as `in 3 days` or one word, and the state of that."""
    connection = entry.connection
    if connection.source == Source.FILES:
        return "-", "muted"
    # A rejected token says more than the time at which it would have expired.
    if entry.status.status is Status.REAUTH_REQUIRED:
        return "rejected", "error"
    expires_at = connection.token_expires_at
    if expires_at is None:
        return ("renewed" if entry.status.token_renewed else "never"), "muted"
    left = expires_at - now
    if left <= timedelta(0):
        return f"{_duration(-left)} ago", "error"
    return f"in {_duration(left)}", _state(entry.status.token_urgency)


def token_in_full(entry: ConnectionHealth, now: datetime) -> str:
    words = token_life(entry, now)[0]
    expires_at = entry.connection.token_expires_at
    if words in _IN_FULL or expires_at is None:
        return _IN_FULL.get(words, words)
    verb = "expires" if expires_at > now else "expired"
    return f"{verb} {words}, {expires_at:%Y-%m-%d %H:%M} UTC"


_IN_FULL = {
    "-": "none needed",
    "never": "no expiry",
    "renewed": "renewed automatically",
    "rejected": "rejected",
}


def scope_words(entry: ConnectionHealth) -> str:
    """Return the scope of a refresh in words."""
    scope = entry.connection.scope
    parts = ["mappable objects" if scope.mode is ScopeMode.MAPPABLE else scope.mode.value]
    if scope.include:
        parts.append(f"and {len(scope.include)} added")
    if scope.exclude:
        parts.append(f"except {len(scope.exclude)}")
    return " ".join(parts)


def quota_words(status: ConnectionStatus) -> tuple[str, str]:
    """Return the API quota left, in words, and its state."""
    if status.quota is None:
        return "no quota" if status.source == Source.FILES else "quota unknown", "muted"
    state = "ok" if status.quota_urgency is None else _state(status.quota_urgency)
    return f"{quota_left(status.quota)} left", state


def _state(urgency: Urgency | None) -> str:
    return URGENCY_STATES[urgency] if urgency is not None else "muted"


def _duration(left: timedelta) -> str:
    hours = int(left.total_seconds() // 3600)
    if hours < 1:
        return f"{int(left.total_seconds() // 60)} min"
    return f"{hours} h" if hours < 48 else count(hours // 24, "day")
