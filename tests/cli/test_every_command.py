"""Each command with each of its options and with a wrong value: an exit code and a sentence."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmdeck.errors import ExitCode
from tests.cli.shell import PAIR, Done, Shell

ARGUMENTS = {
    "NAME": "acme-prod", "[NAME]": "acme-prod", "[NAME]...": "acme-prod", "LEFT": "acme-prod",
    "[RIGHT]": "acme-emea", "PAIR": PAIR, "[PAIR]": PAIR, "[OBJECT]": "Opportunity",
    "OBJECT.FIELD": "Opportunity.Amount", "FIELD": "estimatedValue", "FIELD...": "estimatedValue",
    "CRM_FIELD...": "Name", "FIELD[=CRM_FIELD]...": "contactTitle", "[FIELD]": "contactEmail",
    "[FIELD|DECISION]": "estimatedValue", "ID": "1586849f2021aafa", "FILE": "errors.txt",
    "[FILE]": "errors.txt", "KEY": "ttl_hours", "VALUE": "12", "NEW_NAME": "x", "SHELL": "bash",
    "EMAIL": "ada@example.com", "ORGANIZATION": "main",
}  # fmt: skip
VALUES = {"DATE": "7d", "COLUMN,...": "id", "FORMAT": "json", "URL": "http://127.0.0.1:9"}
"""A valid value of each argument and option in the demo."""
WRONG = itertools.cycle(("", "http://[x", "\x1b[31m", "nosuch", "-1"))
"""The next wrong value, so that each option of all commands gets several."""
WAITING = ("console", "demo", "help", "mcp", "sandbox", "screenshots", "serve", "watch", "web")
"""Commands that wait for a user or a signal, or draw for minutes."""
FINDING = ("check", "doctor", "drift", "status")
"""Commands that write data and fail because of it."""


def lines(command: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the command with each option, and with a wrong value of it."""
    named = {name for option in command["options"] for name in option["names"]}
    words = [ARGUMENTS.get(each["value"], "x") for each in command["arguments"]]
    if command["command"] == "match":
        words = ["errors.txt", "errors.txt"]
    for option in command["options"]:
        words += [option["names"][-1], *value(option)] if option["required"] else []
    words += [each for each in ("--demo", "--no-refresh") if each in named]
    words += ["--encoder", "none"] if "--encoder" in named else []
    base = [*command["command"].split(), *words]
    yield command["command"].split()
    yield base
    as_json = ["--json"] if "--json" in named else []
    for option in command["options"]:
        name = option["names"][-1]
        if name in ("--demo", "--home", "--jq") or option["required"]:
            continue
        yield [*base, name, *value(option)]
        if option["value"]:
            yield [*base, name, next(WRONG), *as_json]


def value(option: dict[str, Any]) -> list[str]:
    known = option["value"]
    if known is None:
        return []
    if known.startswith("[") and "|" in known:
        return [known[1:-1].partition("|")[0]]
    return [VALUES.get(known) or ARGUMENTS.get(known) or "7"]


def check(words: list[str], done: Done) -> None:
    assert done.code in [int(code) for code in ExitCode], words
    assert "unexpected error" not in done.stderr, words
    failed = done.code in (ExitCode.FAILED, ExitCode.USAGE, ExitCode.CACHE_BUSY)
    if failed and words[0] not in FINDING:
        assert done.stdout == "", words
        assert done.stderr, words
    texts = [done.stdout, *done.stderr.splitlines()] if failed else [done.stdout]
    for text in filter(None, texts if "--json" in words else ()):
        assert is_json(text), (words, text)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_each_command_with_each_option_ends_as_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Commands such as backup write a file of the name that they get.
    monkeypatch.chdir(tmp_path)
    Path("errors.txt").write_text("REQUIRED_FIELD_MISSING: Required fields are missing: [Name]\n")
    shell = Shell(tmp_path / "home")
    ran = 0
    for command in json.loads(shell.run("--spec").stdout)["commands"]:
        if command["command"] not in WAITING:
            for words in lines(command):
                check(words, shell.attempt(*words, env={"XDG_CACHE_HOME": str(tmp_path)}))
                ran += 1
    assert ran > 700
