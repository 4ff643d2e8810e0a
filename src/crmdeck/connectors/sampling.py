"""Counting how full fields are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crmdeck.connectors.base import Sample

_VALUES = 5
_LENGTH = 200


def summarise(fields: Sequence[str], records: Sequence[Mapping[str, Any]]) -> Sample:
    """Return the fill rates of `fields` over `records`, and a few different values of each."""
    rates: dict[str, float] = {}
    values: dict[str, tuple[str, ...]] = {}
    for field in fields:
        filled = [str(each[field]) for each in records if each.get(field) not in (None, "")]
        if records:
            rates[field] = len(filled) / len(records)
        values[field] = tuple(value[:_LENGTH] for value in dict.fromkeys(filled))[:_VALUES]
    return Sample(len(records), rates, values)
