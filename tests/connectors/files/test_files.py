"""The source `files`: what is in them arrives, what is broken is named, the rest stays."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crmdeck.connectors.base import (
    Discovered,
    Discovery,
    Failed,
    Known,
    Listing,
    Missing,
    Rules,
    Unchanged,
)
from crmdeck.connectors.files import FilesConnector, catalog
from crmdeck.errors import CanceledError, SourceError
from crmdeck.formats import document
from crmdeck.model import (
    CancelToken,
    Connection,
    Field,
    FieldType,
    GoneReason,
    Notice,
    Platform,
    Scope,
    ScopeMode,
    Source,
)

from ...formats.tables import workbook

ALL = Scope()


def zipped(data: bytes) -> bytes:
    """Return `data` gzipped, the same at any time: some of it names test cases."""
    return gzip.compress(data, mtime=0)


def connector(path: Path, platform: Platform = "salesforce") -> FilesConnector:
    connection = Connection(
        id="c1",
        name="files",
        platform=platform,
        source=Source.FILES,
        path=str(path),
        created_at=datetime(2026, 5, 16, tzinfo=UTC),
    )
    return FilesConnector(connection)


def discover(
    path: Path,
    known: Mapping[str, Known] | None = None,
    *,
    scope: Scope = ALL,
    platform: Platform = "salesforce",
) -> tuple[Listing, list[Discovery]]:
    source = connector(path, platform)
    listing, *rest = source.discover(scope, known or {}, CancelToken())
    assert isinstance(listing, Listing)
    return listing, rest


def known_of(answers: list[Discovery]) -> dict[str, Known]:
    return {
        each.schema.object_type: Known(each.schema.object_type, "hash", each.validator)
        for each in answers
        if isinstance(each, Discovered)
    }


def told(answers: list[Discovery]) -> list[tuple[str, str]]:
    """Return what came, as (class, object type)."""
    return [
        (
            type(each).__name__,
            each.schema.object_type if isinstance(each, Discovered) else each.object_type,
        )
        for each in answers
        if not isinstance(each, Listing | Notice | Rules)
    ]


def errors(answers: list[Discovery]) -> dict[str, str]:
    return {each.object_type: str(each.error) for each in answers if isinstance(each, Failed)}


def describe(name: str, *fields: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "fields": [{"name": field, "type": "string"} for field in fields], **more}


def prop(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "label": name, "type": "string", "fieldType": "text", **more}


def put(folder: Path, name: str, value: object) -> Path:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("one.json", describe("Account", "Id")),
        ("export.json", [describe("Account", "Id")]),
        ("all.json", {"sobjects": [describe("Account", "Id")]}),
        ("cli.json", {"status": 0, "result": describe("Account", "Id"), "warnings": []}),
        ("all.json.gz", zipped(json.dumps([describe("Account", "Id")]).encode())),
        ("misnamed.json", zipped(json.dumps(describe("Account", "Id")).encode())),
        ("mark.json", b"\xef\xbb\xbf" + json.dumps(describe("Account", "Id")).encode()),
        ("wide.json", json.dumps(describe("Account", "Id")).encode("utf-16")),
        ("dictionary.csv", b"object,name\r\nAccount,Id\r\n"),
        ("Account.csv", "name\nId\n".encode("utf-16")),
        ("Account.fields.csv.gz", zipped(b"name;label\nId;=1\n")),
    ],
)
def test_an_object_arrives_in_every_wrapping(tmp_path: Path, name: str, value: object) -> None:
    put(tmp_path, name, value)

    for path in (tmp_path, tmp_path / name):
        listing, (answer,) = discover(path)

        assert listing == Listing(frozenset({"Account"}), ("Account",))
        assert isinstance(answer, Discovered)
        assert [field.name for field in answer.schema.fields] == ["Id"]


def test_hubspot_lists_take_object_names_from_files(
    tmp_path: Path,
) -> None:
    stages = [{"id": "won", "label": "Won"}]
    put(tmp_path, "deals.properties.json", {"results": [prop("dealstage"), prop("amount")]})
    put(
        tmp_path, "deals.pipelines.json", {"results": [{"id": "p", "label": "P", "stages": stages}]}
    )
    put(tmp_path, "contacts.properties.v2.json", [prop("email", deleted=None)])
    put(tmp_path, "tickets.pipelines.json", {"results": []})
    put(tmp_path, "tickets.properties.json", {"results": [prop("subject")]})
    car = {
        "name": "car",
        "fullyQualifiedName": "p1_car",
        "labels": {"plural": "Cars"},
        "properties": [prop("vin")],
        "requiredProperties": ["vin"],
    }
    put(tmp_path, "schemas.json", {"results": [car]})

    listing, answers = discover(tmp_path, platform="hubspot")

    assert listing.in_scope == ("contacts", "deals", "p1_car", "tickets")
    schemas = {
        each.schema.object_type: each.schema for each in answers if isinstance(each, Discovered)
    }
    stage = schemas["deals"].fields[0]
    assert [(value.value, value.label) for value in stage.picklist] == [("won", "Won")]
    assert (schemas["p1_car"].label, schemas["p1_car"].custom) == ("Cars", True)
    assert schemas["p1_car"].fields[0].required


def test_dictionary_import_reads_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "partner.csv"
    path.write_text(
        "\ufeffName,Label,Description,Type,Picklist,Required,external_id,Length,Owner team\r\n"
        'tier,Tier,"Two\r\nlines, ""quoted""",picklist,Gold|Silver|Gold,yes,FALSE,255,ops\r\n'
        "\r\n"
        "site,,,Lookup(Account),,,,,\r\n",
        encoding="utf-8",
        newline="",
    )

    _, (answer,) = discover(path)

    assert isinstance(answer, Discovered)
    tier, site = answer.schema.fields
    assert tier.description == 'Two\r\nlines, "quoted"'
    assert (tier.type, tier.required, tier.external_id, tier.length) == (
        FieldType.PICKLIST,
        True,
        False,
        255,
    )
    assert [value.value for value in tier.picklist] == ["Gold", "Silver"]
    assert tier.native == {"Owner team": "ops"}
    assert site == Field(
        name="site", type=FieldType.REFERENCE, native_type="Lookup", references=("Account",)
    )


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("broken.json", b'[\n {"name": }]', "broken.json is broken at line 2 column 11"),
        ("cut.json.gz", zipped(b"[]" * 500)[:-9], "cut.json.gz is broken at its gzip"),
        ("latin.csv", b"name,label\nx,caf\xe9\n", "latin.csv is broken at line 2"),
        ("quote.csv", b'name,label\nx,"y\n', "quote.csv is broken at line 2"),
        ("wide.csv", b"name\na,b\n", "wide.csv is broken at line 2"),
        ("nameless.csv", b"name,label\n,b\n", "nameless.csv is broken at line 2"),
        ("empty.csv", b" \n", "empty.csv is broken at its start"),
        ("nan.json", b'{"name": "A", "fields": NaN}', "nan.json is broken at line 1"),
        ("deep.json", b"[" * 5000, "deep.json is broken at line 1"),
        ("part.json", [describe("Lead", "Id"), {"fields": []}], "part.json is broken at $[1]"),
        (
            "deals.properties.json",
            {"results": [prop("a")]},
            "deals.properties.json is a HubSpot",
        ),
    ],
)
def test_broken_file_is_reported_and_others_load(
    tmp_path: Path, name: str, value: object, place: str
) -> None:
    put(tmp_path, "Account.json", describe("Account", "Id"))
    put(tmp_path, name, value)

    listing, answers = discover(tmp_path)

    assert ("Discovered", "Account") in told(answers)
    assert errors(answers)[name].startswith(place)
    assert name not in listing.object_types
    (failed,) = (each for each in answers if isinstance(each, Failed))
    assert failed.error.remedy


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        (
            "Lead.json",
            {"name": "Lead", "fields": [{"name": "A"}]},
            "Lead.json is broken at $: Lead.A",
        ),
        ("all.json", [describe("Lead", "A", "A")], "all.json is broken at $[0]"),
        ("Lead.csv", b"name,required\nA,maybe\n", "Lead.csv is broken at line 2, column required"),
        ("Lead.csv", b"name,length\nA,-1\n", "Lead.csv is broken at line 2, column length"),
        ("Lead.csv", b"name\nA\n\nA\n", "Lead.csv is broken at line 4"),
        (
            "d.csv",
            b'object,name,picklist\nLead,A,"[{""v"":1}]"\nC,B,\n',
            "d.csv is broken at line 2",
        ),
    ],
)
def test_a_broken_object_fails_alone(tmp_path: Path, name: str, value: object, place: str) -> None:
    put(tmp_path, "Account.json", describe("Account", "Id"))
    put(tmp_path, name, value)

    listing, answers = discover(tmp_path)

    assert {"Account", "Lead"} <= set(listing.in_scope)
    assert list(errors(answers)) == ["Lead"]
    assert errors(answers)["Lead"].startswith(place)


def test_an_object_described_twice_fails_and_names_both_places(tmp_path: Path) -> None:
    put(tmp_path, "a.json", [describe("Account", "Id"), describe("Lead", "Id")])
    put(tmp_path, "b.json", describe("Account", "Id", "Name"))

    _, answers = discover(tmp_path)

    assert told(answers) == [("Failed", "Account"), ("Discovered", "Lead")]
    assert "a.json ($[0]) and in b.json ($)" in errors(answers)["Account"]


def test_the_same_bytes_are_unchanged_and_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.json", [describe("Account", "Id"), describe("Lead", "Id")])
    put(tmp_path, "b.csv", b"name\nx\n")
    listing, first = discover(tmp_path)

    def parse(*_: object, **__: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr(catalog, "read_contents", parse)

    assert discover(tmp_path, known_of(first)) == (
        listing,
        [Unchanged("Account"), Unchanged("Lead"), Unchanged("b")],
    )


def test_partly_known_files_are_parsed_for_the_rest(tmp_path: Path) -> None:
    put(tmp_path, "a.json", [describe("Account", "Id"), describe("Lead", "Id")])
    put(tmp_path, "broken.json", b"{")
    _, first = discover(tmp_path)
    known = known_of(first)

    assert told(discover(tmp_path, known)[1]) == [
        ("Failed", "broken.json"),
        ("Unchanged", "Account"),
        ("Unchanged", "Lead"),
    ]
    del known["Account"]
    assert ("Discovered", "Account") in told(discover(tmp_path, known)[1])


def test_changed_file_is_reread_and_removed_field_is_absent(tmp_path: Path) -> None:
    path = put(tmp_path, "a.json", [describe("Account", "Id"), describe("Lead", "Id")])
    _, first = discover(path)
    put(tmp_path, "a.json", [describe("Account", "Id", "Name")])

    listing, answers = discover(path, known_of(first))

    assert listing.object_types == {"Account"}
    assert told(answers) == [("Discovered", "Account")]
    gone = Missing("Lead")
    assert connector(path).explain_missing([gone]) == {gone: GoneReason.ABSENT}


def test_objects_of_broken_file_fail_instead_of_vanishing(tmp_path: Path) -> None:
    put(tmp_path, "a.json", [describe("Account", "Id"), describe("Lead", "Id")])
    put(tmp_path, "b.json", [describe("Case", "Id"), describe("Task", "Id")])
    _, first = discover(tmp_path)
    put(tmp_path, "a.json", b'[{"name": "Acc')
    put(tmp_path, "b.json", [describe("Case", "Id"), {"name": "Task"}])

    listing, answers = discover(tmp_path, known_of(first))

    assert listing.object_types == {"Account", "Lead", "Case", "Task"}
    assert told(answers) == [
        ("Failed", "Account"),
        ("Unchanged", "Case"),
        ("Failed", "Lead"),
        ("Failed", "Task"),
    ]


def test_broken_pipelines_fail_their_object(tmp_path: Path) -> None:
    put(tmp_path, "deals.properties.json", [prop("dealstage")])
    put(tmp_path, "tickets.properties.json", [prop("subject")])
    put(tmp_path, "deals.pipelines.json", {"status": "error", "message": "too many requests"})

    _, answers = discover(tmp_path, platform="hubspot")

    assert told(answers) == [("Failed", "deals"), ("Discovered", "tickets")]
    assert errors(answers)["deals"].startswith("deals.pipelines.json contains an error")


def test_scope_reports_unknown_object_names(tmp_path: Path) -> None:
    put(tmp_path, "a.json", [describe(name, "Id") for name in ("Account", "Lead", "Case")])
    named = Scope(mode=ScopeMode.NAMED, include=("Lead", "Account", "Leed"), exclude=("Account",))

    listing, answers = discover(tmp_path, scope=named)

    assert listing == Listing(frozenset({"Account", "Lead", "Case"}), ("Lead",))
    assert told(answers) == [("Failed", "Leed"), ("Discovered", "Lead")]
    listing, _ = discover(tmp_path, scope=Scope(exclude=("Lead",)))
    assert listing.in_scope == ("Account", "Case")


def test_a_describe_global_is_a_listing_and_no_more(tmp_path: Path) -> None:
    listed = {"sobjects": [{"name": name, "queryable": True} for name in ("Account", "Lead")]}
    path = put(tmp_path, "_global.json", listed)

    with pytest.raises(SourceError, match="lists 2 object types"):
        discover(path)
    put(tmp_path, "Account.json", describe("Account", "Id"))
    listing, answers = discover(tmp_path)
    assert listing == Listing(frozenset({"Account", "Lead"}), ("Account",))
    assert told(discover(tmp_path, known_of(answers))[1]) == [("Unchanged", "Account")]


def test_unreadable_source_has_remedy(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no schema")
    for path in (tmp_path, tmp_path / "missing"):
        for ask in (lambda p=path: discover(p), lambda p=path: connector(p).probe()):
            with pytest.raises(SourceError) as caught:
                ask()
            assert caught.value.remedy
    put(tmp_path, "a.json", b"{")
    put(tmp_path, "b.json", b"[")
    with pytest.raises(SourceError, match="Can't use any file"):
        discover(tmp_path)


def test_folder_of_foreign_xml_is_described(tmp_path: Path) -> None:
    (tmp_path / "metadata.xml").write_text('<?xml version="1.0"?><edmx:Edmx Version="4.0"/>')
    with pytest.raises(SourceError) as caught:
        discover(tmp_path)
    assert "Dataverse" in str(caught.value.cause)


def test_outside_link_and_pipe_are_rejected(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    put(folder, "Account.json", describe("Account", "Id"))
    secret = put(tmp_path, "secret.json", describe("Secret", "Id"))
    (folder / "link.json").symlink_to(secret)
    (folder / "circle.json").symlink_to("circle.json")
    os.mkfifo(folder / "pipe.json")

    _, answers = discover(folder)

    assert set(errors(answers)) == {"link.json", "circle.json", "pipe.json"}
    assert ("Discovered", "Account") in told(answers)


def test_too_large_files_and_archives_are_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "MAX_BYTES", 1024 * 1024)
    put(tmp_path, "Account.json", describe("Account", "Id"))
    put(tmp_path, "bomb.json.gz", zipped(b" " * (1024 * 1024 + 1)))

    _, answers = discover(tmp_path)

    assert "has more than 1 MB" in errors(answers)["bomb.json.gz"]
    put(tmp_path, "plain.json", b" " * (1024 * 1024 + 1))
    with pytest.raises(SourceError, match="has more than 1 MB"):
        discover(tmp_path / "plain.json")


def test_canceling_stops_between_objects(tmp_path: Path) -> None:
    put(tmp_path, "a.json", [describe("Account", "Id"), describe("Lead", "Id")])
    cancel = CancelToken()
    answers = connector(tmp_path).discover(ALL, {}, cancel)
    next(answers)
    next(answers)
    cancel.cancel()
    with pytest.raises(CanceledError):
        next(answers)


def test_probe_rejects_the_same_files_as_refresh(tmp_path: Path) -> None:
    put(tmp_path, "a.json", b'{"DailyApiRequests": {"Max": 15000, "Remaining": 14998}}')
    with pytest.raises(SourceError, match="doesn't describe objects or fields"):
        connector(tmp_path).probe()
    put(tmp_path, "b.json", describe("Account", "Id"))
    assert connector(tmp_path).probe().organization == f"{tmp_path.name}: 2 files, 0.0 MB"


def notices(answers: list[Discovery]) -> dict[str, Notice]:
    return {each.code: each for each in answers if isinstance(each, Notice)}


def test_subfolders_are_read_and_other_files_listed(tmp_path: Path) -> None:
    for folder in ("standardObjects", "customObjects", ".git", "node_modules/x"):
        (tmp_path / folder).mkdir(parents=True)
    put(tmp_path, "standardObjects/Account.json", describe("Account", "Id"))
    put(tmp_path, "customObjects/Deal__c.json", describe("Deal__c", "Id"))
    put(tmp_path, "typeNames.json", [{"name": "Case", "custom": False}])
    put(tmp_path, "package.json", {"name": "x", "version": "1"})
    put(tmp_path, "pairs.csv", b"left,right\na,b\n")
    put(tmp_path, "README.md", b"# Read me")
    put(tmp_path, ".git/config.json", describe("Hidden", "Id"))
    put(tmp_path, "node_modules/x/y.json", describe("Module", "Id"))

    listing, answers = discover(tmp_path)

    assert listing == Listing(frozenset({"Account", "Deal__c", "Case"}), ("Account", "Deal__c"))
    assert told(answers) == [("Discovered", "Account"), ("Discovered", "Deal__c")]
    assert notices(answers)["FILES_PASSED_OVER"].message == (
        "Skipped 3 files: README.md, package.json, pairs.csv."
    )


def test_editor_copies_are_read_if_alone(tmp_path: Path) -> None:
    copy = tmp_path / ".sfdx" / "tools" / "soqlMetadata" / "standardObjects"
    copy.mkdir(parents=True)
    put(copy, "Account.json", describe("Account", "Id"))

    assert told(discover(tmp_path)[1]) == [("Discovered", "Account")]
    put(tmp_path, "Lead.json", describe("Lead", "Id"))
    assert told(discover(tmp_path)[1]) == [("Discovered", "Lead")]


def test_single_file_without_schema_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"package.json doesn't describe"):
        discover(put(tmp_path, "package.json", {"name": "x", "version": "1"}))


def test_file_with_other_content_fails_its_object(tmp_path: Path) -> None:
    put(tmp_path, "a.json", describe("Account", "Id"))
    put(tmp_path, "b.json", describe("Lead", "Id"))
    _, first = discover(tmp_path)
    put(tmp_path, "b.json", {"name": "x", "version": "1"})

    assert told(discover(tmp_path, known_of(first))[1]) == [
        ("Unchanged", "Account"),
        ("Failed", "Lead"),
    ]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "all.json",
            [describe("Account", "Id"), describe("Lead", "Id")],
            [describe("Account", "Id"), describe("Lead", "Id", "New")],
        ),
        ("all.csv", b"object,name\nAccount,Id\nLead,Id\n", b"object,name\nAccount,Id\nLead,New\n"),
        (
            "all.xlsx",
            workbook({"Account": [["API Name"], ["Id"]], "Lead": [["API Name"], ["Id"]]}),
            workbook({"Account": [["API Name"], ["Id"]], "Lead": [["API Name"], ["New"]]}),
        ),
        (
            "Lead.object",
            b"<CustomObject><fields><fullName>Id</fullName></fields></CustomObject>",
            b"<CustomObject><fields><fullName>New</fullName></fields></CustomObject>",
        ),
    ],
)
def test_unchanged_files_are_not_parsed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, before: object, after: object
) -> None:
    put(tmp_path, name, before)
    if name == "Lead.object":
        put(tmp_path, "Account.object", before)
    _, first = discover(tmp_path)
    put(tmp_path, name, after)
    built = []
    build = catalog.build_entry

    def record(entry: Any, object_type: str, pipelines: Any = None) -> Any:
        built.append(object_type)
        return build(entry, object_type, pipelines)

    monkeypatch.setattr(catalog, "build_entry", record)

    _, answers = discover(tmp_path, known_of(first))

    assert told(answers) == [("Unchanged", "Account"), ("Discovered", "Lead")]
    assert built == ["Lead"]
    (unchanged,) = (each for each in answers if isinstance(each, Unchanged))
    known = known_of(first) | known_of(answers)
    known["Account"] = Known("Account", "hash", unchanged.validator)
    assert {type(each) for each in discover(tmp_path, known)[1]} == {Unchanged}


def test_new_stages_build_an_object_again(tmp_path: Path) -> None:
    def with_stage(stage: str, known: Mapping[str, Known]) -> list[Discovery]:
        stages = {"results": [{"id": "p", "stages": [{"id": stage}]}]}
        put(tmp_path, "deals.pipelines.json", stages)
        return discover(tmp_path, known, platform="hubspot")[1]

    put(tmp_path, "deals.properties.json", [prop("dealstage")])
    first = with_stage("a", {})

    assert told(with_stage("a", known_of(first))) == [("Unchanged", "deals")]
    assert told(with_stage("b", known_of(first))) == [("Discovered", "deals")]


def test_broken_field_of_metadata_fails_alone(tmp_path: Path) -> None:
    fields = tmp_path / "objects" / "Deal__c" / "fields"
    fields.mkdir(parents=True)
    put(fields, "A__c.field-meta.xml", b"<CustomField><type>Text</type></CustomField>")
    put(fields, "B__c.field-meta.xml", b"<CustomField><type>Te")

    _, first = discover(tmp_path)

    assert told(first) == [("Failed", "Deal__c.B__c"), ("Discovered", "Deal__c")]
    put(fields, "A__c.field-meta.xml", b"<CustomField><type>Date</type></CustomField>")
    _, answers = discover(tmp_path, known_of(first))
    assert "B__c.field-meta.xml is broken at line 1" in errors(answers)["Deal__c.B__c"]
    (found,) = [each for each in answers if isinstance(each, Discovered)]
    assert (found.unread, found.validator) == (frozenset({"B__c"}), None)


def test_broken_characters_are_reported_by_field(tmp_path: Path) -> None:
    field = rb'{"name": "A", "type": "string", "label": "\ud83d"}'
    put(tmp_path, "a.json", b'{"name": "Account", "fields": [' + field + b"]}")

    _, answers = discover(tmp_path)

    assert told(answers) == [("Discovered", "Account")]
    notice = notices(answers)["TEXT_REPAIRED"]
    assert notice.message == "a.json has broken characters in Account: A."


def test_decompression_bomb_is_rejected_before_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "RATIO_COUNTS_FROM", 1024)
    put(tmp_path, "bomb.json.gz", zipped(b" " * 4_000_000))
    with pytest.raises(SourceError, match=r"bomb.json.gz decompresses to more than 250 times"):
        discover(tmp_path)
    put(tmp_path, "bomb.json.gz", workbook({"A": [["x" * 30_000]] * 100}))
    with pytest.raises(SourceError, match=r"bomb.json.gz decompresses to more than 250 times"):
        discover(tmp_path)


def test_standard_object_without_custom_fields_stays(tmp_path: Path) -> None:
    field = b"<CustomField><type>Text</type></CustomField>"
    for name in ("Account", "Deal__c", "Other__c"):
        folder = tmp_path / "objects" / name / "fields"
        folder.mkdir(parents=True)
        put(folder, "A__c.field-meta.xml", field)
    _, first = discover(tmp_path)
    for name in ("Account", "Deal__c"):
        (tmp_path / "objects" / name / "fields" / "A__c.field-meta.xml").unlink()
    listing, answers = discover(tmp_path, known_of(first))
    assert listing.in_scope == ("Account", "Other__c")
    [account] = [each.schema for each in answers if isinstance(each, Discovered)]
    assert (account.object_type, account.fields) == ("Account", ())
