"""An object pair made of a few fields, and decisions on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crmdeck.mapping.review import Review
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import (
    Alternative,
    Choice,
    Decision,
    DecisionState,
    DriftEvent,
    DriftKind,
    Field,
    FieldType,
    PartnerObject,
    Reason,
    Severity,
    SuggestAnswer,
    Suggestion,
)

PAIR = "deal_registration--Opportunity"
NOON = datetime(2026, 5, 16, 12, tzinfo=UTC)


def field(name: str, **attributes: Any) -> Field:
    return Field(
        **{"name": name, "label": name, "type": FieldType.STRING, "native_type": "", **attributes}
    )


def review(
    *crm_fields: Field, log: Sequence[Decision] = (), events: Sequence[DriftEvent] = ()
) -> Review:
    names = ("accountName", "contactName", "description")
    partner = PartnerObject(
        object_type="deal_registration", label="Deal", fields=tuple(map(field, names))
    )
    return Review(
        connection_id="c",
        pair=PAIR,
        partner=partner,
        crm_fields=crm_fields,
        log=tuple(log),
        events=tuple(events),
        knowledge=Knowledge(),
        rates={},
    )


def decided(
    number: int, name: str, state: DecisionState, crm_field: str | None, **more: Any
) -> Decision:
    """Return a decision of that many minutes past noon."""
    return Decision(
        **{
            "id": f"d{number}",
            "connection_id": "c",
            "object_pair": PAIR,
            "partner_field": name,
            "crm_field": crm_field,
            "state": state,
            "decided_by": "dana",
            "decided_at": NOON + timedelta(minutes=number),
            **more,
        }
    )


def event(number: int, field_name: str | None, object_type: str = "Opportunity") -> DriftEvent:
    """Return the removal of a field, seen that many minutes past noon."""
    return DriftEvent(
        id=f"e{number}",
        connection_id="c",
        object_type=object_type,
        field_name=field_name,
        kind=DriftKind.FIELD_REMOVED if field_name else DriftKind.OBJECT_REMOVED,
        severity=Severity.BREAKING,
        detected_at=NOON + timedelta(minutes=number),
    )


def suggestion(name: str, crm_field: str | None, confidence: float, **more: Any) -> Suggestion:
    """Return the ranker's word, `Old_Account_Name__c` being the alternative."""
    return Suggestion(
        **{
            "partner_field": name,
            "crm_field": crm_field,
            "confidence": confidence,
            "direction": "bidirectional",
            "reasons": (Reason(signal="words", share=1.0, text="same words"),),
            "alternatives": (Alternative(crm_field="Old_Account_Name__c", confidence=0.06),),
            **more,
        }
    )


def answer(**picks: tuple[str, float]) -> SuggestAnswer:
    made = tuple(suggestion(name, *pick) for name, pick in picks.items())
    return SuggestAnswer(object_pair=PAIR, encoder="none", suggestions=made)


def reject(name: str, crm_field: str | None) -> Choice:
    return Choice(partner_field=name, state=DecisionState.REJECTED, crm_field=crm_field)


def accept(name: str, crm_field: str) -> Choice:
    return Choice(partner_field=name, state=DecisionState.ACCEPTED, crm_field=crm_field)
