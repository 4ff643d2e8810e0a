"""A schema that was exported is the same schema when it is read again, whatever stands in it."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmdeck.errors import SourceError
from crmdeck.exports import column_types, records, write_report
from crmdeck.exports.parquet import write_parquet
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import SchemaFile
from crmdeck.formats.exported import exported_entries
from crmdeck.model import (
    Field,
    FieldType,
    ObjectDetail,
    ObjectSchema,
    ObjectSummary,
    PicklistValue,
    RecordType,
    Rule,
    RuleKind,
    object_hash,
    rules_hash,
    schema_hash,
)
from crmdeck.workspace.explore.reports import data_dictionary
from tests.exports.test_exports import export
from tests.model.strategies import FLAGS, NAMES, NATIVE, TEXT, field_lists

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HOSTILE = TEXT | st.sampled_from(
    ["", "'", "=1+1", "'=1", "-5", '"', '""', ",", "a\r\nb", " ", "\t"]
)

RECORD_TYPES = st.lists(
    st.builds(RecordType, name=NAMES, label=HOSTILE, active=FLAGS, available=st.none() | FLAGS),
    max_size=2,
).map(tuple)
RULES = st.lists(
    st.builds(
        Rule,
        name=NAMES,
        kind=st.sampled_from(RuleKind),
        fields=st.lists(NAMES, max_size=2).map(tuple),
        field=st.none() | NAMES,
        message=HOSTILE,
        expression=HOSTILE,
        active=FLAGS,
    ),
    max_size=2,
).map(tuple)
SCHEMAS = st.fixed_dictionaries(
    dict(  # noqa: C408
        object_type=NAMES,
        label=HOSTILE,
        custom=st.none() | FLAGS,
        plural=st.none() | HOSTILE,
        createable=st.none() | FLAGS,
        updateable=st.none() | FLAGS,
        deletable=st.none() | FLAGS,
        queryable=st.none() | FLAGS,
        custom_setting=st.none() | FLAGS,
        record_types=st.none() | RECORD_TYPES,
        rules=st.none() | RULES,
        native=NATIVE,
        fields=field_lists(unknowns=True).map(tuple),
    )
).map(lambda given: ObjectSchema(**given))
OBJECTS = st.lists(SCHEMAS, min_size=1, max_size=3, unique_by=lambda each: each.object_type)


def exported(schema: ObjectSchema) -> ObjectDetail:
    return ObjectDetail(
        **dict(schema),
        schema_hash=schema_hash(schema.fields),
        discovered_at=NOW,
        expires_at=NOW,
        is_stale=False,
    )


def built(name: str, data: bytes) -> list[ObjectSchema]:
    contents = read_contents(SchemaFile(name, data), data)
    assert not contents.errors
    return [each.build(each.object_type, ()) for each in contents.entries]


def from_file(format: str) -> Callable[[Sequence[ObjectDetail]], list[ObjectSchema]]:
    def back(objects: Sequence[ObjectDetail]) -> list[ObjectSchema]:
        return built(f"schema.{format}", export("schema", objects, format).encode())

    return back


def from_parquet(objects: Sequence[ObjectDetail]) -> list[ObjectSchema]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        write_parquet(records("schema", objects), column_types("schema"), path)
        found = duckdb.read_parquet(str(path))
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    entries = exported_entries(SchemaFile("rows", b""), [("a row", row) for row in rows])
    return [each.build(each.object_type, ()) for each in entries]


@pytest.mark.parametrize(
    "back",
    [
        pytest.param(from_file("json"), id="json"),
        pytest.param(from_file("jsonl"), id="jsonl"),
        pytest.param(from_file("csv"), id="csv"),
        pytest.param(from_parquet, id="parquet"),
    ],
)
@settings(max_examples=10, deadline=None)
@given(OBJECTS)
def test_schema_round_trip_is_exact(
    back: Callable[[Sequence[ObjectDetail]], list[ObjectSchema]], schemas: list[ObjectSchema]
) -> None:
    found = back([exported(each) for each in schemas])

    assert found == schemas
    for one, other in zip(found, schemas, strict=True):
        assert schema_hash(one.fields) == schema_hash(other.fields)
        assert object_hash(one) == object_hash(other)
        assert rules_hash(one) == rules_hash(other)


ACCOUNT = ObjectSchema(
    object_type="Account",
    label="Company",
    custom=False,
    fields=(
        Field(
            name="Stage__c",
            type=FieldType.PICKLIST,
            label="=1+1",
            description="",
            required=True,
            length=80,
            picklist=(PicklistValue(value="a;b", label="A"),),
        ),
    ),
)


def test_resaved_spreadsheet_is_read_equally(tmp_path: Path) -> None:
    text = export("schema", [exported(ACCOUNT)], "csv")
    flags = {"true": "TRUE", "false": "FALSE"}
    cells = [[flags.get(c, c) for c in row] for row in csv.reader(text.splitlines())]
    # A spreadsheet knows no empty text.
    field = ACCOUNT.fields[0].model_copy(update={"description": None})
    wanted = [ACCOUNT.model_copy(update={"fields": (field,)})]

    saved = io.StringIO()
    csv.writer(saved, delimiter=";").writerows(cells)
    assert built("schema.csv", saved.getvalue().encode("utf-8-sig")) == wanted

    book = openpyxl.Workbook()
    sheet = book.create_sheet("schema", 0)
    for row in cells:
        sheet.append([int(c) if c.isdigit() else c or None for c in row])
    book.save(tmp_path / "schema.xlsx")
    assert built("schema.xlsx", (tmp_path / "schema.xlsx").read_bytes()) == wanted


def test_extra_column_is_kept_and_broken_cell_reported() -> None:
    header, line = export("schema", [exported(ACCOUNT)], "csv").splitlines()
    (found,) = built("schema.csv", f"{header},Owner\r\n{line},Ada\r\n".encode())
    assert found.fields[0].native == {"Owner": "Ada"}
    for wrong, place in (
        (line.replace("picklist", "pick"), "line 2, column type"),
        (line.replace(",80,", ",far,"), "line 2, column length"),
        (line.replace("{}", "{"), "line 2, column native"),
        (line.replace("Account", "", 1), "line 2"),
        (line.replace("Stage", 'St"age'), "line 2"),
    ):
        with pytest.raises(SourceError, match=place):
            built("schema.csv", f"{header}\r\n{wrong}\r\n".encode())


def test_dictionary_import_skips_partial_picklists(
    tmp_path: Path,
) -> None:
    values = tuple(PicklistValue(value=f"v{number}") for number in range(40))
    field = Field(
        name="Stage__c", label="Stage", type=FieldType.REFERENCE, native_type="reference",
        required=True, createable=True, updateable=False, calculated=False, custom=True,
        unique=False, length=18, picklist=values, references=("Account",),
    )  # fmt: skip
    whole = exported(ObjectSchema(object_type="Deal__c", fields=(field,)))
    summary = ObjectSummary.from_wire(whole.to_wire() | {"fieldCount": 1})
    report = data_dictionary("acme", [whole], [summary], None, NOW, left_out=3)
    assert report.contents == ["Index", "Deal__c"]
    assert "3 companion objects left out" in report.summary
    write_report(report, "xlsx", tmp_path / "dictionary.xlsx")

    (found,) = built("dictionary.xlsx", (tmp_path / "dictionary.xlsx").read_bytes())
    assert found.object_type == "Deal__c"
    known = found.fields[0].model_dump(exclude={"native"})
    assert known == field.model_copy(update={"picklist": ()}).model_dump(exclude={"native"})
