"""Moments as people write them."""

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
"""How long what is written lasts, by the number of digits of the time of day."""

_TODAY_SOMEWHERE = timedelta(hours=14)
"""How far the day of today may lie ahead of UTC."""


def parse_moment(text: str, now: datetime, *, as_of: bool = False) -> datetime:
    """Return the moment that `text` names, in UTC.

    `7d`, `12h`, `30m` and `2w` are that long before `now`; otherwise an ISO 8601 date or time,
    in UTC where it names no zone. `as_of` asks for the end of what is written, so that what
    happened on that day, or within that minute, is part of it. Raises UsageError.
    """
    written = text.strip()
    ago = _AGO.fullmatch(written.lower())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        moment = to_utc(datetime.fromisoformat(written)).astimezone(UTC)
        return moment + _lasting(written) - _TICK if as_of else moment
    except (ValueError, OverflowError):
        raise UsageError(
            f"'{text}' is no moment.",
            remedy="Write 2026-05-16, 2026-05-16T12:00Z, or 7d for seven days ago.",
            code="BAD_MOMENT",
        ) from None


def parse_past_moment(text: str, now: datetime, *, as_of: bool = False) -> datetime:
    """Return what `parse_moment` does; raises UsageError as well where it lies ahead.

    Nothing is known of what lies ahead, so that what is asked of it would look like nothing.
    """
    if parse_moment(text, now) > now + _TODAY_SOMEWHERE:
        raise UsageError(
            f"{text} lies ahead, and it is {now:%Y-%m-%d %H:%M} UTC.",
            remedy="Name a moment of the past, or 7d for seven days ago.",
            code="BAD_MOMENT",
        )
    return parse_moment(text, now, as_of=as_of)


def _lasting(written: str) -> timedelta:
    _, _, time = written.upper().replace(" ", "T").partition("T")
    digits = sum(character.isdigit() for character in _ZONE.sub("", time))
    return _PRECISIONS.get(digits, _TICK)
