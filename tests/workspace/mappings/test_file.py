"""Mapping files: parsed, compared with the current mapping and the schema, without a workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crmdeck.errors import ConflictError, UsageError
from crmdeck.model import Choice, Direction, FieldMapping, MappingLine
from crmdeck.workspace import match_files
from crmdeck.workspace.mappings.file import MappingFile
from tests.mapping.pairs import ACCEPTED, PAIR, PENDING, REJECTED, field, review

ACCEPT = {"partnerField": "accountName", "state": "accepted", "crmField": "Name"}


def written(*lines: Any, **more: Any) -> str:
    return json.dumps({"objectPair": PAIR, "lines": lines, **more}, indent=1)


def choice(**more: Any) -> Choice:
    return Choice(**{"partner_field": "accountName", "state": ACCEPTED, "crm_field": "Name"} | more)


def test_undecided_mappings_are_not_choices() -> None:
    pending = {"partnerField": "contactName", "state": "pending", "crmField": None}
    text = written(pending, ACCEPT, connectionId="c", connection="acme", version=1)
    file = MappingFile.parse(f"[{text}]", PAIR)
    assert (file.pair, file.connection_id, file.connection) == (PAIR, "c", "acme")
    assert file.choices == (choice(),)
    assert (file.places["contactName"], file.places["accountName"]) == ("Line 5", "Line 10")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{", "The file isn't JSON at line 1, column 2: "),
        ("[" * 200_000, "The file isn't JSON: "),
        ("[]", "The file contains no mapping."),
        ('[1, {"objectPair": "a--B", "lines": 1}]', "The file contains no mapping."),
        ('{"objectPair": "a--B", "lines": []}', "The file contains a--B."),
        (written(version=2), "The file has version 2; this crmdeck reads version 1."),
        (written(1), "Mapping 1: not an object."),
        (written(ACCEPT, {**ACCEPT, "state": "yes"}), "Line 5: state should be 'accepted'"),
    ],
)
def test_non_mapping_file_is_rejected_with_reason(text: str, cause: str) -> None:
    with pytest.raises(UsageError, match=f"isn't a mapping of {PAIR}") as raised:
        MappingFile.parse(text, PAIR)
    assert raised.value.cause is not None
    assert raised.value.cause.startswith(cause)


def test_a_file_belongs_to_its_connection() -> None:
    MappingFile.parse(written(), PAIR).require_of("c", "acme")
    file = MappingFile.parse(written(connectionId="c", connection="acme"), PAIR)
    file.require_of("c", "acme")
    with pytest.raises(ConflictError) as raised:
        file.require_of("d", "beta")
    assert raised.value.cause == "The file belongs to 'acme', c; 'beta' is d."
    assert str(raised.value.remedy).endswith("--to beta")


@pytest.mark.parametrize(
    ("current", "changes"),
    [
        ({}, False),
        ({"state": REJECTED}, True),
        ({"crm_field": "Other"}, True),
        ({"value_map": {"a": "b"}}, True),
        ({"direction": Direction.PUSH}, False),
        ({"partner_field": "contactName"}, True),
    ],
)
def test_active_choice_is_not_a_change(current: dict[str, Any], changes: bool) -> None:
    line = MappingLine(
        **{
            "partner_field": "accountName",
            "state": ACCEPTED,
            "crm_field": "Name",
            "direction": Direction.BIDIRECTIONAL,
        }
        | current
    )
    mapping = FieldMapping(connection_id="c", object_pair=PAIR, lines=(line,))
    file = MappingFile.parse(written(ACCEPT), PAIR)
    assert bool(file.changes(mapping)) is changes


@pytest.mark.parametrize(
    ("one", "cause"),
    [
        (choice(), None),
        (choice(state=REJECTED, crm_field="Gone__c"), None),
        (choice(state=PENDING, crm_field=None), None),
        (choice(partner_field="gone"), "PartnerOS has no field 'gone'."),
        (choice(crm_field=None), "Line 5: accountName is accepted without a CRM field."),
        (choice(crm_field="Gone__c"), "Line 5: The CRM has no field 'Gone__c'."),
        (choice(crm_field="Locked", direction=Direction.PUSH), "Line 5: Locked can't be mapped"),
    ],
)
def test_a_choice_must_fit_the_schema(one: Choice, cause: str | None) -> None:
    file = MappingFile.parse(written(ACCEPT), PAIR)
    schema = review(field("Name"), field("Locked", createable=False, updateable=False))
    if cause is None:
        file.require_fit([one], schema, "acme")
        return
    with pytest.raises(UsageError, match="1 mapping in the file can't be applied") as raised:
        file.require_fit([one], schema, "acme")
    assert str(raised.value.cause).startswith(cause)
    if one.crm_field == "Gone__c" and one.partner_field != "gone":
        expected = "Create Gone__c in the CRM, then run crmdeck refresh acme"
        assert raised.value.remedy == expected


def test_the_first_problems_are_listed_and_the_rest_counted() -> None:
    file = MappingFile.parse(written(ACCEPT), PAIR)
    wrong = [choice(partner_field=f"gone{n}") for n in range(7)]
    with pytest.raises(UsageError, match="7 mappings") as raised:
        file.require_fit(wrong, review(), "acme")
    assert str(raised.value.cause).endswith("'gone4'. And 2 more.")


def test_a_mapping_file_teaches_a_match_of_two_files(tmp_path: Path) -> None:
    left, right = tmp_path / "left.csv", tmp_path / "right.csv"
    left.write_text("name,label,type\nestimatedValue,Estimated Value,currency\n")
    right.write_text("name,label,type\nQubo_Zarel__c,,currency\nPhone,,phone\n")
    mapping = {
        "objectPair": PAIR,
        "connection": "acme-emea",
        "lines": [
            {
                "partnerField": "estimatedValue",
                "label": "Estimated Value",
                "state": "accepted",
                "crmField": "ACM_Qubo_Zarel__c",
                "direction": "push",
            },
            {"partnerField": "phone", "state": "rejected", "crmField": "Phone"},
        ],
    }
    taught = match_files(left, right, decisions=[json.dumps([mapping])], encoder="none")
    (found,) = taught.suggestions
    assert found.crm_field == "Qubo_Zarel__c"
    assert "accepted like this in acme-emea: ACM_Qubo_Zarel__c" in str(found.reasons)
    for text in ("{", "[]", json.dumps({**mapping, "lines": [{"state": "accepted"}]})):
        with pytest.raises(UsageError) as caught:
            match_files(left, right, decisions=[text])
        assert caught.value.code == "BAD_MAPPING_FILE"
