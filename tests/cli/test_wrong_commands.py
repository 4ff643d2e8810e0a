"""Wrong commands and damaged files: an exit code and a sentence, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crmdeck.cli.app import app

DAMAGED = {
    "empty.json": b"",
    "cut.json": b'{"name": "Account", "fields": [{"na',
    "binary.json": bytes(range(256)),
    "deep.json": b"[" * 100_000,
    "length.json": b'{"name":"A","fields":[{"name":"a","type":"string","length":-4}]}',
    "flag.json": b'{"name":"A","fields":[{"name":"a","type":"string","nillable":"yes"}]}',
    "twice.json": b'{"name":"A","fields":[{"name":"a","type":"id"},{"name":"A","type":"id"}]}',
    "null.json": b'{"name":"A","fields":[{"name":"a","type":"reference","referenceTo":null}]}',
    "book.xlsx": b"PK\x03\x04garbage",
    "quote.csv": b'a,b\n"1,2\n',
}
COMMANDS = (
    ("refresh", "acme"), ("refresh", "\x1b[31m"), ("connections", "set", "acme", "--path", "{}"),
    ("connections", "test", "acme", "--report", "{}/report.json"), ("match", "{}", "{}"),
    ("mapping", "apply", "acme", "{}"), ("explain", "{}"), ("check", "--policy", "{}"),
    ("policy", "set", "{}"), ("restore", "{}"), ("drift", "--since", "2026-13-45"),
)  # fmt: skip


def test_wrong_commands_end_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMDECK_HOME", str(tmp_path / "home"))
    # Some of these commands write a file of the name that they get.
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "export"
    folder.mkdir()
    good = {"name": "Account", "fields": [{"name": "Id", "type": "id"}]}
    (folder / "Account.json").write_text(json.dumps(good))
    runner = CliRunner()
    add = ("connections", "add", "acme", "--source", "files", "--platform", "salesforce")
    assert runner.invoke(app, [*add, "--path", str(folder)]).exit_code == 0
    for name, data in DAMAGED.items():
        file = folder / name
        file.write_bytes(data)
        for command in COMMANDS:
            result = runner.invoke(app, [each.format(file) for each in command], input="")
            assert result.exception is None or isinstance(result.exception, SystemExit), command
            assert result.exit_code in range(7), command
            assert "Traceback" not in result.output, command
            assert "UNEXPECTED" not in result.output, (command, result.output)
        runner.invoke(app, ["connections", "set", "acme", "--path", str(folder)])
        # One damaged file costs its object only.
        code = runner.invoke(app, ["refresh", "acme"]).exit_code
        assert code == 6 if b'"fields":[{' in data else code in (0, 6), name
        file.unlink()
