"""crmdeck preflight over exported files: records in, outcomes and exit codes out."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from crmdeck.exports import FINDING_COLUMNS, finding_rows, read_csv, render
from crmdeck.model import Outcome, WriteProblem
from crmdeck.sandbox import write_rules
from tests.cli.shell import PAIR, Shell, make_mappings
from tests.restored import Restored

DESCRIBE = {
    "name": "Opportunity",
    "label": "Opportunity",
    "fields": [
        {"name": "Name", "type": "string", "length": 20, "nillable": False, "createable": True},
        {"name": "Amount", "type": "currency", "precision": 18, "scale": 2, "nillable": True,
         "createable": True},
        {"name": "CloseDate", "type": "date", "nillable": True, "createable": True},
    ],
}  # fmt: skip
SECRET_VALUE = "an account that no report names"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    def make(folder: Path) -> None:
        make_mappings(folder, DESCRIBE, "accountName=Name", "estimatedValue=Amount")

    return Restored(tmp_path_factory.mktemp("preflight"), make)


@pytest.fixture
def shell(made: Restored) -> Shell:
    return Shell(made.anew() / "home")


def records(tmp_path: Path, text: str, name: str = "deals.csv") -> str:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return str(path)


def test_records_are_judged_by_column_name_or_label(shell: Shell, tmp_path: Path) -> None:
    file = records(
        tmp_path, f'Account name,estimatedValue\n{SECRET_VALUE},1\nAcme,"1,5"\nGlobex,2.345\n'
    )
    report = shell.json("preflight", "acme", PAIR, "--records", file)
    assert {cause["code"]: cause["positions"] for cause in report["causes"]} == {
        "RULES_NOT_READ": [1, 2, 3],
        "TOO_LONG": [1],
        "NOT_A_NUMBER": [2],
        "ROUNDED": [3],
    }
    assert (report["records"], report["rejected"], report["changed"]) == (3, 2, 1)
    assert SECRET_VALUE not in json.dumps(report)
    assert SECRET_VALUE not in shell.run("audit", "acme", "--json").stdout


def test_each_form_of_file_is_read(shell: Shell, tmp_path: Path) -> None:
    for name, text in (
        ("deals.json", '[{"accountName": "Acme", "estimatedValue": 1.5}]'),
        ("deals.jsonl", '{"accountName": "Acme"}\n{"accountName": "Globex"}\n'),
        ("data.json", '{"data": [{"accountName": "Acme"}]}'),
        ("excel.csv", "\ufeffaccountName;estimatedValue\r\nAcme;1\r\n"),
    ):
        report = shell.json("preflight", "acme", PAIR, "--records", records(tmp_path, text, name))
        assert report["rejected"] == 0, name
        assert {cause["code"] for cause in report["causes"]} == {"RULES_NOT_READ"}, name


def test_the_exit_code_follows_the_outcomes(shell: Shell, tmp_path: Path) -> None:
    good = records(tmp_path, "accountName\nAcme\n", "good.csv")
    bad = records(tmp_path, f"accountName\n{SECRET_VALUE}\n", "bad.csv")
    command = ("preflight", "acme", PAIR, "--records")
    shell.run(*command, good, "--fail-on", "unless")
    shell.run(*command, good, "--fail-on", "unknown", code=4)
    shell.run(*command, bad, "--fail-on", "rejected", code=4)
    shell.run(*command, bad)


def test_a_report_has_counts_owners_and_positions_but_no_values(
    shell: Shell, tmp_path: Path
) -> None:
    file = records(tmp_path, f'accountName,estimatedValue\n{SECRET_VALUE},1\nAcme,"1,5"\nX,1.005\n')
    command = ("preflight", "acme", PAIR, "--records", file, "-o")
    for name in ("r.html", "r.md", "r.json", "findings.csv", "findings.jsonl", "r.xlsx"):
        shell.run(*command, str(tmp_path / name))
    page = (tmp_path / "r.html").read_text("utf-8")
    assert 'style="flex:2 0 0"' in page
    assert "Account name: longer than 20 characters" in page
    assert "CRM admin" in page
    findings = read_csv((tmp_path / "findings.csv").read_text("utf-8"))
    assert [each["position"] for each in findings if each["code"] == "NOT_A_NUMBER"] == ["2"]
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert book.sheetnames == ["Summary", "Causes", "Not judged", "Details for admins"]
    assert ("rejected", 2) in book["Summary"].iter_rows(max_col=2, values_only=True)
    written = "".join(
        str(row) for sheet in book for row in sheet.iter_rows(values_only=True)
    ) + "".join(each.read_text("utf-8") for each in tmp_path.glob("*.[hmj]*"))
    assert SECRET_VALUE not in written
    shell.run(*command, str(tmp_path / "r.html"), code=2)
    shell.run("preflight", "acme", PAIR, "--format", "xlsx", code=2)
    assert read_csv(shell.run("preflight", "acme", PAIR, "--format", "csv").stdout)


def test_boundary_values_show_failures_without_records(shell: Shell) -> None:
    found = shell.json("preflight", "acme", PAIR)
    when = {(each["partnerField"], each["when"]): each["outcome"] for each in found}
    assert when["accountName", "21 characters or more"] == "rejected"
    assert when["estimatedValue", "more than 2 decimal places"] == "changed"


def test_unfit_records_file_is_rejected(shell: Shell, tmp_path: Path) -> None:
    for text, code in (
        ("acountName\nAcme\n", "UNKNOWN_COLUMN"),
        ("accountName,Account name\nAcme,Acme\n", "TWO_COLUMNS"),
        ("accountName,accountName\nAcme,Acme\n", "TWO_COLUMNS"),
        ("Some prose,\nin a text file\n", "NOT_A_TABLE"),
        ("%PDF-1.7\n", "NOT_A_TABLE"),
        ("accountName,estimatedValue\nAcme,1,5\n", "TOO_MANY_CELLS"),
        ("accountName\n", "NO_RECORDS"),
        ("", "NO_RECORDS"),
        ("[1]", "NOT_A_RECORD"),
    ):
        file = records(tmp_path, text)
        done = shell.run("preflight", "acme", PAIR, "--records", file, "--json", code=2)
        assert json.loads(done.stderr)["code"] == code, text


def test_a_column_can_be_left_out(shell: Shell, tmp_path: Path) -> None:
    file = records(tmp_path, "accountName,Internal ID\nAcme,7\n")
    shell.run("preflight", "acme", PAIR, "--records", file, code=2)
    shell.run("preflight", "acme", PAIR, "--records", file, "--ignore", "Internal ID")


def test_unknown_names_are_rejected(shell: Shell) -> None:
    for arguments, code in (
        ((PAIR, "--record-type", "Nope"), "NO_RECORD_TYPE"),
        ((PAIR, "--filled", "Nope"), "NO_FIELD"),
        (("partner--Opportunity",), "NOTHING_ACCEPTED"),
        ((PAIR, "--sample", "5"), "NO_RECORDS"),
        ((PAIR, "--sample", "5", "--update"), "BAD_REQUEST"),
    ):
        done = shell.run("preflight", "acme", *arguments, "--json", code=2)
        assert json.loads(done.stderr)["code"] == code


def test_values_of_other_habits_are_named_and_never_guessed(shell: Shell, tmp_path: Path) -> None:
    shell.run("mapping", "accept", "acme", PAIR, "expectedCloseDate=CloseDate", "--encoder", "none")
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Deals", 0)
    for row in (
        ["Account name", "estimatedValue", "expectedCloseDate"],
        ["Acme", 1.5, date(2026, 12, 31)],
        ["Acme", "1,5", 46387],
        ["Acme", "1.234,50", "31/12/2026"],
    ):
        sheet.append(row)
    book.save(tmp_path / "deals.xlsx")
    report = shell.json("preflight", "acme", PAIR, "--records", str(tmp_path / "deals.xlsx"))
    found = {cause["reason"]: cause["positions"] for cause in report["causes"]}
    del found["crmdeck didn't read the CRM's rules"]
    assert found == {
        "a number with separators, not like 1234.5": [2, 3],
        "a day number of Excel, not a date like 2026-05-16": [2],
        "not a date like 2026-05-16": [3],
    }


def test_the_permissions_of_the_user_decide_a_rule_with_as_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tuple(
        ("Opportunity", name, "Amount", "Ask the deal desk.", f"AND(Amount > 5, NOT({permission}))")
        for name, permission in (
            ("Not_Granted", "$Permission.Deal_Desk"),
            ("Granted", "$Permission.Bypass_Rules"),
        )
    )
    monkeypatch.setattr(write_rules, "VALIDATION_RULES", rules)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shell = Shell(tmp_path / "home")
    shell.run("refresh", "acme-prod", "--demo")
    command = ("preflight", "acme-prod", PAIR, "--demo", "--records",
               records(tmp_path, "accountName,estimatedValue\nAcme,1\nAcme,6\n"))  # fmt: skip

    def found(*more: str) -> dict[str, tuple[str, list[int]]]:
        report = shell.json(*command, *more)
        return {
            cause["rule"]: (cause["outcome"], cause["positions"])
            for cause in report["causes"]
            if cause.get("rule") in ("Granted", "Not_Granted")
        }

    unless = ("unless_user", [2])
    assert found() == {"Granted": unless, "Not_Granted": unless}
    # A flow of the demo runs before the rules of new records.
    assert found("--as-user") == {"Not_Granted": ("unless_automation", [2])}


def test_findings_with_hostile_text_round_trip(tmp_path: Path) -> None:
    texts = ('=HYPERLINK("http://x")', "@cmd", "[b]bold[/b]", '+1;"2"\n-3', "\ttab", "a,b")
    listed = [
        WriteProblem(position=1, outcome=Outcome.UNKNOWN, code="RULE", reason=text, rule=text,
                     crm_field=text, needs=(text,))
        for text in texts
    ]  # fmt: skip
    written = render(finding_rows(listed), "csv", columns=FINDING_COLUMNS)
    for row, text in zip(read_csv(written), texts, strict=True):
        assert [row[name] for name in ("reason", "rule", "crmField", "needs")] == [text] * 4
    cells = [cell for row in csv.reader(io.StringIO(written)) for cell in row]
    assert not any(cell[:1] in "=+-@\t" and cell for cell in cells)
