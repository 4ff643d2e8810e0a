"""Messages of CRMs: which cause each has, and how much of it is read."""

from __future__ import annotations

import json
import re
import time
import tomllib
from pathlib import Path

import pytest

from crmdeck.model import CauseKind
from crmdeck.preflight import rejections
from crmdeck.preflight.rejections import cause_of, read_message, step_for
from crmdeck.workspace.checks.errors import find_fault
from tests.preflight.rejected import KINDS

CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "errors" / "errors-open.jsonl"
SOURCE = Path(rejections.__file__).parent
KNOWLEDGE = SOURCE.parent / "knowledge" / "rejections"


def read(text: str, vendor: str = "", code: str = "") -> rejections.Rejection:
    return read_message(text, vendor=vendor, code=code, find_fault=find_fault)[0]


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus isn't part of the project")
@pytest.mark.parametrize("hinted", [True, False])
def test_corpus_kinds_are_read(hinted: bool) -> None:
    wrong = []
    for line in CORPUS.read_text("utf-8").splitlines():
        row = json.loads(line)
        wanted = row["expected"]
        hints = {"vendor": row["vendor"], "code": row["code"]} if hinted else {}
        found = read(row["message"], **hints)
        for name in ("kind", "field", "object"):
            if name in wanted and getattr(found, name) != wanted[name]:
                wrong.append((name, getattr(found, name), wanted[name], row["message"]))
        if cause_of(found.kind).is_schema != wanted["isSchemaCause"]:
            wrong.append(("schema", found.kind, wanted["kind"], row["message"]))
    assert not wrong


def test_every_preflight_code_has_one_cause() -> None:
    sources = "".join(each.read_text("utf-8") for each in SOURCE.glob("*.py"))
    called = r'(?:_refused|_unknown|Problem)\(\s*(?:Outcome\.\w+,\s*)?"([A-Z_]+)"'
    codes = set(re.findall(called, sources)) | {"TWICE_IN_BATCH", "DEFAULT_FILLS", "REQUIRED"}
    codes |= set(re.findall(r'_by\(rule, [\w.()]+, "([A-Z_]+)"', sources)) | {"NOT_IN_CRM"}
    assert len(codes) > 25
    for code in codes:
        kind, owner, step = step_for(code)
        assert owner in ("partner team", "mapping owner", "CRM admin"), code
        assert step.endswith("."), code
        assert kind in CauseKind


def test_every_kind_has_words_and_every_row_a_kind() -> None:
    for kind in CauseKind:
        assert cause_of(kind).next.endswith(".")
    for vendor in ("salesforce", "hubspot"):
        rows = tomllib.loads((KNOWLEDGE / f"{vendor}.toml").read_text("utf-8"))["rejection"]
        assert {row["kind"] for row in rows} <= {kind.value for kind in CauseKind}
    assert set(KINDS.values()) <= set(CauseKind)


@pytest.mark.parametrize(
    ("text", "kind", "field", "through"),
    [
        # The last code of a chain is the cause; the flow around it is named.
        ("CANNOT_EXECUTE_FLOW_TRIGGER: We can't save this record because the “Set stage” process "
         "failed. REQUIRED_FIELD_MISSING: Required fields are missing: [Region__c]",
         "required", "Region__c", "Set stage"),
        # An admin's words look like another error.
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION: duplicate value found [Email]", "rule", "Email", ""),
        ("Das Feld Betrag ist ungültig", "unknown", "", ""),
        ("BRANDNEW_CODE: something that no table has", "unknown", "", ""),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION: Bitte ein Land angeben: [Country]",
         "rule", "Country", ""),
        ("STRING_TOO_LONG: Name: Datenwert zu groß: xxx (max. Länge=80): [Name]",
         "too_long", "Name", ""),
    ],
)  # fmt: skip
def test_message_has_its_cause(text: str, kind: str, field: str, through: str) -> None:
    found = read(text)
    assert (found.kind.value, found.field, found.through) == (kind, field, through)


# Wordings and codes that the corpus lacks.
FURTHER = {
    "automation": ("first error: MIXED_DML_OPERATION, DML on setup object: User",
                   "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, T: maximum trigger depth exceeded"),
    "association_limit": ("Association limits are exceeded when merging 1 into 2",),
    "bad_reference": ("INVALID_CROSS_REFERENCE_KEY: invalid cross reference id: []",
                      "one or more associations are not valid"),
    "choice": ("FIELD_INTEGRITY_EXCEPTION, There's a problem with this state: [BillingState]",
               '"BRL" is not a part of the current effective currency codes for portal 1'),
    "converted": ("INVALID_OPERATION: Cannot change the status of a converted lead",),
    "deleted": ('{"message":"resource not found","category":"OBJECT_NOT_FOUND"}',),
    "duplicate_rule": ("DUPLICATES_DETECTED:You're creating a duplicate record.",),
    "field_missing": ("INVALID_FIELD: Didn't understand relationship 'Owner2' in field path.",
                      "No such column Bad__c on entity Account"),
    "format": ("'abc' is not a valid value for the type xsd:double",
               "FIELD_INTEGRITY_EXCEPTION, Username must be in the form of an email address"),
    "limit": ("REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.",
              "SOMETHING_NEW_LIMIT_EXCEEDED: too much"),
    "lock": ("TooManyLockFailure : Too many lock failure 8",),
    "object_access": ("FUNCTIONALITY_NOT_ENABLED: not enabled for this user type",
                      "User does not have permissions to edit contacts"),
    "object_missing": ("INVALIDENTITY: Entity 'X.Share' is not supported by the Bulk API.",
                       "Unable to infer object type from: foo"),
    "owner": ("INVALID_CROSS_REFERENCE_KEY, Owner ID: owner cannot be blank: [OwnerId]",),
    "policy": ("TXN_SECURITY_RUNTIME_EXCEPTION: policy failed",),
    "record_locked": ("ALREADY_IN_PROCESS: Cannot submit object already in process.",),
    "record_type": ("INVALID_CROSS_REFERENCE_KEY, ID do tipo: this ID value isn't valid for the "
                    "user: 0127T0000008UgcQAE: [RecordTypeId]",),
    "request": ("MALFORMED_QUERY: unexpected token: 'FROM'", '{"message":"inputs cannot be null"}'),
    "required": ("Error creating ENGAGEMENT. Some required properties were not set.",),
    "scope": ("Authorization failed because the provided scopes are insufficient.",),
    "sign_in": ('{"error":"invalid_grant","error_description":"authentication failure"}',
                "INVALID_LOGIN: Invalid username, password, security token"),
    "standard_rule": ("STANDARD_PRICE_NOT_DEFINED: create a standard price first",
                      "FIELD_INTEGRITY_EXCEPTION, This price definition already exists"),
    "storage": ("STORAGE_LIMIT_EXCEEDED:storage limit exceeded:--",),
    "transient": ("INVALID_FIELD: Net::ReadTimeout", "504 Server Error: Gateway Timeout"),
    "unique": ("409 Conflict: Cannot set code to 'A'. 123 already has that value.",
               "DUPLICATE_VALUE, valor duplicado encontrado: <unknown>"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FURTHER)
def test_other_wordings_have_their_kind(kind: str) -> None:
    assert {text: read(text).kind.value for text in FURTHER[kind]} == dict.fromkeys(
        FURTHER[kind], kind
    )


def test_unknown_code_is_kept() -> None:
    assert read("BRANDNEW_CODE: something").code == "BRANDNEW_CODE"


def test_several_validation_results_are_several_errors() -> None:
    results = [
        {"isValid": False, "message": message, "error": code, "name": name}
        for message, code, name in (
            ("x was not a valid long.", "INVALID_LONG", "a"),
            ('Property "b" does not exist', "PROPERTY_DOESNT_EXIST", "b"),
        )
    ]
    text = f"Property values were not valid: {json.dumps(results)}"
    found = read_message(json.dumps({"message": text}), find_fault=find_fault)
    assert [(each.kind.value, each.field) for each in found] == [
        ("format", "a"),
        ("field_missing", "b"),
    ]


@pytest.mark.parametrize(
    "line",
    ["a" * 4_000, "A_" * 2_000, "[A, " * 1_000, '"' * 4_000, "x: " * 1_400, "required " * 500,
     "\\" * 4_000, '{"isValid"' * 400, "user owner " * 400],
)  # fmt: skip
def test_hostile_line_is_read_in_bounded_time(line: str) -> None:
    read("warm up")
    begin = time.process_time()
    read(line)
    # A quadratic pattern needed seconds.
    assert time.process_time() - begin < 0.5
