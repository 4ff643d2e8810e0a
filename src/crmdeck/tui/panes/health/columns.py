"""The columns of the table of connections. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from crmdeck.text import ago
from crmdeck.tui.marks import health_of, open_mark
from crmdeck.tui.panes.health.facts import quota_words, scope_words, token_life
from crmdeck.tui.panes.health.history_strip import Day, Span, days, span_in
from crmdeck.tui.panes.health.overview import ConnectionHealth, quota_left, settled, urgency
from crmdeck.tui.widgets.table import Column
from crmdeck.tui.widgets.table.columns import GAP, gaps, longest
from crmdeck.tui.widgets.table.strips import GUTTER

MOST_NAME = 40
QUOTA, LEAST_EXPIRES = 4, 7
LEAST_NAME, LEAST_STATE, LEAST_OPEN = 10, 6, 4
GAUGE = 8
MOST_WEEKS = 6
LEAST_MARKS = MOST_WEEKS * 7 // 2
"""Marks of the history of these weeks, one for each two days."""
WIDE = 92
"""Cells from which the table has the gauge and the expiry."""


def gauge(left: float, width: int, state: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the parts of a bar of `width` cells: the share that is `left`, and the rest."""
    # A little that is left is shown as one cell, not as nothing.
    filled = min(width, max(1 if left > 0 else 0, round(left * width)))
    return ("━" * filled, state), ("╌" * (width - filled), "muted")


def columns_for(
    entries: Sequence[ConnectionHealth], now: datetime, width: int
) -> tuple[Column[ConnectionHealth], ...]:
    """Return the columns of a table of `width` cells.

    Names stay whole. Left out in this order: scope, API version, weeks of the history, gauge and
    expiry, the last refresh, the quota.
    """
    wide = width >= WIDE
    sign, name, *others = _always(entries)
    expires = [_expires(entries, now)] if wide else []
    always = [sign, name, *others, *expires]
    room = width - GUTTER - sum(one.width or 0 for one in always) - sum(gaps(always))
    middle = _fitting([_quota(wide), _last_refresh(entries, now, wide)], room)
    room -= _cells(middle)
    # If even the columns that are always there are too wide, the name is cut.
    name = replace(name, width=(name.width or 0) + min(0, room))
    facts = _muted(entries)
    # A mark for each day is worth less than two more facts.
    rest = room - GAP - _cells(facts)
    span = span_in(rest if rest >= LEAST_MARKS else room - GAP, MOST_WEEKS)
    weeks = [_weeks(now, span)] if span.weeks else []
    more = _fitting(facts, room - GAP - span.marks)
    return (sign, name, *others, *reversed(middle), *expires, *weeks, *more)


def _fitting(
    columns: Sequence[Column[ConnectionHealth]], room: int
) -> list[Column[ConnectionHealth]]:
    """Return the columns that fit beside others, the first ones rather than the last."""
    found: list[Column[ConnectionHealth]] = []
    for column in columns:
        if _cells([*found, column]) <= room:
            found.append(column)
    return found


def _cells(columns: Sequence[Column[ConnectionHealth]]) -> int:
    return sum(GAP + (column.width or 0) for column in columns)


def _always(entries: Sequence[ConnectionHealth]) -> tuple[Column[ConnectionHealth], ...]:
    names = (entry.connection.name for entry in entries)
    opens = (open_mark(entry.status.open_changes)[0] for entry in entries)
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
        Column(
            "name",
            "Connection",
            lambda entry: entry.connection.name,
            width=longest(names, LEAST_NAME, MOST_NAME),
        ),
        Column(
            "state",
            "State",
            _state_word,
            style=_state,
            width=longest(map(_state_word, entries), LEAST_STATE),
            sort_key=urgency,
        ),
        Column(
            "changes",
            "Open",
            lambda entry: open_mark(entry.status.open_changes)[0] or "-",
            style=lambda entry: open_mark(entry.status.open_changes)[1],
            width=longest(opens, LEAST_OPEN),
            sort_key=lambda entry: -entry.status.open_changes.count,
            searched=False,
            tooltip=lambda entry: entry.status.open_changes.text,
        ),
    )


def _last_refresh(
    entries: Sequence[ConnectionHealth], now: datetime, wide: bool
) -> Column[ConnectionHealth]:
    def text(entry: ConnectionHealth) -> str:
        passed = ago(entry.status.last_sync_at, now)
        return passed if wide else passed.removesuffix(" ago")

    title = "Last refresh" if wide else "Refreshed"
    return Column(
        "synced",
        title,
        text,
        width=longest(map(text, entries), len(title)),
        sort_key=lambda entry: entry.status.last_sync_at,
        searched=False,
    )


def _quota(wide: bool) -> Column[ConnectionHealth]:
    def parts(entry: ConnectionHealth, _width: int) -> list[tuple[str, str]]:
        quota = entry.status.quota
        if quota is None:
            return [("-", "muted")]
        state = quota_words(entry.status)[1]
        share = (f"{quota_left(quota):>{QUOTA}}", "" if state == "ok" else state)
        return [*gauge(quota.left, GAUGE, state), (" ", ""), share] if wide else [share]

    return Column(
        "quota",
        "Quota left" if wide else "Quota",
        lambda entry: quota_left(entry.status.quota) if entry.status.quota else "-",
        parts=parts,
        width=max(QUOTA + (GAUGE + 1) * wide, len("Quota")),
        sort_key=lambda entry: entry.status.quota.left if entry.status.quota else None,
        searched=False,
    )


def _expires(entries: Sequence[ConnectionHealth], now: datetime) -> Column[ConnectionHealth]:
    return Column(
        "token",
        "Expires",
        lambda entry: token_life(entry, now)[0],
        style=lambda entry: token_life(entry, now)[1],
        width=longest((token_life(entry, now)[0] for entry in entries), LEAST_EXPIRES),
        sort_key=lambda entry: entry.connection.token_expires_at,
        searched=False,
    )


def _weeks(now: datetime, span: Span) -> Column[ConnectionHealth]:
    def shown(entry: ConnectionHealth) -> tuple[Day, ...]:
        return days(entry.runs, now, span.marks, span.each)

    return Column(
        "weeks",
        span.title,
        lambda entry: "".join(day.mark for day in shown(entry)),
        parts=lambda entry, _: [(day.mark, day.state) for day in shown(entry)],
        width=span.marks,
        sortable=False,
        searched=False,
    )


def _muted(entries: Sequence[ConnectionHealth]) -> list[Column[ConnectionHealth]]:
    versions = [entry.connection.api_version or "" for entry in entries]
    api = Column[ConnectionHealth](
        "api",
        "API",
        lambda entry: entry.connection.api_version or "-",
        style=lambda _: "muted",
        width=longest(versions, len("API")),
    )
    scope = Column[ConnectionHealth](
        "scope",
        "Scope",
        scope_words,
        style=lambda _: "muted",
        width=longest(map(scope_words, entries), len("Scope")),
    )
    return [api, scope] if any(versions) else [scope]


def _state_word(entry: ConnectionHealth) -> str:
    number = len(settled(entry.status))
    word = health_of(entry.status).word
    return f"{word}, {number:,} accepted" if number else word


def _state(entry: ConnectionHealth) -> str:
    return health_of(entry.status).state
