"""What a shell is told: from the table and the index, without a parser and a database."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crmdeck.cli.completion import SCRIPTS, TABLE, index_names
from crmdeck.credentials import MemorySecrets
from crmdeck.model import SchemaSummary
from crmdeck.workspace import (
    CHECK_FORMATS,
    FORMATS,
    REPORT_FORMATS,
    TEXT_FORMATS,
    Workspace,
)
from crmdeck.workspace.checks.preflight import FINDING_FORMATS
from tests.cli.completion_table import text
from tests.cli.shell import PAIR, Shell
from tests.cli.test_check import Night, night, nightfall

__all__ = ["night", "nightfall"]


def completed(home: Path, *words: str) -> list[str]:
    env = {"CRMDECK_HOME": str(home), "_CRMDECK_COMPLETE": "1"}
    return Shell(home.parent).run(*words, env=env).stdout.splitlines()


def test_completion_loads_neither_a_parser_nor_a_database(night: Night) -> None:
    home = night.shell.home
    for words, wanted in (
        (("sta",), "status"),
        (("drift", "--fail"), "--fail-on"),
        (("mapping", "accept", "acme", PAIR, "est"), "estimatedValue"),
    ):
        ran = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "crmdeck", *words],
            env={**os.environ, "CRMDECK_HOME": str(home), "_CRMDECK_COMPLETE": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout.split() == [wanted]
        parts = {line.rpartition("|")[2].strip().split(".")[0] for line in ran.stderr.splitlines()}
        assert parts.isdisjoint({"typer", "pydantic", "duckdb", "textual"})


def test_the_table_says_what_the_parser_says() -> None:
    assert TABLE.read_text("utf-8") == text(), "python -m tests.cli.completion_table draws it anew"


@pytest.mark.parametrize(
    ("command", "formats"),
    [
        ("export", (*FORMATS, *REPORT_FORMATS)),
        ("drift", ("table", *TEXT_FORMATS)),
        ("check", CHECK_FORMATS),
        ("preflight", (*FINDING_FORMATS, *REPORT_FORMATS, "json")),
    ],
)
def test_help_lists_every_format(command: str, formats: tuple[str, ...], tmp_path: Path) -> None:
    text = Shell(tmp_path).run(command, "--help").stdout
    help_of_format = text.partition("--format ")[2].partition("--output")[0]
    assert set(formats) <= set(re.findall(r"\w+", help_of_format))


def test_commands_options_and_names_are_completed(night: Night, tmp_path: Path) -> None:
    home = night.shell.home
    assert completed(home, "sta") == ["status"]
    assert completed(home, "mapping", "ac") == ["accept"]
    assert completed(home, "drift", "--fail") == ["--fail-on"]
    assert completed(home, "drift", "--fail-on", "") == [
        "breaking", "mapped", "none", "risky", "safe",
    ]  # fmt: skip
    assert "--demo" in completed(home, "status", "")
    assert completed(home, "export", "--what", "map") == ["mapping", "mapping-sheet"]
    assert completed(home, "check", "--format", "j") == ["json", "junit"]
    assert completed(home, "config", "get", "ttl") == ["ttl_hours"]
    assert completed(home, "refresh", "acme", "b") == ["beta"]
    assert completed(home, "schema", "acme", "O") == ["Opportunity"]
    assert completed(home, "schema", "acme", "Opportunity.Na") == ["Opportunity.Name"]
    assert "Opportunity.Name" in completed(home, "impact", "acme", "Opportunity.")
    assert completed(home, "drift", "--object", "") == ["Opportunity"]
    assert PAIR in completed(home, "mapping", "show", "acme", "deal_r")
    assert "estimatedValue" in completed(home, "mapping", "accept", "acme", PAIR, "est")
    accept = ("mapping", "accept", "acme", PAIR)
    assert completed(home, *accept, "estimatedValue=Na") == ["estimatedValue=Name"]
    # Bash makes three words of it, and replaces the last one.
    assert completed(home, *accept, "estimatedValue", "=", "Na") == ["Name"]
    assert "Name" in completed(home, *accept, "estimatedValue", "=")
    assert completed(tmp_path / "nowhere", "status", "acm") == []


def test_only_the_names_of_what_changed_are_read_again(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(night.shell.home, secrets=MemorySecrets()) as workspace:
        index_names(workspace)
        night.export("beta", ("Name", "string"), ("Region__c", "string"))
        workspace.refreshes.run("beta")
        read: list[str] = []
        real = workspace.schemas.objects

        def objects(ref: str) -> SchemaSummary:
            read.append(workspace.connections.get(ref).name)
            return real(ref)

        monkeypatch.setattr(workspace.schemas, "objects", objects)
        index_names(workspace)
        assert read == ["beta"]
        assert completed(night.shell.home, "schema", "acme", "O") == ["Opportunity"]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_shell_is_given_its_script(tmp_path: Path, shell: str) -> None:
    script = Shell(tmp_path).run("completion", shell).stdout
    assert script == SCRIPTS[shell]


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="has no bash")
def test_bash_completes(tmp_path: Path) -> None:
    script = f'crmdeck() {{ {sys.executable} -m crmdeck "$@"; }}\n{SCRIPTS["bash"]}'
    ask = "COMP_WORDS=(crmdeck conn); COMP_CWORD=1; _crmdeck; echo ${COMPREPLY[@]}"
    ran = subprocess.run(["/bin/bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True)
    assert ran.stdout == "connections\n", ran.stderr


@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh here")
def test_zsh_completes_at_the_first_tab_already(tmp_path: Path) -> None:
    (tmp_path / "_crmdeck").write_text(SCRIPTS["zsh"])
    crmdeck = tmp_path / "crmdeck"
    crmdeck.write_text(f'#!/bin/sh\nexec {sys.executable} -m crmdeck "$@"\n')
    crmdeck.chmod(0o755)
    # The function that compinit would load, called once, with what it would hand over shown.
    code = (
        'compadd() { print -r -- "$@"; }; words=(crmdeck expo); CURRENT=2; '
        "fpath=($PWD $fpath); path=($PWD $path); autoload -Uz _crmdeck; _crmdeck"
    )
    ran = subprocess.run(
        ["zsh", "-fc", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["-U", "--", "export"], ran.stderr
