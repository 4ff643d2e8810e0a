"""A mapping sheet on its way: exported, signed off in a spreadsheet, applied."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.cli.shell import PAIR, Shell
from tests.cli.test_commands import make


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("sheets")
    make(folder)
    return Shell(folder / "home")


@pytest.fixture(scope="module")
def exported(shell: Shell) -> Path:
    path = shell.home.parent / "sheet.xlsx"
    shell.run("export", "acme", "--what", "mapping-sheet", "--pair", PAIR, "-o", str(path))
    return path


def edited(path: Path, change: Callable[[Any], None], name: str = "edited.xlsx") -> str:
    """Save a copy of a sheet, as a spreadsheet does after `change`."""
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path.with_name(name))
    return str(path.with_name(name))


def cell(sheet: Any, field: str, heading: str) -> Any:
    columns = {each.value: each.column for each in sheet[1]}
    row = next(
        row
        for row in sheet.iter_rows(min_row=2)
        if row[columns["PartnerOS field"] - 1].value == field
    )
    return row[columns[heading] - 1]


def test_a_sheet_that_was_signed_off_comes_back(shell: Shell, exported: Path) -> None:
    def decide(book: Any) -> None:
        sheet = book["Mappings"]
        cell(sheet, "expectedCloseDate", "decision").value = "accept"
        cell(sheet, "expectedCloseDate", "note").value = "as agreed"
        cell(sheet, "expectedCloseDate", "signed off by").value = "Lena"
        cell(sheet, "description", "other field").value = "Name"
        cell(sheet, "contactTitle", "decision").value = "unmap"

    file = edited(exported, decide)
    plan = shell.json("mapping", "apply", "acme", PAIR, file, "--dry-run")
    changes = {each["partnerField"]: (each["state"], each["after"]) for each in plan["changes"]}
    assert changes == {
        "expectedCloseDate": ("accepted", "CloseDate"),
        "description": ("accepted", "Name"),
        "contactTitle": ("rejected", None),
    }
    decided = shell.json("mapping", "apply", "acme", PAIR, file)
    notes = {each["partnerField"]: each["note"] for each in decided}
    assert notes["expectedCloseDate"] == "as agreed; signed off by Lena"
    assert shell.json("mapping", "apply", "acme", PAIR, file) == []

    shell.run("mapping", "reject", "acme", PAIR, "expectedCloseDate=CloseDate", "--encoder", "none")
    error = shell.json_error("mapping", "apply", "acme", PAIR, file, code=1)
    assert error["code"] == "MAPPING_CHANGED_SINCE"
    assert "expectedCloseDate" in error["cause"]
    assert "description" not in error["cause"]
    (again,) = shell.json("mapping", "apply", "acme", PAIR, file, "--overwrite")
    assert again["crmField"] == "CloseDate"


def test_a_sheet_saved_as_csv_comes_back(shell: Shell, exported: Path) -> None:
    rows = [list(row) for row in openpyxl.load_workbook(exported)["Mappings"].values]
    heading = rows[0].index("decision")
    field = rows[0].index("PartnerOS field")
    next(row for row in rows if row[field] == "contactName")[heading] = "unmap"
    path = exported.with_suffix(".csv")
    with path.open("w", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows(rows)
    plan = shell.json("mapping", "apply", "acme", PAIR, str(path), "--dry-run")
    assert [each["partnerField"] for each in plan["changes"]] == ["contactName"]


def accept(sheet: Any) -> None:
    cell(sheet, "expectedCloseDate", "decision").value = "accept"


def set_cell(place: str, value: str) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        accept(book["Mappings"])
        name, _, at = place.rpartition("!")
        book[name or "Mappings"][at].value = value

    return change


def merge(book: Any) -> None:
    accept(book["Mappings"])
    book["Mappings"].merge_cells("A2:A3")


def move_column(book: Any) -> None:
    sheet = book["Mappings"]
    accept(sheet)
    for row in sheet.iter_rows():
        row[0].value, row[1].value = row[1].value, row[0].value


def rename_sheet(book: Any) -> None:
    book["Mappings"].title = "Sheet1"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (set_cell("A1", "state"), "Cell A1: 'state' isn't a heading"),
        (move_column, "Cell B1: the column 'status' was moved"),
        (merge, "Cells A2:A3 are merged"),
        (set_cell("D3", "=A1"), "Cell D3 contains a formula"),
        (set_cell("Summary!B5", "a--B"), "Cell Summary!B5: the sheet is one of a--B"),
        (set_cell("Z9", "stray"), "Cell Z9: the column has no heading"),
        (rename_sheet, "has no sheet 'Mappings'"),
        (lambda _: None, "has no decision"),
    ],
)  # fmt: skip
def test_altered_sheet_is_rejected_with_its_cell(
    shell: Shell, exported: Path, change: Callable[[Any], None], cause: str
) -> None:
    file = edited(exported, change, "bad.xlsx")
    error = shell.json_error("mapping", "apply", "acme", PAIR, file, code=2)
    assert error["code"] == "BAD_MAPPING_SHEET"
    assert cause in error["cause"]
