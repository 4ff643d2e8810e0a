"""Folders that may not be read or written, are full, or have vanished: an error in words.

Root may do everything, so there it runs in a child that has put that right away.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crmdeck.tui.dialogs.prompt import wrong_file

ROOT = Path(__file__).parents[2]
RIGHTS = "-dac_override,-dac_read_search"
ORDINARY = ("setpriv", "--bounding-set", RIGHTS, "--inh-caps", RIGHTS)

pytestmark = pytest.mark.skipif(
    os.name == "nt"
    or (hasattr(os, "geteuid") and os.geteuid() == 0 and not shutil.which("setpriv")),
    reason="nothing is forbidden here",
)

# Each case: what may be done where, and what is tried; the answers are a line of JSON.
CHILD = """
import json, os, shutil, sys
from pathlib import Path
from tests.cli.shell import Shell

root = Path(sys.argv[1])
home, exports, shut = root / "home", root / "exports", root / "shut"
shell = Shell(home)
told = {}

def tried(name, *words, at=home, env=None):
    done = shell.attempt(*words, env={"CRMDECK_HOME": str(at), **(env or {})})
    told[name] = [done.code, done.stdout, done.stderr]

exports.mkdir()
shut.mkdir()
first = {"name": "Id", "label": "ID", "type": "id", "nillable": False}
described = {"name": "Account", "label": "Account", "custom": False, "fields": [first]}
(exports / "Account.json").write_text(json.dumps(described))
tried("add", "connections", "add", "acme", "--source", "files", "--platform", "salesforce",
    "--path", str(exports))
tried("first refresh", "refresh", "acme")
before = (home / "crmdeck.duckdb").read_bytes()
shut.chmod(0)

home.chmod(0o500)
tried("look", "status", "acme", "--json")
tried("refresh", "refresh", "acme")
tried("backup", "backup", str(home / "b.zip"))
tried("export", "export", "acme", "--what", "schema", "--output", str(home / "x.csv"))
tried("export nowhere", "export", "acme", "--what", "schema", "--output", str(shut / "x.csv"))
tried("match", "match", str(shut / "a.json"), str(exports / "Account.json"))
tried("source", "connections", "set", "acme", "--path", str(shut / "sub"))
tried("config", "config", "set", "ttl_hours", "5")
tried("doctor", "doctor")
tried("repair", "doctor", "--repair")
home.chmod(0o700)

(home / "crmdeck.duckdb").chmod(0)
tried("no cache", "status")
tried("no cache: doctor", "doctor")
(home / "crmdeck.duckdb").chmod(0o600)

home.chmod(0)
tried("no home", "status")
tried("no home: doctor", "doctor", "--json")
home.chmod(0o700)

tried("below", "connections", "list", at=shut / "new")
tried("below: add", "connections", "add", "b", "--source", "files", "--platform", "salesforce",
    "--path", str(exports), at=shut / "new")
tried("nobody", "status", at="~nobody-of-that-name/x")
assert (home / "crmdeck.duckdb").read_bytes() == before

vanished = root / "vanished"
vanished.mkdir()
os.chdir(vanished)
vanished.rmdir()
tried("vanished", "status", at=home)
tried("vanished: relative", "status", at="relative")
shut.chmod(0o700)
sys.__stdout__.write("TOLD " + json.dumps(told) + "\\n")
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What was answered, by case: code, stdout, stderr."""
    root = tmp_path_factory.mktemp("unwritable")
    forbidding = ORDINARY if os.geteuid() == 0 else ()
    done = subprocess.run(
        [*forbidding, sys.executable, "-c", CHILD, str(root)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    if not lines and "setpriv" in done.stderr:
        pytest.skip("rights can't be put away here")
    assert lines, done.stderr
    return dict(json.loads(lines[0].removeprefix("TOLD ")))


def test_what_may_only_be_read_is_read(told: dict[str, list[Any]]) -> None:
    assert told["add"][0] == told["first refresh"][0] == 0
    assert told["look"][0] == 0, told["look"]
    assert json.loads(told["look"][1])["schemaStats"]["objectCount"] == 1
    assert told["doctor"][0] == told["repair"][0] == 0
    assert told["vanished"][0] == 0


@pytest.mark.parametrize(
    ("case", "code", "words"),
    [
        ("refresh", 1, "Can't write to"),
        ("backup", 1, "Permission denied"),
        ("export", 1, "Permission denied"),
        ("export nowhere", 1, "Permission denied"),
        ("match", 1, "Permission denied"),
        ("source", 1, "Can't write to"),
        ("config", 1, "Permission denied"),
        ("no cache", 5, "no permission"),
        ("no cache: doctor", 5, "no permission"),
        ("no home", 2, "no permission"),
        ("no home: doctor", 5, "no permission"),
        ("below", 2, "no permission"),
        ("below: add", 2, "no permission"),
        ("nobody", 2, "No user with that name"),
        ("vanished: relative", 2, "was deleted"),
    ],
)
def test_what_is_forbidden_is_said_and_what_helps(
    told: dict[str, list[Any]], case: str, code: int, words: str
) -> None:
    found, out, err = told[case]
    said = out + err
    assert words in said, said
    assert found == code, said
    assert "Traceback" not in said
    assert "should not have" not in said


def test_impossible_file_name_is_rejected_in_its_form() -> None:
    for name in ("~nobody-of-that-name/x.csv", "x" * 5000, "none/x.csv", " "):
        assert wrong_file(name)
    assert wrong_file("a-file-that-is-not-there.csv") == ""
