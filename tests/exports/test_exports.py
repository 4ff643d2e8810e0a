"""Exports: what goes out is readable by machines, harmless to programs, and comes back."""

from __future__ import annotations

import csv
import io
import json
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.exports import (
    COLUMNS,
    TEXT_FORMATS,
    read_csv,
    records,
    render,
    stream,
    write_atomically,
)
from crmdeck.exports.markdown import escape
from crmdeck.exports.tables import Exportable
from crmdeck.model import (
    AttributeChange,
    AuditEntry,
    ChangeGroup,
    Comparison,
    ConnectionStatus,
    DecisionState,
    Direction,
    DriftEvent,
    DriftKind,
    DriftReport,
    Field,
    FieldDifference,
    FieldMapping,
    FieldType,
    MappingLine,
    ObjectDifference,
    ObjectSchema,
    ObjectSummary,
    PicklistValue,
    Quota,
    SchemaStats,
    SchemaSummary,
    Severity,
    Side,
    Source,
    Status,
    WireModel,
)


def export(
    what: str, data: Exportable, format: str, *, names: Mapping[str, str] | None = None
) -> str:
    return "".join(stream(what, data, format, names=names))


NOW = datetime(2026, 5, 16, 12, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
RUNNERS = st.sampled_from(["=1+1", "'=1", "''-2", " @SUM(1)", "\t=1", "\r", "\n+1", "＝1", "'tis"])

CELL = st.none() | TEXT | RUNNERS

ACCOUNT = ObjectSchema(
    object_type="Account",
    fields=(
        Field(
            name="Stage__c",
            label="=cmd|'/c calc'!A0",
            type=FieldType.PICKLIST,
            picklist=(PicklistValue(value="a|b", label="A"),),
            references=("User",),
            length=5,
            native={"why": "\x1b[31mred\x9b0m"},
        ),
        Field(name="Name", required=True),
    ),
)
EVENT = DriftEvent(
    id="e1",
    connection_id="c1",
    object_type="Account",
    field_name="Name",
    kind=DriftKind.FIELD_CHANGED,
    severity=Severity.RISKY,
    changes=(AttributeChange(attribute="label", before="Name", after="-Name"),),
    detected_at=NOW,
)
STORY = ChangeGroup(
    id="s1",
    connection_id="c1",
    kind="same_change",
    title="Ten labels",
    severity=Severity.SAFE,
    event_count=10,
    detected_at=NOW,
)
STATUS = ConnectionStatus(
    id="c1",
    name="acme-prod",
    platform="salesforce",
    source=Source.FILES,
    status=Status.ACTIVE,
    instance_url=None,
    last_sync_at=NOW,
    last_error_at=None,
    last_error_message=None,
    created_at=NOW,
    schema_stats=SchemaStats(object_count=3, field_count=40),
    quota=Quota(used=5, limit=100),
)
MAPPING = FieldMapping(
    connection_id="c1",
    object_pair="deal--Opportunity",
    lines=(
        MappingLine(
            partner_field="name",
            state=DecisionState.ACCEPTED,
            crm_field="Name",
            direction=Direction.PUSH,
            value_map={"a": "b"},
        ),
    ),
)
ENTRY = AuditEntry(id="a1", at=NOW, actor="ada", event="schema.refreshed", summary="Refreshed")
SUMMARY = SchemaSummary(
    objects=(
        ObjectSummary(
            object_type="Account",
            label="=1+1",
            custom=False,
            field_count=2,
            schema_hash="9f",
            discovered_at=NOW,
            expires_at=NOW,
            is_stale=False,
        ),
    )
)
COMPARISON = Comparison(
    left="acme-prod",
    right="sandbox",
    left_at=NOW,
    objects=(
        ObjectDifference(
            object_type="Account",
            label="Account",
            side=Side.BOTH,
            field_count=2,
            changes=(AttributeChange(attribute="label", before="Account", after="Company"),),
            fields=(
                FieldDifference(field_name="Old__c", label="Old", side=Side.LEFT),
                FieldDifference(
                    field_name="Name",
                    label="Name",
                    side=Side.BOTH,
                    changes=(
                        AttributeChange(attribute="length", before=80, after=40),
                        AttributeChange(attribute="required", before=False, after=True),
                    ),
                ),
            ),
        ),
        ObjectDifference(
            object_type="Draft__c",
            label="Draft",
            side=Side.RIGHT,
            field_count=1,
            fields=(FieldDifference(field_name="A", side=Side.RIGHT),),
        ),
    ),
    same=3,
)
SAMPLES: dict[str, WireModel] = {
    "health": STATUS,
    "objects": SUMMARY,
    "comparison": COMPARISON,
    "differences": COMPARISON,
    "schema": ACCOUNT,
    "drift": DriftReport(events=(EVENT,)),
    "mapping": MAPPING,
    "audit": ENTRY,
}


@given(st.lists(st.fixed_dictionaries({"a": CELL, "=b": CELL})))
def test_csv_round_trip_keeps_any_text(rows: list[dict[str, str | None]]) -> None:
    text = render(rows, "csv", columns=("a", "=b"))

    assert read_csv(text) == rows
    for line in csv.reader(io.StringIO(text, newline=""), strict=True):
        for cell in line:
            assert cell.strip()[:1] not in {*"=+-@＝＋－＠"} - {""}
            assert cell[:1] not in ("\t", "\r", "\n")


def test_csv_keeps_numbers_and_writes_the_rest_as_the_wire_does() -> None:
    row = {"n": -5, "x": -1.5, "flag": True, "none": None, "at": NOW, "list": ["a", 1]}

    text = render([row], "csv")

    assert text == (
        'n,x,flag,none,at,list\r\n-5,-1.5,true,,2026-05-16T12:00:00.000Z,"[""a"",1]"\r\n'
    )


@pytest.mark.parametrize("text", ['a,b\r\n"1', "a,b\r\n1\r\n"])
def test_foreign_csv_is_rejected_with_its_line(text: str) -> None:
    with pytest.raises(UsageError, match="line 2"):
        read_csv(text)


@given(TEXT)
def test_json_is_exact_without_terminal_controls(text: str) -> None:
    for form in ("json", "jsonl"):
        out = render([{"t": text}], form)

        assert not any(
            ord(char) < 32 or 0x7F <= ord(char) <= 0x9F or char in "\u202e\u2066\u2028"
            for char in out.replace("\n", "")
        )
        parsed = json.loads(out)
        assert (parsed if form == "jsonl" else parsed[0]) == {"t": text}


def test_json_writes_null_for_numbers_that_it_does_not_know() -> None:
    row = {"a": float("nan"), "b": [float("inf"), 1.5]}

    # Lists are text there, so that all lines have the same types.
    assert json.loads(render([row], "jsonl")) == {"a": None, "b": "[null,1.5]"}


@given(st.lists(TEXT, min_size=1, max_size=3))
def test_a_markdown_cell_stays_in_its_cell(cells: list[str]) -> None:
    row = {str(index): cell for index, cell in enumerate(cells)}

    out = render([row], "markdown")

    assert len(out.splitlines()) == 3
    unescaped = out.splitlines()[2].replace("\\\\", "").replace("\\|", "")
    assert unescaped.count("|") == len(cells) + 1


def test_markdown_escapes_cells() -> None:
    assert escape("a|b\r\n`c` **d** [e](javascript:f) <img src=x> &lt; https://g\x1b[0m") == (
        "a\\|b<br>\\`c\\` \\*\\*d\\*\\* \\[e\\]\\(javascript:f\\) &lt;img src=x&gt; "
        "&amp;lt; https\\://g\ufffd\\[0m"
    )


def test_html_holds_hostile_text_as_text() -> None:
    hostile = "<script>alert(1)</script>&amp;\u202ethe end\x1b"
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            assert tag not in ("script", "img")

        def handle_data(self, data: str) -> None:
            seen.append(data)

    Reader().feed(render([{"a": hostile}], "html", title=hostile))

    assert seen.count("<script>alert(1)</script>&amp;\u202ethe end\ufffd") == 3


@pytest.mark.parametrize("what", COLUMNS)
def test_every_table_has_its_columns_in_every_format(what: str) -> None:
    data = SAMPLES[what]
    rows = list(records(what, [data, data]))

    assert all(tuple(row) == COLUMNS[what] for row in rows)
    for form in TEXT_FORMATS:
        assert export(what, data, form)
    back = read_csv(export(what, data, "csv"))
    assert [tuple(row) for row in back] == [COLUMNS[what]] * (len(rows) // 2)
    assert json.loads(export(what, data, "json")) == data.to_wire()
    assert json.loads(export(what, [data], "json")) == [data.to_wire()]


def test_connections_are_named_beside_their_ids_in_json() -> None:
    names = {"c1": "acme-prod"}
    report = DriftReport(events=(EVENT,), stories=(STORY,))
    said = json.loads(export("drift", report, "json", names=names))
    for (each,) in (said["events"], said["stories"]):
        assert list(each)[1:3] == ["connectionId", "connection"]
        assert each.pop("connection") == "acme-prod"
    assert said == report.to_wire()

    (entry,) = json.loads(export("audit", [ENTRY], "json", names=names))
    assert entry["connection"] is None
    mapping = json.loads(export("mapping", MAPPING, "json", names=names))
    assert mapping == MAPPING.to_wire() | {"connection": "acme-prod"}


@pytest.mark.parametrize(
    ("what", "model", "left_out"),
    [
        ("objects", ObjectSummary, {"contentHash"}),
        ("schema", Field, set()),
        ("drift", DriftEvent, set()),
        ("mapping", MappingLine, set()),
        ("audit", AuditEntry, set()),
        ("health", ConnectionStatus, {"schemaStats", "quota", "openChanges"}),
        ("health", SchemaStats, set()),
    ],
)
def test_no_attribute_is_forgotten(what: str, model: type[WireModel], left_out: set[str]) -> None:
    wire_names = {info.alias for info in model.model_fields.values()}

    assert wire_names - set(COLUMNS[what]) == left_out


def test_health_shows_the_quota() -> None:
    (row,) = records("health", STATUS)

    assert (row["quotaUsed"], row["quotaLimit"], row["objectCount"]) == (5, 100, 3)


def test_a_comparison_is_a_row_an_object_or_a_row_a_difference() -> None:
    account, draft = records("comparison", COMPARISON)

    assert (account["side"], account["leftOnly"], account["differing"]) == ("both", 1, 1)
    assert (draft["side"], draft["rightOnly"], draft["fieldCount"]) == ("right", 1, 1)
    assert (account["left"], account["leftAt"], account["rightAt"]) == ("acme-prod", NOW, None)
    lines = [
        (row["objectType"], row["fieldName"], row["side"], row["attribute"], row["rightValue"])
        for row in records("differences", COMPARISON)
    ]
    assert lines == [
        ("Account", None, "both", "label", "Company"),
        ("Account", "Old__c", "left", None, None),
        ("Account", "Name", "both", "length", 40),
        ("Account", "Name", "both", "required", True),
        ("Draft__c", None, "right", None, None),
        ("Draft__c", "A", "right", None, None),
    ]


def test_unknown_words_are_rejected_with_valid_ones() -> None:
    with pytest.raises(UsageError, match="health, objects, schema, comparison"):
        export("everything", STATUS, "json")
    with pytest.raises(UsageError, match="json, jsonl, csv"):
        render([], "xlsx")


def test_a_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    target.chmod(0o644)

    write_atomically(target, "a\r\né")

    assert target.read_bytes() == "a\r\né".encode()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_unwritable_file_has_remedy(tmp_path: Path) -> None:
    with pytest.raises(CrmdeckError) as caught:
        write_atomically(tmp_path / "missing" / "out.csv", "text")
    assert caught.value.code == "WRITE_FAILED"
    assert caught.value.remedy
    with pytest.raises(UsageError):
        write_atomically(tmp_path, "text")
