"""Mapping: suggested field pairs, and what the operator decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import pydantic

from crmdeck.errors import UsageError
from crmdeck.model.enums import DecisionState, Direction, ValueMatch
from crmdeck.model.schema import Field
from crmdeck.model.wire import UtcTime, WireModel

PAIR_SEPARATOR = "--"


class ObjectPair(WireModel):
    """A PartnerOS object and a CRM object, written `deal_registration--Opportunity`."""

    partner_object: str
    crm_object: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the pair that `text` names.

        Raises UsageError where it is not `PARTNER_OBJECT--CrmObject`.
        """
        partner, separator, crm = text.partition(PAIR_SEPARATOR)
        if not (separator and partner and crm):
            raise UsageError(
                f"'{text}' is not an object pair.",
                remedy="Write it as PARTNER_OBJECT--CrmObject, deal_registration--Opportunity say.",
                code="BAD_OBJECT_PAIR",
            )
        return cls(partner_object=partner, crm_object=crm)

    def __str__(self) -> str:
        return f"{self.partner_object}{PAIR_SEPARATOR}{self.crm_object}"


class PartnerObject(WireModel):
    """One object of the PartnerOS catalog with its fields."""

    object_type: str
    label: str
    description: str = ""
    fields: tuple[Field, ...]


class Reason(WireModel):
    """One signal's part in a suggestion: `share` is its part of the score, 0 to 1."""

    signal: str
    share: float
    text: str


class MappingWarning(WireModel):
    """Why a pair may not work, with a stable code."""

    code: str
    text: str


class ValuePair(WireModel):
    """A PartnerOS value and the CRM value it becomes; None where none fits.

    `confidence` is 0 to 1: how sure the suggestion is of the counterpart.
    """

    partner_value: str
    crm_value: str | None
    how: ValueMatch = ValueMatch.NONE
    confidence: float = 0.0


class ValueMap(WireModel):
    """Which CRM value each value of a PartnerOS picklist becomes.

    `complete`: no PartnerOS value is without a counterpart. Where the CRM field takes any text
    there are no pairs and the map is complete.
    """

    pairs: tuple[ValuePair, ...] = ()
    complete: bool = True


class Alternative(WireModel):
    """Another CRM field that might fit."""

    crm_field: str
    confidence: float
    direction: Direction = Direction.BIDIRECTIONAL
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[MappingWarning, ...] = ()


class SourceSuggestion(WireModel):
    """What the source of a connection suggests for a PartnerOS field, by its own ranker."""

    crm_field: str
    confidence: float
    direction: Direction


class Suggestion(WireModel):
    """The ranker's word on one PartnerOS field, and the decision that stands.

    `source_suggestions` are those of the source, as they are. `crm_field` is None where nothing
    fits; `confidence` is the probability that the operator accepts the pair. Once decided,
    `crm_field` and `direction` are those of the decision.
    """

    partner_field: str
    crm_field: str | None
    confidence: float
    direction: Direction
    direction_reason: str = ""
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[MappingWarning, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    source_suggestions: tuple[SourceSuggestion, ...] = ()
    decision: DecisionState = DecisionState.PENDING


class SuggestAnswer(WireModel):
    """The answer of `POST /integrations/{id}/mapping/ai-suggest`."""

    object_pair: str
    encoder: str
    suggestions: tuple[Suggestion, ...]


class Decision(WireModel):
    """One decision, as logged; undoing one is another decision that names it in `undoes`."""

    id: str
    connection_id: str
    object_pair: str
    partner_field: str
    crm_field: str | None
    state: DecisionState
    direction: Direction = Direction.BIDIRECTIONAL
    value_map: dict[str, str] | None = None
    confidence: float | None = None
    note: str | None = None
    undoes: str | None = None
    decided_by: str
    decided_at: UtcTime


class Choice(WireModel):
    """What the operator chooses for one PartnerOS field.

    Accepting needs `crm_field`. Rejecting one turns that candidate down; rejecting none says
    that the field stays unmapped. `pending` sets the row back. `direction` is taken from the
    rules where it is None; `value_map` leads from PartnerOS values to CRM values.
    """

    partner_field: str
    state: DecisionState
    crm_field: str | None = None
    direction: Direction | None = None
    value_map: dict[str, str] | None = None
    confidence: float | None = None
    note: str | None = None


def in_force(log: Sequence[Decision]) -> tuple[Decision, ...]:
    """Return the decisions that are not undone, oldest first.

    `log` is oldest first. A decision that undoes an undo brings back what that had undone.
    """
    undone: set[str] = set()
    for decision in reversed(log):
        if decision.undoes is not None and decision.id not in undone:
            undone.add(decision.undoes)
    return tuple(d for d in log if d.undoes is None and d.id not in undone)


class MappingLine(WireModel):
    """What holds now for one PartnerOS field of an object pair.

    `rejected` lists the CRM fields that were turned down, `drift` the ids of the events since
    the acceptance that touch the CRM field, and `drift_summary` says what each was.
    """

    partner_field: str
    label: str = ""
    state: DecisionState
    crm_field: str | None
    direction: Direction
    value_map: dict[str, str] | None = None
    decided_by: str | None = None
    decided_at: UtcTime | None = None
    rejected: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    drift_summary: tuple[str, ...] = pydantic.Field(
        default=(), validation_alias=pydantic.AliasChoices("driftSummary", "driftTold")
    )


class FieldMapping(WireModel):
    """What holds now for an object pair; `version` is that of this shape, in files too.

    `connection` is the name of the connection: for readers, the id says which it is.
    """

    version: int = 1
    connection_id: str
    connection: str | None = None
    object_pair: str
    lines: tuple[MappingLine, ...]


class PairSummary(WireModel):
    """How far the mapping of an object pair has come."""

    object_pair: str
    partner_fields: int
    accepted: int = 0
    rejected: int = 0
    last_decided_at: UtcTime | None = None
