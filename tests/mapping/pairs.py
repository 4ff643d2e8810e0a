"""A small object pair, decisions on it, and strategies that draw both."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from crmdeck.mapping.review import MatchReview, Review
from crmdeck.mapping.rows import MappingRow, RowBuilder, Situation
from crmdeck.mapping.state import by_field
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import (
    Alternative,
    Choice,
    Decision,
    DecisionState,
    Direction,
    DriftEvent,
    DriftKind,
    Field,
    FieldType,
    FillRate,
    MappingWarning,
    PartnerObject,
    PicklistValue,
    Reason,
    Severity,
    SuggestAnswer,
    Suggestion,
    WriteRules,
)

PAIR = "deal_registration--Opportunity"
NOON = datetime(2026, 5, 16, 12, tzinfo=UTC)
NAMES = ("accountName", "contactName", "description")
CRM_NAMES = ("Account_Name__c", "Old_Account_Name__c", "Name", "Description")

ACCEPTED, REJECTED, PENDING = (
    DecisionState.ACCEPTED,
    DecisionState.REJECTED,
    DecisionState.PENDING,
)


def field(name: str, **attributes: Any) -> Field:
    return Field(
        **{"name": name, "label": name, "type": FieldType.STRING, "native_type": "", **attributes}
    )


def values(*names: str, inactive: Collection[str] = ()) -> tuple[PicklistValue, ...]:
    return tuple(
        PicklistValue(value=name, label=name.title(), active=name not in inactive) for name in names
    )


CRM_FIELDS = tuple(map(field, CRM_NAMES))


def review(
    *crm_fields: Field,
    log: Sequence[Decision] = (),
    events: Sequence[DriftEvent] = (),
    partner: Sequence[Field] = tuple(map(field, NAMES)),
    rates: Mapping[str, FillRate] | None = None,
) -> Review:
    return Review(
        connection_id="c",
        pair=PAIR,
        partner=PartnerObject(object_type="deal_registration", label="Deal", fields=tuple(partner)),
        crm_fields=crm_fields,
        log=tuple(log),
        events=tuple(events),
        knowledge=Knowledge(),
        rates=rates or {},
        write_rules=WriteRules(),
        now=NOON,
    )


def build(
    log: Sequence[Decision] = (),
    suggestions: Sequence[Suggestion] = (),
    *,
    crm_fields: Sequence[Field] = CRM_FIELDS,
    events: Sequence[DriftEvent] = (),
    partner: Sequence[Field] = tuple(map(field, NAMES)),
    **now: Any,
) -> dict[str, MappingRow]:
    """Return the rows of a situation by name."""
    builder = RowBuilder(review(*crm_fields, log=log, events=events, partner=partner))
    named = {one.partner_field: one for one in suggestions}
    rows = builder.build(Situation(log=tuple(log), suggestions=named, **now))
    return {row.name: row for row in rows}


def row(**attributes: Any) -> MappingRow:
    """Return an undecided row that suggests Account_Name__c, changed by `attributes`."""
    given: dict[str, Any] = {
        "partner": field("accountName", label="Account name"),
        "state": PENDING,
        "crm_field": "Account_Name__c",
        "right": field("Account_Name__c"),
        "confidence": 0.95,
        "direction": Direction.BIDIRECTIONAL,
        "verdict": verdict(),
        **attributes,
    }
    return MappingRow(**given)


def verdict(direction: Direction = Direction.BIDIRECTIONAL, *codes: str) -> MatchReview:
    warnings = tuple(MappingWarning(code=code, text=code.lower()) for code in codes)
    return MatchReview(direction, "because", warnings)


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


def undone(number: int, target: Decision) -> Decision:
    """Return the decision that undoes another one."""
    return decided(number, target.partner_field, PENDING, target.crm_field, undoes=target.id)


def event(
    number: int, field_name: str | None, object_type: str = "Opportunity", **more: Any
) -> DriftEvent:
    """Return the removal of a field, detected that many minutes past noon."""
    given: dict[str, Any] = {
        "id": f"e{number}",
        "connection_id": "c",
        "object_type": object_type,
        "field_name": field_name,
        "kind": DriftKind.FIELD_REMOVED if field_name else DriftKind.OBJECT_REMOVED,
        "severity": Severity.BREAKING,
        "detected_at": NOON + timedelta(minutes=number),
        **more,
    }
    return DriftEvent(**given)


def suggestion(name: str, crm_field: str | None, confidence: float, **more: Any) -> Suggestion:
    """Return a suggestion whose alternative is `Old_Account_Name__c`."""
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
    return Choice(partner_field=name, state=REJECTED, crm_field=crm_field)


def accept(name: str, crm_field: str) -> Choice:
    return Choice(partner_field=name, state=ACCEPTED, crm_field=crm_field)


@st.composite
def decisions(draw: st.DrawFn, number: int) -> Decision:
    """Draw any decision but an undo."""
    state = draw(st.sampled_from(DecisionState))
    fields = st.sampled_from(CRM_NAMES)
    crm_field = draw(fields if state is ACCEPTED else st.none() | fields)
    direction = draw(st.sampled_from(Direction))
    return decided(number, draw(st.sampled_from(NAMES)), state, crm_field, direction=direction)


@st.composite
def logs(draw: st.DrawFn, *, undos: bool = True) -> list[Decision]:
    """Draw a log in which no CRM field is accepted twice."""
    log: list[Decision] = []
    for number in range(draw(st.integers(0, 9))):
        if undos and log and draw(st.booleans()):
            following = undone(number, draw(st.sampled_from(log)))
        else:
            following = draw(decisions(number))
        accepted = [
            one.accepted.crm_field for one in by_field([*log, following]).values() if one.accepted
        ]
        if len(set(accepted)) == len(accepted):
            log.append(following)
    return log


@st.composite
def suggestions(draw: st.DrawFn) -> list[Suggestion]:
    """Draw a suggestion for some of the fields; two of them may name the same CRM field."""
    found = []
    for name in draw(st.sets(st.sampled_from(NAMES))):
        order = draw(st.permutations(CRM_NAMES))
        parts = [draw(st.integers(1, 20)) for _ in range(draw(st.integers(1, 4)) + 1)]
        shares = sorted((part / sum(parts) for part in parts[1:]), reverse=True)
        named = [
            Alternative(crm_field=one, confidence=share)
            for one, share in zip(order, shares, strict=False)
        ]
        best = named[0] if draw(st.booleans()) else None
        found.append(
            suggestion(
                name,
                best.crm_field if best else None,
                best.confidence if best else 0.5,
                alternatives=tuple(named[1:] if best else named),
            )
        )
    return found
