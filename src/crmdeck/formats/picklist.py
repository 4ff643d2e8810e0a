"""Picklist values, shared by all the fields that list them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from crmdeck.model import PicklistValue

_LONG = 10_000


# An org of 10,000 objects lists a million values, most of them many times (countries, time zones,
# the fields of each object). A model for each took half of the time of a first refresh.
@lru_cache(maxsize=65_536)
def picklist_value(
    value: str, label: str = "", active: bool = True, default: bool = False
) -> PicklistValue:
    """Return the value; equal values share one object."""
    return PicklistValue(value=value, label=label, active=active, default=default)


def value_maker(size: int) -> Callable[..., PicklistValue]:
    """Return the function that makes the values of a list of `size`.

    A very long list shares none: it would push all others out of the cache, and stay in memory.
    """
    return picklist_value if size <= _LONG else picklist_value.__wrapped__
