"""The installed command, run as a machine runs it: arguments in, two streams and a code out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmdeck.cli import main

PAIR = "deal_registration--Opportunity"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


class TerminalInput(io.TextIOWrapper):
    """Keys that a user presses."""

    def isatty(self) -> bool:
        return True


class Shell:
    """Runs crmdeck's entry point over one workspace folder, in this process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(mode=0o700, parents=True, exist_ok=True)

    def run(
        self,
        *arguments: str,
        code: int = 0,
        env: Mapping[str, str] | None = None,
        columns: int = 0,
    ) -> Done:
        """Run it, with `columns` at a terminal of that width, and check how it ends."""
        done = self.attempt(*arguments, env=env, columns=columns)
        assert done.code == code, done.stderr
        return done

    def attempt(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        columns: int = 0,
        stdin: str = "",
    ) -> Done:
        """Run it, however it ends."""
        # Keys come from a terminal, which then shows the messages too.
        keys = columns and stdin
        out = Terminal() if columns else io.StringIO()
        err = Terminal() if keys else io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["crmdeck", *arguments])
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            kind = TerminalInput if keys else io.TextIOWrapper
            patch.setattr(sys, "stdin", kind(io.BytesIO(stdin.encode())))
            patch.setenv("COLUMNS", str(columns or 80))
            patch.setenv("NO_COLOR", "1")
            for name, value in self.environment(env).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        done = Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, code: int = 0, env: Mapping[str, str] | None = None) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code, env=env).stdout)

    def json_error(self, *arguments: str, code: int) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stderr)

    def process(self, *arguments: str, code: int = 0) -> Done:
        """Run it in a process of its own, for what only a process shows."""
        ran = subprocess.run(
            [sys.executable, "-m", "crmdeck", *arguments],
            env={**os.environ, **self.environment(None)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == code, ran.stderr
        return Done(ran.returncode, ran.stdout, ran.stderr)

    def environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        return {"CRMDECK_HOME": str(self.home), **(more or {})}


def make_mappings(folder: Path, described: object, *picks: str) -> None:
    """Make a workspace with a describe of Opportunity and these mappings accepted."""
    shell = Shell(folder / "home")
    exports = folder / "exports"
    exports.mkdir()
    (exports / "Opportunity.json").write_text(json.dumps(described), "utf-8")
    shell.run("connections", "add", "acme", "--source", "files", "--platform", "salesforce",
              "--path", str(exports))  # fmt: skip
    shell.run("refresh", "acme")
    shell.run("mapping", "accept", "acme", PAIR, *picks, "--encoder", "none")


def describe(*fields: tuple[str, str]) -> str:
    """Return the describe of an object Opportunity with these fields and types."""
    described = [
        {
            "name": name,
            "label": name,
            "type": kind,
            "nillable": True,
            "createable": True,
            "updateable": True,
            "custom": name.endswith("__c"),
        }
        for name, kind in fields
    ]
    return json.dumps({"name": "Opportunity", "label": "Opportunity", "fields": described})
