"""Time is passed in, so that history can be replayed and tests can control it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)


def later(moment: datetime, span: timedelta) -> datetime:
    """Return `moment` plus `span`, at most the last moment of the calendar."""
    try:
        return moment + span
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)
