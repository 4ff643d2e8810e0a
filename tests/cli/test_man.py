"""The manual pages: one per command, and no formatter complains about them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from crmdeck.cli.app import COMMANDS
from tests.cli.shell import Shell


def test_each_command_has_a_page_that_groff_formats_without_a_warning(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    folder = tmp_path / "man1"
    shell.run("man", str(folder))
    pages = sorted(folder.iterdir())
    names = {page.stem for page in pages}
    assert {f"crmdeck-{name}" for name in COMMANDS} < names
    assert {"crmdeck", "crmdeck-mapping-accept", "crmdeck-serve-users-add"} < names
    text = (folder / "crmdeck-drift.1").read_text("utf-8")
    assert "crmdeck\\-drift \\- " in text
    assert ".B \\-\\-since" in text
    assert shell.run("man", str(folder), code=2).stdout == ""
    shell.run("man", str(folder), "--force")
    a_file = str(folder / "crmdeck.1")
    for name in ("man", "screenshots"):
        refused = shell.run(name, a_file, code=2).stderr
        assert refused.startswith(f"crmdeck: Can't create the folder {a_file}.\n  File exists.")
    if (groff := shutil.which("groff")) is None:
        pytest.skip("needs groff")
    command = [groff, "-man", "-Tascii", "-ww", *map(str, pages)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "PartnerOS field, with a CRM field" in done.stdout
