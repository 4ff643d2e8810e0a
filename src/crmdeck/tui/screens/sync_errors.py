"""Explain a sync's errors: ask for the file, show the causes, open their rows, export."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from crmdeck.home import absolute_path
from crmdeck.model import Outcome, SyncCause
from crmdeck.tui.dialogs.form import Asked, Form, answered
from crmdeck.tui.dialogs.preflight import Result, ResultRow, ShowPreflight
from crmdeck.tui.dialogs.prompt import Prompt, free_name, wrong_file
from crmdeck.tui.host import Host, Location
from crmdeck.tui.loading.requests import Job
from crmdeck.workspace import (
    ERROR_FORMATS,
    ExplainedErrors,
    sync_cause_message,
    sync_errors_summary,
)


class SyncErrorsFlow:
    """Explains the errors of the sync with the chosen connection."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._path = ""

    def ask(self) -> None:
        """Ask for the file with the errors, then show their causes."""
        status = self._host.status
        if status is None:
            return

        def work(job: Job, answers: dict[str, str]) -> ExplainedErrors:
            # The next form starts with the same file.
            self._path = answers["path"]
            return self._host.workspace.errors.explain(
                absolute_path(answers["path"].strip()),
                connection=status.id,
                pair=answered(answers, "pair"),
                progress=job.progress,
                cancel=job.cancel,
            )

        path = Asked(
            "path", "CSV, JSON, JSON lines or a log", self._path, path=True, check=_no_file
        )
        pair = Asked("pair", "Object pair, if the errors name no object", required=False)
        form: Form[ExplainedErrors] = Form(
            f"Explain sync errors of {status.name}",
            [path, pair],
            work,
            text="Record values stay on your screen: crmdeck doesn't store them.",
            label="Reading errors",
            stoppable=True,
        )
        self._host.app.push_screen(form, partial(self._show, status.id))

    def _show(self, connection_id: str, found: ExplainedErrors | None) -> None:
        if found is None:
            return
        report = found.report

        def opened(number: int) -> None:
            location = _location(report.causes[number], connection_id)
            if location is None:
                dialog.say("crmdeck doesn't know the field behind this cause.")
                return
            dialog.dismiss(None)
            self._host.go_to(*location)

        dialog = ShowPreflight(f"Sync errors: {report.file}", opens="Open row")
        unread = f"{report.not_read:,} rows can't be read." if report.not_read else ""
        rows = [_row(number, cause) for number, cause in enumerate(report.causes)]
        summary = " ".join(filter(None, (sync_errors_summary(report), unread)))
        dialog.fill(Result(summary, tuple(rows), opened, partial(self._export, found)))
        self._host.app.push_screen(dialog)

    def _export(self, found: ExplainedErrors, dialog: ShowPreflight) -> None:
        def write(name: str | None) -> None:
            if not name:
                return
            path = absolute_path(name)
            self._host.loader.load(
                "export",
                lambda _: self._host.workspace.errors.write(
                    path, found, ERROR_FORMATS.get(path.suffix.lower(), "csv")
                ),
                lambda _: dialog.say(f"Exported to {path}"),
                label="exporting the errors",
                failed=lambda error: dialog.say(str(error), failed=True),
                cancellable=False,
            )

        title = "Export IDs to retry (.csv), or a report (.html, .md)"
        prompt = Prompt(title, value=free_name("crmdeck-retry", "csv"), check=wrong_file)
        self._host.app.push_screen(prompt, write)


def _no_file(text: str) -> str:
    return "" if Path(absolute_path(text.strip())).is_file() else f"No file at {text.strip()}."


def _row(number: int, cause: SyncCause) -> ResultRow:
    partner = ", ".join(each.rpartition(":")[2] for each in cause.mappings)
    name = " → ".join(filter(None, (partner, cause.field or cause.rule or cause.object)))
    through = f" (through {cause.through})" if cause.through else ""
    return ResultRow(
        number,
        Outcome.REJECTED if cause.is_schema_cause else None,
        name or "whole record",
        f"{cause.text}{through}",
        f"{cause.count:,}",
        tuple(filter(None, (cause.why, cause.next, ", ".join(cause.values) or cause.message))),
        sync_cause_message(cause),
    )


def _location(cause: SyncCause, connection_id: str) -> tuple[str, Location] | None:
    """Return the pane and the place of a cause: its mapping, its change, or its field."""
    if cause.mappings:
        pair, _, field = cause.mappings[0].rpartition(":")
        return "mapping", Location(connection_id, pair=pair, field=field, filter="")
    if cause.change is not None:
        return "drift", Location(connection_id, event=cause.change.id, filter="")
    if cause.object is not None:
        return "schema", Location(connection_id, object=cause.object, field=cause.field)
    return None
