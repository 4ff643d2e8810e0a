"""Shell blocks of README, docs and help run as written, over the demo; links lead to files."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.cli.app import COMMANDS
from crmdeck.cli.completion import TABLE
from crmdeck.cli.examples import EXAMPLES, NOT_RUN
from tests.cli.shell import Done, Shell

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN_ELSEWHERE = ("connections.md",)
"""Whose blocks have a test of their own."""

FINE = (0, 3, 4)
"""The demo holds a connection that needs a new sign-in, and drift."""


def commands() -> Iterator[tuple[str, str]]:
    for name, lines in EXAMPLES.items():
        yield from ((name, line) for line in lines if name not in NOT_RUN)
    for page in PAGES:
        if page.name in RUN_ELSEWHERE:
            continue
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
            for line in block.splitlines():
                if line.startswith("crmdeck "):
                    yield page.name, line


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_a_line_of_the_docs_runs_as_written(page: str, line: str, cache: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(cache)}
    if "|" in line:
        done = in_a_shell(line, {**environment, "CRMDECK_HOME": str(cache / "home")})
    else:
        done = Shell(cache / "home").attempt(*shlex.split(line)[1:], env=environment)
    assert done.code in FINE, done.stderr
    assert done.stdout or done.stderr


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


def test_every_command_has_an_example_that_its_help_shows(tmp_path: Path) -> None:
    groups = json.loads(TABLE.read_text("utf-8"))["commands"]
    paths = [
        f"{name} {inner}".strip()
        for name in COMMANDS
        for inner in (groups[name]["commands"] if name in ("connections", "mapping", "config")
                      else [""])
    ]  # fmt: skip
    assert sorted(paths) == sorted(EXAMPLES)
    shown = Shell(tmp_path).run("mapping", "show", "--help").stdout
    assert EXAMPLES["mapping show"][0] in shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_that_is_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 250
