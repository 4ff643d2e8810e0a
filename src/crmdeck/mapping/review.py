"""All that is known of an object pair but the suggestions, and what the rules say of it."""

from __future__ import annotations

from collections.abc import Mapping
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
    """What the rules say of a field pair: the widest direction, why, and what may go wrong."""

    direction: Direction
    reason: str
    warnings: tuple[MappingWarning, ...]


@dataclass(frozen=True)
class Review:
    """Both sides of an object pair, every decision on it, and the drift of its CRM object.

    `log` is oldest first, `events` newest first. `rates` tell how full CRM fields are, by name,
    where that was measured. `homes` are the known objects that the sides are, `rules` those of
    the CRM object, None where they could not be read.
    """

    connection_id: str
    pair: str
    partner: PartnerObject
    crm_fields: tuple[Field, ...]
    log: tuple[Decision, ...]
    events: tuple[DriftEvent, ...]
    knowledge: Knowledge
    rates: Mapping[str, FillRate]
    homes: Homes = (None, None)
    rules: tuple[Rule, ...] | None = None

    def judge(self, left: Field, right: Field) -> Verdict:
        """Return what the rules say of a PartnerOS field and a CRM field."""
        direction, reason = suggest_direction(left, right, knowledge=self.knowledge)
        warnings = warn(left, right, knowledge=self.knowledge, homes=self.homes)
        if direction is not Direction.PULL:
            warnings += warn_of_rules(right, self.rules)
        return Verdict(direction, reason, warnings)
