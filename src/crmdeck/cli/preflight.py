"""crmdeck preflight: which writes the CRM will refuse or change."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, NameArgument, PairArgument
from crmdeck.cli.output import emit, emit_json, emit_table, say
from crmdeck.cli.session import open_workspace
from crmdeck.errors import ExitCode
from crmdeck.model import Outcome, PreflightReport, WriteCause
from crmdeck.text import count

OUTCOMES = {
    Outcome.REFUSED: "refused",
    Outcome.UNLESS_AUTOMATION: "refused unless automation fills it",
    Outcome.UNLESS_USER: "refused unless the user is allowed",
    Outcome.CHANGED: "changed",
    Outcome.UNKNOWN: "can't judge",
}
_MOST_POSITIONS = 3


class FailOn(StrEnum):
    """The outcomes that fail a preflight, each with the ones before it."""

    REFUSED = "refused"
    UNLESS = "unless"
    UNKNOWN = "unknown"


_FAILING = {
    FailOn.REFUSED: (Outcome.REFUSED,),
    FailOn.UNLESS: (Outcome.REFUSED, Outcome.UNLESS_AUTOMATION, Outcome.UNLESS_USER),
    FailOn.UNKNOWN: (
        Outcome.REFUSED, Outcome.UNLESS_AUTOMATION, Outcome.UNLESS_USER, Outcome.UNKNOWN,
    ),
}  # fmt: skip


def preflight(
    name: NameArgument,
    pair: PairArgument,
    records: Annotated[
        Path | None,
        typer.Option(
            "--records",
            help="Records as CSV, JSON, JSON lines or Excel (default: edge values).",
            show_default=False,
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update/--create", help="Judge updates of existing records.")
    ] = False,
    record_type: Annotated[
        str | None,
        typer.Option("--record-type", help="API name of the record type.", show_default=False),
    ] = None,
    filled: Annotated[
        list[str] | None,
        typer.Option(
            "--filled",
            metavar="FIELD",
            help="CRM field that PartnerOS or automation fills.",
            show_default=False,
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="COLUMN", help="Column to leave out.", show_default=False),
    ] = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            "--fail-on",
            help="Exit with 4 on this outcome; each includes the ones before it.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show which writes the CRM will refuse or change, before a sync sends them."""
    with open_workspace(home, demo, as_json) as ws:
        if records is None:
            failures = ws.preflights.fails_when(
                name, pair, create=not update, record_type=record_type, filled=filled or ()
            )
            found = {each.outcome for each in failures}
            if as_json:
                emit_json([_failure_to_wire(each) for each in failures])
            else:
                _emit_failures(failures)
        else:
            run = ws.preflights.run(
                name,
                pair,
                records,
                create=not update,
                record_type=record_type,
                filled=filled or (),
                ignore=ignore or (),
            )
            found = {cause.outcome for cause in run.report.causes}
            if as_json:
                emit_json(run.report)
            else:
                _emit_report(run.report)
    if fail_on is not None and found & set(_FAILING[fail_on]):
        raise typer.Exit(int(ExitCode.DRIFT))


def _emit_failures(failures: tuple[workspace.FailsWhen, ...]) -> None:
    if not failures:
        say("No mapped row fails at its edge values.")
        return
    emit_table(
        ("outcome", "PartnerOS field", "CRM field", "fails when", "why"),
        [
            (
                OUTCOMES[each.outcome],
                each.partner_field or "-",
                each.crm_field or "-",
                each.when,
                _why(each.reason, each.needs),
            )
            for each in failures
        ],
        below="why",
    )


def _emit_report(report: PreflightReport) -> None:
    stopping = [cause for cause in report.causes if cause.every and _stops(cause)]
    if stopping:
        reasons = count(len(stopping), "cause")
        emit(f"{count(report.records, 'record')}: the CRM refuses every one, for {reasons}.\n")
    else:
        parts = [
            f"{getattr(report, outcome.value):,} {OUTCOMES[outcome]}"
            for outcome in Outcome
            if getattr(report, outcome.value)
        ]
        emit(
            f"{count(report.records, 'record')}: {', '.join([*parts, f'{report.fine:,} fine'])}.\n"
        )
    emit_table(
        ("outcome", "records", "why", "CRM field", "positions"),
        [
            (
                OUTCOMES[cause.outcome],
                "all" if cause.every else f"{cause.count:,}",
                _why(cause.reason, cause.needs),
                cause.crm_field or "-",
                "" if cause.every else _positions(cause),
            )
            for cause in report.causes
        ],
    )


def _stops(cause: WriteCause) -> bool:
    return cause.outcome not in (Outcome.CHANGED, Outcome.UNKNOWN)


def _positions(cause: WriteCause) -> str:
    shown = ", ".join(f"{each:,}" for each in cause.positions[:_MOST_POSITIONS])
    return f"{shown}…" if cause.count > _MOST_POSITIONS else shown


def _why(reason: str, needs: tuple[str, ...]) -> str:
    return f"{reason}: needs {', '.join(needs)}" if needs else reason


def _failure_to_wire(failure: workspace.FailsWhen) -> dict[str, object]:
    return {
        "partnerField": failure.partner_field,
        "crmField": failure.crm_field,
        "outcome": failure.outcome.value,
        "when": failure.when,
        "code": failure.code,
        "reason": failure.reason,
        "rule": failure.rule,
        "needs": list(failure.needs),
    }
