"""Marks of connections and changes: a sign and a word or a color, never a color alone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import Severity, Status, Urgency

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
    """Return the number of open change groups with the sign of the worst, and its state.

    An empty text if none is open.
    """
    if changes.severity is None:
        return "", "muted"
    return f"{SEVERITY_SIGNS[changes.severity]} {changes.count:,}", SEVERITY_STATES[
        changes.severity
    ]


URGENCY_SIGNS = {
    Urgency.FAILING: "✕",
    Urgency.EXPIRING: "▲",
    Urgency.REVIEW: "▲",
    Urgency.SETUP: "○",
    Urgency.NOTE: "•",
}
URGENCY_WORDS = {
    Urgency.FAILING: "failing",
    Urgency.EXPIRING: "expiring",
    Urgency.REVIEW: "to review",
    Urgency.SETUP: "to set up",
    Urgency.NOTE: "notes",
}
URGENCY_STATES = {
    Urgency.FAILING: "error",
    Urgency.EXPIRING: "warn",
    Urgency.REVIEW: "warn",
    Urgency.SETUP: "muted",
    Urgency.NOTE: "muted",
}


def health_of(status: ConnectionStatus) -> Health:
    """Return the health of a connection, which is its worst finding.

    One that can't be read stays so, even if it is snoozed.
    """
    if status.status is Status.DISCONNECTED:
        return Health("○", "disconnected", "muted")
    # Findings come with the worst first.
    found = [one for one in status.findings if one.is_open or one.is_unread]
    if status.schema_stats.last_discovered_at is None and not any(
        one.urgency is Urgency.FAILING for one in found
    ):
        return Health("○", "not refreshed yet", "muted")
    worst = next((one for one in found if one.urgency in TO_DO), None)
    if worst is None:
        return Health("●", "active", "ok")
    same = sum(one.urgency is worst.urgency for one in found)
    words = f"{same:,} {URGENCY_WORDS[worst.urgency]}"
    word = worst.short if same == 1 and worst.short else words
    return Health(URGENCY_SIGNS[worst.urgency], word, URGENCY_STATES[worst.urgency])


TO_DO = (Urgency.FAILING, Urgency.EXPIRING, Urgency.REVIEW)
"""The urgencies that the tab of Health counts."""
