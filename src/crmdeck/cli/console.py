"""Opening the console, and the demo that a first run may ask for."""

from __future__ import annotations

from pathlib import Path

from crmdeck.errors import CrmdeckError, ExitCode
from crmdeck.tui.collector import relax
from crmdeck.workspace import open_later


def open_console(
    home: Path | None = None, *, demo: bool = False, read_only: bool = False
) -> ExitCode:
    """Show the console until the user leaves; return the exit code of the command."""
    relax()
    from crmdeck.tui.console import run_console

    try:
        with open_later(home, read_only=read_only, demo=demo) as opening:
            wants_demo = run_console(opening)
        if wants_demo:
            with open_later(read_only=read_only, demo=True) as opening:
                run_console(opening)
    except CrmdeckError as error:
        from crmdeck.cli.output import report_error

        report_error(error, as_json=False)
        return error.exit_code
    return ExitCode.OK
