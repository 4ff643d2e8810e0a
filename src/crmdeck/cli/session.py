"""Opening a workspace for a command, and turning errors into exit codes."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Self

import typer

from crmdeck import model, workspace
from crmdeck.cli.completion import index_names
from crmdeck.cli.output import report_error, say
from crmdeck.errors import CrmdeckError


@contextlib.contextmanager
def open_workspace(
    home: str | None, demo: bool, as_json: bool = False
) -> Iterator[workspace.Workspace]:
    """Open the workspace that a command names.

    A CrmdeckError inside ends the command with that error's exit code and one line on stderr.
    """
    with failing(as_json), _opened(home, demo) as opened:
        if not as_json:
            opened.tell_waits(say)
        yield opened
        with contextlib.suppress(CrmdeckError):
            index_names(opened)


def _opened(home: str | None, demo: bool) -> AbstractContextManager[workspace.Workspace]:
    if demo:
        return workspace.open_demo()
    return workspace.Workspace.open(home)


def moment(text: str | None, ws: workspace.Workspace, *, as_of: bool = False) -> datetime | None:
    """Return the moment that an option names, None without one; raises UsageError.

    `as_of` takes a day as its end: what was known when it was over.
    """
    if not text:
        return None
    return workspace.parse_past_moment(text, ws.now, as_of=as_of)


@contextlib.contextmanager
def failing(as_json: bool = False) -> Iterator[None]:
    """End the command with the exit code of a CrmdeckError raised inside."""
    try:
        yield
    except CrmdeckError as error:
        report_error(error, as_json=as_json)
        raise typer.Exit(int(error.exit_code)) from None


class ProgressLine:
    """Tells how far a piece of work is, on stderr where a person looks; may be called by threads.

    What is waited for is said in any case, once, on a line that stays.
    """

    def __init__(self, name: str = "") -> None:
        self._prefix = f"{name}: " if name else ""
        self._stream = sys.stderr
        self._shown = self._stream.isatty()
        self._drawn = ""
        self._waiting = ""
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.done()

    def done(self) -> None:
        """Take the line away."""
        with self._turn:
            self._draw("")

    def __call__(self, progress: model.Progress) -> None:
        """Redraw the line; ten steps a hundred are enough."""
        with self._turn:
            if progress.waiting != self._waiting:
                self._waiting = progress.waiting
                if progress.waiting:
                    self._draw("")
                    say(f"{self._prefix}{progress.waiting}")
            if progress.total and self._shown:
                self._draw(f"{self._prefix}{progress.done} of {progress.total}")

    def _draw(self, text: str) -> None:
        if text != self._drawn:
            # Blanks over what stood there: not every terminal knows an escape code that clears.
            self._stream.write(f"\r{text.ljust(len(self._drawn))}" + ("" if text else "\r"))
            self._stream.flush()
            self._drawn = text


def drifted(events: Iterable[model.DriftEvent], severity: model.Severity | None) -> bool:
    """Return whether an event is that bad, or worse; without a severity none is."""
    return severity is not None and any(event.severity.rank >= severity.rank for event in events)
