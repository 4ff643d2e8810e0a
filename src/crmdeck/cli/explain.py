"""crmdeck explain: a sync's error messages, tied to what caused them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import IO

from crmdeck import workspace
from crmdeck.cli.output import Output, cell, emit, filtered, say
from crmdeck.cli.session import ProgressLine, moment
from crmdeck.errors import ExitCode, SourceError, UsageError, exit_code
from crmdeck.model import CauseKind, SyncCause
from crmdeck.text import count

_CELLS = ("line", "kind", "code", "object", "field", "value")


class FailOn(StrEnum):
    """What makes the command fail."""

    SCHEMA = "schema"


def explain(
    ws: workspace.Workspace,
    out: Output,
    file: str = "-",
    connection: str | None = None,
    pair: str | None = None,
    column: str | None = None,
    at: str | None = None,
    each: bool = False,
    values: bool = True,
    fail_on: FailOn | None = None,
) -> ExitCode:
    """Explain a sync's errors: the change, the person and the row behind each.

    -o retry.csv writes the records to send again, by cause; .html and .md write a report.
    """
    wanted = out.resolve(workspace.ERROR_FORMATS)
    source = sys.stdin.buffer if file == "-" else Path(file)
    if file == "-" and sys.stdin.isatty():
        say("Paste the error messages, then press Ctrl+D.")
    when = moment(at, ws, as_of=True)
    if each:
        if wanted not in (None, "json") or out.output is not None:
            raise UsageError(
                "--each can't be combined with -o or --format.", remedy="Leave out one of them."
            )
        return _each(ws, source, connection, column, values, fail_on, out.as_json)
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
    if out.output is not None:
        ws.errors.write(out.output, found, wanted or "markdown")
        say(f"Wrote {out.output}")
    elif wanted is not None:
        emit(filtered(ws.errors.stream(found, wanted)), exactly=True)
    else:
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

    emit(lines(), exactly=True)
    if counts["not read"] and not counts["read"]:
        raise SourceError("crmdeck can't read anything in the input.", code="NOTHING_READ")
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
