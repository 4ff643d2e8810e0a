"""What an audit entry looks like as a line, and how it is filtered. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from crmdeck.model import AuditEntry
from crmdeck.tui.filtering import KeyTest, one_of
from crmdeck.tui.widgets.table import Column

BAD_WORDS = ("failed", "refused", "error", "reauth", "disconnect")


def event_state(entry: AuditEntry) -> str:
    """Return the state of the event cell: what went wrong stands out, by its word as well."""
    return "error" if any(word in entry.event for word in BAD_WORDS) else "accent"


COLUMNS: tuple[Column[AuditEntry], ...] = (
    Column(
        "at",
        "When (UTC)",
        lambda entry: entry.at.strftime("%Y-%m-%d %H:%M"),
        style=lambda _: "muted",
        width=16,
        sort_key=lambda entry: entry.at,
    ),
    Column("event", "Event", lambda entry: entry.event, style=event_state, width=22, shrink_to=20),
    Column("summary", "What", lambda entry: entry.summary, min_width=14),
    Column("actor", "Who", lambda entry: entry.actor, width=14, hide_below=72),
)

FILTER_KEYS: dict[str, KeyTest[AuditEntry]] = {
    "event": lambda entry, wanted: (
        one_of(entry.event, wanted) or wanted in entry.event.casefold().split(".")
    ),
    "who": lambda entry, wanted: one_of(entry.actor, wanted),
    "on": lambda entry, wanted: entry.at.strftime("%Y-%m-%d").startswith(wanted),
}


def searched(entry: AuditEntry) -> Iterable[str]:
    """Yield the texts in which words are looked for."""
    return (entry.event, entry.summary, entry.actor)
