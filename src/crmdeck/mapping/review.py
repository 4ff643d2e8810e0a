"""Everything read for an object pair except its suggestions, and the verdict on a field pair."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from crmdeck.matching.checks import warn
from crmdeck.matching.context import Homes
from crmdeck.matching.directions import suggest_direction
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import (
    Acceptance,
    Decision,
    Direction,
    DriftEvent,
    Field,
    FillRate,
    MappingWarning,
    PartnerObject,
    WriteRules,
)
from crmdeck.model.wire import wire_record
from crmdeck.preflight.edges import FailsWhen, field_failures


@dataclass(frozen=True)
class MatchReview:
    """The widest direction of a field pair, the reason, and the warnings.

    `failures` are the verdicts of preflight on values written to the CRM, without its rules, and
    `of_reading` those of the warnings that are only about values read from the CRM.
    """

    direction: Direction
    reason: str
    warnings: tuple[MappingWarning, ...]
    failures: tuple[FailsWhen, ...] = ()
    of_reading: tuple[MappingWarning, ...] = ()


@dataclass(frozen=True)
class Review:
    """Both sides of an object pair, every decision on it, and the drift of its CRM object.

    `log` is oldest first, `events` newest first; `settled` are the IDs of those that no longer
    break a mapping. `accepted` are the accepted risks by finding, `rates` the measured fill rates
    by CRM field. `homes` are the known objects of the two sides. `write_rules` are those of the
    CRM, whatever the field, and `now` is the time of the review in UTC. `assumed` is a sentence
    about whose permissions the verdicts use, empty if they are the sync user's.
    """

    connection_id: str
    pair: str
    partner: PartnerObject
    crm_fields: tuple[Field, ...]
    log: tuple[Decision, ...]
    events: tuple[DriftEvent, ...]
    knowledge: Knowledge = field(repr=False)
    rates: Mapping[str, FillRate]
    write_rules: WriteRules = field(repr=False)
    now: datetime
    settled: Collection[str] = ()
    accepted: Mapping[str, Acceptance] = field(default_factory=dict)
    homes: Homes = (None, None)
    assumed: str = ""

    def to_wire(self) -> dict[str, object]:
        """Return the record as JSON values under its wire names."""
        return wire_record(self)

    def judge(self, left: Field, right: Field) -> MatchReview:
        direction, reason = suggest_direction(left, right, knowledge=self.knowledge)
        # Preflight judges what is written to the CRM, so that a warning and a verdict can't
        # disagree. A second run without reading shows which warnings only a pull needs.
        judged = partial(
            warn, left, right, knowledge=self.knowledge, homes=self.homes, writes=False
        )
        warnings = judged()
        if direction is Direction.PULL:
            return MatchReview(direction, reason, warnings)
        now, pushed = self.now.replace(tzinfo=None), judged(reads=False)
        return MatchReview(
            direction,
            reason,
            warnings,
            field_failures(left, right, self.write_rules, now),
            tuple(one for one in warnings if one not in pushed),
        )
