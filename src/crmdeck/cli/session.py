"""Open a workspace for a command, and turn errors into exit codes."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterator, Sized
from datetime import datetime
from typing import Any, Self, TypeVar

import typer

from crmdeck import model, workspace
from crmdeck.cli.completion import index_names
from crmdeck.cli.options import DemoOption, HomeOption, add_options, parameters_of
from crmdeck.cli.output import report_error, say
from crmdeck.errors import CrmdeckError, ExitCode, UsageError, install_hint
from crmdeck.home import require_home
from crmdeck.text import ago

T = TypeVar("T")
_EXTRAS = {
    "jq": "filter JSON",
    "mcp": "answer assistants",
    "serve": "serve",
    "web": "serve the console",
}
"""What each optional extra is for."""


def in_workspace(
    *, demo: bool = True, creates: bool = False, extra: str | None = None
) -> Callable[[Callable[..., ExitCode | None]], Callable[..., None]]:
    """Give a command the options --home and --demo, and the workspace as its first argument.

    The command exits with the code that it returns. `creates` is that of `open_workspace`. `extra`
    is the optional extra that the command needs.
    """
    options = [each for each in parameters_of(_location) if demo or each.name != "demo"]

    def decorate(command: Callable[..., ExitCode | None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(home: str | None = None, demo: bool = False, **given: Any) -> None:
            # A list knows from --format too whether errors are JSON.
            as_json = given["listing"].as_json if "listing" in given else given.get("as_json")
            needs = with_extra(extra) if extra else contextlib.nullcontext()
            with open_workspace(home, demo, bool(as_json), creates=creates) as ws, needs:
                code = command(ws, **given)
            if code:
                raise typer.Exit(int(code))

        add_options(run, command, options, instead_of="ws")
        return run

    return decorate


def _location(home: HomeOption = None, demo: DemoOption = False) -> None: ...


@contextlib.contextmanager
def open_workspace(
    home: str | None, demo: bool, as_json: bool = False, *, creates: bool = False
) -> Iterator[workspace.Workspace]:
    """Open the workspace of a command; a CrmdeckError inside becomes its exit code.

    Only a command that `creates` may name a workspace that doesn't exist.
    """
    with failing(as_json):
        require_home(home, demo=demo, creates=creates)
        with workspace.open_demo() if demo else workspace.Workspace.open(home) as opened:
            # With --json, stderr has only error objects.
            if not as_json:
                opened.report_waits(say)
                if demo and (changed := workspace.demo_changed_at(opened)) is not None:
                    when = ago(changed, opened.now)
                    say(f"The demo was changed {when}. Restore it with crmdeck demo --reset.")
            yield opened
            # The command has succeeded: a busy cache may only cost it the completion of new names.
            with contextlib.suppress(CrmdeckError):
                index_names(opened)


def say_empty(ws: workspace.Workspace) -> None:
    """Name the next two commands in a workspace without connections."""
    add = ws.command_line("connections add NAME", source="SOURCE")
    say(f"No connections yet. Add one: {add}")
    say("Or try the demo: crmdeck demo")


def moment(text: str | None, ws: workspace.Workspace, *, as_of: bool = False) -> datetime | None:
    """Return the time that an option names, None without one; raises UsageError.

    With `as_of`, a date means the end of that day.
    """
    return workspace.parse_past_moment(text, ws.now, as_of=as_of) if text else None


def time_range(
    since: str | None, until: str | None, ws: workspace.Workspace
) -> tuple[datetime | None, datetime | None]:
    """Return the times of --since and --until; raises UsageError if the first is later."""
    begin, end = moment(since, ws), moment(until, ws)
    if begin and end and begin > end:
        raise UsageError(
            "--since is later than --until.", remedy="Use an earlier --since or a later --until."
        )
    return begin, end


def carry_out(
    ws: workspace.Workspace,
    act: Callable[[], T],
    show: Callable[[T], None],
    *,
    dry_run: bool,
    ask: bool,
) -> None:
    """Change rows and show them: with `dry_run` only show them, with `ask` confirm several first.

    Both try the change with its real checks, and discard it.
    """
    if dry_run or (ask and sys.stdin.isatty() and sys.stderr.isatty()):
        with ws.context.rehearse():
            planned = act()
        several = isinstance(planned, Sized) and len(planned) > 1
        if dry_run or several:
            show(planned)
        if dry_run:
            say("Dry run: nothing was changed.")
            return
        if several and not typer.confirm("Make these changes?", err=True):
            raise typer.Abort
    show(act())


@contextlib.contextmanager
def failing(as_json: bool = False) -> Iterator[None]:
    """Report a CrmdeckError raised inside, and exit with its code."""
    try:
        yield
    except CrmdeckError as error:
        report_error(error, as_json=as_json)
        raise typer.Exit(int(error.exit_code)) from None


@contextlib.contextmanager
def with_extra(extra: str) -> Iterator[None]:
    """Raise UsageError if a package of an optional extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Can't {_EXTRAS[extra]}: the package '{error.name}' isn't installed.",
            remedy=install_hint(extra),
            code="EXTRA_MISSING",
        ) from None


class ProgressLine:
    """A line of progress on a terminal's stderr; any thread can call it.

    A wait is reported once, on a line of its own, in a pipe too.
    """

    def __init__(self, name: str = "") -> None:
        self._prefix = f"{name}: " if name else ""
        self._stream = sys.stderr
        self._shown = self._stream.isatty()
        self._drawn = ""
        self._waiting = ""
        # Several connections report progress at the same time, and half lines must not mix.
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.done()

    def done(self) -> None:
        """Clear the line."""
        with self._turn:
            self._draw("")

    def __call__(self, progress: model.Progress) -> None:
        with self._turn:
            if progress.waiting != self._waiting:
                self._waiting = progress.waiting
                if progress.waiting:
                    self._draw("")
                    say(f"{self._prefix}{progress.waiting}")
            if progress.total and self._shown:
                self._draw(f"{self._prefix}{progress.done} of {progress.total}")
            elif progress.done and self._shown:
                self._draw(f"{self._prefix}{progress.done:,} {progress.label}")

    def _draw(self, text: str) -> None:
        if text != self._drawn:
            # Spaces clear the old text: not every terminal knows the escape code for it.
            self._stream.write(f"\r{text.ljust(len(self._drawn))}" + ("" if text else "\r"))
            self._stream.flush()
            self._drawn = text
