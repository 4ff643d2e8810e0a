"""The history strip: a mark for each day or two, with its worst refresh. Pure."""

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
    """The result of a day: its mark, its word, its state."""

    NOTHING = ("·", "nothing", "muted")
    REFRESHED = ("■", "refreshed", "ok")
    RECOVERED = ("✓", "recovered", "ok")
    PARTIAL = ("▲", "partial", "warn")
    FAILED = ("✕", "failed", "error")

    def __init__(self, mark: str, word: str, state: str) -> None:
        self.mark, self.word, self.state = mark, word, state
        self.color = STATE_COLORS[state]


def outcome_of(run: SyncRun) -> Day:
    """Return the result of a day with only this run."""
    if run.recovered:
        return Day.RECOVERED
    match run.outcome:
        case SyncOutcome.OK:
            # A test reads no schema.
            return Day.REFRESHED if run.kind == "refresh" else Day.NOTHING
        case SyncOutcome.PARTIAL | SyncOutcome.STOPPED:
            return Day.PARTIAL
        case SyncOutcome.FAILED | SyncOutcome.REAUTH:
            return Day.FAILED
        case _:
            return Day.NOTHING


class Span(NamedTuple):
    """The weeks that a strip covers, and the days per mark."""

    weeks: int
    each: int = 1

    @property
    def marks(self) -> int:
        """The number of marks; each takes one cell."""
        return -(-self.weeks * 7 // self.each)

    @property
    def title(self) -> str:
        """The length in words: `6 weeks`."""
        return count(self.weeks, "week")


def days(runs: Iterable[SyncRun], now: datetime, length: int, each: int = 1) -> tuple[Day, ...]:
    """Return the last `length` times `each` days up to `now`, oldest first.

    Each is its worst run, unless the connection recovered after it. `runs` are newest first.
    """
    today = now.date()
    found: dict[int, Day] = {}
    closed: set[int] = set()
    worst = (Day.NOTHING, Day.REFRESHED, Day.PARTIAL, Day.FAILED)
    for run in runs:
        day = (today - run.finished_at.date()).days // each
        outcome = outcome_of(run)
        before = found.get(day, Day.NOTHING)
        if day in closed:
            continue
        if outcome is not Day.RECOVERED:
            found[day] = max(before, outcome, key=worst.index)
            continue
        # What failed before the recovery no longer counts, only what failed after it.
        closed.add(day)
        if before not in (Day.PARTIAL, Day.FAILED):
            found[day] = outcome
    return tuple(found.get(back, Day.NOTHING) for back in reversed(range(length)))


def span_in(width: int, most: int) -> Span:
    """Return the span for `width` cells: `most` weeks with a mark per day, else per two days.

    A longer history is worth more than single days.
    """
    if width >= most * 7:
        return Span(most)
    return Span(max(0, min(most, width // 7 * 2)), 2)


def legend(span: Span) -> Content:
    known = (Day.REFRESHED, Day.PARTIAL, Day.FAILED, Day.RECOVERED)
    two = [Content.styled("two days per mark", "$muted")] if span.each == 2 else []
    marks = (Content.assemble((f"{day.mark} ", day.color), (day.word, "$muted")) for day in known)
    return Content("  ").join([*marks, *two])
