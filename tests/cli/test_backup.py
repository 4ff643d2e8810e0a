from __future__ import annotations

import json
from pathlib import Path

from tests.cli.shell import Shell, describe


def test_a_history_moves_from_one_home_to_another(tmp_path: Path) -> None:
    laptop, other = Shell(tmp_path / "laptop"), Shell(tmp_path / "other")
    export = tmp_path / "Opportunity.json"
    export.write_text(describe(("Name", "string")))
    laptop.run(
        *("connections", "add", "acme", "--source", "files", "--platform", "salesforce"),
        *("--path", str(export)),
    )
    laptop.run("refresh", "acme")
    file = tmp_path / "b.zip"
    assert "1 refresh, 1 object version" in laptop.run("backup", str(file)).stderr
    taken = file.read_bytes()
    assert "already exists" in laptop.run("backup", str(file), code=2).stderr
    wrong_home = Shell(tmp_path / "typo").run("backup", str(file), "--force", code=2).stderr
    assert "No connection to back up" in wrong_home
    assert file.read_bytes() == taken
    laptop.run("backup", str(file), "--force")
    assert other.json("restore", str(file))["tables"]["refresh"] == 1
    assert other.run("audit").stdout == laptop.run("audit").stdout

    refused = json.loads(other.run("restore", str(file), "--json", code=1).stderr)
    assert refused["code"] == "WORKSPACE_NOT_EMPTY"
    before = other.run("audit").stdout
    tried = other.run("restore", str(file), "--force", "--dry-run").stderr
    assert "Dry run: nothing was changed." in tried
    assert other.run("audit").stdout == before
    other.run("restore", str(file), "--force")
    file.write_text("no zip")
    broken = other.run("restore", str(file), "--force", "--json", code=1).stderr
    assert json.loads(broken)["code"] == "BACKUP_DAMAGED"
    assert "acme" in other.run("status").stdout
