"""Silence of fields and of the sync, judged on counts: pure, and simulated over many nights."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from crmdeck.findings.silence import find_silences, has_fallen, wilson
from crmdeck.model.delivery import DeliveryReading, RecordCounts, Silence

DAY = timedelta(days=1)
FIRST = date(2026, 3, 2)  # A Monday.


def night(day: date, records: int, **filled: int) -> DeliveryReading:
    counts = {"Opportunity": RecordCounts(records=records, filled=filled)}
    return DeliveryReading(user_id="u", since=day, until=day + DAY, counts=counts)


def judge(nights: list[DeliveryReading], *changed: str) -> tuple[Silence, ...]:
    """Judge the last night, and keep the result in it as a refresh does."""
    silences, _ = find_silences(nights[-36:], {("Opportunity", name) for name in changed})
    nights[-1] = nights[-1].model_copy(update={"silences": silences})
    return silences


def replay(records: Sequence[int]) -> list[int]:
    """Return the places of the nights on which the sync is silent."""
    nights: list[DeliveryReading] = []
    found = []
    for place, number in enumerate(records):
        nights.append(night(FIRST + place * DAY, number))
        if judge(nights):
            found.append(place)
    return found


def test_wilson_bounds_contain_rate() -> None:
    assert wilson(0, 0) == (0, 1)
    low, high = wilson(82, 100)
    assert 0.6 < low < 0.82 < high < 0.95
    assert has_fallen((400, 500), (3, 100))
    # A rare field, a small sample and a fall to half prove little.
    assert not has_fallen((60, 500), (0, 100))
    assert not has_fallen((400, 500), (0, 10))
    assert not has_fallen((400, 500), (40, 100))


def simulate(daily: int, seed: int, *, uneven: bool = False) -> tuple[int, int, list[int]]:
    """Return field-nights, false alarms, and the nights until planted silences are found.

    60 fields with rates that jump every 60 days, but never to less than half. Then those with
    enough values to tell from chance go silent.
    """
    dice = random.Random(seed)
    rates = {f"f{place}": dice.uniform(0.05, 1) for place in range(60)}
    nights: list[DeliveryReading] = []
    alarms, seen = 0, 0
    for day in range(210):
        if day and day % 60 == 0:
            rates = {name: min(1, rate * dice.uniform(0.6, 1.4)) for name, rate in rates.items()}
        nights.append(drawn(dice, day, daily, rates, uneven=uneven))
        before = {each.crm_field for each in nights[-2].silences} if day else set()
        alarms += len({each.crm_field for each in judge(nights)} - before)
        seen += len(rates) if day >= 35 else 0
    found: dict[str | None, int] = {}
    dead = {name for name, rate in rates.items() if rate >= 0.3}
    for day in range(210, 225):
        nights.append(
            drawn(dice, day, daily, {name: 0 if name in dead else rates[name] for name in rates})
        )
        for each in judge(nights):
            found.setdefault(each.crm_field, day - 209)
    return seen, alarms, [found.get(name, 99) for name in dead]


def drawn(
    dice: random.Random, day: int, daily: int, rates: dict[str, float], *, uneven: bool = False
) -> DeliveryReading:
    """Draw a day; an uneven one has a rate of its own, as if few partners made most records."""
    if uneven:
        rates = {
            name: dice.betavariate(4 * rate, 4 * (1 - rate)) if 0 < rate < 1 else rate
            for name, rate in rates.items()
        }
    records = max(1, round(dice.gauss(daily, daily**0.5)))
    filled = {
        name: sum(dice.random() < rate for _ in range(records)) for name, rate in rates.items()
    }
    return night(FIRST + day * DAY, records, **filled)


@pytest.mark.parametrize("uneven", [False, True])
def test_planted_silence_is_found_in_five_nights(uneven: bool) -> None:
    seen, alarms, nights = simulate(20, seed=1, uneven=uneven)
    assert seen > 10_000
    assert alarms * 1_500 <= seen
    assert statistics.median(nights) <= 5


def test_few_records_are_reported_not_judged() -> None:
    nights = [night(FIRST + place * DAY, 4, Amount=4) for place in range(30)]
    nights += [night(FIRST + place * DAY, 4, Amount=0) for place in range(30, 40)]
    assert find_silences(nights, ()) == ((), ("Opportunity",))


def test_silence_keeps_its_baseline_and_ends() -> None:
    nights = [night(FIRST + place * DAY, 20, Amount=18) for place in range(30)]
    for place in range(30, 90):
        nights.append(night(FIRST + place * DAY, 20, Amount=0))
        silences = judge(nights)
    [silence] = silences
    # The dead weeks don't become the new normal.
    assert silence.since == FIRST + 30 * DAY
    assert silence.before[0] / silence.before[1] == 0.9
    assert silence.after[0] == 0
    # A night that can't count the object changes nothing.
    nights.append(night(FIRST + 90 * DAY, 0).model_copy(update={"counts": {}}))
    assert judge(nights) == (silence,)
    for place in range(91, 96):
        nights.append(night(FIRST + place * DAY, 20, Amount=18))
        silences = judge(nights)
    assert silences == ()


def test_change_of_field_explains_its_silence() -> None:
    nights = [night(FIRST + place * DAY, 20, Amount=18) for place in range(30)]
    nights += [night(FIRST + place * DAY, 20, Amount=0) for place in range(30, 37)]
    assert judge(list(nights), "Amount") == ()
    assert [each.crm_field for each in judge(list(nights), "Name")] == ["Amount"]


@pytest.mark.parametrize(
    ("records", "silent_from"),
    [
        # Weekends are quiet, then nothing from Monday on.
        (([6] * 5 + [0] * 2) * 4 + [0] * 4, 28),
        ([3] * 21 + [0] * 3, 22),
        # A record a week: a quiet month may be chance.
        (([1] + [0] * 6) * 4 + [0] * 6, None),
        # Too little is known, and the sync writes again.
        ([9] * 6 + [0] * 5, None),
        (([6] * 5 + [0] * 2) * 6, None),
    ],
)
def test_stopped_sync_is_found_after_its_usual_pauses(
    records: list[int], silent_from: int | None
) -> None:
    found = replay(records)
    assert found[:1] == ([] if silent_from is None else [silent_from])
    if found:
        assert found == list(range(found[0], len(records)))
