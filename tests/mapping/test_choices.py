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
        for name in ("Setup", "Account", "Opportunity", "Deal_Registration__c")
    ]
    begun = PairSummary(object_pair="partner--Setup", partner_fields=9, last_decided_at=NOON)
    found = pair_choices([begun], partners, objects)
    assert [one.pair for one in found] == [
        "partner--Setup",
        "deal_registration--Deal_Registration__c",
        "partner--Account",
        "deal_registration--Opportunity",
        "deal_registration--Account",
        "partner--Opportunity",
        "deal_registration--Setup",
        "partner--Deal_Registration__c",
    ]
    assert found[0].begun == begun
