"""Time comes from outside, so that history can be replayed and tests can stand still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def later(moment: datetime, span: timedelta) -> datetime:
    """Return `moment` and `span` together; where no calendar goes that far, its last moment."""
    try:
        return moment + span
    except OverflowError:
        return datetime.max.replace(tzinfo=moment.tzinfo)
