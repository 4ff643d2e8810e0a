"""Output of the commands: data on stdout, messages on stderr."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from crmdeck import model, workspace
from crmdeck.clock import utc_now
from crmdeck.errors import CrmdeckError, NextStep, UsageError
from crmdeck.text import ago, visible_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable


Row: TypeAlias = Sequence[object]
Record: TypeAlias = "model.WireModel | Mapping[str, object]"

_LONGEST_WORD = 48
_BETWEEN_NAMES = re.compile(r"(?<=\w)\.(?=\w)")
_SENTENCE = 28
_LONG_SENTENCE = 40
_INDENT = 4
_GAP = 2
_UNBOUNDED = 100_000

_quiet = False
_filter: tuple[str, Any] | None = None


class Table(NamedTuple):
    """A table for a reader, as `emit_table` takes it."""

    columns: Sequence[str]
    rows: Iterable[Row]
    least: Sequence[str] = ()
    below: str | None = None


def set_quiet(quiet: bool) -> None:
    """Turn messages off or on; errors and data are always written."""
    global _quiet
    _quiet = quiet


def set_filter(expression: str | None) -> None:
    """Filter the JSON data of this command by a jq expression; None ends that.

    Raises UsageError for an invalid expression, ModuleNotFoundError without the extra `jq`.
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


def emit(text: str) -> None:
    """Write data and a line break to stdout; for a terminal, make control characters visible.

    Raises CrmdeckError if writing fails, but not if the reader closed the pipe.
    """
    if sys.stdout.isatty():
        text = "\n".join(visible_text(line.expandtabs()) for line in text.splitlines())
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _hush()
    except OSError as error:
        raise write_failed(error) from None


def emit_pieces(pieces: Iterable[str]) -> None:
    """Write a long text to stdout piece by piece.

    Raises CrmdeckError if writing fails, or if the reader closes the pipe before the end.
    """
    if sys.stdout.isatty():
        emit("".join(pieces))
        return
    try:
        for piece in pieces:
            sys.stdout.write(piece)
        sys.stdout.flush()
    except BrokenPipeError:
        _hush()
        raise CrmdeckError(
            "Output was cut short: the pipe closed early.",
            cause="The program at the other end stopped reading before the export was complete.",
            remedy="Write to a file instead: -o FILE",
            code="READER_WENT_AWAY",
        ) from None
    except OSError as error:
        raise write_failed(error) from None


def say(text: str) -> None:
    """Write a message to stderr, unless --quiet."""
    if not _quiet:
        _complain(text)


def chosen_format(
    format: str | None,
    output: Path | None,
    suffixes: Mapping[str, str],
    *,
    as_json: bool,
    force: bool,
) -> str | None:
    """Return the format that the options and the file name imply, None without one.

    Raises UsageError if they contradict each other, if the suffix belongs to no format, or if
    the file exists and `force` is off.
    """
    if as_json and format not in (None, "json"):
        raise UsageError(
            f"--json can't be combined with --format {format}.", remedy="Use only one of them."
        )
    wanted = "json" if as_json else format
    if output is None:
        return wanted
    require_free(output, force=force)
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
    if _is_folder(output):
        raise UsageError(
            f"{output} is a folder.", remedy="Enter the name of a file in it.", code="NOT_A_FILE"
        )
    if not force and _is_there(output):
        raise UsageError(
            f"{output} already exists.",
            remedy="Use another name, or overwrite it with --force.",
            code="FILE_EXISTS",
        )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # Writing the file reports the reason.
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def write_file(path: Path, content: str | bytes) -> None:
    """Write a complete file or none, readable by its owner only, and report it."""
    workspace.write_atomically(path, content)
    say(f"Wrote {path}")


def _complain(text: str) -> None:
    sys.stderr.write(visible_text(text) + "\n")


def emit_json(value: Record | Iterable[Record]) -> None:
    """Write one record, or a list of records, to stdout in the wire shape."""

    def wire(record: Record) -> Mapping[str, object]:
        return record.to_wire() if isinstance(record, model.WireModel) else record

    if isinstance(value, model.WireModel | Mapping):
        text = json_text(wire(value))
    else:
        text = json_text([wire(each) for each in value])
    if text:
        emit(text)


def emit_hanging(text: str, indent: int) -> None:
    """Write a line to stdout; a terminal wraps it with an indent, a pipe gets one line."""
    if not sys.stdout.isatty():
        emit(text)
        return
    width = _console().width
    first, *rest = _wrapped(visible_text(text), width)
    emit(first)
    for line in _wrapped(" ".join(rest), width - indent) if rest else ():
        emit(" " * indent + line)


def emit_table(
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    least: Sequence[str] = (),
    below: str | None = None,
) -> None:
    """Write rows to stdout: fitted to a terminal, tab-separated in a pipe.

    If a terminal is too narrow, the columns of `least` are left out one by one, and the texts of
    the last column, named by `below`, move below their rows. A terminal shows `3 h ago` for a
    time, a pipe gets the exact time.
    """
    listed = list(rows)
    if not sys.stdout.isatty():
        emit("\n".join("\t".join(row) for row in (columns, *(map(cell, row) for row in listed))))
        return
    now = utc_now()
    shown = [
        [ago(value, now) if isinstance(value, datetime) else cell(value) for value in row]
        for row in listed
    ]
    moments = {
        index for row in listed for index, value in enumerate(row) if isinstance(value, datetime)
    }
    _print_table(columns, shown, least, moments, sentences=below is not None)


def draw_table(table: Table) -> str:
    """Return a table as lines of text, as wide as its cells, with exact times."""
    from rich.console import Console

    shown = [[cell(value) for value in row] for row in table.rows]
    console = Console(file=io.StringIO(), color_system=None, width=_UNBOUNDED)
    with console.capture() as drawn:
        _print_table(table.columns, shown, (), (), sentences=False, console=console)
    return "".join(line.rstrip() + "\n" for line in drawn.get().splitlines())


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
    _hush()
    return CrmdeckError(
        "Can't write the output.",
        cause=error.strerror or str(error) if sys.stdout.writable() else "stdout is closed.",
        remedy="Check the disk or device that the output goes to.",
        code="WRITE_FAILED",
    )


def _hush() -> None:
    # Drop the buffered output too: flushing it at exit would fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    least: Sequence[str],
    moments: Collection[int],
    *,
    sentences: bool,
    console: Console | None = None,
) -> None:
    """Print a table; columns of `moments` don't wrap if they fit, the last can be `sentences`."""
    console = console or _console()
    needs = [
        _need(name, [row[index] for row in rows], index in moments)
        for index, name in enumerate(columns)
    ]
    last = len(columns) - 1
    kept = [i for i in range(len(columns)) if not rows or any(row[i] for row in rows)]
    if sentences and last in kept:
        beside = [*(needs[index].readable for index in kept[:-1]), _LONG_SENTENCE]
        if _room(beside) > console.width:
            kept.remove(last)
    for name in least:
        if _room(needs[index].readable for index in kept) <= console.width:
            break
        kept = [index for index in kept if columns[index] != name]
    wrapped = [_need(columns[i], [row[i] for row in rows], whole=False) for i in kept]
    unwrapped = [needs[index] for index in kept]
    fits = _room(need.word for need in unwrapped) <= console.width
    widths = _widths(unwrapped if fits else wrapped, console.width)
    names = [columns[index] for index in kept]
    if not sentences or last in kept:
        console.print(_drawn(names, widths, [[row[i] for i in kept] for row in rows]))
        return
    console.print(_drawn(names, widths, []))
    for row in rows:
        console.print(_drawn((), widths, [[row[i] for i in kept]]))
        for line in _wrapped(row[-1], console.width - _INDENT) if row[-1] else ():
            console.print(" " * _INDENT + line, style="dim", markup=False, highlight=False)


def _drawn(names: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[str]]) -> RichTable:
    """Return a table with these column widths, with a header if `names` has any."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    # The box adds one space between columns, the padding another.
    table = Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        show_header=bool(names),
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
    )
    for index, width in enumerate(widths):
        table.add_column(Text(names[index] if names else ""), overflow="fold", width=width)
    for row in rows:
        table.add_row(
            *(Text(_folded(text, width)) for text, width in zip(row, widths, strict=True))
        )
    return table


def _console() -> Console:
    # Rich keeps bold and dim under $NO_COLOR; a pager or a file needs plain text.
    from rich.console import Console

    return Console(color_system=None) if os.environ.get("NO_COLOR") else Console()


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text as lines of `width` columns, broken between words if possible."""
    from rich.text import Text

    return [line.plain.rstrip() for line in Text(text).wrap(_console(), max(20, width))]


class _Need(NamedTuple):
    """The widths at which a column breaks no word, reads well, and wraps nothing."""

    word: int
    readable: int
    whole: int


def _folded(text: str, width: int) -> str:
    """Return text in which a long `Object.Field` breaks after the dot."""
    from rich.cells import cell_len

    if "." not in text or cell_len(text) <= width:
        return text
    return " ".join(
        _BETWEEN_NAMES.sub(".\n", word, count=1) if cell_len(word) > width else word
        for word in text.split(" ")
    )


def _need(name: str, cells: Sequence[str], whole: bool) -> _Need:
    from rich.cells import cell_len

    texts = (name, *cells)
    words = (word for text in texts for word in _BETWEEN_NAMES.sub(". ", text).split() or [""])
    longest = max(map(cell_len, texts))
    word = min(max(map(cell_len, words)), _LONGEST_WORD)
    if whole:
        word = max([word, *map(cell_len, cells)])
    return _Need(word, max(word, min(longest, _SENTENCE)), longest)


def _room(widths: Iterable[int]) -> int:
    listed = list(widths)
    return sum(listed) + _GAP * len(listed)


def _widths(needs: Sequence[_Need], room: int) -> list[int]:
    """Return the width of each column: its longest word and a share of the remaining room."""
    widths = [need.word for need in needs]
    left = room - _room(widths)
    # The column that needs least comes first and leaves the rest of its share to the others.
    order = sorted(range(len(needs)), key=lambda index: needs[index].whole - widths[index])
    for turn, index in enumerate(order):
        share = max(0, left) // (len(order) - turn)
        more = min(share, needs[index].whole - widths[index])
        widths[index] += max(0, more)
        left -= max(0, more)
    return widths
