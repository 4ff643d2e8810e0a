"""One line a PartnerOS field: what is decided or suggested, and what stands beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crmdeck.model import (
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    Field,
    FieldType,
    MappingWarning,
    Reason,
    Severity,
)
from crmdeck.workspace import Verdict

CHOICES = (FieldType.PICKLIST, FieldType.MULTIPICKLIST)


@dataclass(frozen=True)
class Candidate:
    """A CRM field that may fit; `confidence` is None where the ranker did not name it.

    `was_put_back`: it had been suggested and rejected, and that was undone.
    """

    crm_field: str
    confidence: float | None = None
    reasons: tuple[Reason, ...] = ()
    was_put_back: bool = False


@dataclass(frozen=True)
class Line:
    """One PartnerOS field.

    `crm_field` is the accepted or suggested CRM field, `right` its definition (None where the
    schema no longer has it). `better` is what the ranker prefers since the operator is on the
    line; it is shown when they leave it. `drift` is what happened since the acceptance.
    """

    partner: Field
    state: DecisionState
    crm_field: str | None
    right: Field | None
    confidence: float | None
    direction: Direction
    verdict: Verdict | None
    candidates: tuple[Candidate, ...] = ()
    rejected: tuple[str, ...] = ()
    value_map: Mapping[str, str] | None = None
    drift: tuple[DriftEvent, ...] = ()
    history: tuple[Decision, ...] = ()
    better: Candidate | None = None

    @property
    def name(self) -> str:
        """The PartnerOS field's name, which is the key of the line."""
        return self.partner.name

    @property
    def title(self) -> str:
        """The PartnerOS field as people call it."""
        return self.partner.label or self.partner.name

    @property
    def is_open(self) -> bool:
        """Whether the line is still to be decided."""
        return self.state is DecisionState.PENDING

    @property
    def severity(self) -> Severity | None:
        """How bad the drift since the acceptance is; None where there is none to speak of."""
        if self.state is DecisionState.ACCEPTED and self.right is None:
            return Severity.BREAKING
        worst = max((event.severity.rank for event in self.drift), default=0)
        return None if worst == 0 else Severity.BREAKING if worst > 1 else Severity.RISKY

    @property
    def can_flow(self) -> bool:
        """Whether values can flow in the direction of the line."""
        verdict = self.verdict
        if verdict is None:
            return True
        if any(warning.code == "NOTHING_CAN_FLOW" for warning in verdict.warnings):
            return False
        return verdict.direction in (Direction.BIDIRECTIONAL, self.direction)

    @property
    def values(self) -> tuple[str, ...]:
        """The active PartnerOS values, where the pair needs a value map."""
        if self.right is None or self.right.type not in (*CHOICES, FieldType.BOOLEAN):
            return ()
        return tuple(value.value for value in self.partner.picklist if value.active)

    @property
    def unmapped_values(self) -> int | None:
        """How many PartnerOS values the stored value map leaves out; None without a map."""
        if self.value_map is None:
            return None
        return sum(value not in self.value_map for value in self.values)

    @property
    def warnings(self) -> tuple[MappingWarning, ...]:
        """What may go wrong, but for what a complete value map has settled."""
        found = self.verdict.warnings if self.verdict is not None else ()
        if self.unmapped_values == 0:
            found = tuple(warning for warning in found if warning.code != "VALUE_MAP_NEEDED")
        return found
