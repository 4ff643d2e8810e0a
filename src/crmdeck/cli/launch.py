"""Opening the console, and the demo that a first run may ask for."""

from __future__ import annotations

from pathlib import Path

from crmdeck.errors import CrmdeckError, ExitCode


def open_console(
    home: Path | None = None, *, demo: bool = False, read_only: bool = False
) -> ExitCode:
    """Show the console until the user leaves; return the exit code of the command."""
    from crmdeck.tui.collector import relax

    # Before the rest of the console is imported: it is imports that would be collected.
    relax()
    from crmdeck.tui.console import run_console
    from crmdeck.workspace import open_later

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
