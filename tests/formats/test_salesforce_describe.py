"""Salesforce describe JSON becomes ObjectSchema."""

from __future__ import annotations

from typing import Any

import pytest

from crmdeck.errors import SourceError
from crmdeck.formats.salesforce_describe import parse_object
from crmdeck.model import Field, FieldType, RecordType


def describe(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": "Deal__c", "label": "Deal", "custom": True, "fields": list(fields)}


def parse(**attributes: Any) -> Field:
    schema = parse_object(describe({"name": "F__c", "type": "string"} | attributes))
    return schema.fields[0]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"type": "id"}, FieldType.ID),
        ({"type": "string"}, FieldType.STRING),
        ({"type": "encryptedstring"}, FieldType.STRING),
        ({"type": "textarea"}, FieldType.TEXT),
        ({"type": "textarea", "htmlFormatted": True}, FieldType.HTML),
        ({"type": "textarea", "extraTypeInfo": "richtextarea"}, FieldType.HTML),
        ({"type": "email"}, FieldType.EMAIL),
        ({"type": "phone"}, FieldType.PHONE),
        ({"type": "url"}, FieldType.URL),
        ({"type": "boolean"}, FieldType.BOOLEAN),
        ({"type": "int"}, FieldType.INTEGER),
        ({"type": "long"}, FieldType.INTEGER),
        ({"type": "double"}, FieldType.DECIMAL),
        ({"type": "currency"}, FieldType.CURRENCY),
        ({"type": "percent"}, FieldType.PERCENT),
        ({"type": "date"}, FieldType.DATE),
        ({"type": "datetime"}, FieldType.DATETIME),
        ({"type": "time"}, FieldType.TIME),
        ({"type": "picklist"}, FieldType.PICKLIST),
        ({"type": "combobox"}, FieldType.PICKLIST),
        ({"type": "multipicklist"}, FieldType.MULTIPICKLIST),
        ({"type": "reference"}, FieldType.REFERENCE),
        ({"type": "address"}, FieldType.COMPOUND),
        ({"type": "location"}, FieldType.COMPOUND),
        ({"type": "base64"}, FieldType.BINARY),
        ({"type": "anyType"}, FieldType.OTHER),
        ({"type": "of-tomorrow"}, FieldType.OTHER),
    ],
)
def test_every_native_type_has_a_canonical_one(
    attributes: dict[str, Any], expected: FieldType
) -> None:
    field = parse(**attributes)
    assert field.type is expected
    assert field.native_type == attributes["type"]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"nillable": False, "createable": True, "defaultedOnCreate": False}, True),
        ({"nillable": True, "createable": True}, False),
        ({"nillable": False, "createable": False}, None),
        ({"nillable": False, "createable": False, "defaultedOnCreate": False}, True),
        ({"nillable": False, "createable": True, "defaultedOnCreate": True}, False),
        ({"nillable": False, "createable": True, "defaultValue": "New"}, False),
        ({"nillable": False, "createable": True, "type": "boolean"}, False),
        ({"nillable": False, "defaultedOnCreate": False}, True),
        ({"nillable": False}, None),
        ({"createable": True}, None),
    ],
)
def test_required_is_set_only_if_known(attributes: dict[str, Any], expected: bool | None) -> None:
    assert parse(**attributes).required is expected


def test_numbers_have_digits_and_text_has_a_length() -> None:
    money = parse(type="currency", precision=18, scale=2, length=0)
    assert (money.length, money.precision, money.scale) == (None, 18, 2)
    count = parse(type="int", digits=9, precision=0, scale=0)
    assert (count.length, count.precision, count.scale) == (None, 9, None)
    text = parse(length=255, precision=0, scale=0)
    assert (text.length, text.precision, text.scale) == (255, None, None)


def test_picklists_keep_labels_and_defaults() -> None:
    field = parse(
        type="picklist",
        restrictedPicklist=True,
        controllerName="Country__c",
        picklistValues=[
            {
                "value": "n",
                "label": "New",
                "active": True,
                "defaultValue": True,
                "validFor": "gA==",
            },
            {"value": "o", "label": None, "active": False, "defaultValue": False, "validFor": None},
        ],
    )
    assert [(v.value, v.label, v.active, v.default) for v in field.picklist] == [
        ("n", "New", True, True),
        ("o", "", False, False),
    ]
    assert field.restricted is True


def test_dependent_picklist_has_allowed_values() -> None:
    # Bits from the left: "oA==" is 1010 0000, "QA==" 0100 0000.
    def value(name: str, valid_for: str | None) -> dict[str, Any]:
        return {"value": name, "label": name, "active": True, "validFor": valid_for}

    dependent = [value("CA", "oA=="), value("BY", "QA=="), value("none", None)]
    state = {"name": "State", "type": "picklist", "picklistValues": dependent}
    country = {
        "name": "Country",
        "type": "picklist",
        "controllerName": None,
        "picklistValues": [value("US", None), value("DE", None), value("MX", None)],
    }
    active = {"name": "Active", "type": "boolean"}
    fields = parse_object(describe(state | {"controllerName": "Country"}, country, active)).fields
    assert (fields[0].controller, fields[1].controller) == ("Country", "")
    assert fields[0].allowed_values == {"US": ("CA",), "MX": ("CA",), "DE": ("BY",)}
    assert fields[1].allowed_values is None
    by_box = parse_object(describe(state | {"controllerName": "Active"}, active)).fields[0]
    assert by_box.allowed_values == {"false": ("CA",), "true": ("BY",)}


@pytest.mark.parametrize("mask", ["%%%", 7, "oA"])
def test_malformed_bit_set_leaves_allowed_values_unknown(mask: Any) -> None:
    value = {"value": "CA", "label": "CA", "validFor": mask}
    state = {"name": "State", "type": "picklist", "picklistValues": [value]}
    active = {"name": "Active", "type": "boolean"}
    schema = parse_object(describe(state | {"controllerName": "Active"}, active))
    assert schema.fields[0].allowed_values is None


def test_describe_object_attributes() -> None:
    answer = describe() | {
        "labelPlural": "Deals",
        "createable": False,
        "deletable": True,
        "customSetting": False,
        "recordTypeInfos": [
            {"name": "Master", "developerName": "Master", "master": True, "active": True},
            {
                "name": "Partner deal",
                "developerName": "Partner",
                "master": False,
                "active": True,
                "available": False,
                "defaultRecordTypeMapping": True,
                "recordTypeId": "012000000000000AAA",
            },
        ],
    }
    schema = parse_object(answer)
    assert (schema.plural, schema.createable, schema.updateable) == ("Deals", False, None)
    assert (schema.deletable, schema.custom_setting, schema.queryable) == (True, False, None)
    assert schema.record_types == (
        RecordType(
            name="Partner",
            label="Partner deal",
            available=False,
            default=True,
            id="012000000000000AAA",
        ),
    )
    assert parse_object(describe()).record_types is None


def test_unknown_attributes_are_kept_verbatim() -> None:
    hostile = "[red]\x1b[31m=cmd()‮" + "x" * 10_000
    field = parse(label=hostile, inlineHelpText=hostile, ofTomorrow={"a": [1, None]}, mask=None)
    assert field.label == hostile
    assert field.description == hostile
    assert field.native == {"ofTomorrow": {"a": [1, None]}}


def test_half_a_surrogate_pair_is_replaced() -> None:
    field = parse(label="a\ud800b\U0001f600", ofTomorrow="\udfff")
    assert field.label == "a\ufffdb\U0001f600"
    assert field.native == {"ofTomorrow": "\ufffd"}
    assert field.to_json()


def test_endless_nesting_is_rejected() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(SourceError, match="nested too deeply"):
        parse(ofTomorrow=deep)


def test_a_part_of_a_compound_knows_its_shell() -> None:
    assert parse(compoundFieldName="BillingAddress").compound == "BillingAddress"
    assert parse(compoundFieldName="F__c").compound is None


@pytest.mark.parametrize(
    ("describe", "place"),
    [
        ({"fields": []}, "`name` is missing"),
        ({"name": "A"}, "A: `fields` is missing"),
        ({"name": "A", "fields": {}}, "A: `fields` should be a list"),
        ({"name": "A", "fields": ["x"]}, "A, field 1: a field should be an object"),
        ({"name": "A", "fields": [{"type": "string"}]}, "A, field 1: `name` is missing"),
        ({"name": "A", "fields": [{"name": "F"}]}, "A.F: `type` is missing"),
        (
            {"name": "A", "fields": [{"name": "F", "type": "string", "length": "9"}]},
            "A.F: `length` should be a whole number",
        ),
        (
            {"name": "A", "fields": [{"name": "F", "type": "string", "length": 10**30}]},
            "A.F: `length` should be a whole number",
        ),
        (
            {"name": "A", "fields": [{"name": "F", "type": "picklist", "picklistValues": [1]}]},
            "A.F: a picklist value should be an object",
        ),
        (
            {"name": "A", "fields": [{"name": "F", "type": "reference", "referenceTo": [1]}]},
            "A.F: `referenceTo` should contain only text",
        ),
    ],
)
def test_malformed_input_is_rejected_with_location(describe: dict[str, Any], place: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_object(describe)
    assert place in caught.value.message
    assert caught.value.code == "MALFORMED_SCHEMA"


@pytest.mark.parametrize(
    ("default", "is_formula"),
    [
        ({"defaultValue": "New", "defaultValueFormula": None}, False),
        ({"defaultValue": None, "defaultValueFormula": '"USD"'}, False),
        ({"defaultValue": None, "defaultValueFormula": "-5"}, False),
        ({"defaultValue": None, "defaultValueFormula": "TODAY() + 7"}, True),
        ({"defaultValue": None, "defaultValueFormula": None}, None),
    ],
)
def test_a_default_is_a_literal_or_a_formula(
    default: dict[str, object], is_formula: bool | None
) -> None:
    answer = describe({"name": "A__c", "type": "string"} | default)
    [field] = parse_object(answer).fields
    assert field.default_is_formula is is_formula
