"""JSON documents: an object is found however it is wrapped, and decoded only to be built."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from crmdeck.errors import SourceError
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import SchemaFile
from crmdeck.formats.entry import Contents
from crmdeck.model import Field, ObjectDetail, ObjectSchema, schema_hash
from tests.model.strategies import field_lists

ACCOUNT: dict[str, Any] = {"name": "Account", "fields": [{"name": "Id", "type": "id"}]}
LEAD: dict[str, Any] = {"name": "Lead", "fields": [{"name": "Id", "type": "id"}]}
EMAIL = {"name": "email", "label": "E-mail", "type": "string", "fieldType": "text"}
REFUSED = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]


def read(value: object, name: str = "export.json") -> Contents:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_contents(SchemaFile(name, data), data)


def built(contents: Contents) -> dict[str, ObjectSchema]:
    return {each.object_type: each.build(each.object_type, ()) for each in contents.entries}


@pytest.mark.parametrize(
    "value",
    [
        [ACCOUNT, LEAD],
        {"Account": ACCOUNT, "Lead": {"fields": LEAD["fields"]}},
        {"compositeResponse": [{"body": each, "httpStatusCode": 200} for each in (ACCOUNT, LEAD)]},
        {
            "hasErrors": False,
            "results": [{"statusCode": 200, "result": r} for r in (ACCOUNT, LEAD)],
        },
        {"status": 0, "result": {"describes": [ACCOUNT, LEAD]}},
        b"\n".join(json.dumps(each).encode() for each in (ACCOUNT, LEAD)),
        b" >   Warning: update available from 2.1 to 2.2.\n" + json.dumps([ACCOUNT, LEAD]).encode(),
        b"[warn] there is an update\n" + json.dumps([ACCOUNT, LEAD]).encode(),
    ],
)
def test_objects_are_found_in_every_wrapping(value: object) -> None:
    found = built(read(value))

    assert list(found) == ["Account", "Lead"]
    assert all(each.fields[0].name == "Id" for each in found.values())


@settings(max_examples=25, deadline=None)
@given(field_lists(unknowns=True))
def test_own_export_round_trip_is_exact(fields: list[Field]) -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    exported = ObjectDetail(
        object_type="Account",
        fields=tuple(fields),
        schema_hash=schema_hash(fields),
        discovered_at=now,
        expires_at=now,
        is_stale=False,
    )
    found = built(read([exported.to_wire()]))

    assert found["Account"].fields == tuple(fields)
    with pytest.raises((SourceError, ValidationError)):
        built(read([{**exported.to_wire(), "fields": "all of them"}]))


@pytest.mark.parametrize(
    "value",
    [
        {"contacts": [EMAIL], "deals": {"results": [{**EMAIL, "name": "amount"}]}},
        {"results": {"contacts": {"results": [EMAIL]}, "deals": [{**EMAIL, "name": "amount"}]}},
    ],
)
def test_property_lists_by_object(value: object) -> None:
    found = built(read(value))

    names = {name: [field.name for field in each.fields] for name, each in found.items()}
    assert names == {"contacts": ["email"], "deals": ["amount"]}


def test_records_of_field_definitions_are_a_dictionary() -> None:
    record = {
        "attributes": {"type": "FieldDefinition"},
        "EntityDefinition": {"attributes": {}, "QualifiedApiName": "Account"},
        "QualifiedApiName": "Size__c",
        "Label": "Size",
        "DataType": "Number(16, 2)",
        "IsNillable": True,
    }
    found = built(read({"status": 0, "result": {"records": [record], "done": True}}))

    (field,) = found["Account"].fields
    assert (field.name, field.label, field.precision) == ("Size__c", "Size", 18)


def test_names_alone_are_a_listing() -> None:
    names = [{"name": "Account", "custom": False}, {"name": "Deal__c", "custom": True}]

    assert read(names, "typeNames.json").listed == {"Account", "Deal__c"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"status": 1, "name": "NoOrgFound", "message": "No org found for acme", "exitCode": 1},
            "export.json contains an error instead of a schema: No org found for acme.",
        ),
        (REFUSED, "contains an error instead of a schema at $: The requested resource"),
        (
            {"status": "error", "message": "too many requests", "category": "RATE_LIMITS"},
            "contains an error instead of a schema: too many requests.",
        ),
    ],
)
def test_an_error_in_place_of_a_schema_is_shown(value: object, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(value)
    assert said.removesuffix(".").replace(" at $", "") in caught.value.message.replace(" at $", "")
    assert caught.value.code == "FILE_HOLDS_ERROR"


def test_a_part_that_failed_is_named_and_the_others_load() -> None:
    parts = [
        {"body": ACCOUNT, "httpStatusCode": 200, "referenceId": "r0"},
        {"body": REFUSED, "httpStatusCode": 404, "referenceId": "r1"},
    ]
    contents = read({"compositeResponse": parts})

    assert list(built(contents)) == ["Account"]
    (error,) = contents.errors
    assert "$.compositeResponse[1]" in error.message


def test_a_broken_line_is_named_and_the_others_load() -> None:
    lines = [json.dumps(ACCOUNT), '{"name": "Cut', json.dumps(LEAD)]
    contents = read("\n".join(lines).encode(), "all.jsonl")

    assert list(built(contents)) == ["Account", "Lead"]
    (error,) = contents.errors
    assert error.message.startswith("all.jsonl is broken at line 2")


def test_lone_surrogate_is_replaced_and_pair_kept() -> None:
    fields = (
        rb'{"name": "A", "type": "string", "label": "half \ud83d, whole \ud83d\ude00"},'
        rb'{"name": "B", "type": "string", "label": "no escape \\ud83d"}'
    )
    contents = read(b'{"name": "Account", "fields": [' + fields + b"]}")

    (entry,) = contents.entries
    assert entry.repaired
    labels = [field.label for field in built(contents)["Account"].fields]
    assert labels == ["half \ufffd, whole \U0001f600", r"no escape \ud83d"]


def test_non_text_fails_only_its_object() -> None:
    text = json.dumps([ACCOUNT, {**LEAD, "label": "@"}]).encode().replace(b"@", b"\xff")
    account, lead = read(text).entries

    assert account.build("Account", ()).fields
    with pytest.raises(SourceError, match="can't decode"):
        lead.build("Lead", ())


@pytest.mark.parametrize("value", [5, [], {}, {"name": "x", "version": "1"}, {"scripts": {"a": 1}}])
def test_non_schema_and_broken_files_differ(value: object) -> None:
    with pytest.raises(SourceError) as caught:
        read(value)
    assert caught.value.code == "UNKNOWN_FILE"


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        (
            "enterprise.wsdl",
            '<?xml version="1.0"?><definitions targetNamespace="urn:enterprise.soap.sforce.com"/>',
            "WSDL of Salesforce's SOAP API",
        ),
        ("metadata.edmx", '<?xml version="1.0"?><edmx:Edmx Version="4.0"/>', "Dataverse"),
        (
            "account.json",
            '{"LogicalName":"account","Attributes":[{"LogicalName":"name"}]}',
            "Microsoft Dataverse",
        ),
    ],
)
def test_other_systems_metadata_is_rejected_by_name(name: str, content: str, named: str) -> None:
    data = content.encode()
    with pytest.raises(SourceError) as caught:
        read_contents(SchemaFile(name, data), data)
    assert caught.value.code == "UNKNOWN_FILE"
    assert named in (caught.value.cause or "")
