"""Reports and data in files, read back with tools that are not ours."""

from __future__ import annotations

import json
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from crmdeck.errors import CacheError, UsageError
from crmdeck.exports import (
    TEXT_FORMATS,
    read_csv,
    render,
    stream,
    stream_report,
    write_atomically,
    write_report,
)
from crmdeck.exports.jsontext import to_json
from crmdeck.exports.parquet import write_parquet
from crmdeck.exports.report import Report, ReportTable, Section, filled_table
from crmdeck.exports.yamltext import to_yaml
from crmdeck.model import Field, ObjectSchema
from tests.cli.shell import Shell, describe

PAIR = "deal_registration--Opportunity"
HOSTILE = '=HYPERLINK("http://x")|<b>&amp;</b>`*[a](b)`\u202e\'quote'
RUNNERS = ("=1+1", "'=1", "''-2", " @SUM(1)", "\t=1", "_x000D_", "＝1")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def report(*rows: tuple[object, ...]) -> Report:
    columns = tuple(f"c{number}" for number in range(len(rows[0])))
    return Report(
        "A title", "All is said.", (("fact", 1),), [Section("S", table=ReportTable(columns, rows))]
    )


def workbook(report: Report) -> openpyxl.Workbook:
    with tempfile.TemporaryDirectory() as folder:
        write_report(report, "xlsx", Path(folder, "book.xlsx"))
        return openpyxl.load_workbook(Path(folder, "book.xlsx"))


def json_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        text | st.integers(-(2**53), 2**53) | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=5,
    )


def records_of(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.lists(
        st.fixed_dictionaries(
            {
                "text": text | st.sampled_from(RUNNERS),
                "=name": text,
                "number": st.none() | st.integers(-(2**31), 2**31),
                "rate": st.none() | st.integers(-(10**9), 10**9).map(lambda number: number / 100),
                "flag": st.none() | st.booleans(),
                "list": st.lists(json_of(text), max_size=2),
            }
        ),
        min_size=1,
        max_size=3,
    )


Records = list[dict[str, Any]]


def from_parquet(records: Records) -> Records:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        types = {"number": "BIGINT", "rate": "DOUBLE", "flag": "BOOLEAN"}
        write_parquet(records, {name: types.get(name, "VARCHAR") for name in records[0]}, path)
        assert sys.platform == "win32" or path.stat().st_mode & 0o077 == 0
        found = duckdb.read_parquet(str(path))
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    return [row | {"list": json.loads(row["list"])} for row in rows]


def from_csv(records: Records) -> Records:
    def value(text: str | None, read: Callable[[str], object]) -> object:
        return read(text) if text else None

    return [
        row
        | {
            "number": value(row["number"], int),
            "rate": value(row["rate"], float),
            "flag": value(row["flag"], json.loads),
            "list": value(row["list"], json.loads),
        }
        for row in read_csv(render(records, "csv"))
    ]


def from_workbook(records: Records) -> Records:
    names = tuple(records[0])
    rows = [tuple(record[name] for name in names) for record in records]
    book = workbook(Report("t", "s", sections=[Section("S", table=ReportTable(names, rows))]))
    header, *lines = book["S"].iter_rows(values_only=True)
    found: list[dict[Any, Any]] = [dict(zip(header, line, strict=True)) for line in lines]
    # A cell of a workbook is empty or not: it knows no empty text. What XML can't hold, and what
    # looks like its spelling, is spelled `_x0008_`, which openpyxl leaves as it is.
    texts = ("text", "=name")
    return [
        row
        | {name: unescape(row[name] or "") for name in texts}
        | {"rate": None if row["rate"] is None else float(row["rate"])}
        | {"list": json.loads(unescape(row["list"]))}
        for row in found
    ]


@pytest.mark.parametrize(
    "back",
    [
        pytest.param(lambda records: json.loads(render(records, "json")), id="json"),
        pytest.param(
            lambda records: [
                row | {"list": json.loads(row["list"])}
                for row in map(json.loads, render(records, "jsonl").split("\n")[:-1])
            ],
            id="jsonl",
        ),
        pytest.param(from_csv, id="csv"),
        pytest.param(from_parquet, id="parquet"),
    ],
)
@settings(max_examples=20, deadline=None)
@given(records=records_of(TEXT))
def test_format_round_trips_are_exact(back: Callable[[Records], Records], records: Records) -> None:
    assert back(records) == records


@settings(max_examples=10, deadline=None)
@given(records_of(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=20)))
@example([{"text": "_x0008_", "=name": "_x005F_", "number": None, "rate": None, "flag": None,
           "list": []}])  # fmt: skip
def test_workbook_round_trip_is_exact(records: Records) -> None:
    assert from_workbook(records) == records


def test_a_workbook_holds_neither_its_cells_nor_its_files(tmp_path: Path) -> None:
    files = Path("/proc/self/fd")
    most_open = 0

    def sections(number: int) -> Iterator[Section]:
        nonlocal most_open
        for sheet in range(number):
            rows = [(f"row {row} of {sheet}",) * 5 for row in range(100)]
            yield Section(f"S{sheet}", table=ReportTable(("a", "b", "c", "d", "e"), rows))
            if files.is_dir():
                most_open = max(most_open, len(list(files.iterdir())))

    def write(number: int) -> int:
        tracemalloc.start()
        write_report(
            Report("t", "s", sections=sections(number)), "xlsx", tmp_path / f"{number}.xlsx"
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    before = len(list(files.iterdir())) if files.is_dir() else 0
    write(1)
    peaks = [write(3), write(30)]
    assert peaks[1] < 3 * peaks[0]
    assert most_open <= before + 10


YAML_MARKS = st.text("aé1 :#-?,[]{}&*!|>'\"%@`~=<._\n\t\x7f\x85\u2028\ufeff\ud800", max_size=8)
YAML_WORDS = st.sampled_from(["null", "Yes", "y", "1e5", "0o17", "1:30", "2026-11-26", "k" * 2000])


@given(json_of(TEXT | YAML_MARKS | YAML_WORDS) | st.floats(allow_nan=False, allow_infinity=False))
@example({"?" * 2000: [[{"\n" * 2000: [{}]}, []]]})
def test_yaml_round_trip_is_exact(value: object) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


def test_yaml_quotes_words_that_some_readers_read_otherwise() -> None:
    assert to_yaml({"y": ["1e5", "0o17", "No", "a\u202eb", "a: b", "plain"]}) == (
        "'y':\n- '1e5'\n- '0o17'\n- 'No'\n- \"a\\u202eb\"\n- 'a: b'\n- plain\n"
    )


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_list_is_the_same_in_pieces_as_whole(number: int) -> None:
    whole = [Field(name=f"n{each}", label="a\nb").to_wire() for each in range(number)]
    assert render(whole, "json") == to_json(whole, indent=2) + "\n"


def test_export_keeps_one_record_in_memory(tmp_path: Path) -> None:
    made = 0

    def objects() -> Iterator[ObjectSchema]:
        nonlocal made
        for number in range(50):
            made += 1
            yield ObjectSchema(object_type=f"O{number}", fields=(Field(name="A"),))

    for format in TEXT_FORMATS:
        made = 0
        pieces = stream("schema", objects(), format)
        for _ in range(4):
            next(pieces)
        assert made <= 4, format


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    def pieces() -> Iterator[str]:
        yield "half"
        raise CacheError("gone")

    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(CacheError):
        write_atomically(tmp_path / "out.csv", pieces())
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.csv", "old")]


def test_a_workbook_holds_hostile_text_as_text_and_reads_back() -> None:
    book = workbook(report((HOSTILE, 7, True, None)))
    assert book.sheetnames == ["Summary", "S"]
    cells = list(book["S"][2])
    assert [cell.value for cell in cells] == [HOSTILE, 7, True, None]
    assert cells[0].data_type == "s"
    assert book["Summary"]["A1"].value == "A title"


def test_empty_columns_are_hidden_unless_writable() -> None:
    table = filled_table(
        ("a", "b", "c", "d"), [(None, "", 0, None), ("", None, None, None)], (), "d"
    )
    assert (table.columns, table.rows) == (("a", "c", "d"), [[None, 0, None], ["", None, None]])
    page = "".join(stream_report(Report("t", "s", sections=[Section("S", table=table)]), "html"))
    assert '<th class="room">d</th>' in page


def test_a_reader_finds_a_section_among_many() -> None:
    titles = ["It's", "B"]
    sections = [Section(title, ("said",), ReportTable(("x",), [(1,)])) for title in titles]
    found = Report("t", "s", sections=sections, contents=titles)
    page = "".join(stream_report(found, "html"))
    assert '<a href="#s2">B</a>' in page
    assert '<h2 id="s2">B</h2>' in page
    book = workbook(Report("t", "s", sections=sections))
    links = {c.value: c.hyperlink.location for c in book["Summary"]["A"] if c.hyperlink}
    assert links == {"It's": "'It''s'!A1", "B": "'B'!A1"}


def test_sheet_names_are_valid_and_unique() -> None:
    titles = ["A" * 40, "a" * 40, "b/[c]:*?", "History", "'q'"]
    sections = [Section(title, table=ReportTable(("x",), [(1,)])) for title in titles]
    book = workbook(Report("t", "s", sections=sections))
    names = [name.casefold() for name in book.sheetnames]
    assert len(set(names)) == len(titles) + 1
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)


def test_page_is_self_contained_and_bad_format_rejected() -> None:
    page = "".join(stream_report(report((HOSTILE,)), "html"))
    assert "<title>A title</title>" in page
    assert "@media print" in page
    assert "src=" not in page
    assert "<b>&amp;" not in page
    assert "End_Customer_<wbr>Name__c<" in "".join(
        stream_report(report(("End_Customer_Name__c",)), "html")
    )
    assert ">Total<wbr>Opportunity<wbr>Quantity<" in "".join(
        stream_report(report(("TotalOpportunityQuantity",)), "html")
    )
    assert '>ada, <span class="d">2026-11-26</span><' in "".join(
        stream_report(report(("ada, 2026-11-26",)), "html")
    )
    with pytest.raises(UsageError):
        stream_report(report((1,)), "docx")


def test_message_for_a_person(tmp_path: Path) -> None:
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
    assert "breaking, Opportunity.Amount: absent." in sheet.replace("\\", "")
    of_state = ("--pair", PAIR, "--state", "accepted")
    lines = json.loads(hand("--what", "mapping", *of_state))["lines"]
    assert [line["partnerField"] for line in lines] == ["estimatedValue"]
    assert shell.json("mapping", "show", "acme", *of_state[1:])["lines"] == lines
    assert "1 PartnerOS field: 1 accepted" in hand("--what", "mapping-sheet", *of_state)
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
        ("--what", "drift", "--state", "accepted"),
        ("--what", "health", "--format", "csv", "--json"),
        ("--what", "health", "-o", str(tmp_path / "x.csv"), "--format", "yaml"),
        ("--what", "health", "--format", "xlsx", "-o", str(tmp_path / "x.xlsx")),
        ("--what", "health", "-o", str(tmp_path / "x.pdf")),
    ):
        hand(*wrong, code=2)
