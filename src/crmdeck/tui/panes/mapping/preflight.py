"""Run preflight on a pair: ask what to test, show the causes, open their values, export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from crmdeck.home import absolute_path
from crmdeck.tui.dialogs.choose import Choice, Choose, choices_of, columns_of, menu_choice
from crmdeck.tui.dialogs.filled import open_filled
from crmdeck.tui.dialogs.form import YES, Asked, Form, answered, asked_path
from crmdeck.tui.dialogs.preflight import Result, ResultRow, ShowPreflight
from crmdeck.tui.dialogs.prompt import Prompt, free_name, wrong_file
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.text import count
from crmdeck.tui.widgets.table import Column
from crmdeck.workspace import (
    ALWAYS,
    CauseValue,
    FailsWhen,
    MappingSession,
    PreflightRun,
    failure_text,
    owner_of,
    pair_text,
)

T = TypeVar("T")

SAMPLED = 200
FORMATS = {
    "html": "a page to send: counts, causes and owners",
    "xlsx": "the same as a workbook",
    "csv": "every finding with its position, for spreadsheets",
}
EDGE_FORMATS = {"html": "a page to send", "csv": "for spreadsheets"}
DEEDS = (
    menu_choice("e", "Boundary values, create", "each field at its limits"),
    menu_choice("d", "Boundary values, update", "the same for existing records"),
    menu_choice("c", "Records file, create", "CSV, JSON, JSON lines or Excel"),
    menu_choice("u", "Records file, update", "compared with the stored records"),
    menu_choice("s", "CRM sample", f"up to {SAMPLED} records, for PartnerOS"),
)
QUESTION = "Which writes should crmdeck test? The CRM receives none of them."


class PreflightFlow:
    """Runs preflights of the displayed pair. `open_row` shows a row of it."""

    def __init__(self, pane: Pane, open_row: Callable[[str], None]) -> None:
        self._pane = pane
        self._host = pane.host
        self._requests = pane.loader
        self._open_row = open_row
        self._path = ""

    def ask(self, session: MappingSession) -> None:
        """Ask what to test, and offer a sample only if the connection can read records."""
        preflights = self._host.workspace.preflights

        def work(_: Job) -> str | None:
            return preflights.why_no_sample(session.ref, session.pair)

        def on_loaded(why: str | None) -> None:
            if why is not None:
                question.fill([*DEEDS[:-1], replace(DEEDS[-1], blocked=why)])

        def on_submit(key: str | None) -> None:
            if key in ("e", "d"):
                self._test_edges(session, create=key == "e")
            elif key in ("c", "u"):
                self._ask_file(session, create=key == "c")
            elif key == "s":
                self._sample(session)

        title = f"Preflight of {pair_text(session.pair)}"
        question = Choose(title, DEEDS, text=QUESTION, note_lines=2, opened_by="P")
        self._pane.app.push_screen(question, on_submit)
        # The question shows before the schema of the pair is read.
        self._requests.load("sample", work, on_loaded, quiet=True)

    def _test_edges(self, session: MappingSession, *, create: bool) -> None:
        def work(_: Job) -> tuple[FailsWhen, ...]:
            preflights = self._host.workspace.preflights
            return preflights.fails_when(session.ref, session.pair, create=create)

        def on_loaded(failures: tuple[FailsWhen, ...]) -> None:
            def opened(number: int) -> None:
                one = failures[number]
                dialog.dismiss(None)
                self._open_row(one.partner_field or f"crm:{one.crm_field}")

            export = partial(self._export, failures, EDGE_FORMATS)
            dialog.fill(_edge_result(failures, session, opened, export))

        dialog = ShowPreflight(
            f"Preflight of {pair_text(session.pair)}: {_write(create)}",
            opens="Open row",
            waiting="Testing boundary values…",
        )
        self._open(dialog, work, on_loaded)

    def _sample(self, session: MappingSession) -> None:
        def work(_: Job) -> PreflightRun:
            preflights = self._host.workspace.preflights
            return preflights.sample(session.ref, session.pair, SAMPLED)

        dialog = ShowPreflight(
            f"Preflight of {pair_text(session.pair)}: CRM to PartnerOS",
            opens="Show values",
            waiting="Reading CRM records…",
        )
        self._open(dialog, work, lambda run: dialog.fill(self._run_result(run, session)))

    def _ask_file(self, session: MappingSession, *, create: bool) -> None:
        preflights = self._host.workspace.preflights

        def work(job: Job, answers: dict[str, str]) -> PreflightRun:
            # The next form starts with the same file.
            self._path = answers["path"]
            return preflights.run(
                session.ref,
                session.pair,
                absolute_path(answers["path"].strip()),
                ignore=[one.strip() for one in answers["ignore"].split(",") if one.strip()],
                cancel=job.cancel,
                create=create,
                as_user=answers["as_user"] == YES,
                record_type=answered(answers, "record_type"),
            )

        def done(run: PreflightRun | None) -> None:
            if run is None:
                return
            dialog = ShowPreflight(
                f"Preflight of {pair_text(session.pair)}: {_write(create)}",
                opens="Show values",
            )
            dialog.fill(self._run_result(run, session))
            self._pane.app.push_screen(dialog)

        form: Form[PreflightRun] = Form(
            f"{_write(create).capitalize()} records of a file",
            [
                replace(asked_path(self._path), label="Records file: CSV, JSON, JSON lines, Excel"),
                Asked("record_type", "Record type, by its API name (optional)", required=False),
                Asked("ignore", "Columns to leave out, comma-separated (optional)", required=False),
                Asked("as_user", "Apply the permissions of crmdeck's own user", choice=True),
            ],
            work,
            text="Record values stay on your screen: no log and no report has them.",
            label="Judging records",
            # Judging records doesn't write.
            stoppable=True,
        )
        self._pane.app.push_screen(form, done)

    def _open(
        self, dialog: ShowPreflight, work: Callable[[Job], T], took: Callable[[T], None]
    ) -> None:
        open_filled(
            self._pane.app,
            dialog,
            lambda _: None,
            self._requests,
            work,
            took,
            slot="values",
            label="running preflight",
        )

    def _run_result(self, run: PreflightRun, session: MappingSession) -> Result:
        rows = []
        for number, cause in enumerate(run.report.causes):
            words, owner, step = run.explain(cause)
            shown = ", ".join(f"{each:,}" for each in cause.positions)
            more = "…" if cause.count > len(cause.positions) else ""
            notes = [f"{words.rstrip('.')}."]
            if cause.needs:
                notes.append(f"Missing: {', '.join(cause.needs)}")
            notes.append(_next_step(owner, step))
            if not cause.every:
                notes.append(f"{'Record' if cause.count == 1 else 'Records'} {shown}{more}")
            rows.append(
                ResultRow(
                    number,
                    cause.outcome,
                    _name(session, cause.partner_field, cause.crm_field),
                    cause.reason,
                    "all" if cause.every else f"{cause.count:,}",
                    tuple(notes),
                )
            )
        fixed = (f"Once that is fixed: {run.otherwise}.",) if run.otherwise else ()
        return Result(
            run.summary,
            tuple(rows),
            partial(self._show_values, run),
            partial(self._export, run, FORMATS),
            run.bar,
            (*fixed, *run.report.notes),
        )

    def _show_values(self, run: PreflightRun, number: int) -> None:
        """Show the values behind a cause, which only the screen ever gets."""
        cause = run.report.causes[number]
        values = run.values_of(cause)

        def column(name: str) -> Column[CauseValue]:
            return Column(
                name,
                name,
                lambda row: row.values[name] or "(empty)",
                style=lambda row: "" if row.values[name] else "muted",
            )

        columns: list[Column[CauseValue]] = [
            Column("position", "Record", lambda row: f"{row.position:,}", width=9, align="right")
        ]
        if any(row.record_id for row in values):
            columns.append(Column("id", "CRM ID", lambda row: row.record_id or "", width=18))
        columns += map(column, values[0].values if values else ())
        choices = choices_of(values, columns)
        title = run.explain(cause)[0]
        self._pane.app.push_screen(
            Choose(title, choices, columns=columns_of(columns), key=id, takes="Close")
        )

    def _export(
        self,
        found: PreflightRun | Sequence[FailsWhen],
        formats: dict[str, str],
        dialog: ShowPreflight,
    ) -> None:
        def named(wanted: str, name: str | None) -> None:
            if name:
                write(wanted, absolute_path(name))

        def on_submit(wanted: str | None) -> None:
            if wanted is not None:
                name = free_name("crmdeck-preflight", wanted)
                prompt = Prompt("Export to file", value=name, check=wrong_file)
                self._pane.app.push_screen(prompt, partial(named, wanted))

        def write(wanted: str, path: Path) -> None:
            self._requests.load(
                "export",
                lambda _: self._host.workspace.preflights.write(path, found, wanted),
                lambda _: say(f"Exported to {path}"),
                label="exporting the preflight",
                failed=lambda error: say(str(error), failed=True),
                # Half a report would pass for a whole one.
                cancellable=False,
            )

        def say(text: str, *, failed: bool = False) -> None:
            # A toast would show below the dialog.
            if dialog.is_open:
                dialog.say(text, failed=failed)
            else:
                self._host.say(text, severity="error" if failed else "information")

        choices = [Choice(name, name, use) for name, use in formats.items()]
        self._pane.app.push_screen(Choose("Export the preflight as", choices), on_submit)


def _write(create: bool) -> str:
    return "create" if create else "update"


def _name(session: MappingSession, partner_field: str | None, crm_field: str | None) -> str:
    if partner_field is None and crm_field is None:
        return "whole record"
    # A rule names the CRM field only.
    row = session.by_name.get(partner_field or "") or next(
        (one for name, one in session.by_name.items() if session.accepted.get(name) == crm_field),
        None,
    )
    left = row.title if row is not None else partner_field
    return " → ".join((left or "-", crm_field or "-"))


def _edge_result(
    failures: Sequence[FailsWhen],
    session: MappingSession,
    opened: Callable[[int], object],
    export: Callable[[ShowPreflight], object],
) -> Result:
    rows = {one.partner_field for one in failures if one.partner_field}
    lacking = {one.crm_field for one in failures if one.partner_field is None}
    parts = [f"{count(len(rows), 'accepted row')} can fail."] if rows else []
    if lacking:
        parts.append(f"Required CRM fields that are not mapped: {len(lacking)}.")
    return Result(
        " ".join(parts) or "No accepted row fails with boundary values.",
        tuple(
            ResultRow(
                number,
                one.outcome,
                _name(session, one.partner_field, one.crm_field),
                one.reason if one.when == ALWAYS else one.when,
                notes=(failure_text(one), _next_step(*owner_of(one))),
            )
            for number, one in enumerate(failures)
        ),
        opened,
        export,
    )


def _next_step(owner: str, step: str) -> str:
    return f"Next step ({owner}): {step}"
