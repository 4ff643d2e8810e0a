"""The ranker as callers use it: suggestions, reasons and edge cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmdeck.matching import Evidence, RankContext, SentenceEncoder, rank
from crmdeck.matching.confidence import CEILING, FEATURES, Profile
from crmdeck.matching.evidence import Example
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.measure import Measured, measure
from crmdeck.matching.ranker import pair_features
from crmdeck.matching.weights import WITH_ENCODER, WITHOUT_ENCODER
from crmdeck.model import DecisionState, Field, FieldType, PicklistValue, Suggestion
from crmdeck.workspace.knowledge import load_catalog, load_knowledge

KNOWLEDGE = load_knowledge(None)
DEAL = load_catalog(None)["deal_registration"].fields
CONTEXT = RankContext("deal_registration", "Opportunity", "salesforce")

OPPORTUNITY = (
    Field(name="Id", label="Opportunity ID", type=FieldType.ID, custom=False),
    Field(name="Name", label="Name", type=FieldType.STRING, custom=False),
    Field(name="Amount", label="Amount", type=FieldType.CURRENCY, custom=False),
    Field(name="CloseDate", label="Close Date", type=FieldType.DATE, custom=False),
    Field(name="Description", label="Description", type=FieldType.TEXT, custom=False),
    Field(name="StageName", label="Stage", type=FieldType.PICKLIST, custom=False),
    Field(name="OwnerId", label="Owner ID", type=FieldType.REFERENCE, custom=False),
    Field(name="CreatedDate", label="Created Date", type=FieldType.DATETIME, custom=False),
    Field(name="LastModifiedDate", label="Last Modified", type=FieldType.DATETIME, custom=False),
    Field(name="CurrencyIsoCode", label="Currency", type=FieldType.PICKLIST, custom=False),
    Field(
        name="Registration_Status__c",
        label="Registration Status",
        type=FieldType.PICKLIST,
        custom=True,
        picklist=tuple(
            PicklistValue(value=value)
            for value in ("Submitted", "Under review", "Converted", "Rejected", "Expired")
        ),
    ),
)


def ranked(
    left: tuple[Field, ...] = DEAL,
    right: tuple[Field, ...] = OPPORTUNITY,
    evidence: Evidence | None = None,
    knowledge: Knowledge = KNOWLEDGE,
    context: RankContext = CONTEXT,
) -> dict[str, Suggestion]:
    suggestions = rank(
        left,
        right,
        context=context,
        knowledge=knowledge,
        encoder=None,
        evidence=evidence or Evidence(),
    )
    assert [one.partner_field for one in suggestions] == [field.name for field in left]
    return {one.partner_field: one for one in suggestions}


def example(left: str, right: str, place: str, label: str = "") -> Example:
    return Example(Field(name=left), Field(name=right, label=label), place)


def test_usual_pairs_are_suggested_with_plain_reasons() -> None:
    found = ranked()
    expected = {
        "estimatedValue": "Amount",
        "expectedCloseDate": "CloseDate",
        "description": "Description",
        "owner": "OwnerId",
        "createdAt": "CreatedDate",
        "currency": "CurrencyIsoCode",
        "status": "Registration_Status__c",
    }
    assert {name: found[name].crm_field for name in expected} == expected
    close = found["expectedCloseDate"]
    texts = [reason.text for reason in close.reasons]
    assert "same words: close, date" in texts
    assert "same type: date" in texts
    assert "usual match in Salesforce" in texts
    assert close.confidence > 0.8


def test_shares_sum_to_one_largest_first() -> None:
    for suggestion in ranked().values():
        shares = [reason.share for reason in suggestion.reasons]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 1.005


def test_an_attribute_of_a_record_is_unlikely_to_be_its_lookup() -> None:
    contact = Field(
        name="ContactId", label="Contact ID", type=FieldType.REFERENCE, references=("Contact",)
    )
    found = ranked(DEAL, (*OPPORTUNITY, contact))["contactTitle"]
    sure = [found.confidence] if found.crm_field == "ContactId" else []
    sure += [one.confidence for one in found.alternatives if one.crm_field == "ContactId"]
    assert max(sure) < 0.25
    lookup = (Field(name="contact", label="Contact", type=FieldType.REFERENCE),)
    assert ranked(lookup, (*OPPORTUNITY, contact))["contact"].confidence > 0.5


def test_crm_field_is_suggested_once() -> None:
    left = (
        Field(name="description", label="Description", type=FieldType.TEXT),
        Field(name="short_description", label="Short description", type=FieldType.TEXT),
    )
    found = ranked(left)
    assert found["description"].crm_field == "Description"
    assert found["short_description"].crm_field != "Description"
    offered = [one.crm_field for one in found["short_description"].alternatives]
    assert "Description" in offered


def test_field_is_taken_if_its_favorite_is_suggested() -> None:
    names = {"description": "Description", "deal_description": "Deal description"}
    left = tuple(Field(name=name, label=text, type=FieldType.TEXT) for name, text in names.items())
    right = tuple(one for one in OPPORTUNITY if one.name in ("Description", "Amount"))
    found = ranked(left, right, context=RankContext())["deal_description"]
    assert (found.crm_field, found.taken_by, found.confidence) == (None, "description", 0.7)
    first, *rest = found.alternatives
    assert first.crm_field == "Description"
    assert first.confidence > 0.5
    assert all(one.confidence < 0.5 for one in rest)
    accepted = Evidence(accepted={"description": "Description"})
    assert ranked(left, right, accepted, context=RankContext())["deal_description"].taken_by is None


def test_alternatives_are_at_most_five() -> None:
    for suggestion in ranked().values():
        offered = [one.crm_field for one in suggestion.alternatives]
        assert len(offered) == len(set(offered)) == 5
        assert suggestion.crm_field not in offered


def test_alternatives_are_sorted_by_confidence() -> None:
    found = ranked()
    for suggestion in found.values():
        sure = [one.confidence for one in suggestion.alternatives]
        assert sure == sorted(sure, reverse=True)
    assert {None} < {one.crm_field for one in found.values()}


def test_features_of_a_pair() -> None:
    score = np.array([[2.0, 1.0], [2.0, -np.inf]], np.float32)
    ids = np.array([[0.0, 0.0], [1.0, 0.0]], np.float32)
    measured = Measured(
        signals={"concept": np.array([[1.0, 0.0], [0.0, 0.0]], np.float32), "record_id": ids},
        against={},
        left=(),
        right=(),
        left_concepts=[{"a": 0.5}, {"b": 1.0}],
        right_concepts=[{"a": 1.0}, {"c": 0.8}],
        homes=(None, None),
        objects=None,
        foreign=0.5,
    )
    found = pair_features(score, measured)
    assert found.keys() == set(FEATURES)
    assert np.allclose(found["any"], [[1, 1], [0, 1]])
    assert np.allclose(found["score"], [[2, 1], [0, 0]])
    assert np.allclose(found["conflict"], [[0, 0.4], [0, 0.8]])
    assert np.allclose(found["column"], [[np.log(0.5), 0], [0, -4]])
    assert np.allclose(found["foreign"], [[0.5, 0.5], [0, 0.5]])
    assert np.allclose(found["foreign_score"], found["score"] / 2)
    assert found["record_id"] is ids


def test_no_match_has_a_probability_of_its_own() -> None:
    left = (*DEAL, Field(name="shoeSize", label="Shoe size", type=FieldType.INTEGER))
    none = ranked(left)["shoeSize"]
    assert none.crm_field is None
    assert none.confidence > 0.8
    assert none.confidence + sum(one.confidence for one in none.alternatives) <= 1.01


def test_two_record_ids_are_never_a_high_match() -> None:
    left = (*DEAL, Field(name="id", label="Record ID", type=FieldType.ID))
    found = ranked(left)["id"]
    pair = [(one.reasons, one.confidence) for one in found.alternatives if one.crm_field == "Id"]
    if found.crm_field == "Id":
        pair.append((found.reasons, found.confidence))
    ((reasons, sure),) = pair
    assert [reason.signal for reason in reasons] == ["record_id"]
    assert sure < 0.9


@pytest.mark.parametrize("known", [KNOWLEDGE, Knowledge()])
def test_a_standard_field_wins_over_a_custom_twin(known: Knowledge) -> None:
    twin = Field(name="Close_Date__c", label="Close Date", type=FieldType.DATE, custom=True)
    for right in ((twin, *OPPORTUNITY), (*OPPORTUNITY, twin)):
        left = (Field(name="close_date", label="Close date", type=FieldType.DATE),)
        assert ranked(left, right, knowledge=known)["close_date"].crm_field == "CloseDate"


def test_a_part_wins_over_its_compound_field() -> None:
    right = (
        Field(name="BillingAddress", label="Billing Address", type=FieldType.COMPOUND),
        Field(name="BillingStreet", label="Billing Street", type=FieldType.TEXT),
        Field(name="ShippingStreet", label="Shipping Street", type=FieldType.TEXT),
    )
    left = (Field(name="address", label="Address", type=FieldType.STRING),)
    found = ranked(left, right)["address"]
    assert (found.crm_field or found.alternatives[0].crm_field) == "BillingStreet"


def test_compatible_types_alone_are_not_a_reason() -> None:
    left = (Field(name="allergies", label="Allergies", type=FieldType.TEXT),)
    right = (Field(name="Horsepower__c", label="Horsepower", type=FieldType.TEXT),)
    found = ranked(left, right, knowledge=KNOWLEDGE)["allergies"]
    assert found.crm_field is None
    assert [one.crm_field for one in found.alternatives] == ["Horsepower__c"]
    assert found.confidence <= CEILING


def test_empty_field_lists() -> None:
    empty = ranked(right=())
    assert all(one.crm_field is None and not one.alternatives for one in empty.values())
    assert ranked(left=()) == {}


def test_fields_with_too_few_and_too_many_words_are_ranked() -> None:
    left = (
        Field(name="x"),
        Field(name="x", label="Duplicate"),
        Field(name="_", label=""),
        Field(name="名前", label="会社名"),
        Field(name="long", description="word " * 2000),
        Field(name="بريد", label="[bold]\x1b[31m=cmd()"),
    )
    suggestions = rank(left, OPPORTUNITY, context=RankContext(), knowledge=KNOWLEDGE, encoder=None)
    assert [one.partner_field for one in suggestions] == [field.name for field in left]
    assert all(math.isfinite(one.confidence) for one in suggestions)


def test_duplicate_crm_fields_are_ranked() -> None:
    suggestions = ranked(right=(*OPPORTUNITY, *OPPORTUNITY))
    assert suggestions["expectedCloseDate"].crm_field == "CloseDate"


@pytest.mark.parametrize("encoder", [SentenceEncoder(), None])
def test_single_equal_and_invisible_names_are_suggested(encoder: SentenceEncoder | None) -> None:
    def suggested(left: str, *right: str) -> str | None:
        amount, *others = (Field(name=name, type=FieldType.CURRENCY) for name in (left, *right))
        (found,) = rank(
            (amount,), others, context=RankContext(), knowledge=KNOWLEDGE, encoder=encoder
        )
        assert found.crm_field is None or found.reasons
        return found.crm_field

    assert suggested("amount", "Amount") == "Amount"
    assert suggested("amount", "Amount", "Amount") == "Amount"
    assert suggested("am\u200bount", "Amount", "Name") == "Amount"
    assert suggested("_", "-", "Name") is None
    assert suggested("allergies", "Horsepower__c") is None


def test_a_rejected_pair_never_returns() -> None:
    pair = ("expectedCloseDate", "CloseDate")
    found = ranked(evidence=Evidence(rejected=frozenset({pair})))["expectedCloseDate"]
    assert found.crm_field != "CloseDate"
    assert "CloseDate" not in [one.crm_field for one in found.alternatives]


def test_an_accepted_field_is_kept_and_not_suggested_again() -> None:
    found = ranked(evidence=Evidence(accepted={"estimatedValue": "Description"}))
    assert found["estimatedValue"].crm_field == "Description"
    assert found["estimatedValue"].decision is DecisionState.ACCEPTED
    assert found["description"].crm_field != "Description"
    assert "Description" not in [one.crm_field for one in found["description"].alternatives]


def test_one_crm_field_can_be_pinned_twice() -> None:
    pins = {"estimatedValue": "Description", "products": "Description"}
    found = ranked(evidence=Evidence(accepted=pins))
    assert {found[name].crm_field for name in pins} == {"Description"}


def test_a_pair_accepted_for_another_object_pair_wins() -> None:
    evidence = Evidence(elsewhere=(example("contactTitle", "StageName", "deal--Opportunity"),))
    found = ranked(evidence=evidence)["contactTitle"]
    assert found.crm_field == "StageName"
    assert found.reasons[0].text == "accepted for deal--Opportunity"


def test_foreign_acceptance_weighs_less_than_own() -> None:
    there = (example("contactTitle", "StageName", "acme-prod"),)
    found = ranked(evidence=Evidence(connections=there))["contactTitle"]
    own = Evidence(
        elsewhere=(example("contactTitle", "Name", "deal--Opportunity"),),
        connections=there,
    )
    before = next(a for a in (ranked()["contactTitle"].alternatives) if a.crm_field == "StageName")
    assert found.crm_field == "StageName"
    assert found.confidence > before.confidence
    assert "accepted in acme-prod" in [reason.text for reason in found.reasons]
    assert ranked(evidence=own)["contactTitle"].crm_field == "Name"
    rejected = Evidence(rejected=frozenset({there[0].names}), connections=there)
    assert ranked(evidence=rejected)["contactTitle"].crm_field != "StageName"


@pytest.mark.parametrize(
    ("there", "label"),
    [("ACM_Qubo_Zarel__c", ""), ("quboZarelMain__c", ""), ("X17__c", "Qubo Zarel")],
)
def test_a_decision_teaches_similar_names(there: str, label: str) -> None:
    own_name = Field(name="Qubo_Zarel__c", label="Qubo Zarel", type=FieldType.CURRENCY)
    right = (*(one for one in OPPORTUNITY if one.name != "Amount"), own_name)
    assert ranked(right=right)["estimatedValue"].crm_field is None
    evidence = Evidence(connections=(example("estimatedValue", there, "acme-emea", label),))
    found = ranked(right=right, evidence=evidence)
    assert found["estimatedValue"].crm_field == own_name.name
    reasons = [reason.text for reason in found["estimatedValue"].reasons]
    assert f"accepted like this in acme-emea: {there}" in reasons
    assert [one.partner_field for one in found.values() if one.crm_field == own_name.name] == [
        "estimatedValue"
    ]


def test_a_decision_teaches_no_other_field_of_the_same_list() -> None:
    taught = Evidence(connections=(example("accountName", "Name", "acme-emea"),))
    before, after = ranked()["contactName"], ranked(evidence=taught)["contactName"]
    assert "accepted" not in str(after)
    assert after.crm_field == before.crm_field


def test_a_rejection_lowers_similar_pairs_slightly() -> None:
    right = (*OPPORTUNITY, Field(name="Amount_Old__c", label="Amount", type=FieldType.CURRENCY))
    before = next(
        one for one in ranked(right=right)["estimatedValue"].alternatives if "Old" in one.crm_field
    )
    rejected = frozenset({("estimatedValue", "Amount_Old__c")})
    found = ranked(right=right, evidence=Evidence(rejected=rejected))["estimatedValue"]
    assert before.confidence > 0
    assert found.crm_field == "Amount"
    assert "less likely: Amount_Old__c was rejected for estimatedValue" in [
        reason.text for reason in found.reasons
    ]
    assert ranked(evidence=Evidence(rejected=rejected)) == ranked()


def test_accepted_fields_of_one_object_draw_the_others_to_it() -> None:
    right = tuple(
        Field(name=f"{one}.{name}", type=kind)
        for one in ("Lead", "Contact")
        for name, kind in (
            ("Phone", FieldType.PHONE),
            ("Title", FieldType.STRING),
            ("City", FieldType.STRING),
            ("Email", FieldType.EMAIL),
        )
    )
    left = tuple(Field(name=name) for name in ("phone", "title", "city", "email"))
    accepted = {name: f"Contact.{name.title()}" for name in ("phone", "title", "city")}
    found = ranked(left, right, Evidence(accepted=accepted), context=RankContext())["email"]
    assert found.crm_field == "Contact.Email"
    assert "3 accepted fields are in Contact" in [reason.text for reason in found.reasons]
    before = ranked(left, right, context=RankContext())["email"]
    assert before.confidence < found.confidence


def test_a_suggestion_of_the_source_counts() -> None:
    evidence = Evidence(suggested={"contactTitle": {"Name": 1.0}})
    found = ranked(evidence=evidence)["contactTitle"]
    offered = {one.crm_field: one for one in found.alternatives}
    reasons = found.reasons if found.crm_field == "Name" else offered["Name"].reasons
    assert "suggested by PartnerOS" in [reason.text for reason in reasons]


@pytest.mark.parametrize(
    ("encoder", "profile"), [(SentenceEncoder(), WITH_ENCODER), (None, WITHOUT_ENCODER)]
)
def test_ranking_is_deterministic_with_signal_weights(
    encoder: SentenceEncoder | None, profile: Profile
) -> None:
    once, again = (
        rank(DEAL, OPPORTUNITY, context=CONTEXT, knowledge=KNOWLEDGE, encoder=encoder, profile=one)
        for one in (None, profile)
    )
    assert once == again
    assert {one.partner_field: one.crm_field for one in once}["estimatedValue"] == "Amount"


def test_a_language_without_a_file_is_foreign() -> None:
    def foreign(*names: str) -> float:
        left = [Field(name=name) for name in names]
        return measure(
            left, OPPORTUNITY, context=RankContext(), knowledge=KNOWLEDGE, encoder=None
        ).foreign

    assert foreign("close_date", "Amount", "zorgle") == 0
    assert foreign("Betrag", "Abschlussdatum", "Beschreibung") == 0
    assert foreign("Belopp", "Slutdatum", "Beskrivning") == 1
    assert 0 < foreign("Belopp", "Slutdatum", "Status", "Beskrivning") < 1
    assert foreign("_", "7") == 0


FIELDS = st.builds(
    Field,
    name=st.text(min_size=1, max_size=12),
    label=st.text(max_size=12),
    type=st.sampled_from(FieldType),
    custom=st.sampled_from([True, False, None]),
    createable=st.sampled_from([True, False, None]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(FIELDS, max_size=6), st.lists(FIELDS, max_size=6))
def test_any_two_lists_of_fields_can_be_ranked(left: list[Field], right: list[Field]) -> None:
    suggestions = rank(left, right, context=RankContext(), knowledge=KNOWLEDGE, encoder=None)
    assert [one.partner_field for one in suggestions] == [field.name for field in left]
    names = {field.name for field in right}
    for one in suggestions:
        assert one.crm_field is None or one.crm_field in names
        assert 0 <= one.confidence <= CEILING
    if len(names) == len(right):
        given_out = [one.crm_field for one in suggestions if one.crm_field is not None]
        assert len(given_out) == len(set(given_out))
