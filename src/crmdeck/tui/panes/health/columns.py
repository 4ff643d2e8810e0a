"""The columns of the table of connections. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.cells import cell_len

from crmdeck.text import ago
from crmdeck.tui.marks import health_of, open_mark
from crmdeck.tui.panes.health.facts import quota_words, scope_words, token_life
from crmdeck.tui.panes.health.history_strip import days, span_in
from crmdeck.tui.panes.health.overview import Entry, dismissed, quota_left, urgency
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import GAP, SIGN_GAP
from crmdeck.tui.widgets.table.strips import GUTTER

MOST_NAME = 40
QUOTA, LEAST_EXPIRES = 4, 7
LEAST_STATE, LEAST_OPEN = 6, 4
GAUGE = 8
MOST_WEEKS = 6
WIDE = 92
"""Cells from which the table has the gauge and the expiry."""


def gauge(left: float, width: int, state: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the parts of a bar of `width` cells: the share that is `left`, and the rest."""
    filled = min(width, max(1 if left > 0 else 0, round(left * width)))
    return ("━" * filled, state), ("╌" * (width - filled), "muted")


def columns_for(entries: Sequence[Entry], now: datetime, width: int) -> tuple[Column[Entry], ...]:
    """Return the columns of a table of `width` cells.

    Names stay whole. Left out in this order: scope, API version, weeks of the history, gauge and
    expiry, the last refresh, the quota.
    """
    wide = width >= WIDE
    name = min(MOST_NAME, _longest(10, (entry.connection.name for entry in entries)))
    state = _longest(LEAST_STATE, map(_state_word, entries))
    refreshed_title = "Last refresh" if wide else "Refreshed"
    refreshed = _longest(
        len(refreshed_title), (_refreshed(entry, now, short=not wide) for entry in entries)
    )
    quota = max(QUOTA + (GAUGE + 1) * wide, len("Quota"))
    expires = _longest(LEAST_EXPIRES, (token_life(entry, now)[0] for entry in entries))
    changes = _longest(LEAST_OPEN, (open_mark(entry.status.open_changes)[0] for entry in entries))
    cells = [GUTTER, 1, SIGN_GAP + name, GAP + state, GAP + changes, (GAP + expires) * wide]
    room = width - sum(cells)
    has_quota = room >= GAP + quota
    room -= (GAP + quota) * has_quota
    has_refreshed = room >= GAP + refreshed
    room -= (GAP + refreshed) * has_refreshed
    name += min(0, room)
    span = span_in(room - GAP, MOST_WEEKS)
    room -= GAP + span.marks
    extras = {
        "api": _longest(0, (entry.connection.api_version or "" for entry in entries)),
        "scope": _longest(0, (scope_words(entry) for entry in entries)),
    }
    for id_, title in (("api", "API"), ("scope", "Scope")):
        cells_of = max(extras[id_], len(title)) if extras[id_] else 0
        extras[id_] = cells_of if GAP + cells_of <= room else 0
        room -= (GAP + cells_of) * bool(extras[id_])
    left_out = {
        one
        for one, shown in {
            "quota": has_quota,
            "synced": has_refreshed,
            "token": wide,
            "weeks": span.weeks > 0,
            "api": extras["api"] > 0,
            "scope": extras["scope"] > 0,
        }.items()
        if not shown
    }
    columns = (
        Column[Entry](
            "sign",
            "",
            lambda entry: health_of(entry.status, entry.required).sign,
            style=_state,
            width=1,
            sortable=False,
            searched=False,
            tooltip=lambda entry: health_of(entry.status, entry.required).word,
        ),
        Column[Entry]("name", "Connection", lambda entry: entry.connection.name, width=name),
        Column[Entry](
            "state",
            "State",
            _state_word,
            style=_state,
            width=state,
            sort_key=urgency,
        ),
        Column[Entry](
            "changes",
            "Open",
            lambda entry: open_mark(entry.status.open_changes)[0] or "-",
            style=lambda entry: open_mark(entry.status.open_changes)[1],
            width=changes,
            sort_key=lambda entry: -entry.status.open_changes.count,
            searched=False,
            tooltip=lambda entry: entry.status.open_changes.text,
        ),
        Column[Entry](
            "synced",
            refreshed_title,
            lambda entry: _refreshed(entry, now, short=not wide),
            width=refreshed,
            sort_key=lambda entry: entry.status.last_sync_at,
            searched=False,
        ),
        Column[Entry](
            "quota",
            "Quota left" if wide else "Quota",
            lambda entry: quota_left(entry.status.quota) if entry.status.quota else "-",
            parts=lambda entry, cells: _quota(entry, cells, bar=wide),
            width=quota,
            sort_key=lambda entry: entry.status.quota.left if entry.status.quota else None,
            searched=False,
        ),
        Column[Entry](
            "token",
            "Expires",
            lambda entry: token_life(entry, now)[0],
            style=lambda entry: token_life(entry, now)[1],
            width=expires,
            sort_key=lambda entry: entry.connection.token_expires_at,
            searched=False,
        ),
        Column[Entry](
            "weeks",
            span.title,
            lambda entry: "".join(day.mark for day in days(entry.runs, now, span.marks, span.each)),
            parts=lambda entry, _: [
                (day.mark, day.state) for day in days(entry.runs, now, span.marks, span.each)
            ],
            width=span.marks,
            sortable=False,
            searched=False,
        ),
    )
    more = (
        Column[Entry](
            "api",
            "API",
            lambda entry: entry.connection.api_version or "-",
            style=lambda _: "muted",
            width=extras["api"],
        ),
        Column[Entry](
            "scope", "Scope", scope_words, style=lambda _: "muted", width=extras["scope"]
        ),
    )
    return tuple(column for column in (*columns, *more) if column.id not in left_out)


def _longest(least: int, texts: Iterable[str]) -> int:
    return max([least, *(cell_len(display_text(text)) for text in texts)])


def _state_word(entry: Entry) -> str:
    number = len(dismissed(entry.status))
    return health_of(entry.status, entry.required).word + (
        f", {number:,} dismissed" if number else ""
    )


def _state(entry: Entry) -> str:
    return health_of(entry.status, entry.required).state


def _refreshed(entry: Entry, now: datetime, *, short: bool) -> str:
    text = ago(entry.status.last_sync_at, now)
    return text.removesuffix(" ago") if short else text


def _quota(entry: Entry, cells: int, *, bar: bool) -> list[tuple[str, str]]:
    quota = entry.status.quota
    if quota is None:
        return [("-", "muted")]
    state = quota_words(entry.status)[1]
    share = (f"{quota_left(quota):>{QUOTA}}", "" if state == "ok" else state)
    return [*gauge(quota.left, GAUGE, state), (" ", ""), share] if bar else [share]
