"""Output of the commands: data on stdout, messages on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from crmdeck import model, workspace
from crmdeck.clock import utc_now
from crmdeck.errors import CrmdeckError, NextStep, UsageError
from crmdeck.text import ago, visible_text

Row: TypeAlias = Sequence[object]
Cells: TypeAlias = Mapping[str, str | Callable[[Any], object]]
"""The columns of a table: an attribute (dotted if nested) or a function of the item by title."""
Record: TypeAlias = "model.WireModel | Mapping[str, object]"

# The options of all commands, which `root` sets before a command runs.
_quiet = False
_verbose = False
_filter: tuple[str, Any] | None = None


class TextTable(NamedTuple):
    """A table for a reader.

    If a terminal is too narrow, the columns of `least` are left out one by one, and the texts of
    the last column, named by `below`, move below their rows.
    """

    columns: Sequence[str]
    rows: Iterable[Row]
    least: Sequence[str] = ()
    below: str | None = None

    @classmethod
    def of(
        cls, items: Iterable[Any], cells: Cells, least: Sequence[str] = (), below: str | None = None
    ) -> TextTable:
        """Return a table with a row per item."""
        readers = [attrgetter(each) if isinstance(each, str) else each for each in cells.values()]
        return cls(tuple(cells), ([read(item) for read in readers] for item in items), least, below)


def set_quiet(quiet: bool) -> None:
    """Turn messages off or on; errors and data are always written."""
    global _quiet
    _quiet = quiet


def set_filter(expression: str | None) -> None:
    """Filter the JSON data of this command by a jq expression; None ends that.

    Raises UsageError for an invalid expression, ModuleNotFoundError if jq isn't installed.
    """
    global _filter
    _filter = None
    if expression is not None:
        import jq

        try:
            _filter = expression, jq.compile(expression)
        except ValueError as error:
            raise _bad_filter(expression, error) from None


def json_text(value: object) -> str:
    """Return data as JSON, or as what the expression of --jq makes of it, a result per line.

    Raises UsageError if the expression can't be applied.
    """
    if _filter is None:
        return json.dumps(value, indent=2)
    expression, program = _filter
    # jq rejects the lone surrogates that JSON allows.
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
    try:
        found = program.input_text(text).all()
    except ValueError as error:
        raise _bad_filter(expression, error) from None
    return "\n".join(
        each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in found
    )


def filtered(pieces: Iterable[str]) -> Iterable[str]:
    """Return JSON text unchanged, or what the expression of --jq makes of it."""
    return pieces if _filter is None else [json_text(json.loads("".join(pieces)))]


def require_unfiltered(output: Path) -> None:
    """Raise UsageError if --jq filters the data that a command writes to a file as it reads it."""
    if _filter is not None:
        raise UsageError(
            "--jq can't be combined with -o here.", remedy=f"Redirect the output: > {output}"
        )


def _bad_filter(expression: str, error: ValueError) -> UsageError:
    reason = str(error).splitlines()[0].removeprefix("jq: error: ").rstrip(":. ")
    return UsageError(
        f"Can't apply the jq expression '{expression}'.",
        cause=f"{reason}.",
        remedy="Correct it, or see the data: --json",
        code="BAD_JQ",
    )


def emit(text: str | Iterable[str], *, exactly: bool = False) -> None:
    """Write data to stdout, with a line break at its end unless `exactly`.

    A terminal shows control characters. Raises CrmdeckError if writing fails, but not if the
    reader closed the pipe.
    """
    pieces = [text] if isinstance(text, str) else text
    if sys.stdout.isatty():
        # Tabs become spaces first: `visible_text` would show them as control characters.
        lines = "".join(pieces).splitlines()
        pieces, exactly = ["\n".join(visible_text(line.expandtabs()) for line in lines)], False
    try:
        for piece in pieces if exactly else ending_line(pieces):
            sys.stdout.write(piece)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
        # The reader has enough, and messages about the rest would only be in the way.
        set_quiet(True)
    except OSError as error:
        raise write_failed(error) from None


def ending_line(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the pieces of a text, and a line break if it doesn't end in one."""
    last = ""
    for piece in pieces:
        yield piece
        last = piece or last
    if not last.endswith("\n"):
        yield "\n"


def say(text: str) -> None:
    """Write a message to stderr, unless --quiet."""
    if not _quiet:
        _complain(text)


@dataclass
class Output:
    """Where the data of a command goes, and in which format."""

    format: str | None = None
    output: Path | None = None
    force: bool = False
    as_json: bool = False

    def resolve(self, suffixes: Mapping[str, str]) -> str | None:
        """Return the format that the options and the file name imply, None without one.

        Raises UsageError if they contradict each other, if the suffix belongs to no format, or if
        the file exists and `force` is off.
        """
        if self.as_json and self.format not in (None, "json"):
            raise UsageError(
                f"--json can't be combined with --format {self.format}.",
                remedy="Use only one of them.",
            )
        wanted, output = "json" if self.as_json else self.format, self.output
        if output is None:
            return wanted
        require_free(output, force=self.force)
        implied = suffixes.get(output.suffix.lower())
        if wanted and implied and implied != wanted:
            raise UsageError(
                f"The name {output.name} doesn't fit the format {wanted}.",
                remedy=f"Leave out --format, or use a file name for {wanted}.",
                code="FORMAT_CONTRADICTS_NAME",
            )
        if wanted is None and implied is None and output.suffix:
            raise UsageError(
                f"No format for the file name {output.name}.",
                remedy=f"Use --format, or one of these suffixes: {', '.join(suffixes)}.",
                code="FORMAT_CONTRADICTS_NAME",
            )
        return wanted or implied


def require_free(output: Path, *, force: bool) -> None:
    """Raise UsageError if `output` is a folder, or an existing file without `force`."""
    # pathlib's own questions raise OSError for a path that can't be read; writing reports that.
    if os.path.isdir(output):  # noqa: PTH112
        raise UsageError(
            f"{output} is a folder.", remedy="Enter the name of a file in it.", code="NOT_A_FILE"
        )
    if not force and os.path.exists(output):  # noqa: PTH110
        raise UsageError(
            f"{output} already exists.",
            remedy="Use another name, or overwrite it with --force.",
            code="FILE_EXISTS",
        )


def write_file(path: Path, content: str | bytes | Iterable[str]) -> None:
    """Write a complete file or none, readable by its owner only, and report it."""
    workspace.write_atomically(path, content)
    say(f"Wrote {path}")


def _complain(text: str) -> None:
    sys.stderr.write(visible_text(text) + "\n")


def emit_json(value: Record | Iterable[Record]) -> None:
    """Write one record, or a list of records, to stdout in the API format."""

    def wire(record: Record) -> Mapping[str, object]:
        return record.to_wire() if isinstance(record, model.WireModel) else record

    if isinstance(value, model.WireModel | Mapping):
        text = json_text(wire(value))
    else:
        text = json_text([wire(each) for each in value])
    if text:
        emit(text)


def emit_or_say(record: Record | Iterable[Record], text: str, as_json: bool) -> None:
    """Write what was done as JSON data, or say it."""
    if as_json:
        emit_json(record)
    else:
        say(text)


def emit_hanging(text: str, indent: int) -> None:
    """Write a line to stdout; a terminal wraps it with an indent, a pipe gets one line."""
    if not sys.stdout.isatty():
        emit(visible_text(text))
        return
    from crmdeck.cli import tables

    width = tables.console().width
    first, *rest = tables.wrapped(visible_text(text), width)
    emit(first)
    for line in tables.wrapped(" ".join(rest), width - indent) if rest else ():
        emit(" " * indent + line)


def emit_table(table: TextTable) -> None:
    """Write a table to stdout: fitted to a terminal, CSV in a pipe.

    A terminal shows `3 h ago` for a time, a pipe gets the exact time.
    """
    if not sys.stdout.isatty():
        names = table.columns
        rows = (dict(zip(names, map(cell, row), strict=True)) for row in table.rows)
        emit(workspace.stream_rows(rows, "csv", names), exactly=True)
        return
    listed = list(table.rows)
    from crmdeck.cli import tables

    now = utc_now()
    shown = [
        [ago(value, now) if isinstance(value, datetime) else cell(value) for value in row]
        for row in listed
    ]
    moments = {
        index for row in listed for index, value in enumerate(row) if isinstance(value, datetime)
    }
    sentences = table.below is not None
    tables.print_table(table.columns, shown, table.least, moments, sentences=sentences)


def report_error(error: CrmdeckError, *, as_json: bool) -> None:
    """Write an error to stderr: message, connection, cause, remedy and command."""
    command = command_for(error.next_step, error.connection)
    if as_json:
        about = {
            "connection": error.connection,
            "command": command,
            "reasons": [error.exit_code.reason],
        }
        more = {key: value for key, value in about.items() if value}
        sys.stderr.write(json.dumps({**error.to_wire(), **more}) + "\n")
        return
    name = error.connection or ""
    name = f"{name}: " if name and name not in error.message else ""
    _complain(f"crmdeck: {name}{error.message}")
    for part in (error.cause, error.remedy, command):
        if part:
            _complain(f"  {part}")


def say_details(*parts: str | None) -> None:
    """Write the details of a message to stderr, indented."""
    for part in parts:
        if part:
            say(f"  {part}")


def command_for(step: NextStep | None, connection: str | None) -> str | None:
    """Return the command for a next step of a connection, None without one."""
    command = _COMMANDS.get(step) if step is not None else None
    return f"crmdeck {command} {connection}" if command and connection else None


_COMMANDS = {
    NextStep.SIGN_IN: "connections sign-in",
    NextStep.REFRESH: "refresh",
    NextStep.TEST: "connections test",
    NextStep.SEE_DRIFT: "drift",
}


def cell(value: object) -> str:
    """Return a value as one safe line of text, a time in UTC."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return model.format_utc(value)
        case float():
            return f"{value:.2f}"
        case _:
            return visible_text(str(value))


def write_failed(error: OSError) -> CrmdeckError:
    """Return the error for output that can't be written, and discard the rest."""
    _discard_stdout()
    return CrmdeckError(
        "Can't write the output.",
        # At start, a closed stdout is replaced by one that can only be read.
        cause=error.strerror or str(error) if sys.stdout.writable() else "stdout is closed.",
        remedy="Check the disk or device that the output goes to.",
        code="WRITE_FAILED",
    )


def set_verbose(verbose: bool) -> None:
    """Show what this process reads and writes: requests, files, the history; never a secret."""
    global _verbose
    if not (verbose or _verbose):
        return
    import logging

    from crmdeck.redaction import redact

    class Lines(logging.Handler):
        last = ""

        def emit(self, record: logging.LogRecord) -> None:
            text = redact(record.getMessage())
            # A command opens the history several times.
            if text != self.last and not text.startswith("Starting new"):
                _complain(f"  {text}")
            self.last = text

    _verbose, handlers = verbose, [Lines()] if verbose else []
    for name in ("crmdeck", "urllib3.connectionpool", "httpx"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG if verbose else logging.NOTSET)
        logger.propagate = not verbose
        logger.handlers[:] = handlers


def is_quiet() -> bool:
    """True if the user wants no messages."""
    return _quiet


def _discard_stdout() -> None:
    # Drop the buffered output too: flushing it at exit would fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
