"""crmdeck preflight: which writes the CRM will reject or change."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from crmdeck import workspace
from crmdeck.cli.output import (
    Cells,
    Output,
    TextTable,
    emit,
    emit_table,
    filtered,
    require_unfiltered,
    say,
)
from crmdeck.errors import ExitCode, UsageError
from crmdeck.model import STOPPING, Direction, Outcome, OutcomeCounts, PreflightReport, WriteCause
from crmdeck.text import count

OUTCOMES = {
    Outcome.REJECTED: "rejected",
    Outcome.UNLESS_AUTOMATION: "rejected unless automation fills it",
    Outcome.UNLESS_USER: "rejected unless the user has permission",
    Outcome.CHANGED: "changed",
    Outcome.UNKNOWN: "can't judge",
}
_MOST_POSITIONS = 3


class FailOn(StrEnum):
    """The outcomes that fail a preflight, each with the ones before it."""

    REJECTED = "rejected"
    UNLESS = "unless"
    UNKNOWN = "unknown"


_FAILING = {
    FailOn.REJECTED: (Outcome.REJECTED,),
    FailOn.UNLESS: STOPPING,
    FailOn.UNKNOWN: (*STOPPING, Outcome.UNKNOWN),
}


def preflight(
    ws: workspace.Workspace,
    out: Output,
    name: str,
    pair: str,
    records: Path | None = None,
    sample: int | None = None,
    update: bool = False,
    as_user: bool = False,
    record_type: str | None = None,
    filled: list[str] | None = None,
    ignore: list[str] | None = None,
    fail_on: FailOn | None = None,
) -> ExitCode:
    """Show which writes the CRM will reject or change, before a sync sends them."""
    wanted = out.resolve(workspace.ERROR_FORMATS | {".jsonl": "jsonl"})
    # A workbook can't be written to a pipe, and boundary values aren't a report.
    if wanted == "xlsx" and (out.output is None or (records is None and sample is None)):
        raise UsageError(
            "A preflight as xlsx needs records and a file.",
            remedy="Add --records FILE -o report.xlsx",
        )
    assumed: workspace.Assumptions = {
        "create": not update,
        "as_user": as_user,
        "record_type": record_type,
        "filled": filled or (),
    }
    found = _found(ws, name, pair, records, sample, ignore or (), assumed)
    is_run = isinstance(found, workspace.PreflightRun)
    if not (is_run or out.as_json) and (said := ws.preflights.assumption(name)):
        say(said)
    _write(ws, found, wanted, out.output)
    causes = found.report.causes if isinstance(found, workspace.PreflightRun) else found
    outcomes = {cause.outcome for cause in causes}
    fails = fail_on is not None and outcomes & set(_FAILING[fail_on])
    return ExitCode.DRIFT if fails else ExitCode.OK


def _found(
    ws: workspace.Workspace,
    name: str,
    pair: str,
    records: Path | None,
    sample: int | None,
    ignore: Sequence[str],
    assumed: workspace.Assumptions,
) -> workspace.PreflightRun | Sequence[workspace.FailsWhen]:
    if sample is None:
        if records is None:
            return ws.preflights.fails_when(name, pair, **assumed)
        return ws.preflights.run(name, pair, records, ignore=ignore, **assumed)
    # A sample is of records that exist in the CRM, so nothing is created or updated.
    if records is not None or not assumed["create"]:
        raise UsageError(
            "--sample can't be combined with --records or --update.",
            remedy="Leave out --sample, or the other options.",
        )
    return ws.preflights.sample(name, pair, sample)


def _write(
    ws: workspace.Workspace,
    found: workspace.PreflightRun | Sequence[workspace.FailsWhen],
    format: str | None,
    output: Path | None,
) -> None:
    if output is not None:
        require_unfiltered(output)
        ws.preflights.write(output, found, format or "markdown")
        say(f"Wrote {output}")
    elif format is not None:
        emit(filtered(ws.preflights.stream(found, format)), exactly=True)
        return
    if isinstance(found, workspace.PreflightRun):
        _show_report(found.report)
    else:
        _show_failures(found)


def _show_failures(failures: Sequence[workspace.FailsWhen]) -> None:
    if not failures:
        say("No mapped row fails with boundary values.")
        return
    cells: Cells = {
        "outcome": lambda each: OUTCOMES[each.outcome],
        "PartnerOS field": lambda each: each.partner_field or "-",
        "CRM field": lambda each: each.crm_field or "-",
        "fails when": "when",
        "why": _why,
    }
    emit_table(TextTable.of(failures, cells, below="why"))


def _show_report(report: PreflightReport) -> None:
    for note in report.notes:
        say(note)
    records = count(report.records, "record")
    if report.otherwise is not None:
        causes = count(len(report.stopping), "cause")
        fixed = "this is" if len(report.stopping) == 1 else "these are"
        receiver = "PartnerOS" if report.direction is Direction.PULL else "the CRM"
        emit(f"{records}: {receiver} rejects all of them, for {causes}.")
        emit(f"Once {fixed} fixed: {_counts(report.otherwise)}.\n")
    else:
        emit(f"{records}: {_counts(report)}.\n")
    cells: Cells = {
        "outcome": lambda cause: OUTCOMES[cause.outcome],
        "records": lambda cause: "all" if cause.every else f"{cause.count:,}",
        "why": _why,
        "CRM field": lambda cause: cause.crm_field or "-",
        "positions": lambda cause: "" if cause.every else _positions(cause),
    }
    emit_table(TextTable.of(report.causes, cells))


def _counts(counts: OutcomeCounts) -> str:
    parts = [
        f"{counts.of(outcome):,} {words}"
        for outcome, words in OUTCOMES.items()
        if counts.of(outcome)
    ]
    return ", ".join([*parts, f"{counts.fine:,} fine"])


def _positions(cause: WriteCause) -> str:
    shown = ", ".join(f"{each:,}" for each in cause.positions[:_MOST_POSITIONS])
    return f"{shown}…" if cause.count > _MOST_POSITIONS else shown


def _why(cause: WriteCause | workspace.FailsWhen) -> str:
    needs = f": needs {', '.join(cause.needs)}" if cause.needs else ""
    return cause.reason + needs
