"""Files of sync errors: which messages are in them, and which files are rejected."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from crmdeck.errors import CanceledError, SourceError, UsageError
from crmdeck.formats.error_files import Message, read_messages
from crmdeck.model import CancelToken
from crmdeck.workspace import Workspace


def messages(text: str, name: str = "errors", column: str | None = None) -> list[Message | None]:
    lines = iter(text.splitlines(keepends=True))
    return list(read_messages(name, lines, column, is_known=lambda line: "_" in line))


def texts(
    text: str, name: str = "errors", column: str | None = None
) -> list[tuple[int, str | None]]:
    return [(one.line, one.text) for one in messages(text, name, column) if one is not None]


@pytest.mark.parametrize(
    ("header", "row", "text", "record_id"),
    [
        ("sf__Id,sf__Error,Name", "001,BAD:no,Acme", "BAD:no", "001"),
        ("Name;ERROR;Record ID", "Acme;BAD: no;7", "BAD: no", "7"),
        ('"SFDC Return message",id', '"no, it failed",9', "no, it failed", "9"),
        ("Id\tError message", "5\tno", "no", "5"),
        ("vendor,code,message,id", "hubspot,X,no,6", "no", "6"),
    ],
)
def test_table_has_error_and_record_columns(
    header: str, row: str, text: str, record_id: str
) -> None:
    (found,) = messages(f"{header}\n{row}\n", "failed.csv")
    assert found is not None
    assert (found.text, found.record_id, found.line) == (text, record_id, 2)


def test_rows_without_errors_succeed_and_short_rows_fail() -> None:
    found = messages("Name,Error\nAcme,\n\nGlobex,BAD\nHalf\n", "failed.csv")
    assert [each and each.text for each in found] == [None, "BAD", None]
    assert found[::2] == [None, Message(None, 5)]


def test_multiline_cell_counts_from_its_first_line() -> None:
    assert texts('Error\n"one\ntwo"\nthree\n', "a.csv") == [(2, "one\ntwo"), (4, "three")]


def test_table_without_or_with_several_error_columns_asks() -> None:
    with pytest.raises(UsageError, match="no error column") as none:
        messages("Name,City\nAcme,Bonn\n", "failed.csv")
    assert none.value.cause == "Columns: Name, City."
    with pytest.raises(UsageError, match="several error columns: Error, sf__Error"):
        messages("Error,sf__Error\na,b\n", "failed.csv")
    assert texts("Error,sf__Error\na,b\n", "failed.csv", "sf__error") == [(2, "b")]


REST = [{"message": "Required fields are missing: [Name]", "errorCode": "REQUIRED_FIELD_MISSING",
         "fields": ["Name"]}]  # fmt: skip
SHAPES = {
    "rest": REST,
    "collections": [{"id": "001", "success": True, "errors": []},
                    {"success": False, "errors": [{"statusCode": "REQUIRED_FIELD_MISSING",
                     "message": "Required fields are missing: [Name]", "fields": ["Name"]}]}],
    "composite": {"compositeResponse": [
        {"body": REST, "httpStatusCode": 400, "referenceId": "a"},
        {"body": {"id": "001", "success": True, "errors": []}, "httpStatusCode": 201}]},
    "tree": {"hasErrors": True, "results": [{"referenceId": "a", "errors": [
        {"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [Name]",
         "fields": ["Name"]}]}]},
    "batch": {"hasErrors": True, "results": [{"statusCode": 400, "result": REST}]},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("indent", [None, 2])
def test_salesforce_responses_are_read(shape: str, indent: int | None) -> None:
    found = [each for each in messages(json.dumps(SHAPES[shape], indent=indent)) if each]
    assert [(each.code, each.field) for each in found] == [("REQUIRED_FIELD_MISSING", "Name")]


def test_hubspot_batch_names_records_and_properties() -> None:
    body = {
        "status": "COMPLETE",
        "errors": [
            {"status": "error", "category": "VALIDATION_ERROR", "message": "outer",
             "context": {"ids": ["51"]},
             "errors": [{"message": "x was not a valid long.", "code": "INVALID_LONG",
                         "context": {"propertyName": ["amount"]}}]},
            {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "gone",
             "context": {"ids": ["52"]}},
        ],
    }  # fmt: skip
    found = [each for each in messages(json.dumps(body)) if each]
    assert [(each.text, each.code, each.field) for each in found] == [
        ("x was not a valid long.", "INVALID_LONG", "amount"),
        ("gone", "OBJECT_NOT_FOUND", ""),
    ]
    assert found[1].record_id == "52"


def test_json_lines_keep_their_line_and_bad_ones_are_unread() -> None:
    lines = [
        '{"message": "A_B", "vendor": "hubspot", "code": "X"}',
        "",
        "{broken",
        '{"message": "c"}',
    ]
    assert texts("\n".join(lines)) == [(1, "A_B"), (3, None), (4, "c")]
    assert texts('["A_B",\n "c"]') == [(1, "A_B"), (2, "c")]
    assert texts('[{"message": "a"},\n {"message": "b"},\n {"mess') == [
        (1, "a"),
        (2, "b"),
        (3, None),
    ]


def test_audit_entries_count_only_if_they_are_about_the_sync() -> None:
    entries = [
        {"action": "sync.push", "createdAt": "2026-11-20T10:00:00Z",
         "metadata": {"errors": [{"message": "no", "code": "BAD"}]}},
        {"action": "user.login", "message": "error"},
        {"action": "sync.pull", "message": "failed"},
    ]  # fmt: skip
    found = [each for each in messages(json.dumps(entries)) if each]
    assert [(each.text, each.at) for each in found] == [
        ("no", "2026-11-20T10:00:00Z"),
        ("failed", ""),
    ]


def test_log_lines_with_errors_are_read() -> None:
    log = "[12:00] INFO started\n[12:01] pushed 3, 0 errors\n[12:02] ERROR no luck\nBAD_CODE x\n"
    assert texts(log) == [(3, "[12:02] ERROR no luck"), (4, "BAD_CODE x")]


# -- bytes -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace.open(tmp_path_factory.mktemp("errors"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings_are_read(workspace: Workspace, encoding: str) -> None:
    data = 'sf__Error\n"STRING_TOO_LONG:Größe: data value too large: ä:--"\n'.encode(encoding)
    (cause,) = workspace.errors.explain(io.BytesIO(data)).report.causes
    assert (cause.kind.value, cause.field) == ("too_long", "Größe")


def test_file_without_errors_or_readable_rows(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "failed.csv"
    file.write_text("sf__Error,Name\n" + ",Acme\n" * 800)
    report = workspace.errors.explain(file).report
    assert (report.errors, report.succeeded, report.causes) == (0, 800, ())
    file.write_bytes(b"PK\x03\x04rest")
    with pytest.raises(SourceError, match="zip archive"):
        workspace.errors.explain(file)
    file.write_text("{broken\n{more")
    with pytest.raises(SourceError, match=r"crmdeck can't read anything in failed\.csv"):
        workspace.errors.explain(file)


def test_reading_reports_progress_and_can_be_canceled(workspace: Workspace) -> None:
    data = b"Error\n" + b"UNABLE_TO_LOCK_ROW: busy\n" * 5_000
    seen: list[int] = []
    workspace.errors.explain(io.BytesIO(data), progress=lambda one: seen.append(one.done))
    assert seen == [0, 2_000, 4_000]
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CanceledError):
        workspace.errors.explain(io.BytesIO(data), cancel=cancel)
