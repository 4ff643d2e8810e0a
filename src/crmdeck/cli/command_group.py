"""Mistakes on the command line, told in the shape that was asked for."""

from __future__ import annotations

import sys
from typing import Any

from typer.core import TyperGroup

from crmdeck.cli.output import report_error
from crmdeck.errors import UsageError

JSON_OPTION = "--json"


class Commands(TyperGroup):
    """The commands; who asks for JSON gets an option that can't be read as JSON too."""

    def main(self, args: Any = None, *positional: Any, **named: Any) -> Any:
        """Parse `args`, by default those of the process, run the command, and exit."""
        given = list(sys.argv[1:] if args is None else args)
        if JSON_OPTION not in given:
            return super().main(args, *positional, **named)
        try:
            code = super().main(args, *positional, **(named | {"standalone_mode": False}))
        except Exception as error:
            # The parser's own kinds of error are not public; each can tell itself in a sentence.
            tell = getattr(error, "format_message", None)
            if tell is None:
                raise
            mistake = UsageError(tell(), remedy=_help_for(error), code="BAD_ARGUMENTS")
            report_error(mistake, as_json=True)
            sys.exit(int(mistake.exit_code))
        sys.exit(code)


def _help_for(error: Exception) -> str | None:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help tells what there is." if context is not None else None
