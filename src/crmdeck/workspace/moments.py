"""Dates and durations as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from crmdeck.errors import UsageError
from crmdeck.model import to_utc

_AGO = re.compile(r"(\d{1,5})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ZONE = re.compile(r"(?:z|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_TICK = timedelta(microseconds=1)
_PRECISIONS = {
    0: timedelta(days=1),
    2: timedelta(hours=1),
    4: timedelta(minutes=1),
    6: timedelta(seconds=1),
    9: timedelta(milliseconds=1),
}
"""The length of the written time, by the number of digits of the time of day."""

_DAYS = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    "today", "yesterday",
)  # fmt: skip
_TODAY_SOMEWHERE = timedelta(hours=14)
"""How far today's date can be ahead of UTC."""


def parse_moment(text: str, now: datetime, *, as_of: bool = False) -> datetime:
    """Return the moment that `text` names, in UTC.

    `7d`, `12h`, `30m` and `2w` are that long before `now`. `today`, `yesterday` and `monday`, the
    last one, are days in UTC. Otherwise `text` is an ISO 8601 date or
    time, in UTC without a zone. `as_of` returns the end of the written day or minute, so that what
    happened in it is included. Raises UsageError.
    """
    written = text.strip()
    ago = _AGO.fullmatch(written.lower())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if (day := written.lower()) in _DAYS:
            back = _DAYS.index(day)
            # Monday is 0, and named on a Monday it is today.
            back = (now.weekday() - back) % 7 if back < 7 else back - 7
            written = f"{(now - timedelta(days=back)).date()}"
        # A time without a zone is UTC, so that a script gets the same on each machine.
        moment = to_utc(datetime.fromisoformat(written)).astimezone(UTC)
        # A tick less, because the next day or minute begins at its first moment.
        return moment + _lasting(written) - _TICK if as_of else moment
    except (ValueError, OverflowError):
        raise UsageError(
            f"'{text}' isn't a date or duration.",
            remedy="Write 2026-05-16, 2026-05-16T12:00Z, yesterday, monday, or 7d.",
            code="BAD_MOMENT",
        ) from None


def parse_past_moment(text: str, now: datetime, *, as_of: bool = False) -> datetime:
    """Parse a moment as `parse_moment` does; raises UsageError also for one in the future."""
    if parse_moment(text, now) > now + _TODAY_SOMEWHERE:
        raise UsageError(
            f"{text} is in the future: it is {now:%Y-%m-%d %H:%M} UTC.",
            remedy="Enter a date in the past, or 7d for seven days ago.",
            code="BAD_MOMENT",
        )
    return parse_moment(text, now, as_of=as_of)


def _lasting(written: str) -> timedelta:
    _, _, time = written.upper().replace(" ", "T").partition("T")
    digits = sum(character.isdigit() for character in _ZONE.sub("", time))
    return _PRECISIONS.get(digits, _TICK)
