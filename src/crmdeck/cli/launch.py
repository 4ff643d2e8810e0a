"""Open the console, or the demo."""

from __future__ import annotations

import os
import sys

from crmdeck import workspace
from crmdeck.errors import CrmdeckError, ExitCode, NotFoundError, UsageError
from crmdeck.home import require_home


def open_console(
    home: str | None = None, *, demo: bool = False, read_only: bool = False
) -> ExitCode:
    """Run the console, and return the exit code of the command."""
    if not _at_terminal():
        # Imported here, because the console starts without the output of other commands.
        from crmdeck.cli.output import report_error

        error = UsageError(
            "The console needs a terminal.",
            remedy="In scripts, use crmdeck status, check or export",
            code="NO_TERMINAL",
        )
        report_error(error, as_json=False)
        return error.exit_code
    from crmdeck.tui.gc_tuning import relax

    # Call it before the other imports: they are what garbage collection would slow down.
    relax()
    from crmdeck.tui.console import run_console

    try:
        _require_home(home, demo=demo, read_only=read_only)
        with workspace.open_later(home, read_only=read_only, demo=demo) as opening:
            wants_demo = run_console(opening)
        if wants_demo:
            with workspace.open_later(read_only=read_only, demo=True) as opening:
                run_console(opening)
    except CrmdeckError as error:
        from crmdeck.cli.output import report_error

        report_error(error, as_json=False)
        return error.exit_code
    return ExitCode.OK


def _require_home(home: str | None, *, demo: bool, read_only: bool) -> None:
    """Raise what `require_home` raises, unless the user agrees to create the workspace."""
    try:
        require_home(home, demo=demo)
    except NotFoundError as error:
        if read_only or _drawn_elsewhere():
            raise
        # No `typer.confirm`, because the console starts without the parser.
        sys.stderr.write(f"{error.message} Create it? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
            raise


def _at_terminal() -> bool:
    if _drawn_elsewhere():
        return True
    # Textual reads stdin and draws on stderr, on Windows on stdout.
    drawn_on = sys.stdout if sys.platform == "win32" else sys.stderr
    return sys.stdin is not None and sys.stdin.isatty() and drawn_on.isatty()


def _drawn_elsewhere() -> bool:
    # A program that sets the driver, such as textual-serve, draws elsewhere.
    return bool(os.environ.get("TEXTUAL_DRIVER"))
