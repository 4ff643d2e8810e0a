"""crmdeck version and crmdeck help."""

from __future__ import annotations

import platform

from crmdeck import __version__
from crmdeck.cli.output import emit, emit_json


def version(as_json: bool = False) -> None:
    """Print the version."""
    if as_json:
        emit_json({"version": __version__, "python": platform.python_version()})
    else:
        emit(f"crmdeck {__version__}")


def help(command: list[str] | None = None) -> None:
    """Show the help of a command."""
    from crmdeck.cli.app import app

    app([*(command or ()), "--help"], prog_name="crmdeck")
