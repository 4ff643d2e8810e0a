"""What drift detection takes in, and what comparing gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crmdeck.model import Change, Direction, Field, GoneReason


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


class Presence(StrEnum):
    """On which side of a comparison something is."""

    BEFORE = "before"
    AFTER = "after"
    BOTH = "both"


@dataclass(frozen=True)
class FieldChange:
    """One field that differs between two states of an object type.

    `before` or `after` is None where the field is on one side only; then `changes` is empty.
    """

    field_name: str
    before: Field | None
    after: Field | None
    changes: tuple[Change, ...] = ()

    @property
    def presence(self) -> Presence:
        """Return on which side the field is."""
        if self.before is None:
            return Presence.AFTER
        return Presence.BEFORE if self.after is None else Presence.BOTH
