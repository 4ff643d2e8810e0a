"""crmdeck explain over the demo: errors in, causes, changes and exit codes out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.cli.shell import PAIR, Shell

PLANTED = """sf__Id,sf__Error,Name
,REQUIRED_FIELD_MISSING:Required fields are missing: [End_Customer_Domain__c]:End_Customer_Domain__c --,a
,REQUIRED_FIELD_MISSING:Required fields are missing: [End_Customer_Domain__c]:End_Customer_Domain__c --,b
006A,STRING_TOO_LONG:End Customer Name: data value too large: Acme and Sons (max length=80):End_Customer_Name__c --,c
006B,INVALID_FIELD:No such column 'Decision_Contact_Email__c' on sobject of type Opportunity,d
006J,INVALID_FIELD:No such column 'Current_Provider__c' on sobject of type Opportunity,d
006C,INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Status: bad value for restricted picklist field: Expired [Status__c],e
006D,FIELD_CUSTOM_VALIDATION_EXCEPTION:Enter the estimated value of the partner deal.:Amount --,f
006E,UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: 0015g:--,g
006F,CANNOT_EXECUTE_FLOW_TRIGGER:We can't save this record because the “Opportunity Partner Defaults” process failed.,h
006G,ENTITY_IS_DELETED:entity is deleted:--,i
006H,INACTIVE_OWNER_OR_USER:operation performed with inactive user [0055g] as owner of opportunity:--,j
006I,Etwas ist schiefgelaufen mit Ada Lovelace,k
,,ok
"""  # noqa: E501


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("explain")
    (home / "failed.csv").write_text(PLANTED, "utf-8")
    return home


@pytest.fixture
def shell(home: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.chdir(home)
    return Shell(home / "home")


def test_planted_errors_have_change_person_and_row(shell: Shell) -> None:
    report = shell.json("explain", "failed.csv", "--demo", "--connection", "acme-prod")
    assert (report["errors"], report["schemaErrors"], report["succeeded"]) == (12, 7, 1)
    assert [one["count"] for one in report["causes"]] == [2, *[1] * 10]
    found = {(one["kind"], one["object"], one["field"]): one for one in report["causes"]}
    tied = {
        key: (one["change"]["by"], [each.partition(":")[2] for each in one["mappings"]])
        for key, one in found.items()
        if one["change"]
    }
    assert tied == {
        ("required", "Opportunity", "End_Customer_Domain__c"): ("Tom Okafor", ["accountDomain"]),
        ("too_long", "Opportunity", "End_Customer_Name__c"): ("Tom Okafor", ["accountName"]),
        ("field_missing", "Opportunity", "Decision_Contact_Email__c"): (
            "Lena Brandt",
            ["contactEmail"],
        ),
        ("field_missing", "Opportunity", "Current_Provider__c"): ("Priya Raman", []),
        ("choice", "Deal_Registration__c", "Status__c"): ("Tom Okafor", []),
    }
    renamed = found["field_missing", "Opportunity", "Decision_Contact_Email__c"]
    assert "Economic_Buyer_Email__c" in renamed["next"]
    rule = found["rule", "Opportunity", "Amount"]
    assert rule["rule"] == "Partner_Deal_Needs_Amount"
    assert rule["now"].startswith("Rule Partner_Deal_Needs_Amount is active. No such change since")
    others = [one for one in report["causes"] if not one["isSchemaCause"]]
    assert [one["kind"] for one in others] == [
        *("lock", "automation", "deleted", "owner", "unknown")
    ]
    assert others[1]["through"] == "Opportunity Partner Defaults"
    # The change of the status comes after the error.
    early = shell.json(
        *("explain", "failed.csv", "--demo", "--connection", "acme-prod", "--at", "2d")
    )
    assert not next(one for one in early["causes"] if one["kind"] == "choice")["change"]


def test_text_names_why_row_and_next_step(shell: Shell) -> None:
    out = shell.run("explain", "failed.csv", "--demo", "--connection", "acme-prod").stdout
    first = out.split("\n\n")[1]
    assert first.splitlines()[0] == ("2 × Opportunity.End_Customer_Domain__c: required, and empty")
    assert "Tom Okafor changed End_Customer_Domain__c on 20" in first
    assert f"row     {PAIR}:accountDomain" in first
    assert "Etwas ist schiefgelaufen mit Ada Lovelace" in out
    masked = shell.run(
        *("explain", "failed.csv", "--demo", "--connection", "acme-prod", "--no-values")
    ).stdout
    assert "Ada Lovelace" not in masked
    assert "Expired" not in masked


def test_retry_list_and_reports_are_written(shell: Shell, tmp_path: Path) -> None:
    command = ("explain", "failed.csv", "--demo", "--connection", "acme-prod", "-o")
    shell.run(*command, str(tmp_path / "retry.csv"))
    rows = list(csv.DictReader((tmp_path / "retry.csv").read_text("utf-8").splitlines()))
    assert [row["line"] for row in rows if row["cause"] == "required"] == ["2", "3"]
    assert {row["recordId"] for row in rows if row["cause"] == "lock"} == {"006E"}
    for name in ("report.html", "report.md"):
        shell.run(*command, str(tmp_path / name))
        text = (tmp_path / name).read_text("utf-8")
        assert "Tom Okafor changed" in text
        # Reports have counts, never values.
        assert "Acme and Sons" not in text
        assert "Ada Lovelace" not in text


def test_each_prints_one_record_for_each_message(shell: Shell) -> None:
    lines = [
        {"message": "STRING_TOO_LONG: Name: data value too large: xy (max length=1): [Name]"},
        {"message": "x was not a valid long.", "code": "INVALID_LONG", "vendor": "hubspot"},
        {"message": "Quelque chose a mal tourné"},
    ]
    stdin = "\n".join(map(json.dumps, lines))
    done = shell.attempt("explain", "-", "--each", "--json", "--fail-on", "schema", stdin=stdin)
    assert done.code == 4
    found = [json.loads(line) for line in done.stdout.splitlines()]
    keys = ("kind", "code", "vendor", "field", "value", "isSchemaCause", "line")
    assert [[one[key] for key in keys] for one in found] == [
        ["too_long", "STRING_TOO_LONG", "salesforce", "Name", "xy", True, 1],
        ["format", "INVALID_LONG", "hubspot", None, "x", True, 2],
        ["unknown", None, None, None, None, False, 3],
    ]


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        ("UNABLE_TO_LOCK_ROW: busy", ("--fail-on", "schema"), 0, "1 error"),
        ("STRING_TOO_LONG: Name: data value too large: x", ("--fail-on", "schema"), 4, "1 cause"),
        ('{"message": "UNABLE_TO_LOCK_ROW"}\n{broken', (), 6, "Can't read 1 row"),
        ("{broken\n{more", (), 1, "crmdeck can't read anything in the input"),
        ("STRING_TOO_LONG", ("--connection", "nosuch"), 2, "nosuch"),
        ("all is well", (), 0, "No errors"),
    ],
)  # fmt: skip
def test_exit_codes(
    shell: Shell, text: str, options: tuple[str, ...], code: int, said: str
) -> None:
    done = shell.attempt("explain", *options, stdin=text)
    assert done.code == code, done.stderr
    assert said in done.stdout + done.stderr


def test_field_of_several_objects_asks_for_the_pair(shell: Shell) -> None:
    text = "REQUIRED_FIELD_MISSING: Required fields are missing: [Name]"
    for pair in ("partner--Account=name=Name", f"{PAIR}=accountName=Name"):
        name, _, row = pair.partition("=")
        shell.run("mapping", "accept", "acme-prod", name, row, "--demo")
    done = shell.attempt("explain", "--demo", "--connection", "acme-prod", stdin=text)
    assert done.code == 2
    assert "Several objects have the field Name: Account, Opportunity." in done.stderr
    assert "--pair" in done.stderr
    done = shell.attempt(
        *("explain", "--demo", "--connection", "acme-prod", "--pair", PAIR), stdin=text
    )
    assert "Opportunity.Name" in done.stdout
    assert f"{PAIR}:accountName" in done.stdout
    flow = 'CANNOT_EXECUTE_FLOW_TRIGGER: the "Opportunity Partner Defaults" process failed'
    done = shell.attempt(
        *("explain", "--demo", "--connection", "acme-prod", "--pair", PAIR),
        stdin=flow.replace("the", "because the"),
    )
    assert "Opportunity runs flow Opportunity_Partner_Defaults." in done.stdout
