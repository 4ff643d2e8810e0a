"""The history strip: one mark a day, of what was synced, what failed, what recovered. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import Enum

from textual.content import Content

from crmdeck.model import SyncOutcome, SyncRun
from crmdeck.tui.health import COLOURS


class Day(Enum):
    """What a day was: its mark, its word, its state."""

    NOTHING = ("·", "nothing", "muted")
    SYNCED = ("■", "synced", "ok")
    RECOVERED = ("✓", "recovered", "ok")
    PARTLY = ("▲", "partly", "warn")
    FAILED = ("✕", "failed", "error")

    @property
    def mark(self) -> str:
        """Return the sign of such a day."""
        return self.value[0]

    @property
    def word(self) -> str:
        """Return the word for such a day."""
        return self.value[1]

    @property
    def state(self) -> str:
        """Return the name of the state that the theme colours."""
        return self.value[2]

    @property
    def colour(self) -> str:
        """Return the style of the sign."""
        return COLOURS[self.state]


def outcome_of(run: SyncRun) -> Day:
    """Return what a run makes of a day that has no other."""
    if run.recovered:
        return Day.RECOVERED
    match run.outcome:
        case SyncOutcome.OK:
            return Day.SYNCED if run.kind == "refresh" else Day.NOTHING
        case SyncOutcome.PARTIAL | SyncOutcome.STOPPED:
            return Day.PARTLY
        case SyncOutcome.FAILED | SyncOutcome.REAUTH:
            return Day.FAILED
        case _:
            return Day.NOTHING


def days(runs: Iterable[SyncRun], now: datetime, length: int) -> tuple[Day, ...]:
    """Return the last `length` days up to `now`, the oldest first.

    The worst of a day stands, unless the connection recovered after it; `runs` come newest first.
    """
    today = now.date()
    found: dict[date, Day] = {}
    closed: set[date] = set()
    worst = (Day.NOTHING, Day.SYNCED, Day.PARTLY, Day.FAILED)
    for run in runs:
        day = run.finished_at.date()
        outcome = outcome_of(run)
        if day in closed:
            continue
        if outcome is Day.RECOVERED:
            closed.add(day)
            if found.get(day) not in (Day.PARTLY, Day.FAILED):
                found[day] = outcome
            continue
        before = found.get(day, Day.NOTHING)
        found[day] = max(before, outcome, key=worst.index)
    return tuple(
        found.get(today - timedelta(days=back), Day.NOTHING) for back in reversed(range(length))
    )


def weeks_in(width: int, most: int) -> int:
    """Return how many whole weeks fit into `width` cells, `most` at most."""
    return max(0, min(most, width // 7))


def strip(runs: Iterable[SyncRun], now: datetime, weeks: int) -> Content:
    """Return the strip of so many weeks, today at its end."""
    shown = days(runs, now, weeks * 7)
    return Content.assemble(*((day.mark, day.colour) for day in shown))


def legend() -> Content:
    """Return what the marks mean."""
    told = (Day.SYNCED, Day.PARTLY, Day.FAILED, Day.RECOVERED)
    return Content("  ").join(
        Content.assemble((f"{day.mark} ", day.colour), (day.word, "$muted")) for day in told
    )
