"""Reports and data in files, read back with tools that are not ours."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import duckdb
import openpyxl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.errors import UsageError
from crmdeck.exports import render_parquet, render_report
from crmdeck.exports.formats import to_yaml
from crmdeck.exports.report import Report, Section, Table
from tests.cli.shell import Shell, describe

PAIR = "deal_registration--Opportunity"
HOSTILE = '=HYPERLINK("http://x")|<b>&amp;</b>`*[a](b)`\u202e\'quote'
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def report(*rows: tuple[object, ...]) -> Report:
    columns = tuple(f"c{number}" for number in range(len(rows[0])))
    return Report(
        "A title", "All is said.", (("fact", 1),), [Section("S", table=Table(columns, rows))]
    )


@given(
    st.lists(st.tuples(TEXT, st.integers(-(2**31), 2**31), st.booleans()), min_size=1, max_size=5)
)
def test_a_parquet_file_reads_back_as_what_was_written(rows: list[tuple[str, int, bool]]) -> None:
    names = ("text", "number", "flag")
    records = [dict(zip(names, row, strict=True)) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        path.write_bytes(render_parquet(records, names))
        assert duckdb.read_parquet(str(path)).fetchall() == rows


@given(
    st.recursive(
        TEXT | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    )
)
def test_yaml_reads_back_as_what_was_written(value: object) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


def test_a_workbook_holds_hostile_text_as_text_and_reads_back() -> None:
    book = openpyxl.load_workbook(
        io.BytesIO(render_report(report((HOSTILE, 7, True, None)), "xlsx"))
    )
    assert book.sheetnames == ["Summary", "S"]
    cells = list(book["S"][2])
    assert [cell.value for cell in cells] == [HOSTILE, 7, True, None]
    assert cells[0].data_type == "s"
    assert book["Summary"]["A1"].value == "A title"


def test_names_of_sheets_are_what_excel_takes_and_never_the_same() -> None:
    titles = ["A" * 40, "a" * 40, "b/[c]:*?", "History", "'q'"]
    sections = [Section(title, table=Table(("x",), [(1,)])) for title in titles]
    book = openpyxl.load_workbook(
        io.BytesIO(render_report(Report("t", "s", sections=sections), "xlsx"))
    )
    names = [name.casefold() for name in book.sheetnames]
    assert len(set(names)) == len(titles) + 1
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)


def test_a_page_stands_alone_and_a_format_that_is_not_there_is_refused() -> None:
    page = render_report(report((HOSTILE,)), "html").decode()
    assert "<title>A title</title>" in page
    assert "@media print" in page
    assert "src=" not in page
    assert "<b>&amp;" not in page
    with pytest.raises(UsageError):
        render_report(report((1,)), "docx")


def test_what_a_person_is_handed(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export/Opportunity.json").write_text(
        describe(("Name", "string"), ("CloseDate", "date"), ("Amount", "currency"))
    )
    shell = Shell(tmp_path / "home")
    where = ("--source", "files", "--platform", "salesforce", "--path", str(tmp_path / "export"))
    shell.run("connections", "add", "acme", *where)
    shell.run("refresh", "acme")
    shell.run("mapping", "accept", "acme", PAIR, "estimatedValue=Amount", "--encoder", "none")
    (tmp_path / "export/Opportunity.json").write_text(describe(("Name", "string")))
    shell.run("refresh", "acme")

    def hand(*arguments: str, code: int = 0) -> str:
        return shell.run("export", "acme", *arguments, code=code).stdout

    assert "| Opportunity.Amount | absent |" in hand("--what", "drift-report")
    sheet = hand("--what", "mapping-sheet", "--pair", PAIR)
    assert "1 accepted" in sheet
    assert "signed off by" in sheet
    assert "## Opportunity" in hand("--what", "dictionary")
    assert "1 connection" in shell.run("export", "--what", "health-report").stdout
    path = tmp_path / "drift.csv"
    hand("--what", "drift", "-o", str(path))
    header, *rows = path.read_text().splitlines()
    assert header.startswith("id,connectionId,objectType")
    assert all(row.split(",")[-2] == "acme" for row in rows)
    before = path.read_bytes()
    hand("--what", "drift", "-o", str(path), code=2)
    assert path.read_bytes() == before
    hand("--what", "audit", "-o", str(path), "--force")
    assert path.read_bytes() != before
    assert json.loads(hand("--what", "drift", "--since", "1h", "--severity", "breaking"))["events"]
    for wrong in (
        ("--what", "dictionary", "--format", "xlsx"),
        ("--what", "dictionary", "--pair", PAIR),
        ("--what", "mapping-sheet"),
        ("--what", "health", "--since", "1d"),
        ("--what", "health", "--format", "csv", "--json"),
        ("--what", "health", "-o", str(tmp_path / "x.csv"), "--format", "yaml"),
        ("--what", "health", "--format", "xlsx", "-o", str(tmp_path / "x.xlsx")),
    ):
        hand(*wrong, code=2)
