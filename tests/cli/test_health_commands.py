"""What the command line says of health and drift."""

from __future__ import annotations

from pathlib import Path

from tests.cli.test_commands import Shell, describe


def test_an_empty_workspace_says_what_to_do_next(tmp_path: Path) -> None:
    done = Shell(tmp_path / "home").run("status")
    assert done.stdout.splitlines()[0].startswith("name\tplatform\tstatus")
    assert "crmdeck connections add" in done.stderr
    assert "crmdeck demo" in done.stderr


def test_alerts_come_with_their_remedy_and_drift_with_who_did_it(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    (export / "Opportunity.json").write_text(describe(("Name", "string")))
    shell = Shell(tmp_path / "home")
    shell.run(
        *("connections", "add", "acme", "--source", "files"),
        *("--platform", "salesforce", "--path", str(export)),
    )
    done = shell.run("status", "acme")
    assert "never discovered" in done.stdout
    assert "crmdeck refresh acme" in done.stderr
    shell.run("refresh", "acme")
    (export / "Opportunity.json").write_text(describe(("Name", "string"), ("New__c", "string")))
    shell.run("refresh", "acme")
    header, event = shell.run("drift", "acme").stdout.splitlines()
    assert header.endswith("\tchanged by")
    assert event.endswith("unknown: The source 'files' does not tell who did it.")
    assert shell.json("drift", "acme")["events"][0]["changedBy"] is None
