"""Opening a workspace for a command, and turning errors into exit codes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import typer

from crmdeck.cli.output import report_error, say
from crmdeck.errors import CrmdeckError
from crmdeck.model import Progress
from crmdeck.workspace import Workspace, open_demo


@contextlib.contextmanager
def workspace(home: Path | None, demo: bool, as_json: bool = False) -> Iterator[Workspace]:
    """Open the workspace that a command names.

    A CrmdeckError inside ends the command with that error's exit code and one line on stderr.
    """
    with failing(as_json), open_demo() if demo else Workspace.open(home) as opened:
        yield opened


@contextlib.contextmanager
def failing(as_json: bool = False) -> Iterator[None]:
    """End the command with the exit code of a CrmdeckError raised inside."""
    try:
        yield
    except CrmdeckError as error:
        report_error(error, as_json=as_json)
        raise typer.Exit(int(error.exit_code)) from None


class ProgressLine:
    """Tells how far a piece of work is, on stderr where a person looks."""

    def __init__(self, name: str) -> None:
        import sys

        self._name = name
        self._stream = sys.stderr
        self._shown = self._stream.isatty()
        self._last = -1

    def __call__(self, progress: Progress) -> None:
        """Redraw the line; ten steps a hundred are enough."""
        if not self._shown or not progress.total:
            return
        percent = progress.done * 100 // progress.total
        if percent != self._last:
            self._last = percent
            self._stream.write(f"\r{self._name}: {progress.done} of {progress.total}\x1b[K")
            self._stream.flush()

    def done(self) -> None:
        """Take the line away."""
        if self._shown and self._last >= 0:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


__all__ = ["ProgressLine", "failing", "say", "workspace"]
