"""crmdeck explain: a sync's error messages, tied to what caused them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import ForceOption, JsonOption, OutputOption
from crmdeck.cli.output import cell, chosen_format, emit, emit_json, emit_pieces, say
from crmdeck.cli.session import ProgressLine, in_workspace, moment
from crmdeck.errors import ExitCode, SourceError, UsageError, exit_code
from crmdeck.model import CauseKind, SyncCause
from crmdeck.text import count

_SUFFIXES = workspace.ERROR_FORMATS


_CELLS = ("line", "kind", "code", "object", "field", "value")


class FailOn(StrEnum):
    """What makes the command fail."""

    SCHEMA = "schema"


@in_workspace()
def explain(
    ws: workspace.Workspace,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="File with errors, or - for stdin.")
    ] = "-",
    connection: Annotated[
        str | None,
        typer.Option("--connection", help="Connection name (default: the only one that fits)."),
    ] = None,
    pair: Annotated[
        str | None, typer.Option("--pair", help="Object pair of the failed records.")
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", help="Column with the messages (default: found).")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="Time of errors without one: 2026-05-16, or 7d (default: now)."),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="Explain each message alone, one record a line.")
    ] = False,
    values: Annotated[
        bool, typer.Option("--values/--no-values", help="Show or mask the values of records.")
    ] = True,
    fail_on: Annotated[
        FailOn | None, typer.Option("--fail-on", help="Exit with 4 if the schema is a cause.")
    ] = None,
    output: OutputOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> ExitCode:
    """Explain a sync's errors: the change, the person and the row behind each.

    -o retry.csv writes the records to send again, by cause; .html and .md write a report.
    """
    wanted = chosen_format(None, output, _SUFFIXES, as_json=as_json, force=force)
    source = sys.stdin.buffer if file == "-" else Path(file)
    if file == "-" and sys.stdin.isatty():
        say("Paste the error messages, then press Ctrl+D.")
    when = moment(at, ws, as_of=True)
    if each:
        if output is not None:
            raise UsageError("--each can't be combined with -o.", remedy="Leave out one of them.")
        return _each(ws, source, connection, column, values, fail_on, as_json)
    with ProgressLine() as progress:
        found = ws.errors.explain(
            source,
            connection=connection,
            pair=pair,
            column=column,
            at=when,
            values=values,
            progress=progress,
        )
    report = found.report
    if output is not None:
        ws.errors.write(output, found, wanted or "markdown")
        say(f"Wrote {output}")
    if as_json and output is None:
        emit_json(report)
    elif output is None:
        _show(report.causes, workspace.sync_errors_summary(report))
    for note in report.notes:
        say(note)
    if report.not_read:
        say(f"Can't read {count(report.not_read, 'row')} of {report.file}.")
    reasons = [ExitCode.PARTIAL] if report.not_read else []
    if fail_on is not None and report.schema_errors:
        reasons.append(ExitCode.DRIFT)
    return exit_code(reasons)


def _each(
    ws: workspace.Workspace,
    source: Path | IO[bytes],
    connection: str | None,
    column: str | None,
    values: bool,
    fail_on: FailOn | None,
    as_json: bool,
) -> ExitCode:
    counts = {"read": 0, "not read": 0, "schema": 0}

    def lines() -> Iterator[str]:
        for one in ws.errors.each(source, connection=connection, column=column, values=values):
            if one is None:
                counts["not read"] += 1
                continue
            counts["read"] += 1
            counts["schema"] += bool(one["isSchemaCause"])
            if as_json:
                yield json.dumps(one, ensure_ascii=False) + "\n"
            else:
                yield "\t".join(map(cell, map(one.get, _CELLS))) + "\n"

    emit_pieces(lines())
    if counts["not read"] and not counts["read"]:
        raise SourceError("Nothing in the input can be read.", code="NOTHING_READ")
    reasons = [ExitCode.PARTIAL] if counts["not read"] else []
    if fail_on is not None and counts["schema"]:
        reasons.append(ExitCode.DRIFT)
    return exit_code(reasons)


def _show(causes: tuple[SyncCause, ...], summary: str) -> None:
    emit(summary)
    for cause in causes:
        emit(f"\n{cause.count:,} × {cell(cause.title)}")
        parts = {
            "message": cause.message if cause.kind is CauseKind.UNKNOWN else None,
            "values": ", ".join(cause.values),
            "why": cause.why,
            "row": ", ".join(cause.mappings),
            "next": cause.next,
        }
        for name, text in parts.items():
            if text:
                emit(f"  {name:8}{cell(text)}")
