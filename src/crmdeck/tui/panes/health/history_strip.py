"""The history strip: a mark for each day or two, of what was synced, failed, recovered. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from textual.content import Content

from crmdeck.model import SyncOutcome, SyncRun
from crmdeck.tui.marks import STATE_COLORS
from crmdeck.tui.text import count


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
        """Return the name of the state that the theme colors."""
        return self.value[2]

    @property
    def color(self) -> str:
        """Return the style of the sign."""
        return STATE_COLORS[self.state]


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


class Span(NamedTuple):
    """How many weeks a strip tells of, and how many days each of its marks stands for."""

    weeks: int
    each: int = 1

    @property
    def marks(self) -> int:
        """Return how many marks that takes, a cell each."""
        return -(-self.weeks * 7 // self.each)

    @property
    def title(self) -> str:
        """Return how long that is: `6 weeks`."""
        return count(self.weeks, "week")


def days(runs: Iterable[SyncRun], now: datetime, length: int, each: int = 1) -> tuple[Day, ...]:
    """Return the last `length` times `each` days up to `now`, the oldest first.

    The worst of each stands, unless the connection recovered after it; `runs` come newest first.
    """
    today = now.date()
    found: dict[int, Day] = {}
    closed: set[int] = set()
    worst = (Day.NOTHING, Day.SYNCED, Day.PARTLY, Day.FAILED)
    for run in runs:
        day = (today - run.finished_at.date()).days // each
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
    return tuple(found.get(back, Day.NOTHING) for back in reversed(range(length)))


def span_in(width: int, most: int) -> Span:
    """Return what fits into `width` cells: `most` weeks, a mark a day, or else one for two days.

    Whatever more a mark for two days lets one look back is worth more than the day.
    """
    if width >= most * 7:
        return Span(most)
    return Span(max(0, min(most, width // 7 * 2)), 2)


def strip(runs: Iterable[SyncRun], now: datetime, span: Span) -> Content:
    """Return the strip of a span, today at its end."""
    shown = days(runs, now, span.marks, span.each)
    return Content.assemble(*((day.mark, day.color) for day in shown))


def legend(span: Span) -> Content:
    """Return what the marks mean."""
    told = (Day.SYNCED, Day.PARTLY, Day.FAILED, Day.RECOVERED)
    two = [Content.styled("a mark is two days", "$muted")] if span.each == 2 else []
    marks = (Content.assemble((f"{day.mark} ", day.color), (day.word, "$muted")) for day in told)
    return Content("  ").join([*marks, *two])
