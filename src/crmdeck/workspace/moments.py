"""Moments as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from crmdeck.errors import UsageError
from crmdeck.model import to_utc

_AGO = re.compile(r"(\d{1,5})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that `text` names, in UTC.

    `7d`, `12h`, `30m` and `2w` are that long before `now`; otherwise an ISO 8601 date or time,
    in UTC where it names no zone. Raises UsageError.
    """
    ago = _AGO.fullmatch(text.strip().lower())
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return to_utc(datetime.fromisoformat(text.strip())).astimezone(UTC)
    except ValueError:
        raise UsageError(
            f"'{text}' is no moment.",
            remedy="Write 2026-05-16, 2026-05-16T12:00Z, or 7d for seven days ago.",
            code="BAD_MOMENT",
        ) from None
