"""What there is to choose from."""

from __future__ import annotations

from crmdeck.mapping.choices import pair_choices
from crmdeck.model import ObjectSummary, PairSummary, PartnerObject

from .pairs import NOON


def test_pairs_that_make_sense_come_first() -> None:
    partners = [
        PartnerObject(object_type=name, label=name, fields=())
        for name in ("deal_registration", "partner")
    ]
    objects = [
        ObjectSummary(
            object_type=name,
            label=name,
            custom=False,
            field_count=3,
            schema_hash="",
            discovered_at=NOON,
            expires_at=NOON,
            is_stale=False,
        )
        for name in ("Setup", "Partner", "Account", "Lead", "Opportunity", "Deal_Registration__c")
    ]
    begun = PairSummary(object_pair="partner--Setup", partner_fields=9, last_decided_at=NOON)
    found = pair_choices([begun], partners, objects)
    assert [one.pair for one in found if one.makes_sense] == [
        "partner--Setup",
        "deal_registration--Deal_Registration__c",
        "deal_registration--Opportunity",
        "partner--Account",
        "deal_registration--Lead",
    ]
    # What is left: usual objects, those that the organization made, and the rest.
    assert [one.pair for one in found[5:]] == [
        "deal_registration--Account",
        "partner--Lead",
        "partner--Opportunity",
        "partner--Deal_Registration__c",
        "deal_registration--Setup",
        "deal_registration--Partner",
        "partner--Partner",
    ]
    assert not any(one.makes_sense for one in found[5:])
    assert found[0].started == begun
