"""The ranker as its callers see it: what is suggested, why, and what happens at the edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmdeck.matching import Evidence, RankContext, SentenceEncoder, rank, texts_to_encode
from crmdeck.matching.knowledge import Knowledge
from crmdeck.model import DecisionState, Field, FieldType, PicklistValue, Suggestion
from crmdeck.workspace.mappings.knowledge import load_catalog, load_knowledge

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


def test_the_usual_pairs_are_found_with_reasons_people_use() -> None:
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
    assert "both dates" in texts
    assert "the usual pair in Salesforce" in texts
    assert "same values: Submitted, Under review, Converted" in [
        reason.text for reason in found["status"].reasons
    ]
    assert close.confidence > 0.8


def test_shares_are_parts_of_one_and_the_largest_comes_first() -> None:
    for suggestion in ranked().values():
        shares = [reason.share for reason in suggestion.reasons]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) <= 1.005


def test_an_attribute_of_a_record_is_hardly_the_lookup_to_it() -> None:
    contact = Field(
        name="ContactId", label="Contact ID", type=FieldType.REFERENCE, references=("Contact",)
    )
    found = ranked(DEAL, (*OPPORTUNITY, contact))["contactTitle"]
    sure = [found.confidence] if found.crm_field == "ContactId" else []
    sure += [one.confidence for one in found.alternatives if one.crm_field == "ContactId"]
    assert max(sure) < 0.25
    lookup = (Field(name="contact", label="Contact", type=FieldType.REFERENCE),)
    assert ranked(lookup, (*OPPORTUNITY, contact))["contact"].confidence > 0.5


def test_a_crm_field_is_suggested_once_and_stays_an_alternative_elsewhere() -> None:
    left = (
        Field(name="description", label="Description", type=FieldType.TEXT),
        Field(name="short_description", label="Short description", type=FieldType.TEXT),
    )
    found = ranked(left)
    assert found["description"].crm_field == "Description"
    assert found["short_description"].crm_field != "Description"
    offered = [one.crm_field for one in found["short_description"].alternatives]
    assert "Description" in offered[:3]


def test_alternatives_are_five_at_most_and_never_the_suggestion_itself() -> None:
    for suggestion in ranked().values():
        offered = [one.crm_field for one in suggestion.alternatives]
        assert len(offered) == len(set(offered)) == 5
        assert suggestion.crm_field not in offered


def test_alternatives_stand_in_order_of_confidence_behind_a_suggestion_and_behind_none() -> None:
    found = ranked()
    for suggestion in found.values():
        sure = [one.confidence for one in suggestion.alternatives]
        assert sure == sorted(sure, reverse=True)
    assert {None} < {one.crm_field for one in found.values()}


def test_a_pair_of_two_known_things_is_never_offered_silently() -> None:
    found = ranked()["contactName"]
    codes = {found.crm_field: [warning.code for warning in found.warnings]} | {
        one.crm_field: [warning.code for warning in one.warnings] for one in found.alternatives
    }
    assert "ANOTHER_THING" in codes["Name"]
    assert not ranked()["expectedCloseDate"].warnings


def test_no_partner_is_an_answer_with_its_own_probability() -> None:
    left = (*DEAL, Field(name="shoeSize", label="Shoe size", type=FieldType.INTEGER))
    none = ranked(left)["shoeSize"]
    assert none.crm_field is None
    assert none.confidence > 0.8
    assert none.confidence + sum(one.confidence for one in none.alternatives) <= 1.01


def test_two_record_ids_are_a_convention_and_never_sure() -> None:
    left = (*DEAL, Field(name="id", label="Record ID", type=FieldType.ID))
    found = ranked(left)["id"]
    pair = [(one.reasons, one.confidence) for one in found.alternatives if one.crm_field == "Id"]
    if found.crm_field == "Id":
        pair.append((found.reasons, found.confidence))
    ((reasons, sure),) = pair
    assert [reason.signal for reason in reasons] == ["record_id"]
    assert sure < 0.9


def test_whose_field_it_is_decides_between_equal_words() -> None:
    right = tuple(
        Field(name=f"{owner}_{part}", label=part.title())
        for owner in ("seller", "buyer")
        for part in ("name", "city", "street")
    )
    left = tuple(
        Field(name=f"{owner}.{part}", label=part.title())
        for owner in ("customer", "vendor")
        for part in ("name", "city")
    )
    found = rank(left, right, context=RankContext(), knowledge=KNOWLEDGE, encoder=None)
    assert {one.partner_field: one.crm_field or one.alternatives[0].crm_field for one in found} == {
        "customer.name": "buyer_name",
        "customer.city": "buyer_city",
        "vendor.name": "seller_name",
        "vendor.city": "seller_city",
    }


@pytest.mark.parametrize("known", [KNOWLEDGE, Knowledge()])
def test_the_vendors_own_field_comes_before_a_twin_made_by_hand(known: Knowledge) -> None:
    twin = Field(name="Close_Date__c", label="Close Date", type=FieldType.DATE, custom=True)
    for right in ((twin, *OPPORTUNITY), (*OPPORTUNITY, twin)):
        left = (Field(name="close_date", label="Close date", type=FieldType.DATE),)
        assert ranked(left, right, knowledge=known)["close_date"].crm_field == "CloseDate"


def test_a_part_comes_before_the_shell_over_it() -> None:
    right = (
        Field(name="BillingAddress", label="Billing Address", type=FieldType.COMPOUND),
        Field(name="BillingStreet", label="Billing Street", type=FieldType.TEXT),
        Field(name="ShippingStreet", label="Shipping Street", type=FieldType.TEXT),
    )
    left = (Field(name="address", label="Address", type=FieldType.STRING),)
    found = ranked(left, right)["address"]
    assert (found.crm_field or found.alternatives[0].crm_field) == "BillingStreet"


def test_types_that_fit_are_no_reason_alone() -> None:
    left = (Field(name="allergies", label="Allergies", type=FieldType.TEXT),)
    right = (Field(name="Horsepower__c", label="Horsepower", type=FieldType.TEXT),)
    found = ranked(left, right, knowledge=KNOWLEDGE)["allergies"]
    assert found.crm_field is None
    assert [one.crm_field for one in found.alternatives] == ["Horsepower__c"]


def test_nothing_to_suggest_from_and_nothing_to_suggest_for() -> None:
    empty = ranked(right=())
    assert all(one.crm_field is None and not one.alternatives for one in empty.values())
    assert ranked(left=()) == {}


def test_fields_that_say_nothing_and_too_much_are_ranked_all_the_same() -> None:
    left = (
        Field(name="x"),
        Field(name="x", label="Duplicate"),
        Field(name="", label=""),
        Field(name="名前", label="会社名"),
        Field(name="long", description="word " * 2000),
        Field(name="بريد", label="[bold]\x1b[31m=cmd()"),
    )
    suggestions = rank(left, OPPORTUNITY, context=RankContext(), knowledge=KNOWLEDGE, encoder=None)
    assert [one.partner_field for one in suggestions] == [field.name for field in left]
    assert all(math.isfinite(one.confidence) for one in suggestions)


def test_duplicated_crm_fields_are_offered_without_trouble() -> None:
    suggestions = ranked(right=(*OPPORTUNITY, *OPPORTUNITY))
    assert suggestions["expectedCloseDate"].crm_field == "CloseDate"


def test_a_rejected_pair_never_returns() -> None:
    pair = ("expectedCloseDate", "CloseDate")
    found = ranked(evidence=Evidence(rejected=frozenset({pair})))["expectedCloseDate"]
    assert found.crm_field != "CloseDate"
    assert "CloseDate" not in [one.crm_field for one in found.alternatives]


def test_an_accepted_field_is_kept_and_leaves_the_pool() -> None:
    found = ranked(evidence=Evidence(accepted={"estimatedValue": "Description"}))
    assert found["estimatedValue"].crm_field == "Description"
    assert found["estimatedValue"].decision is DecisionState.ACCEPTED
    assert found["description"].crm_field != "Description"
    assert "Description" not in [one.crm_field for one in found["description"].alternatives]


def test_one_crm_field_can_be_pinned_twice() -> None:
    pins = {"estimatedValue": "Description", "products": "Description"}
    found = ranked(evidence=Evidence(accepted=pins))
    assert {found[name].crm_field for name in pins} == {"Description"}


def test_a_pair_accepted_elsewhere_wins_and_says_so() -> None:
    evidence = Evidence(elsewhere={("contactTitle", "StageName"): "deal--Opportunity"})
    found = ranked(evidence=evidence)["contactTitle"]
    assert found.crm_field == "StageName"
    assert found.reasons[0].text == "accepted before for deal--Opportunity"


def test_a_pair_accepted_in_another_connection_says_so_and_yields_to_ones_own_word() -> None:
    there = {("contactTitle", "StageName"): ("acme-prod",)}
    found = ranked(evidence=Evidence(connections=there))["contactTitle"]
    own = Evidence(
        elsewhere={("contactTitle", "Name"): "deal--Opportunity"},
        connections=there,
    )
    before = next(a for a in (ranked()["contactTitle"].alternatives) if a.crm_field == "StageName")
    assert found.crm_field == "StageName"
    assert found.confidence > before.confidence
    assert "accepted in acme-prod" in [reason.text for reason in found.reasons]
    assert ranked(evidence=own)["contactTitle"].crm_field == "Name"
    rejected = Evidence(rejected=frozenset(there), connections=there)
    assert ranked(evidence=rejected)["contactTitle"].crm_field != "StageName"


def test_what_the_source_suggests_counts_and_is_named() -> None:
    evidence = Evidence(suggested={"contactTitle": {"Name": 1.0}})
    found = ranked(evidence=evidence)["contactTitle"]
    offered = {one.crm_field: one for one in found.alternatives}
    reasons = found.reasons if found.crm_field == "Name" else offered["Name"].reasons
    assert "suggested by the connection itself" in [reason.text for reason in reasons]


def test_the_same_input_gives_the_same_output_with_the_encoder_too() -> None:
    encoder = SentenceEncoder()
    once, again = (
        rank(DEAL, OPPORTUNITY, context=CONTEXT, knowledge=KNOWLEDGE, encoder=encoder)
        for _ in range(2)
    )
    assert once == again
    assert {one.partner_field: one.crm_field for one in once}["estimatedValue"] == "Amount"


def test_the_texts_to_encode_are_those_that_are_asked_for() -> None:
    class Asked:
        name = "asked"
        texts: tuple[str, ...] = ()

        def encode(self, texts: list[str]) -> object:
            import numpy as np

            self.texts = tuple(texts)
            return np.eye(len(texts), dtype=np.float32)

    encoder = Asked()
    rank(DEAL, OPPORTUNITY, context=CONTEXT, knowledge=KNOWLEDGE, encoder=encoder)  # type: ignore[arg-type]
    assert encoder.texts == texts_to_encode(DEAL, OPPORTUNITY, KNOWLEDGE)


FIELDS = st.builds(
    Field,
    name=st.text(max_size=12),
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
        assert 0 <= one.confidence < 1
    if len(names) == len(right):
        given_out = [one.crm_field for one in suggestions if one.crm_field is not None]
        assert len(given_out) == len(set(given_out))
