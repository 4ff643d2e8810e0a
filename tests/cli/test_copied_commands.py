"""What the console copies as a command line runs as it is written, and tells the same."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from crmdeck.clock import utc_now
from crmdeck.credentials import MemorySecrets
from crmdeck.home import HOME_VARIABLE
from crmdeck.model import DecisionState, FieldRow, FieldType, Source
from crmdeck.workspace import (
    ConnectionDraft,
    Copy,
    CopyKind,
    MappingSession,
    Workspace,
    named,
)
from tests.cli.shell import PAIR, Done, Shell, describe

NAME = "acme"


class Elsewhere(Shell):
    """Runs what was copied with another workspace at hand than the one it is about."""

    def copied(self, copies: Sequence[Copy], code: int = 0) -> Done:
        (command,) = (one.text for one in copies if one.kind is CopyKind.COMMAND)
        program, *arguments = shlex.split(command)
        assert program == "crmdeck"
        return self.run(*arguments, code=code)

    def copied_json(self, copies: Sequence[Copy], code: int = 0) -> object:
        (command,) = (one.text for one in copies if one.kind is CopyKind.COMMAND)
        words = shlex.split(command)
        return json.loads(self.run(words[1], "--json", *words[2:], code=code).stdout)


def text_of(copies: Sequence[Copy], kind: CopyKind) -> str:
    return next(one.text for one in copies if one.kind is kind)


def test_copied_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "other home"))
    export = tmp_path / "export"
    export.mkdir()
    file = export / "Opportunity.json"
    file.write_text(describe(("Name", "string"), ("CloseDate", "date"), ("Amount", "currency")))
    shell = Elsewhere(tmp_path / "other home")
    with Workspace.open(tmp_path / "my 'own' home", secrets=MemorySecrets()) as ws:
        draft = ConnectionDraft(
            name=NAME, source=Source.FILES, platform="salesforce", path=str(export)
        )
        ws.connections.add(draft)
        (never,) = ws.findings.find()
        shell.copied(ws.copies.finding(never))
        assert ws.schemas.objects(NAME).objects

        objects = ws.schemas.objects(NAME).objects
        assert "Amount" in shell.copied(ws.copies.objects(NAME, objects)).stdout
        fields = ws.schemas.fields(NAME)
        told = shell.copied_json(ws.copies.fields(NAME, fields[-1:]))
        field = ws.schemas.field(NAME, "Opportunity", "Amount")
        assert told == {"objectType": "Opportunity", **field.to_wire()}
        shell.copied(ws.copies.fields(NAME, fields))

        answer = ws.mappings.suggest(NAME, PAIR, encoder="none")
        session = MappingSession(NAME, ws.mappings.review(NAME, PAIR), "dana", utc_now)
        session.update_suggestions(answer)
        rows = session.by_name
        date, phone = rows["expectedCloseDate"], rows["contactPhone"]
        assert date.crm_field == "CloseDate"
        shell.copied(ws.copies.mapping_rows(NAME, PAIR, [date]))
        shell.copied(ws.copies.mapping_rows(NAME, PAIR, [phone]))
        states = {line.partner_field: line for line in ws.mappings.get(NAME, PAIR).lines}
        assert states["expectedCloseDate"].state is DecisionState.ACCEPTED
        assert states["expectedCloseDate"].direction is date.direction

        # Of what was decided there is the command too, where it would decide quite the same.
        made = ws.mappings.decisions(NAME, PAIR, "expectedCloseDate")
        again = shlex.split(ws.copies.decisions_command(NAME, PAIR, made))
        assert "expectedCloseDate=CloseDate" in again
        assert "accepted: expectedCloseDate -> CloseDate" in shell.run(*again[1:]).stderr
        unmapped = ws.mappings.decisions(NAME, PAIR, "contactPhone")
        assert ws.copies.decisions_command(NAME, PAIR, unmapped) == ""

        file.write_text(describe(("Name", "string"), ("Amount", "currency")))
        assert ws.refreshes.run(NAME).drift_events
        timeline = ws.drift.timeline(NAME)
        change = ws.copies.changes(timeline, timeline.entries)
        told = shell.copied_json(change)
        assert isinstance(told, dict)
        assert [one["fieldName"] for one in told["events"]] == ["CloseDate"]
        assert text_of(change, CopyKind.NAME) == "CloseDate"
        assert "✕ `Opportunity.CloseDate`" in text_of(change, CopyKind.MESSAGE)
        moments = ws.schemas.moments(NAME)
        comparison = ws.schemas.compare(NAME, NAME, left_at=moments[-1])
        differ = ws.copies.differences(comparison, [("Opportunity", "CloseDate")])
        assert "CloseDate" in shell.copied(differ).stdout
        past = ws.schemas.fields(NAME, moments[-1])
        assert [row.name for row in past][1] == "CloseDate"
        assert "CloseDate" in shell.copied(ws.copies.fields(NAME, past[1:2], at=moments[-1])).stdout

        seen = ws.copies.acknowledging_command([timeline.entries[0].event.id], "it's known")
        shell.run(*shlex.split(seen)[1:])
        (event,) = ws.drift.report(NAME).events
        assert event.note == "it's known"

        status = ws.health.status(NAME)
        for one in status.findings:
            if one.steps:
                shell.copied(ws.copies.finding(one))
        shell.copied(ws.copies.connection(status))
        for entry in ws.audit.entries():
            told = shell.copied_json(ws.copies.audit_entry(entry, NAME))
            assert isinstance(told, list)
            assert named(entry, {status.id: NAME}) in told
            assert len(told) < 3


def test_text_from_a_crm_stays_text_in_every_form(tmp_path: Path) -> None:
    with Workspace.open(tmp_path, secrets=MemorySecrets()) as ws:
        label = "a|b <!channel> `x` $(reboot)\nnext"
        row = FieldRow(
            "O'x", "-F; rm", label, FieldType.STRING, "string", None, None, True, None, ""
        )
        copies = ws.copies.fields("-acme", [row])
        assert text_of(copies, CopyKind.NAME) == "-F; rm"
        markdown = text_of(copies, CopyKind.MARKDOWN)
        assert "a\\|b &lt;" in markdown
        assert markdown.count("\n") == 0
        assert "‹!channel›" in text_of(copies, CopyKind.MESSAGE)
        words = shlex.split(text_of(copies, CopyKind.COMMAND))
        assert words[-3:] == ["--", "-acme", "O'x.-F; rm"]
