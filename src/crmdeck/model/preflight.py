"""Preflight: which writes a CRM will reject or change, and what can't be judged."""

from __future__ import annotations

from crmdeck.model.enums import Direction, Outcome
from crmdeck.model.wire import WireModel

STOPPING = (Outcome.REJECTED, Outcome.UNLESS_AUTOMATION, Outcome.UNLESS_USER)
"""The outcomes that can stop a record."""


class WriteProblem(WireModel):
    """One thing that a CRM does with one record; `position` counts records from 1.

    `needs` names the missing facts of an unknown outcome. `record_id` is the CRM's ID of a record
    that was read from the CRM.
    """

    position: int
    record_id: str | None = None
    outcome: Outcome
    code: str
    reason: str
    crm_field: str | None = None
    partner_field: str | None = None
    rule: str | None = None
    needs: tuple[str, ...] = ()


class WriteCause(WireModel):
    """All findings with one cause. `positions` has the first ones; `every`: no record escapes."""

    outcome: Outcome
    code: str
    reason: str
    crm_field: str | None = None
    partner_field: str | None = None
    rule: str | None = None
    needs: tuple[str, ...] = ()
    count: int
    positions: tuple[int, ...] = ()
    every: bool = False

    @property
    def stops_all(self) -> bool:
        """True if no record reaches the CRM because of this cause."""
        return self.every and self.outcome in STOPPING


class OutcomeCounts(WireModel):
    """Records by their worst outcome; `fine` have no finding."""

    rejected: int = 0
    unless_automation: int = 0
    unless_user: int = 0
    changed: int = 0
    unknown: int = 0
    fine: int = 0

    def of(self, outcome: Outcome) -> int:
        """Return the number of records with this worst outcome."""
        found: int = getattr(self, outcome.value)
        return found


class PreflightReport(OutcomeCounts):
    """What a CRM does with records of an object pair.

    Causes come with those that stop every record first, then by outcome and count. `otherwise`
    counts the records without these causes; None if nothing stops every record. `create` is None
    for the direction `pull`, whose findings are about PartnerOS. `notes` are sentences about what
    couldn't be read.
    """

    connection_id: str
    object_pair: str
    direction: Direction = Direction.PUSH
    create: bool | None = None
    record_type: str | None = None
    records: int
    otherwise: OutcomeCounts | None = None
    causes: tuple[WriteCause, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def stopping(self) -> tuple[WriteCause, ...]:
        """The causes that stop every record."""
        return tuple(cause for cause in self.causes if cause.stops_all)
