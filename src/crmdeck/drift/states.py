"""What drift detection takes in."""

from __future__ import annotations

from dataclasses import dataclass

from crmdeck.model import Direction, Field, GoneReason


@dataclass(frozen=True)
class ObjectState:
    """One object type as one discovery saw it; field names are unique within it."""

    object_type: str
    label: str
    custom: bool | None
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class AcceptedField:
    """One accepted decision: a PartnerOS field that is mapped to a CRM field."""

    object_pair: str
    partner_field: str
    crm_object: str
    crm_field: str
    direction: Direction

    @property
    def key(self) -> str:
        """Return the decision as `objectPair:partnerField`."""
        return f"{self.object_pair}:{self.partner_field}"


@dataclass(frozen=True)
class GoneObject:
    """One object type that is not in the answer any more, and why."""

    object_type: str
    label: str
    field_count: int
    reason: GoneReason
