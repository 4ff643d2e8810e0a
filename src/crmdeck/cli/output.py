"""How the headless face speaks: data on stdout, talk on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmdeck.errors import CrmdeckError, NextStep
from crmdeck.text import visible_text

if TYPE_CHECKING:
    from crmdeck.model import WireModel

Row = Sequence[object]


def emit(text: str) -> None:
    """Write data to stdout, with a line break at its end: as it is, but to a terminal harmless.

    Raises CrmdeckError where it can't be written; a reader that has gone away has what it wanted.
    """
    if sys.stdout.isatty():
        text = "\n".join(visible_text(line.expandtabs()) for line in text.splitlines())
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _hush()
    except OSError as error:
        _hush()
        raise CrmdeckError(
            "The output could not be written.",
            cause=error.strerror or str(error),
            remedy="See what it is written to: a full disk, or a device that takes nothing.",
            code="WRITE_FAILED",
        ) from None


def say(text: str) -> None:
    """Say something to the person on stderr."""
    sys.stderr.write(visible_text(text) + "\n")


def emit_json(value: WireModel | Iterable[WireModel] | dict[str, Any]) -> None:
    """Write records to stdout in the wire shape."""
    from crmdeck.model import WireModel

    data: Any
    if isinstance(value, WireModel):
        data = value.to_wire()
    elif isinstance(value, dict):
        data = value
    else:
        data = [item.to_wire() for item in value]
    emit(json.dumps(data, indent=2))


def emit_table(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write rows to stdout: aligned for a person, tab-separated with a header in a pipe."""
    cells = [[cell(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _print_table(columns, cells)
        return
    emit("\n".join("\t".join(row) for row in (columns, *cells)))


def report_error(error: CrmdeckError, *, as_json: bool) -> None:
    """Say on stderr what happened, to which connection, why, and what to do next."""
    command = command_for(error.next_step, error.connection)
    if as_json:
        about = {"connection": error.connection, "command": command}
        told = {key: value for key, value in about.items() if value}
        sys.stderr.write(json.dumps({**error.to_wire(), **told}) + "\n")
        return
    name = error.connection or ""
    name = f"{name}: " if name and name not in error.message else ""
    say(f"crmdeck: {name}{error.message}")
    tell_more(error.cause, error.remedy, command)


def tell_more(*parts: str | None) -> None:
    """Say on stderr what stands below a line, such as its cause and its remedy."""
    for part in parts:
        if part:
            say(f"  {part}")


def command_for(step: NextStep | None, connection: str | None) -> str | None:
    """Return the command that takes a next step for a connection."""
    command = _COMMANDS.get(step) if step is not None else None
    return f"crmdeck {command} {connection}" if command and connection else None


_COMMANDS = {
    NextStep.SIGN_IN: "connections sign-in",
    NextStep.REFRESH: "refresh",
    NextStep.TEST: "connections test",
    NextStep.SEE_DRIFT: "drift",
}


def cell(value: object) -> str:
    """Return a value as one safe line of text."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            from crmdeck.model import format_utc

            return format_utc(value)
        case float():
            return f"{value:.2f}"
        case _:
            return visible_text(str(value))


def _hush() -> None:
    """Let what is still in stdout's buffer, and all that follows, go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(text) for text in row))
    Console().print(table)
