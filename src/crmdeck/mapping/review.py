"""Everything read for an object pair except its suggestions, and the verdict on a field pair."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from crmdeck.matching.checks import warn, warn_of_rules
from crmdeck.matching.context import Homes
from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import (
    Decision,
    Direction,
    DriftEvent,
    Field,
    FillRate,
    MappingWarning,
    PartnerObject,
    Rule,
)


@dataclass(frozen=True)
class Verdict:
    """The widest direction of a field pair, the reason, and the warnings."""

    direction: Direction
    reason: str
    warnings: tuple[MappingWarning, ...]


@dataclass(frozen=True)
class Review:
    """Both sides of an object pair, every decision on it, and the drift of its CRM object.

    `log` is oldest first, `events` newest first; `settled` are the IDs of those that no longer
    break a mapping. `rates` are the measured fill rates by CRM field.
    `homes` are the known objects of the two sides. `rules` are None if unreadable.
    """

    connection_id: str
    pair: str
    partner: PartnerObject
    crm_fields: tuple[Field, ...]
    log: tuple[Decision, ...]
    events: tuple[DriftEvent, ...]
    knowledge: Knowledge
    rates: Mapping[str, FillRate]
    settled: Collection[str] = ()
    homes: Homes = (None, None)
    rules: tuple[Rule, ...] | None = None

    def judge(self, left: Field, right: Field) -> Verdict:
        direction, reason = suggest_direction(left, right, knowledge=self.knowledge)
        warnings = warn(left, right, knowledge=self.knowledge, homes=self.homes)
        if direction is not Direction.PULL:
            warnings += warn_of_rules(right, self.rules)
        return Verdict(direction, reason, warnings)
