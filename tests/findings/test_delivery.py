"""Findings about whether a sync's data arrives, and how urgent they are."""

from __future__ import annotations

from typing import Any

from crmdeck.findings.delivery import delivery_findings
from crmdeck.findings.facts import Facts, PairFacts, Vitals
from crmdeck.findings.gate import fails
from crmdeck.mapping.verdicts import PairVerdicts
from crmdeck.model import Decision, DecisionState, Direction, FailOn, Finding, Status, Urgency
from crmdeck.model.delivery import DeliveryReading, Silence
from tests.findings.test_connection import connection
from tests.workspace.crm import ANCHOR as NOW

TODAY = NOW.date()


def pair(name: str, row: str, direction: str = "push", **verdicts: Any) -> PairFacts:
    partner, crm = row.split("=")
    decision = Decision(
        id=name + row,
        connection_id="c",
        object_pair=name,
        partner_field=partner,
        crm_field=crm,
        state=DecisionState.ACCEPTED,
        direction=Direction(direction),
        decided_by="dana",
        decided_at=NOW,
    )
    return PairFacts(name, None, [decision], PairVerdicts(**verdicts))


def find(*pairs: PairFacts, delivery: Any = None, **more: Any) -> dict[str, Finding]:
    vitals = Vitals(
        connection=connection(**more),
        status=Status.ACTIVE,
        now=NOW,
        command_line=lambda *words, **_: " ".join(("crmdeck", *words)),
    )
    found = [*delivery_findings(Facts(vitals, pairs=pairs, delivery=delivery))]
    for each in found:
        assert each.cause
        assert each.effect
        assert all(step.command or step.verb == "set_sync_user" for step in each.steps)
        assert (each.urgency is Urgency.NOTE) is not fails(each, FailOn.MAPPED)
    assert len({each.id for each in found}) == len(found)
    return {each.code: each for each in found}


def test_partneros_levels_are_reversed() -> None:
    deals = pair("deal--Deal__c", "stage=Stage__c", "bidirectional", keys=("Key__c",))
    read = DeliveryReading(since=TODAY, until=TODAY, published=("account",))
    direct, partner = (
        find(deals, delivery=read),
        find(deals, delivery=read, sync_user_id="partneros:x"),
    )
    assert (direct["NO_MATCH_KEY"].urgency, direct["CDC_OFF"].urgency) == (
        Urgency.REVIEW, Urgency.NOTE,
    )  # fmt: skip
    assert (partner["NO_MATCH_KEY"].urgency, partner["CDC_OFF"].urgency) == (
        Urgency.NOTE, Urgency.REVIEW,
    )  # fmt: skip
    published = read.model_copy(update={"published": ("DEAL__C",)})
    assert "CDC_OFF" not in find(deals, delivery=published)
    # Not read, and nothing that a user pulls.
    assert "CDC_OFF" not in find(deals, delivery=read.model_copy(update={"published": None}))
    assert "CDC_OFF" not in find(pair("deal--Deal__c", "stage=Stage__c"), delivery=read)


def test_objects_that_need_each_other_are_a_note() -> None:
    contacts = pair("contact--Contact", "account=AccountId", parents={"account": ("Account",)})
    accounts = pair("partner--Account", "lead=Main__c", parents={"lead": ("Contact",)})
    both = find(contacts, accounts)
    assert set(both) == {"PARENT_LATER"}
    assert both["PARENT_LATER"].urgency is Urgency.NOTE
    assert set(find(contacts)) == {"PARENT_NOT_MAPPED"}
    # A parent without references of its own is pushed first. Users and record types exist.
    assert not find(contacts, pair("partner--Account", "name=Name"))
    assert not find(pair("deal--Deal__c", "owner=OwnerId", parents={"owner": ("User",)}))
    assert not find(pair("partner--Account", "up=ParentId", parents={"up": ("Account",)}))


def test_silence_of_unmapped_field_is_left_out() -> None:
    silence = Silence(
        object_type="Deal__c", crm_field="Value__c", since=TODAY, before=(82, 100), after=(3, 100)
    )
    read = DeliveryReading(user_id="u", since=TODAY, until=TODAY, silences=(silence,))
    found = find(pair("deal--Deal__c", "value=Value__c"), delivery=read)
    assert found["FIELD_SILENT"].cause.startswith("82% of the records")
    assert f"3% since {TODAY}" in found["FIELD_SILENT"].cause
    assert "FIELD_SILENT" not in find(pair("deal--Deal__c", "value=Other__c"), delivery=read)
    assert "FIELD_SILENT" not in find(
        pair("deal--Deal__c", "value=Value__c", "pull"), delivery=read
    )
