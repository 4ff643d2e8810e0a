"""Opening the console, and the demo that a first run may ask for."""

from __future__ import annotations

import os
import sys

from crmdeck import workspace
from crmdeck.errors import CrmdeckError, ExitCode, UsageError


def open_console(
    home: str | None = None, *, demo: bool = False, read_only: bool = False
) -> ExitCode:
    """Show the console until the user leaves; return the exit code of the command."""
    if not _at_terminal():
        from crmdeck.cli.output import report_error

        error = UsageError(
            "The console needs a terminal, and there is none here.",
            remedy="For a script there are crmdeck status, check and export; crmdeck --help lists "
            "all commands.",
            code="NO_TERMINAL",
        )
        report_error(error, as_json=False)
        return error.exit_code
    from crmdeck.tui.gc_tuning import relax

    # Before the rest of the console is imported: it is imports that would be collected.
    relax()
    from crmdeck.tui.console import run_console

    try:
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


def _at_terminal() -> bool:
    # A program that sets the driver, as textual-serve does, has a screen of its own.
    if os.environ.get("TEXTUAL_DRIVER"):
        return True
    # Textual reads from stdin, and draws on stderr, on Windows on stdout.
    drawn_on = sys.stdout if sys.platform == "win32" else sys.stderr
    return sys.stdin is not None and sys.stdin.isatty() and drawn_on.isatty()
