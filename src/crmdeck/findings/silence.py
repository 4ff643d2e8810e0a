"""Whether a fill rate fell, or the sync stopped: a judgment on counts by day."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta

from crmdeck.model.delivery import DeliveryReading, Silence

RECENT = timedelta(days=7)
BASELINE = timedelta(days=28)
FEWEST = 5
"""Records a day from which fill rates are compared."""
# A whole week would hide a silence for a night more.
_LATEST = timedelta(days=5)
_Z = 3.3
_LOWEST_RATE = 0.2
# Fewer days may lack a weekend, which is silent in many companies.
_FEWEST_DAYS = 14
# Of a Poisson number, so that chance explains a quiet time in 1 of 150 cases.
_FEWEST_EXPECTED = 5


def wilson(filled: int, records: int) -> tuple[float, float]:
    """Return the lowest and the highest plausible rate (Wilson's score interval)."""
    if not records:
        return 0.0, 1.0
    center = filled + _Z**2 / 2
    half = _Z * math.sqrt(filled * (records - filled) / records + _Z**2 / 4)
    return (center - half) / (records + _Z**2), (center + half) / (records + _Z**2)


def has_fallen(before: tuple[int, int], after: tuple[int, int]) -> bool:
    """True if a rate certainly fell to less than half; each is a number with a value, and all."""
    low, high = wilson(*before)[0], wilson(*after)[1]
    return low >= _LOWEST_RATE and high < low / 2


def find_silences(
    nights: Sequence[DeliveryReading], changed: Collection[tuple[str, str | None]]
) -> tuple[tuple[Silence, ...], tuple[str, ...]]:
    """Return the silences, and the objects with too few records to judge their fields.

    `nights` are readings, oldest first; the last one is judged. `changed` are the fields whose
    change explains a silence. A silence keeps its first `before` until the rate recovers.
    """
    if not nights:
        return (), ()
    until = nights[-1].until
    recent = [one for one in nights if one.until > until - RECENT]
    earlier = [
        one
        for one in nights
        if one.until <= until - RECENT and one.since >= until - RECENT - BASELINE
    ]
    latest = [one for one in recent if one.until > until - _LATEST]
    known = {
        (one.object_type, one.crm_field): one for night in nights[-2:-1] for one in night.silences
    }
    found, few = list(_stopped(nights, known.get((None, None)))), []
    # A reading that doesn't count an object says nothing about its fields.
    found += [each for (name, _), each in known.items() if name and name not in nights[-1].counts]
    for name, counts in nights[-1].counts.items():
        those = [one for one in (*earlier, *recent) if name in one.counts]
        days = sum((one.until - one.since).days for one in those)
        if sum(one.counts[name].records for one in those) < FEWEST * days:
            few.append(name)
            continue
        for field in counts.filled:
            kept = known.get((name, field))
            before = kept.before if kept else _added(earlier, name, field)
            fell = any(has_fallen(before, _added(each, name, field)) for each in (recent, latest))
            if (name, field) in changed or not fell:
                continue
            since = kept.since if kept else _first_day(recent, name, field, before)
            after = _added([one for one in recent if one.since >= since], name, field)
            found.append(
                Silence(object_type=name, crm_field=field, since=since, before=before, after=after)
            )
    return tuple(found), tuple(few)


def _added(nights: Sequence[DeliveryReading], name: str, field: str) -> tuple[int, int]:
    """Return the records with a value, and all of the nights that counted the field."""
    counts = [
        one.counts[name]
        for one in nights
        if name in one.counts and field in one.counts[name].filled
    ]
    return sum(one.filled[field] for one in counts), sum(one.records for one in counts)


def _first_day(
    recent: Sequence[DeliveryReading], name: str, field: str, before: tuple[int, int]
) -> date:
    """Return the first recent day from which the rate is below half."""
    for place, night in enumerate(recent):
        filled, records = _added(recent[place : place + 1], name, field)
        if records and filled * before[1] * 2 < before[0] * records:
            return night.since
    return recent[0].since


def _stopped(nights: Sequence[DeliveryReading], kept: Silence | None) -> Iterator[Silence]:
    """Yield that the sync user created no records for longer than usual."""
    totals = [
        (one.since, (one.until - one.since).days, sum(each.records for each in one.counts.values()))
        for one in nights
        if one.counts
    ]
    quiet = len(totals)
    while quiet and not totals[quiet - 1][2]:
        quiet -= 1
    if quiet == len(totals):
        return
    since, gap = totals[quiet][0], sum(days for _, days, _ in totals[quiet:])
    before = [each for each in totals[:quiet] if each[0] >= since - BASELINE]
    days, records = sum(each[1] for each in before), sum(each[2] for each in before)
    longest = current = 0
    for _, each, number in before:
        current = 0 if number else current + each
        longest = max(longest, current)
    is_long = gap > longest and records * gap >= _FEWEST_EXPECTED * days
    if kept is not None:
        yield kept.model_copy(update={"after": (0, (nights[-1].until - kept.since).days)})
    elif days >= _FEWEST_DAYS and is_long:
        yield Silence(since=since, before=(records, days), after=(0, gap))
