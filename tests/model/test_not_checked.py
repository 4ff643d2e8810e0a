"""What a source leaves out is said by name, and what its CRM never says is not missed."""

from __future__ import annotations

import pytest

from crmdeck.connectors.registry import vendor_of
from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import unknown_attributes

FULL = {
    "name": "Name",
    "type": "string",
    "length": 80,
    "nillable": False,
    "createable": True,
    "updateable": True,
    "unique": False,
    "externalId": False,
    "calculated": False,
}
PROPERTY = {
    "name": "amount",
    "type": "number",
    "fieldType": "number",
    "hasUniqueValue": False,
    "calculated": False,
    "showCurrencySymbol": True,
    "referencedObjectType": None,
    "modificationMetadata": {"readOnlyValue": False},
}


@pytest.mark.parametrize(
    ("left_out", "not_checked"),
    [
        ((), ()),
        (("createable",), ("required", "createable")),
        (("unique", "length"), ("unique", "length")),
    ],
)
def test_salesforce(left_out: tuple[str, ...], not_checked: tuple[str, ...]) -> None:
    field = {key: value for key, value in FULL.items() if key not in left_out}
    schema = parse_object({"name": "Account", "fields": [field]})

    assert unknown_attributes(vendor_of("salesforce"), schema.fields) == not_checked


@pytest.mark.parametrize(
    ("left_out", "not_checked"),
    [
        ((), ()),
        (("showCurrencySymbol", "referencedObjectType"), ("type",)),
        (("modificationMetadata",), ("createable", "updateable")),
    ],
)
def test_hubspot(left_out: tuple[str, ...], not_checked: tuple[str, ...]) -> None:
    record = {key: value for key, value in PROPERTY.items() if key not in left_out}
    schema = parse_properties("deals", "Deals", [record])

    assert unknown_attributes(vendor_of("hubspot"), schema.fields) == not_checked
