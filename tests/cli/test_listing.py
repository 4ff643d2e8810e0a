"""The options that every list has, on a workspace with one connection."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from crmdeck import __version__, connectors, workspace
from crmdeck.cli.app import COMMANDS, CommandGroup, app
from crmdeck.cli.listing import Listing
from crmdeck.cli.output import json_text, set_filter
from crmdeck.errors import install_hint
from crmdeck.exports import read_csv
from crmdeck.workspace.audit import EVENTS, Audit
from crmdeck.workspace.drift import Drift
from tests.cli.shell import PAIR, Shell, describe
from tests.cli.test_commands import make
from tests.restored import Restored

LISTS = (
    "audit", "compare", "config list", "connections list", "doctor", "drift", "findings list",
    "impact", "keys", "mapping check", "mapping show", "mapping values", "match", "policy show",
    "schema", "serve organizations list", "serve tokens list", "serve users list", "status",
    "suggest",
)  # fmt: skip
OPTIONS = {
    "--format",
    "--output",
    "-o",
    "--force",
    "--limit",
    "--sort",
    "--columns",
    "--json",
    "--jq",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    return Restored(tmp_path_factory.mktemp("lists"), make)


@pytest.fixture
def shell(made: Restored) -> Shell:
    return Shell(made.anew() / "home")


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_the_same_options(name: str) -> None:
    root = get_command(app)
    assert isinstance(root, CommandGroup)
    first, *rest = name.split()
    assert first in COMMANDS
    command: Any = root.get_command(None, first)
    for each in rest:
        command = command.commands[each]
    assert {option for param in command.params for option in param.opts} >= OPTIONS


def test_jq_filters_the_json_of_lists_and_of_other_commands(shell: Shell) -> None:
    base = ("schema", "acme", "Opportunity")
    names = [each["name"] for each in shell.json(*base)["fields"]]
    assert shell.run(*base, "--jq", ".fields[].name").stdout.splitlines() == names
    counted = shell.run(*base, "--limit", "2", "--json", "--jq=.fields | length").stdout
    assert counted == "2\n"
    assert shell.run("version", "--jq", ".version").stdout == f"{__version__}\n"
    assert shell.run(*base, "--jq", "empty").stdout == ""
    first = ".fields | map({name, label}) | .[0]"
    assert json.loads(shell.run(*base, "--jq", first).stdout)["name"] == names[0]
    gate = shell.attempt("check", "acme", "--no-refresh", "--jq", "type")
    assert gate.stdout == "object\n"
    for wrong, reason in ((".[", "syntax error"), (".fields.name", "Cannot index array")):
        refused = shell.run(*base, "--jq", wrong, code=2)
        assert refused.stdout == ""
        error = json.loads(refused.stderr)
        assert (error["code"], reason in error["cause"]) == ("BAD_JQ", True)
    assert shell.run(*base, "--jq", ".", "--format", "csv", code=2).stdout == ""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "jq", None)
        missing = json.loads(shell.run(*base, "--jq", ".", code=2).stderr)
    assert missing["remedy"] == install_hint("jq")


def test_jq_passes_hostile_text_and_lone_surrogates() -> None:
    hostile = {"label": "\x1b[2J\u202e\ud800 \u0000\n=1+1"}
    try:
        set_filter(".label")
        assert json_text(hostile) == "\x1b[2J\u202e? \u0000\n=1+1"
        set_filter(".")
        assert json.loads(json_text(hostile))["label"].startswith("\x1b[2J\u202e?")
    finally:
        set_filter(None)


def test_rows_columns_order_and_limit_are_chosen_in_every_format(shell: Shell) -> None:
    base = ("schema", "acme", "Opportunity", "--columns", "name,type", "--sort", "-type,name")
    wanted = [("Name", "string"), ("CloseDate", "date"), ("Amount", "currency")]
    fields = shell.json(*base)["fields"]
    assert [tuple(each.values()) for each in fields] == wanted
    lines = shell.run(*base, "--format", "jsonl").stdout.splitlines()
    assert [tuple(json.loads(line).values()) for line in lines] == wanted
    rows = read_csv(shell.run(*base, "--format", "csv").stdout)
    assert [tuple(row.values()) for row in rows] == wanted
    assert shell.run(*base).stdout == shell.run(*base, "--format", "csv").stdout

    limited = shell.run(*base, "--limit", "2", "--format", "table")
    assert "CloseDate" in limited.stdout
    assert "Amount" not in limited.stdout
    assert "2 of 3" in limited.stderr


def test_a_limit_reads_only_what_it_shows(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    export = shell.home.parent / "export" / "Opportunity.json"
    export.write_text(describe(("Name", "string"), ("Stage__c", "string")))
    shell.run("refresh", "acme")
    base = ("drift", "acme", "--since", "2000-01-01")
    events = shell.json(*base)["events"]
    log = shell.json("audit", "acme", "acme")
    assert len(events) == 3
    assert len(log) > 3
    open_now = [each for each in events if each["severity"] != "safe"]

    read: list[int | None] = []
    entries = Audit.entries

    def counted(*given: Any, limit: int | None = None, **more: Any) -> Any:
        read.append(limit)
        return entries(*given, limit=limit, **more)

    monkeypatch.setattr(Audit, "entries", counted)
    monkeypatch.setattr(Drift, "report", None)
    assert shell.json(*base, "--limit", "2")["events"] == events[:2]
    assert shell.json("drift", "--open", "--limit", "1")["events"] == open_now[:1]
    assert "first 2." in shell.run(*base, "--limit", "2", "--format", "table").stderr
    for names in ((), ("acme", "acme")):
        assert shell.json("audit", *names, "--limit", "2") == log[:2]
    assert read == [3, 3]
    assert shell.json(*base)["events"] == events
    by_field = shell.json(*base, "--sort", "fieldName")["events"]
    assert by_field == sorted(events, key=lambda each: each["fieldName"])
    gate = ("drift", "acme", "--fail-on", "risky", "--json")
    assert shell.json(*gate, code=4)["reasons"] == ["drift"]
    assert shell.json(*gate, "--object", "Opportunity", code=4)["events"] == events
    assert shell.json(*gate, "--until", "2000-01-01")["events"] == []
    assert shell.json("export", "acme", "--what", "drift")["events"] == events
    seen = shell.json(*gate, "--acknowledge", "shown")
    assert (len(seen["events"]), seen["openChanges"]["count"]) == (3, 0)
    in_order = sorted(log, key=lambda each: each["event"], reverse=True)
    assert shell.json("audit", "--sort", "-event", "--limit", "2") == in_order[:2]


def test_an_iterator_is_sorted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"a": n * 7 % 5 or None, "b": str(n * 3 % 4), "n": n} for n in range(23)]
    monkeypatch.setattr("crmdeck.cli.listing._SORTED_AT_ONCE", 4)
    monkeypatch.setattr("crmdeck.cli.listing._MERGED_AT_ONCE", 2)
    for sort in ("a", "-a,b", "b,-a"):
        listing = Listing(sort=sort)
        whole = list(listing.pick(rows, lambda row: row))
        assert list(listing.pick(iter(rows), lambda row: row)) == whole
        assert list(replace(listing, limit=6).pick(iter(rows), lambda row: row)) == whole[:6]
        assert whole != rows


def test_a_list_goes_to_a_file_in_the_format_of_its_name(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    shell.run("audit", "acme", "acme", "-o", str(file), "--since", "2000-01-01")
    events = [row["event"] for row in read_csv(file.read_text())]
    assert [each["event"] for each in shell.json("audit", "acme")] == events
    shell.run("audit", "-o", str(file), code=2)
    assert shell.run("status", "-o", str(tmp_path / "s.txt")).stdout == ""
    assert "acme" in (tmp_path / "s.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("status", "--columns", "nosuch"), "BAD_COLUMN", "openCount"),
        (("drift", "--sort", "-sevrity", "--acknowledge", "shown"), "BAD_COLUMN", "severity"),
        (("suggest", "acme", PAIR, "--columns", "x"), "BAD_COLUMN", "crmField"),
        (("audit", "--columns", ","), "BAD_REQUEST", "--columns"),
        (("keys", "-o", "keys.csv"), "FORMAT_CONTRADICTS_NAME", "json"),
        (
            ("suggest", "acme", PAIR, "--field", "contactNam"),
            "PARTNEROS_FIELD_NOT_FOUND",
            "contactName",
        ),
    ],
)
def test_an_unknown_word_names_the_valid_ones(
    shell: Shell, arguments: tuple[str, ...], code: str, named: str
) -> None:
    error = json.loads(shell.attempt(*arguments, "--json").stderr)
    assert error["code"] == code
    assert named in json.dumps(error)


def test_an_unknown_format_names_the_valid_ones(shell: Shell) -> None:
    assert "jsonl" in shell.run("status", "--format", "xml", code=2).stderr


def test_one_field_is_suggested_for(shell: Shell) -> None:
    found = shell.json("suggest", "acme", PAIR, "--field", "expectedCloseDate", "--encoder", "none")
    assert [each["crmField"] for each in found["suggestions"]] == ["CloseDate"]


def test_unknown_event_is_rejected_with_valid_ones(shell: Shell) -> None:
    error = shell.json_error("audit", "--event", "schema.refresht", code=2)
    assert "schema.refreshed" in error["cause"]
    assert shell.json("audit", "--event", "token.*") == []
    for options in ([], ["--json"], ["--format", "csv"]):
        assert shell.run("audit", "--event", "nosuch.*", *options, code=2).stdout == ""

    written = re.compile(r'"((?:cache|connection|mapping|notice|policy|schema|token)\.[a-z_]+)"')
    folders = [Path(package.__file__ or "").parent for package in (workspace, connectors)]
    found = {
        event
        for folder in folders
        for file in folder.rglob("*.py")
        for event in written.findall(file.read_text("utf-8"))
    }
    assert found - {"policy.toml"} <= set(EVENTS)


def test_every_page_of_help_fits_80_columns(shell: Shell) -> None:
    def pages(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
        yield path
        for name, inner in getattr(command, "commands", {}).items():
            yield from pages(inner, *path, name)

    root = get_command(app)
    assert isinstance(root, CommandGroup)
    paths = [(), *(page for name in COMMANDS for page in pages(root.get_command(None, name), name))]
    for path in paths:
        lines = shell.run(*path, "--help").stdout.splitlines()
        assert max(map(len, lines)) <= 80, path
    assert shell.run("help", "mapping", "accept").stdout.splitlines() == (
        shell.run("mapping", "accept", "--help").stdout.splitlines()
    )
    assert shell.run("version").stdout == shell.run("--version").stdout
    assert "Did you mean" in shell.run("help", "mappin", code=2).stderr
