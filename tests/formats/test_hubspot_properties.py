"""HubSpot property and pipeline JSON becomes ObjectSchema."""

from __future__ import annotations

from typing import Any

import pytest

from crmdeck.errors import SourceError
from crmdeck.formats.hubspot_properties import parse_properties
from crmdeck.model import Field, FieldType


def parse(**attributes: Any) -> Field:
    record = {"name": "p", "type": "string", "fieldType": "text"} | attributes
    return parse_properties("deals", "Deals", [record]).fields[0]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, FieldType.STRING),
        ({"fieldType": "textarea"}, FieldType.TEXT),
        ({"fieldType": "html"}, FieldType.HTML),
        ({"fieldType": "phonenumber"}, FieldType.PHONE),
        ({"fieldType": "file"}, FieldType.BINARY),
        ({"textDisplayHint": "email"}, FieldType.EMAIL),
        ({"textDisplayHint": "domain_name"}, FieldType.URL),
        ({"type": "phone_number"}, FieldType.PHONE),
        ({"type": "number", "fieldType": "number"}, FieldType.DECIMAL),
        ({"type": "number", "showCurrencySymbol": True}, FieldType.CURRENCY),
        ({"type": "number", "numberDisplayHint": "percentage"}, FieldType.PERCENT),
        ({"type": "bool", "fieldType": "booleancheckbox"}, FieldType.BOOLEAN),
        ({"type": "enumeration", "fieldType": "booleancheckbox"}, FieldType.BOOLEAN),
        ({"type": "enumeration", "fieldType": "select"}, FieldType.PICKLIST),
        ({"type": "enumeration", "fieldType": "checkbox"}, FieldType.MULTIPICKLIST),
        ({"type": "enumeration", "referencedObjectType": "OWNER"}, FieldType.REFERENCE),
        ({"type": "date"}, FieldType.DATE),
        ({"type": "datetime"}, FieldType.DATETIME),
        ({"type": "object_coordinates"}, FieldType.OTHER),
        ({"type": "of-tomorrow"}, FieldType.OTHER),
    ],
)
def test_every_native_type_has_a_canonical_one(
    attributes: dict[str, Any], expected: FieldType
) -> None:
    assert parse(**attributes).type is expected


def test_both_forms_are_equal() -> None:
    current = parse(
        hubspotDefined=True,
        hasUniqueValue=True,
        archived=False,
        modificationMetadata={"readOnlyValue": True},
        groupName="g",
        description="",
    )
    older = parse(
        hubspotDefined=True,
        hasUniqueValue=True,
        deleted=False,
        readOnlyValue=True,
        groupName="g",
        description=None,
    )
    strip: dict[str, Any] = {"native": {}}
    assert current.model_copy(update=strip) == older.model_copy(update=strip)
    assert (current.createable, current.updateable) == (False, False)
    assert (current.custom, current.unique, current.group) == (False, True, "g")


def test_unreported_attributes_stay_unknown() -> None:
    field = parse()
    assert (field.createable, field.required, field.readable) == (None, None, None)
    assert field.custom is True


def test_calculated_ones_can_only_be_read() -> None:
    field = parse(
        type="number",
        fieldType="calculation_equation",
        calculationFormula="amount * 2",
        calculated=False,
    )
    assert (field.calculated, field.updateable, field.formula) == (True, False, "amount * 2")


def test_options_are_picklist_values() -> None:
    field = parse(
        type="enumeration",
        fieldType="select",
        externalOptions=False,
        options=[
            {"value": "a", "label": "A", "hidden": False, "description": "first"},
            {"value": "b", "label": "B", "hidden": True, "description": None},
        ],
    )
    assert [(v.value, v.label, v.active) for v in field.picklist] == [
        ("a", "A", True),
        ("b", "B", False),
    ]
    assert field.restricted is True
    assert field.native["optionDescriptions"] == {"a": "first"}


def test_pipelines_and_stages_are_picklist_values() -> None:
    pipelines: list[dict[str, Any]] = [
        {
            "id": "default",
            "label": "Sales",
            "stages": [
                {"id": "won", "label": "Won", "archived": False},
                {"id": "old", "label": "Old", "archived": True},
            ],
        },
        {"pipelineId": "p2", "label": "Other", "archived": True, "stages": [{"stageId": 7}]},
    ]
    schema = parse_properties(
        "deals",
        "Deals",
        [
            {"name": "dealstage", "type": "enumeration", "options": []},
            {"name": "pipeline", "type": "enumeration", "options": []},
        ],
        pipelines,
        required=["dealstage"],
    )
    stage, pipeline = schema.fields
    assert [(v.value, v.label, v.active) for v in pipeline.picklist] == [
        ("default", "Sales", True),
        ("p2", "Other", False),
    ]
    assert [(v.value, v.active) for v in stage.picklist] == [
        ("won", True),
        ("old", False),
        ("7", False),
    ]
    assert (stage.required, pipeline.required) == (True, False)


@pytest.mark.parametrize(
    ("properties", "place"),
    [
        ([1], "deals, property 1: a property should be an object"),
        ([{}], "deals, property 1: `name` is missing"),
        ([{"name": "p", "options": {}}], "deals.p: `options` should be a list"),
        ([{"name": "p", "options": [{}]}], "deals.p: an option has no `value`"),
        ([{"name": "p", "hasUniqueValue": "no"}], "deals.p: `hasUniqueValue` should be true or"),
    ],
)
def test_malformed_input_is_rejected_with_location(properties: list[Any], place: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_properties("deals", "Deals", properties)
    assert place in caught.value.message


def test_response_without_type_keys_is_inexact() -> None:
    amount: dict[str, Any] = {"name": "amount", "type": "number"}
    owner: dict[str, Any] = {"name": "owner", "type": "enumeration"}
    name = {"name": "x", "type": "string"}
    exact = [amount | {"showCurrencySymbol": True}, owner | {"referencedObjectType": "OWNER"}]
    full = parse_properties("deals", "Deals", [*exact, {"name": "count", "type": "number"}]).fields
    assert [(f.type, f.type_exact) for f in full] == [
        (FieldType.CURRENCY, True),
        (FieldType.REFERENCE, True),
        (FieldType.DECIMAL, True),
    ]
    cut = parse_properties("deals", "Deals", [amount, owner, name]).fields
    assert [(f.type, f.type_exact) for f in cut] == [
        (FieldType.DECIMAL, False),
        (FieldType.PICKLIST, False),
        (FieldType.STRING, True),
    ]
