"""The audit pane over a real log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmdeck.model import AuditEntry
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.filters import compile_filter
from crmdeck.tui.panes.audit import loader
from crmdeck.tui.panes.audit.columns import GIVES, LogRow, filter_keys, log_columns, searched
from crmdeck.tui.panes.audit.detail import entry_detail, entry_state
from crmdeck.tui.panes.audit.pane import AuditPane
from crmdeck.tui.panes.registry import PANES
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.table.columns import measured, place
from crmdeck.tui.widgets.table.strips import GUTTER
from crmdeck.workspace import Workspace
from tests.tui.pilot import audit_console, press, screen_text, settle, type_text, until


def entries(table: Table[LogRow]) -> list[LogRow]:
    """Return the lines that aren't headings."""
    return [line for line in table.shown() if not line.title]


async def test_one_connection_or_all_and_the_details_of_an_entry(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        table = app.screen.query_one(Table)
        mine = len(workspace.audit.entries("acme"))
        assert "acme" in screen_text(pilot)
        assert len(entries(table)) == mine
        await pilot.press("asterisk")
        await settle(pilot)
        assert len(entries(table)) == len(workspace.audit.entries()) > mine
        # Each day has one heading above its entries; each entry has its user.
        assert table.shown()[0].title == "2026-05-16"
        assert sum(bool(line.title) for line in table.shown()) == 1
        assert "all connections" in screen_text(pilot)
        await pilot.press("G")
        await settle(pilot)
        line = table.cursor_row
        assert line is not None
        entry = line.entry
        assert f"─ {entry.event} ─" in screen_text(pilot)
        # The heading doesn't count.
        total = len(entries(table))
        assert f" {total} of {total} ─" in screen_text(pilot)
        assert f"─ dana, {entry.at:%Y-%m-%d %H:%M:%S} UTC · {line.connection} ─" in screen_text(
            pilot
        )
        await pilot.press("y", "s")
        assert app.clipboard.endswith(f"(`{entry.event}`)")
        app.screen.query_one(AuditPane).set_filter_text("event:connection.added")
        await settle(pilot)
        assert [line.entry.event for line in entries(table)] == ["connection.added"] * 2


def test_filters_by_event_connection_actor_and_time(workspace: Workspace) -> None:
    workspace.on_behalf_of("cron").refreshes.run("beta")
    known = {one.id: one.name for one in workspace.connections.all()}
    keys = filter_keys(workspace.now)
    log = [LogRow(one, known.get(one.connection_id or "", "")) for one in workspace.audit.entries()]

    def shown(text: str) -> set[tuple[str, str]]:
        wanted = compile_filter(text, searched=searched, keys=keys).predicate
        assert wanted is not None
        return {(line.connection, line.entry.event) for line in log if wanted(line)}

    everything = {(line.connection, line.entry.event) for line in log}
    assert {name for name, _ in everything} == {"acme", "beta"}
    assert shown("event:schema.refreshed connection:beta") == {("beta", "schema.refreshed")}
    assert {name for name, _ in shown("connection:acme")} == {"acme"}
    assert shown("who:cron") == {("beta", "schema.refreshed")}
    assert shown("people:yes") == {("acme", "connection.added"), ("beta", "connection.added")}
    assert shown("failed:yes") == set()
    assert shown("since:1h") == everything
    assert shown("until:2026-05-15") == set()
    assert shown("since:2026-05-16T13:00") == set()
    assert shown("on:2026-05-16 since:2026-05-16t12:00") == everything
    assert shown("since:2026-") == everything


async def test_long_log_loads_while_scrolling(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("SHORT", 10), ("PART", 20), ("MOST_READ", 30)):
        monkeypatch.setattr(loader, name, number)
    # In one write: each of its own would take most of the time of this test.
    contexts = {name: workspace.on_behalf_of(name).context for name in ("cron", "dana")}
    with workspace.context.store.write() as session:
        for number in range(200):
            actor = "cron" if number % 50 == 7 else "dana"
            session.audit.add(contexts[actor].entry("policy.set", f"Number {number}"))
    whole = workspace.audit.entries()
    app = audit_console(workspace)
    async with app.run_test(size=(120, 30)) as pilot:
        await settle(pilot)
        await press(pilot, "asterisk")
        table, pane = app.screen.query_one(Table), app.screen.query_one(AuditPane)

        def ids() -> list[str]:
            return [line.entry.id for line in entries(table)]

        assert ids() == [entry.id for entry in whole[: len(ids())]]
        assert 20 <= len(ids()) < 100
        assert f"{len(whole)} entries" in screen_text(pilot)
        request = pane.export_request()
        assert request is not None
        assert request.only is None
        before = len(ids())
        assert table.position_text.endswith("+")
        await press(pilot, "G")
        assert before < len(ids()) < 150
        assert [line.entry.id for line in pane.counted()] == [entry.id for entry in whole]

        pane.set_filter_text("who:cron")
        await settle(pilot)
        by_cron = [entry.id for entry in whole if entry.actor == "cron"]
        assert ids() == by_cron
        pane.set_filter_text("who:dana")
        await settle(pilot)
        request = pane.export_request()
        assert request is not None
        assert callable(request.only)
        by_dana = {entry.id for entry in whole if entry.actor == "dana"}
        assert request.only() == by_dana > set(ids())
        await press(pilot, "s")
        assert set(ids()) == by_dana


async def test_filtered_entries_are_not_exported(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        await type_text(pilot, "event:connection", "enter")
        await settle(pilot)
        await pilot.press("e", "enter")
        await pilot.pause()
        await pilot.press("ctrl+u", *"gone", "slash", *"x.json", "enter")
        await until(pilot, lambda: "doesn't exist." in screen_text(pilot))
        await pilot.press("ctrl+u")
        await type_text(pilot, "log.json", "enter")
        await until(pilot, (tmp_path / "log.json").exists)
        await settle(pilot)
        await pilot.press("e", "enter")
        await pilot.pause()
        await pilot.press("ctrl+u")
        await type_text(pilot, "log.json", "enter")
        await until(pilot, lambda: "Choose another" in screen_text(pilot))
    events = [entry["event"] for entry in json.loads((tmp_path / "log.json").read_text())]
    assert events == ["connection.added"]


async def test_enter_opens_the_subject_of_an_entry(workspace: Workspace) -> None:
    panes = [spec for spec in PANES if spec.id in ("audit", "health")]
    app = CrmdeckApp(workspace, panes=panes)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("5", "asterisk")
        await settle(pilot)
        assert "Enter opens " in screen_text(pilot)
        await pilot.press("G", "enter")
        screen = app.screen
        assert isinstance(screen, MainScreen)
        await until(pilot, lambda: screen.stage.pane_id == "health")


def test_entry_shows_database_user() -> None:
    at = datetime(2026, 5, 16, tzinfo=UTC)
    entry = AuditEntry(id="e", at=at, actor="ceo", db_user="bob", event="x", summary="Refreshed")
    assert "database user bob" in entry_detail(LogRow(entry), [], 80).plain
    assert "ceo, 2026-05-16" in entry_state(LogRow(entry))[0].plain
    wanted = compile_filter("who:bob", searched=searched, keys=filter_keys(at)).predicate
    assert wanted is not None
    assert wanted(LogRow(entry))


def test_summaries_get_shorter_in_narrow_tables() -> None:
    def line(event: str, summary: str, **details: str) -> LogRow:
        return LogRow(
            AuditEntry(
                id="e",
                at=datetime(2026, 5, 16, tzinfo=UTC),
                actor="dana",
                event=event,
                summary=summary,
                details=details,
            ),
            "acme",
        )

    failed = line("schema.refresh_failed", "acme: It said no. Because.", code="TOKEN_REFUSED")
    assert failed.brief(80) == "refresh failed: It said no. Because."
    assert failed.brief(30) == "refresh failed: It said no"
    columns = log_columns(everywhere=True, flat=False)
    wanted = measured(columns, [failed])
    joined = place(columns, 60, GUTTER, gives=GIVES, wanted=wanted)[-1]
    assert joined.text(failed, 20) == "acme: refresh failed"
    long = "No " * 30
    refused = line("schema.refresh_failed", f"acme: {long}", code="TOKEN_REFUSED")
    assert refused.brief(40) == "refresh failed: token refused"
    mapped = line("mapping.accepted", "deal--Opportunity: amount -> Deal_Amount_in_Euro__c")
    assert mapped.brief(80) == "accepted deal--Opportunity: amount → Deal_Amount_in_Euro__c"
    assert mapped.brief(52) == "accepted amount → Opportunity.Deal_Amount_in_Euro__c"
    assert mapped.brief(42) == "accepted amount → Deal_Amount_in_Euro__c"
    assert mapped.brief(36) == "accepted amount → Deal_Am…in_Euro__c"
    note = "agreed with the sales team"
    noted = line("schema.drift_acknowledged", f"Acknowledged 2 changes: {note}", note=note)
    assert noted.brief(52) == f"acknowledged 2 changes: {note}"
    assert noted.brief(40) == "acknowledged 2 changes, with a note"
    assert noted.brief(30) == "acknowledged 2 changes"
