"""Blocks of README and docs run as written, over the demo, and so do the examples of the help.

A shell block that can't has a comment above it, `<!-- needs: terminal -->` where it wants a person,
or another of `NEEDS`. The blocks of one page run one after the other in one folder: a later one
finds what an earlier one made.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from crmdeck.cli.app import COMMANDS
from crmdeck.cli.completion import TABLE
from crmdeck.cli.examples import EXAMPLES, NOT_RUN
from crmdeck.cli.spec import RECORDS
from tests.cli.shell import Done, Shell, describe
from tests.docs.drawn import ANSWERS, WIRE_SCHEMA

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OTHER_PAGES = sorted((ROOT / ".github").glob("*.md"))

LANGUAGES = (
    "sh",
    "python",
    "toml",
    "json",
    "yaml",
    "ini",
    "sql",
    "text",
    "crontab",
    "powershell",
    "nginx",
)
NEEDS = ("terminal", "server", "crm", "network", "checkout")

FINE = (0, 3, 4)
"""The demo holds a connection that needs a new sign-in, and drift."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what it needs that a test has not, and its text."""

    language: str
    needs: str
    text: str


FENCE = re.compile(r"^(?:<!-- needs: (.*) -->\n)?```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)


def blocks(page: Path) -> list[Block]:
    found = FENCE.findall(page.read_text("utf-8"))
    return [Block(language, needs, text) for needs, language, text in found]


def runs(block: Block) -> bool:
    return block.language in ("sh", "python") and not block.needs


RUNNING = [page for page in PAGES if any(runs(block) for block in blocks(page))]


def examples() -> Iterator[tuple[str, str]]:
    for name, lines in EXAMPLES.items():
        yield from ((name, line) for line in lines if name not in NOT_RUN)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(("command", "line"), list(examples()))
def test_an_example_of_the_help_runs_as_written(
    command: str, line: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_line(line, {"XDG_CACHE_HOME": str(cache), "CRMDECK_HOME": str(cache / "home")})
    assert done.code in FINE, done.stderr
    assert done.stdout or done.stderr


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_as_written(
    page: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # A reader's demo is fresh: no page needs what another page did, and none is broken by it.
    Shell(tmp_path / "home").run("demo", "--reset", env={"XDG_CACHE_HOME": str(cache)})
    environment = {"XDG_CACHE_HOME": str(cache), "CRMDECK_HOME": str(tmp_path / "home")}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for block in filter(runs, blocks(page)):
        if block.language == "python":
            exec(compile(block.text, page.name, "exec"), {"__name__": "example"})
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            done = run_line(line, environment)
            assert done.code in FINE, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES], ids=lambda page: page.name)
def test_every_block_names_its_language_and_why_it_does_not_run(page: Path) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, block.text
        assert not block.needs or (block.language == "sh" and block.needs in NEEDS), block.text


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs a shell")
def test_server_pages_run_in_order(tmp_path: Path) -> None:
    """Runs the blocks of server.md, then those of wire.md, which use its server."""
    (tmp_path / "export").mkdir()
    fields = ("Name", "string"), ("CloseDate", "date")
    (tmp_path / "export/Opportunity.json").write_text(describe(*fields))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = tmp_path / "crmdeck"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m crmdeck "$@"\n')
    command.chmod(0o755)
    lines = ["set -e", "trap 'kill $(jobs -p)' EXIT"]
    wait = f"curl -s --retry 60 --retry-connrefused --retry-delay 1 http://127.0.0.1:{port}/api/"
    for page in ("server.md", "wire.md"):
        for block in blocks(ROOT / "docs" / page):
            if block.needs == "server":
                lines += [block.text.replace("8475", str(port))]
                lines += [wait] if block.text.endswith("&\n") else []
    script = tmp_path / "script.sh"
    script.write_text("\n".join(lines))
    ran = subprocess.run(
        ["bash", str(script)],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2_000:]
    *_, answer = ran.stdout.splitlines()
    assert '"objectType":"Opportunity"' in answer


SHOWN = re.compile(
    r"^```sh\n((?:(?!```).*\n)*?)(crmdeck .*)\n```\n\n"
    r"<!-- first lines, 100 columns -->\n```text\n((?:.*\n)*?)```$",
    re.MULTILINE,
)
SHOWING = [(page, *found) for page in PAGES for found in SHOWN.findall(page.read_text("utf-8"))]


def test_docs_show_the_first_lines_of_each_command(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(SHOWING) >= 8
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    shell = Shell(tmp_path / "home")
    shell.run("demo", "--reset")
    for page, before, line, shown in SHOWING:
        assert not before or in_a_shell(before, {}).code == 0, page.name
        done = shell.attempt(*shlex.split(line)[1:], columns=100)
        lines = [each.rstrip() for each in done.stdout.splitlines()]
        # The demo's dates move with today.
        expected = _without_dates(shown)
        assert _without_dates("\n".join(lines))[: len(expected)] == expected, page.name


def test_readme_cron_line_after_first_export_writes_report(cache: Path, tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    setup = next(
        block.text for block in blocks(ROOT / "README.md") if "mkdir exports" in block.text
    )
    found = re.search(r"```crontab\n(?:\S+ ){5} *(.*)", page)
    assert found is not None
    check = found[1].replace("$HOME/.local/bin/", "")
    environment = {"XDG_CACHE_HOME": str(cache), "HOME": str(tmp_path)}
    done = in_a_shell(f"cd {tmp_path}; unset CRMDECK_HOME\n{setup}\n{check}", environment)
    assert (done.code, (tmp_path / "crmdeck.html").is_file()) == (0, True), done.stderr


def _without_dates(text: str) -> list[str]:
    return re.sub(r"\d{4}-\d\d-\d\d|\d+ (?:min|h|days?) ago *", "DATE ", text).splitlines()


def run_line(line: str, environment: dict[str, str]) -> Done:
    """Run a line in this process if only crmdeck's commands are in it, else in a shell."""
    words = shlex.split(line)
    parts = [list(part) for pipe, part in itertools.groupby(words, "|".__eq__) if not pipe]
    ours = all(part[0] == "crmdeck" for part in parts)
    if not ours or {"||", ">", "&&", "&"} & set(words):
        return in_a_shell(line, environment)
    shell, done = Shell(Path(environment["CRMDECK_HOME"])), Done(0, "", "")
    for _, *arguments in parts:
        done = shell.attempt(*arguments, env=environment, stdin=done.stdout)
    return done


def in_a_shell(line: str, environment: dict[str, str]) -> Done:
    if not Path("/bin/bash").exists():
        pytest.skip("has no bash")
    ran = subprocess.run(
        ["/bin/bash", "-c", f'crmdeck() {{ {sys.executable} -m crmdeck "$@"; }}; {line}'],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(ran.returncode, ran.stdout, ran.stderr)


NOT_IN_DEMO = ("connections add", "secrets", "config", "policy set")
"""Lines that change a real workspace or sign in."""

WITHOUT_RECORD = (
    "serve", "screenshots", "sandbox", "keys", "version", "disconnect", "connections sign-in",
)  # fmt: skip
"""Commands whose JSON is a URL, a path, or a few words."""


def test_json_of_each_command_fits_the_published_schema(tmp_path: Path) -> None:
    """The names in capitals are those of the demo here."""
    schema = json.loads(WIRE_SCHEMA.read_text("utf-8"))
    mapping, errors = tmp_path / "mapping.json", tmp_path / "errors.txt"
    errors.write_text("REQUIRED_FIELD_MISSING: Required fields are missing: [Name]\n", "utf-8")
    records = tmp_path / "deals.csv"
    records.write_text("accountName,estimatedValue\nAcme,12\n", "utf-8")
    side = tmp_path / "left.csv"
    side.write_text("name,type\nAmount,currency\n", "utf-8")
    names = {"NAME": "acme-prod", "[NAME]": "acme-prod", "[OTHER]": "acme-emea",
             "PAIR": "deal_registration--Opportunity", "OBJECT": "Opportunity",
             "OBJECT.FIELD": "Opportunity.Partner__c", "ID": "1586849f2021aafa",
             "LEFT": str(side), "RIGHT": str(side)}  # fmt: skip
    files = {"explain": errors, "preflight": records, "backup": tmp_path / "backup.zip",
             "mapping": mapping}  # fmt: skip
    more = {"suggest NAME PAIR": ["--encoder", "none"], "check": ["--no-refresh"],
            "mapping accept NAME PAIR": ["description=Description", "--encoder", "none"],
            "explain FILE": ["--connection", "acme-prod", "--pair", names["PAIR"]],
            "mapping check NAME": ["--no-refresh"],
            "match LEFT RIGHT": ["--encoder", "none"]}  # fmt: skip
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    shell = Shell(tmp_path / "home")
    exported = ("export", "acme-prod", "--demo", "--what", "mapping", "--pair", names["PAIR"])
    mapping.write_text(shell.run(*exported, env=environment).stdout, "utf-8")
    for line, (kind, _) in ANSWERS.items():
        if line.startswith(NOT_IN_DEMO):
            continue
        words = [names.get(word, word) for word in line.split()]
        words = [str(files[words[0]]) if word == "FILE" else word for word in words]
        words = [word.replace("[FIELD]", "contactEmail") for word in words]
        words = [word if word != "FIELD" else "accountName" for word in words]
        demo = [] if words[0] == "match" else ["--demo"]
        done = shell.attempt(*words, *more.get(line, ()), *demo, "--json", env=environment)
        assert done.stdout, (line, done.stderr)
        assert done.code in (0, 3, 4, 6, 1 if words[0] == "doctor" else 0), (line, done.stderr)
        answer = json.loads(done.stdout)
        checked = jsonschema_rs.validator_for(schema | {"$ref": f"#/$defs/{kind.__name__}"})
        found = answer if isinstance(answer, list) else [answer]
        assert found, line
        for record in found:
            checked.validate(record)
            # Only a page that isn't the last one has a cursor.
            properties = set(schema["$defs"][kind.__name__]["properties"]) - {"nextCursor"}
            assert properties <= set(record) | {"syncUser", "cause", "remedy"}, line


def test_each_command_with_json_has_a_record(tmp_path: Path) -> None:
    found = json.loads(Shell(tmp_path).run("--spec").stdout)
    told = [" ".join(note for _, note in RECORDS.values()), *RECORDS]
    for command in found["commands"]:
        path = command["command"]
        has_json = any("--json" in option["names"] for option in command["options"])
        if has_json and not path.startswith(WITHOUT_RECORD):
            inner = path.split()[-1]
            beside = any(line.split()[0] == path.split()[0] for line in RECORDS)
            assert command["records"] or (beside and f"`{inner}`" in told[0]) or path in (
                "restore", "findings list",
            ), path  # fmt: skip


def test_every_command_has_an_example_that_its_help_shows(tmp_path: Path) -> None:
    def paths(name: str, node: Any) -> Iterator[str]:
        if not node["commands"] or name == "serve":
            yield name
        for inner, each in node["commands"].items():
            yield from paths(f"{name} {inner}", each)

    commands = json.loads(TABLE.read_text("utf-8"))["commands"]
    found = [path for name in COMMANDS for path in paths(name, commands[name])]
    assert sorted(found) == sorted(EXAMPLES)
    shown = Shell(tmp_path).run("mapping", "show", "--help").stdout
    assert EXAMPLES["mapping show"][0] in shown.replace("\\\n      ", "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_that_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_the_readme_is_short_and_shows_a_picture_first() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 120
    assert any(line.startswith("![") and ".svg" in line for line in lines[:11])
