"""What crmdeck reads about the records of a sync: counts, never values."""

from __future__ import annotations

from datetime import date

import pydantic

from crmdeck.model.schema import Count
from crmdeck.model.wire import WireModel


class RecordCounts(WireModel):
    """The records of an object that the sync user created, and how many have a value, by field.

    `inactive_owners` counts those of the last 90 days; None if the object has no owner.
    """

    records: Count
    filled: dict[str, Count] = pydantic.Field(default_factory=dict)
    inactive_owners: Count | None = None


class Silence(WireModel):
    """A fill rate that fell, or without an object the records of the sync user that stopped.

    `before` and `after` have the records with a value and all records; for stopped records they
    have records and days. `since` is the first day of `after`.
    """

    object_type: str | None = None
    crm_field: str | None = None
    since: date
    before: tuple[int, int]
    after: tuple[int, int]


class DeliveryReading(WireModel):
    """One reading: `counts` covers the days from `since` up to, not including, `until` (UTC).

    `published` are the objects whose changes a channel publishes, None if that wasn't read.
    `owners` counts records with an inactive owner. `not_checked` are sentences.
    """

    user_id: str | None = None
    published: tuple[str, ...] | None = None
    since: date
    until: date
    counts: dict[str, RecordCounts] = pydantic.Field(default_factory=dict)
    owners: dict[str, int] = pydantic.Field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    not_checked: tuple[str, ...] = ()
