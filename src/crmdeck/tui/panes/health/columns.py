"""The columns of the table of connections. Pure."""

from __future__ import annotations

from datetime import datetime

from crmdeck.text import ago
from crmdeck.tui.marks import health_of, open_mark
from crmdeck.tui.panes.health.facts import quota_words, scope_words, token_life
from crmdeck.tui.panes.health.history_strip import Day, days, span_in
from crmdeck.tui.panes.health.overview import ConnectionHealth, quota_left, settled, urgency
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import some

MOST_TEXT = 240
QUOTA = len("Quota")
GAUGE = 8
MOST_WEEKS = 6
"""Weeks of the history: a mark for each day, or in few cells for each two days."""

GIVES = (
    ("weeks", MOST_WEEKS * 7 // 2),
    ("scope", 0),
    ("api", 0),
    ("weeks", 0),
    ("quota", QUOTA),
    ("token", 0),
    ("synced", len("Refreshed")),
    ("synced", 0),
    ("quota", 0),
    ("name", 10),
)


def gauge(left: float, width: int, state: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the parts of a bar of `width` cells: the share that is `left`, and the rest."""
    # A little that is left is shown as one cell, not as nothing.
    filled = min(width, max(1 if left > 0 else 0, round(left * width)))
    return ("━" * filled, state), ("╌" * (width - filled), "muted")


def connection_columns(now: datetime) -> tuple[Column[ConnectionHealth], ...]:
    """Return the columns of the table of connections. Ages count up to `now`."""

    def refreshed(entry: ConnectionHealth) -> str:
        return ago(entry.status.last_sync_at, now)

    def marks(entry: ConnectionHealth, width: int = MOST_WEEKS * 7) -> list[tuple[str, str]]:
        span = span_in(width, MOST_WEEKS)
        shown: tuple[Day, ...] = days(entry.runs, now, span.marks, span.each)
        return [(day.mark, day.state) for day in shown]

    return (
        Column(
            "sign",
            "",
            lambda entry: health_of(entry.status).sign,
            style=_state,
            width=1,
            sortable=False,
            searched=False,
            tooltip=lambda entry: health_of(entry.status).word,
        ),
        Column("name", "Connection", lambda entry: entry.connection.name, least=10, most=40),
        Column(
            "state",
            "State",
            _state_word,
            style=_state,
            least=len("State"),
            most=MOST_TEXT,
            sort_key=urgency,
        ),
        Column(
            "changes",
            "Open",
            lambda entry: open_mark(entry.status.open_changes)[0] or "-",
            style=lambda entry: open_mark(entry.status.open_changes)[1],
            least=len("Open"),
            most=MOST_TEXT,
            sort_key=lambda entry: -entry.status.open_changes.count,
            searched=False,
            tooltip=lambda entry: entry.status.open_changes.text,
        ),
        Column(
            "synced",
            "Last refresh",
            refreshed,
            least=len("Last refresh"),
            most=MOST_TEXT,
            short="Refreshed",
            fit=lambda entry, width: _within(refreshed(entry), width),
            sort_key=lambda entry: entry.status.last_sync_at,
            searched=False,
        ),
        Column(
            "quota",
            "Quota left",
            lambda entry: quota_left(entry.status.quota) if entry.status.quota else "-",
            parts=_quota_parts,
            width=GAUGE + 1 + QUOTA,
            short="Quota",
            sort_key=lambda entry: entry.status.quota.left if entry.status.quota else None,
            searched=False,
        ),
        Column(
            "token",
            "Expires",
            lambda entry: token_life(entry, now)[0],
            style=lambda entry: token_life(entry, now)[1],
            least=len("Expires"),
            most=MOST_TEXT,
            sort_key=lambda entry: entry.connection.token_expires_at,
            searched=False,
        ),
        Column(
            "weeks",
            f"{MOST_WEEKS} weeks",
            lambda entry: "".join(mark for mark, _ in marks(entry)),
            parts=marks,
            width=MOST_WEEKS * 7,
            sortable=False,
            searched=False,
        ),
        Column(
            "api",
            "API",
            lambda entry: entry.connection.api_version or "-",
            style=lambda _: "muted",
            least=len("API"),
            most=MOST_TEXT,
            needed=some(lambda entry: entry.connection.api_version),
        ),
        Column(
            "scope",
            "Scope",
            scope_words,
            style=lambda _: "muted",
            least=len("Scope"),
            most=MOST_TEXT,
        ),
    )


def _within(passed: str, width: int) -> str:
    return passed if len(passed) <= width else passed.removesuffix(" ago")


def _quota_parts(entry: ConnectionHealth, width: int) -> list[tuple[str, str]]:
    quota = entry.status.quota
    if quota is None:
        return [("-", "muted")]
    state = quota_words(entry.status)[1]
    share = (f"{quota_left(quota):>{QUOTA}}", "" if state == "ok" else state)
    left = width - QUOTA - 1
    return [*gauge(quota.left, left, state), (" ", ""), share] if left > 0 else [share]


def _state_word(entry: ConnectionHealth) -> str:
    number = len(settled(entry.status))
    word = health_of(entry.status).word
    return f"{word}, {number:,} accepted" if number else word


def _state(entry: ConnectionHealth) -> str:
    return health_of(entry.status).state
