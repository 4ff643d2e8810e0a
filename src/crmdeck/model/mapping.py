"""Mapping: suggested field pairs, and users' decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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

        Raises UsageError if it isn't `PARTNER_OBJECT--CrmObject`.
        """
        partner, separator, crm = text.partition(PAIR_SEPARATOR)
        if not (separator and partner and crm):
            raise UsageError(
                f"'{text}' isn't an object pair.",
                remedy=(
                    "Write PARTNER_OBJECT--CrmObject, for example deal_registration--Opportunity."
                ),
                code="BAD_OBJECT_PAIR",
            )
        return cls(partner_object=partner, crm_object=crm)

    def __str__(self) -> str:
        return f"{self.partner_object}{PAIR_SEPARATOR}{self.crm_object}"


class PartnerObject(WireModel):
    """An object of the PartnerOS catalog, with its fields."""

    object_type: str
    label: str
    description: str = ""
    fields: tuple[Field, ...]


class Reason(WireModel):
    """The part of a signal in a suggestion: `share` is its share of the score, 0 to 1."""

    signal: str
    share: float
    text: str


class MappingWarning(WireModel):
    """A reason why a pair can fail, with a stable code."""

    code: str
    text: str


class ValuePair(WireModel):
    """A PartnerOS value and the CRM value that it becomes; None if no value matches.

    `confidence` is the certainty of the match, 0 to 1.
    """

    partner_value: str
    crm_value: str | None
    how: ValueMatch = ValueMatch.NONE
    confidence: float = 0.0


class ValueMap(WireModel):
    """Which CRM value each value of a PartnerOS picklist becomes.

    `complete`: every PartnerOS value has a counterpart. If the CRM field accepts any text, the
    map is complete without pairs.
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
    """What the source of a connection suggests for a PartnerOS field."""

    crm_field: str
    confidence: float
    direction: Direction


class Suggestion(WireModel):
    """The suggestion for a PartnerOS field, and the current decision.

    `source_suggestions` are those of the source, unchanged. `confidence` is the probability
    that a user accepts the pair, without a CRM field that none fits. After a decision, `crm_field`
    and `direction` are those of the decision. `taken_by` is the PartnerOS field that was suggested
    the first of the `alternatives`, which fits this field as well.
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
    taken_by: str | None = None


class AssistantSuggestion(WireModel):
    """What an assistant suggests for a PartnerOS field. It isn't a decision."""

    object_pair: str
    partner_field: str
    crm_field: str
    direction: Direction
    reason: str
    suggested_by: str
    suggested_at: UtcTime


class SuggestAnswer(WireModel):
    """The response of `POST /integrations/{id}/mapping/ai-suggest`."""

    object_pair: str
    encoder: str
    suggestions: tuple[Suggestion, ...]

    @property
    def average(self) -> float:
        """The average match of all PartnerOS fields; a field without a match counts as 0."""
        matches = [one.confidence for one in self.suggestions if one.crm_field is not None]
        return sum(matches) / max(len(self.suggestions), 1)


class Decision(WireModel):
    """A decision. An undo is another decision that names it in `undoes`.

    With an empty `partner_field` it is about the CRM field itself: `rejected` marks the field as
    filled elsewhere, by PartnerOS or by automation, and `pending` clears that. `filled_with` is
    what fills it: a value, or a template such as `{accountName} renewal`.
    """

    id: str
    connection_id: str
    object_pair: str
    partner_field: str
    crm_field: str | None
    state: DecisionState
    direction: Direction = Direction.BIDIRECTIONAL
    value_map: dict[str, str] | None = None
    filled_with: str | None = None
    confidence: float | None = None
    note: str | None = None
    undoes: str | None = None
    decided_by: str
    decided_at: UtcTime

    @property
    def subject(self) -> str:
        """The PartnerOS field, or `crm:NAME` for a CRM field itself."""
        return self.partner_field or f"crm:{self.crm_field}"


class Choice(WireModel):
    """A user's choice for a PartnerOS field, or with an empty `partner_field` for a CRM field.

    Accepting needs `crm_field`. Rejecting a `crm_field` rejects that candidate; rejecting without
    one leaves the field unmapped. `pending` makes it undecided. If `direction` is None, crmdeck
    chooses it. `value_map` leads from PartnerOS values to CRM values. Rejecting a CRM field itself
    marks it as filled elsewhere, with `filled_with` if that is known.
    """

    partner_field: str
    state: DecisionState
    crm_field: str | None = None
    direction: Direction | None = None
    value_map: dict[str, str] | None = None
    filled_with: str | None = None
    confidence: float | None = None
    note: str | None = None

    @property
    def subject(self) -> str:
        """The PartnerOS field, or `crm:NAME` for a CRM field itself."""
        return self.partner_field or f"crm:{self.crm_field}"


def make_decision(
    choice: Choice,
    id_: str,
    *,
    connection_id: str,
    object_pair: str,
    direction: Direction,
    actor: str,
    at: datetime,
) -> Decision:
    """Return the decision that a user made by a choice; `direction` if the choice has none."""
    return Decision(
        id=id_,
        connection_id=connection_id,
        object_pair=object_pair,
        partner_field=choice.partner_field,
        crm_field=choice.crm_field,
        state=choice.state,
        direction=choice.direction or direction,
        value_map=choice.value_map,
        filled_with=choice.filled_with,
        confidence=choice.confidence,
        note=choice.note,
        decided_by=actor,
        decided_at=at,
    )


def make_undo(target: Decision, id_: str, *, actor: str, at: datetime) -> Decision:
    """Return the decision that undoes another one."""
    return target.model_copy(
        update={
            "id": id_,
            "undoes": target.id,
            "state": DecisionState.PENDING,
            "decided_by": actor,
            "decided_at": at,
            "note": None,
        }
    )


def undone_in(log: Sequence[Decision]) -> set[str]:
    """Return the IDs of the decisions that are undone; `log` is oldest first.

    A decision that undoes an undo restores what that had undone.
    """
    # Backwards, because whether an undo counts depends only on later decisions.
    undone: set[str] = set()
    for decision in reversed(log):
        if decision.undoes is not None and decision.id not in undone:
            undone.add(decision.undoes)
    return undone


def in_force(log: Sequence[Decision]) -> tuple[Decision, ...]:
    """Return the decisions that neither undo nor are undone; `log` is oldest first, as they are."""
    undone = undone_in(log)
    return tuple(d for d in log if d.undoes is None and d.id not in undone)


class MappingLine(WireModel):
    """The current mapping of a PartnerOS field in an object pair.

    `rejected` lists the rejected CRM fields. `drift` has the IDs of the changes to the CRM
    field since it was accepted, `drift_summary` a sentence about each.
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
    # Mapping files of earlier versions have `driftTold`.
    drift_summary: tuple[str, ...] = pydantic.Field(
        default=(), validation_alias=pydantic.AliasChoices("driftSummary", "driftTold")
    )


class FieldMapping(WireModel):
    """The current mapping of an object pair; `version` is that of this format.

    `connection` is the connection's name, for readers. PartnerOS or automation fills the CRM
    fields in `filled_elsewhere` without a mapping, with the values in `filled_with` if known.
    """

    version: int = 1
    connection_id: str
    connection: str | None = None
    object_pair: str
    lines: tuple[MappingLine, ...]
    filled_elsewhere: tuple[str, ...] = ()
    filled_with: dict[str, str] = pydantic.Field(default_factory=dict)


class PairSummary(WireModel):
    """The progress of an object pair's mapping."""

    object_pair: str
    partner_fields: int
    accepted: int = 0
    rejected: int = 0
    last_decided_at: UtcTime | None = None
