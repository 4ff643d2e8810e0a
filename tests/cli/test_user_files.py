"""Files from users: damaged, nested, endless, large, or not a file at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from tests.cli.shell import PAIR, Shell, describe

ACCEPT = ("mapping", "accept", "acme", PAIR, "accountName=Name")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    folder = tmp_path_factory.mktemp("files")
    shell = Shell(folder / "home")
    (folder / "exports").mkdir()
    (folder / "exports" / "Opportunity.json").write_text(describe(("Name", "string")))
    shell.run("connections", "add", "acme", "--source", "files", "--platform", "salesforce",
              "--path", str(folder / "exports"))  # fmt: skip
    shell.run("refresh", "acme")
    shell.run(*ACCEPT, "--encoder", "none")
    return shell


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_pipe_without_writer_is_rejected(shell: Shell, tmp_path: Path) -> None:
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    for command in (
        ("mapping", "apply", "acme", PAIR, pipe),
        ("mapping", "accept", "acme", PAIR, "accountName=Name", "--value-map", pipe),
        ("check", "--policy", pipe),
        ("check", "--contract", pipe),
        ("preflight", "acme", PAIR, "--records", pipe),
        ("explain", pipe),
        ("restore", pipe, "--force"),
        ("connections", "sign-in", "acme", "--private-key-file", pipe),
    ):
        done = shell.attempt(*command)
        assert done.code in (1, 2), command
        assert "regular file" in done.stderr, (command, done.stderr)


def test_damaged_files_end_in_one_line(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "file"
    good = shell.run("export", "acme", "--what", "mapping", "--pair", PAIR).stdout
    damaged = [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"accountName": ' + "[" * 50_000 + "]" * 50_000 + "}",
        good[:100],
        good.replace('"connectionId": "', '"connectionId": 5, "x": "'),
        good.replace('"lines": [', '"lines": [5, null, [], '),
        "\x00\x01\x02",
        "",
        "null",
        "1e999999",
        "9" * 10_000,
        '"\ud800"',
        "a,b\n" + '"' * 1001,
    ]
    commands = (
        ("mapping", "apply", "acme", PAIR, str(file), "--to", "acme"),
        (*ACCEPT, "--value-map", str(file)),
        ("check", "acme", "--policy", str(file)),
        ("check", "acme", "--contract", str(file)),
        ("preflight", "acme", PAIR, "--records", str(file)),
        ("explain", str(file)),
        ("restore", str(file), "--force"),
    )
    for text in damaged:
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        for command in commands:
            done = shell.attempt(*command)
            assert "unexpected error" not in done.stderr, (command, text[:40])


def test_non_text_connection_id_is_rejected(shell: Shell, tmp_path: Path) -> None:
    mapping = shell.run("export", "acme", "--what", "mapping", "--pair", PAIR).stdout
    file = tmp_path / "mapping.json"
    start = mapping.index('"connectionId"')
    end = mapping.index(",", start)
    file.write_text(f'{mapping[:start]}"connectionId": 5{mapping[end:]}')
    done = shell.attempt("mapping", "apply", "acme", PAIR, str(file))
    assert (done.code, "isn't text" in done.stderr) == (2, True)


def test_unwritable_output_has_one_exit_code(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    below = str(tmp_path / "file" / "below")
    assert shell.attempt("export", "acme", "--what", "schema", "-o", below + ".json").code == 1
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    assert shell.attempt("propose", "acme-prod", PAIR, "-o", below, "--demo", env=env).code == 1
    wrong = shell.attempt("check", "acme", "--fail-on", "nope")
    assert (wrong.code, "Did you mean" in wrong.stderr) == (2, False)


def test_control_characters_stay_visible_text(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "a.json").write_text(describe(("Name", "string")).replace("Opportunity", "O\\u001bp"))
    shell.run("connections", "add", "odd", "--source", "files", "--platform", "salesforce",
              "--path", str(folder))  # fmt: skip
    shell.run("refresh", "odd")
    book = tmp_path / "book.xlsx"
    shell.run("export", "odd", "--what", "dictionary", "-o", str(book))
    assert any("O␛p" in str(cell.value) for cell in openpyxl.load_workbook(book)["Summary"]["A"])
    # An object that crmdeck can't read any longer is in the report by its name.
    (folder / "a.json").write_text('{"name": "O\\u001bp", "fields": 5}')
    shell.attempt("refresh", "odd")
    out = str(tmp_path / "out")
    for more in ((), ("--format", "github", "-o", out)):
        done = shell.attempt("check", "odd", *more)
        assert "\x1b" not in done.stdout + done.stderr
    assert b"\x1b" not in (tmp_path / "out").read_bytes()


LIMITED = """
import sys
from pathlib import Path
from crmdeck.cli import main
try:
    sys.argv = ["crmdeck", *sys.argv[1:]]
    main()
finally:
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    sys.stderr.write(f"PEAK {int(peak) // 1024}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_files_are_rejected_below_300_mb(shell: Shell, tmp_path: Path) -> None:
    records, dictionary = tmp_path / "records.csv", tmp_path / "dictionary.csv"
    records.write_text("accountName,estimatedValue\n" + "Acme,1\n" * 21_600_000)
    dictionary.write_text("object,field,label,type\n" + "A,f,l,text\n" * 10_600_000)
    for command in (
        ("preflight", "acme", PAIR, "--records", str(records)),
        ("match", str(dictionary), str(dictionary)),
    ):
        ran = subprocess.run(
            [sys.executable, "-c", LIMITED, *command],
            env={**os.environ, **shell.environment(None)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "64 MB" in ran.stderr
        assert int(ran.stderr.rpartition("PEAK ")[2]) < 300, command
