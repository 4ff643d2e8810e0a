"""The health pane over real workspaces: the overview, the details, and the keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from crmdeck.credentials import MemorySecrets
from crmdeck.errors import SourceError
from crmdeck.model import (
    Connection,
    ConnectionStatus,
    Finding,
    FindingKind,
    Progress,
    RefreshResult,
    SchemaStats,
    Status,
    SyncOutcome,
    SyncRun,
    Urgency,
)
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.marks import health_of
from crmdeck.tui.panes.health.columns import GIVES, connection_columns
from crmdeck.tui.panes.health.detail import detail, row_detail
from crmdeck.tui.panes.health.history_strip import Day, days, span_in
from crmdeck.tui.panes.health.overview import ConnectionHealth
from crmdeck.tui.panes.health.pane import HealthPane
from crmdeck.tui.panes.health.strip import strip
from crmdeck.tui.panes.health.today import FindingRow, arrange
from crmdeck.tui.panes.registry import PANES
from crmdeck.tui.pictures.screenshots import MOMENT
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.state.ui_state import FILE_NAME
from crmdeck.tui.themes import theme_name
from crmdeck.tui.widgets.sidebar import Sidebar
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.table.columns import measured, place
from crmdeck.tui.widgets.table.strips import GUTTER
from crmdeck.workspace import ConnectionDraft, Workspace, open_demo
from tests.tui.conftest import HOSTILE, Clock, write_describe
from tests.tui.pilot import press, screen_text, settle, type_text, until

NOW = datetime(2026, 5, 16, 12, tzinfo=UTC)
WIDE, SMALL = (140, 40), (80, 24)


def console(workspace: Workspace, *panes: str) -> CrmdeckApp:
    wanted = {"health", *panes}
    return CrmdeckApp(workspace, panes=[spec for spec in PANES if spec.id in wanted])


def main_screen(app: CrmdeckApp) -> MainScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen


def pane_of(pilot: Pilot[Any]) -> HealthPane:
    return pilot.app.screen_stack[0].query_one(HealthPane)


def names(pilot: Pilot[Any]) -> list[str]:
    return [entry.connection.name for entry in pane_of(pilot).connections.shown()]


def row_of(pilot: Pilot[Any]) -> FindingRow:
    row = pane_of(pilot).findings.cursor_row
    assert row is not None
    return row


@pytest.fixture(scope="module")
def built_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_demo(folder=tmp_path_factory.mktemp("demo"), at=MOMENT) as workspace:
        yield workspace


@pytest.fixture
def demo(built_demo: Workspace) -> Workspace:
    """The demo, opened for the first time."""
    (built_demo.home / FILE_NAME).unlink(missing_ok=True)
    return built_demo


async def test_today_lists_findings_and_connections(demo: Workspace) -> None:
    app = console(demo)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        text = screen_text(pilot)
        for shown in (
            "1 Health ✕19",
            "✕ acme-prod 5 failing  ✕ acme-emea sign in again  +2",
            "6 failing · 13 to review · 4 to set up",
            "FAILING  6",
            "▌  ✕ acme-prod       Contact email: its CRM field is gone",
            "f Move to Economic_Buyer_Email__c   Enter All steps   a Accept risk",
        ):
            assert shown in text
        # The less urgent keys give way to help and go to.
        assert text.splitlines()[-1].endswith("? Help  ^K Go to")
        setup = [text for text in texts(pilot) if text.startswith("Map deal_registration to Opp")]
        assert re.fullmatch(r"Map deal_registration to Opportunity, \d+%", setup[0])
        # A folded row expands, and f says what a note is.
        await press(pilot, "G")
        assert row_of(pilot).open is False
        await press(pilot, "enter", "j", "f")
        said = [" ".join(note.message.split()) for note in app._notifications]
        assert any("No key fixes this finding." in one for one in said)
        await press(pilot, "z")
        assert row_of(pilot).open is False
        # n skips notes at the end and goes around.
        await press(pilot, "n")
        assert row_of(pilot).title == "Contact email: its CRM field is gone"
        # A connection without findings is chosen all the same, and no key acts on another's row.
        await press(pilot, "right_square_bracket")
        assert pane_of(pilot).connection_name == "legacy-portal"
        assert "legacy-portal has no findings here" in screen_text(pilot)
        await press(pilot, "a")
        assert len(app.screen_stack) == 1
        await press(pilot, "left_square_bracket", "full_stop")
        text = screen_text(pilot)
        for shown in ("✕ acme-emea       sign in again", "8%", "○ legacy-portal   disconnected"):
            assert shown in text
        assert names(pilot) == ["acme-prod", "acme-emea", "acme-marketing", "legacy-portal"]
        # A test shows the account, and counts as a run.
        await pilot.press("unbound-health.test")
        await until(pilot, lambda: "✓ acme-prod answered" in screen_text(pilot))
        text = screen_text(pilot)
        assert "integration@acme.example" in text
        assert "none missing" in text
        await pilot.press("enter")
        assert demo.health.sync_history("acme-prod")[0].kind == "test"
        # The menu of a connection begins with a step that writes nothing.
        await press(pilot, "enter", "enter")
        assert "▌  ✕ acme-prod" in screen_text(pilot)
    async with console(demo).run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        text = screen_text(pilot)
        assert "Move to Economic_Bu" in text
        assert "✕ acme-emea       sign in again  -     32 days ago" in text


def texts(pilot: Pilot[Any]) -> list[str]:
    return [row.title for row in pane_of(pilot).findings.shown()]


async def test_risk_is_accepted_and_reopened(demo: Workspace) -> None:
    prod = demo.connections.get("acme-prod").id
    app = console(demo, "drift")

    def settled() -> list[Finding]:
        return [one for one in demo.findings.find() if one.accepted_until]

    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "g")
        assert health_of(demo.health.status(prod)) == ("✕", "5 failing", "error")
        # The question names deeds; Esc changes nothing, and the key that opened it neither.
        await pilot.press("a", "a", "escape")
        await settle(pilot)
        assert settled() == []
        await press(pilot, "a", "3")
        await type_text(pilot, "until the move", "enter")
        await settle(pilot)
        (gone,) = settled()
        assert (gone.code, str(gone.accepted_until)) == ("FIELD_GONE", "2026-06-15")
        assert gone.note == "until the move"
        text = screen_text(pilot)
        assert "1 Health ✕18" in text
        # The risk excuses the changes that the finding explains.
        assert "3 Drift ✕10" in text
        # The cursor went on; the accepted view has the risk, and c reopens it.
        assert row_of(pilot).title == "Account domain fails when empty"
        await press(pilot, "full_stop", "full_stop")
        assert "note   until the move" in screen_text(pilot)
        await press(pilot, "c")
        assert settled() == []
        await press(pilot, "u", "u")
        assert settled() == []
        await press(pilot, "full_stop", "slash")
        await type_text(pilot, "emea", "enter")
        # A finding about what crmdeck can't read is snoozed, and the connection keeps its state.
        await press(pilot, "a", "d")
        await type_text(pilot, "2020-01-01", "enter")
        await settle(pilot)
        assert "2020-01-01 has passed." in screen_text(pilot)
        await pilot.press("ctrl+u")
        await type_text(pilot, "2999-12-31", "enter")
        await settle(pilot)
        (away,) = settled()
        assert (away.state, str(away.accepted_until)) == ("snoozed", "2999-12-31")
        assert "✕ acme-emea sign in again" in screen_text(pilot)
        # Go to anything opens the finding itself.
        await pilot.press("escape", "ctrl+k")
        await type_text(pilot, away.title)
        await until(pilot, lambda: "Enter opens it in Health" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "⊘ acme-emea" in screen_text(pilot))
        await settle(pilot)
        finding = pane_of(pilot).commands.finding
        assert finding is not None
        assert finding.id == away.id
        assert away.title in pane_of(pilot).copies()[1].text
        await press(pilot, "c")
        assert settled() == []


async def test_changes_are_acknowledged_together(demo: Workspace) -> None:
    app = console(demo, "drift")
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        open_before = demo.health.status("acme-prod").open_changes.count
        while row_of(pilot).title != "4 changes to unmapped fields" or (
            row_of(pilot).connection != "acme-prod"
        ):
            await pilot.press("j")
        await settle(pilot)
        await press(pilot, "a")
        # The question lists them.
        assert "Partner_Scorecard__c: object removed" in screen_text(pilot)
        # The breaking ones are left out until b marks them.
        assert "0 of 2 breaking" in screen_text(pilot)
        await press(pilot, "b", "tab")
        await type_text(pilot, "known", "enter")
        await settle(pilot)
        assert demo.health.status("acme-prod").open_changes.count == open_before - 4
        await press(pilot, "u")
        assert demo.health.status("acme-prod").open_changes.count == open_before


def test_rows_fold_from_five_on_across_connections() -> None:
    def made(title: str, place: int, kind: FindingKind = FindingKind.ROW_FAILS) -> Finding:
        return Finding(
            id=f"{title}{place}",
            kind=kind,
            urgency=Urgency.FAILING if kind is FindingKind.ROW_FAILS else Urgency.SETUP,
            code="X",
            connection_id=str(place),
            connection=f"org-{place}",
            title=title,
        )

    found = [made("Name is too long", place) for place in range(5)]
    found += [made("Alone", 1)]
    found += [made("Not refreshed yet", place, FindingKind.NEVER_REFRESHED) for place in range(4)]
    rows = arrange(found, (), lambda one: one.title)
    assert [row.title for row in rows] == [
        "FAILING  6 in 5 connections",
        "Name is too long",
        "Alone",
        "TO SET UP  4",
        *["Not refreshed yet"] * 4,
    ]
    assert rows[1].connection == "5 connections"
    assert [row.parent for row in arrange(found, (rows[1].key,), lambda one: one.title)[1:8]] == [
        None, *[rows[1].key] * 5, None
    ]  # fmt: skip


async def test_cursor_and_sidebar_move_together(demo: Workspace) -> None:
    app = console(demo, "drift", "mapping")
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await press(pilot, "full_stop")
        table = pane_of(pilot).connections
        # Keys faster than the sidebar: without a pause in between, as if one is held down.
        table.last_row()
        table.previous_row()
        await settle(pilot)
        assert app.host.connection_id == demo.connections.get("acme-marketing").id
        assert not pane_of(pilot).loader.is_loading
        await press(pilot, "g", "left_square_bracket", "left_square_bracket")
        assert names(pilot)[table.cursor] == "acme-emea"
        worst_first = names(pilot)
        await press(pilot, "s")
        assert names(pilot) == sorted(worst_first)
        await press(pilot, "s", "s", "s", "s", "s", "s", "s", "s", "slash")
        await type_text(pilot, "status:reauth", "enter")
        await settle(pilot)
        assert names(pilot) == ["acme-emea"]
        assert "1 of 4" in screen_text(pilot)
        await pilot.press("escape", "slash")
        await type_text(pilot, "hub !portal", "enter")
        await settle(pilot)
        assert names(pilot) == ["acme-marketing"]
        await pilot.press("escape", "full_stop", "full_stop", "slash", *"zzz", "enter")
        await settle(pilot)
        assert "No findings match the filter." in screen_text(pilot)
        await pilot.press("escape", "slash")
        await type_text(pilot, "emea", "enter")
        await settle(pilot)
        assert "f Sign in again" in screen_text(pilot)
        await pilot.press("escape", "slash")
        await type_text(pilot, "prod domain", "enter", "f")
        await settle(pilot)
        assert main_screen(app).stage.pane_id == "mapping"
        assert app.host.connection_id == demo.connections.get("acme-prod").id


async def test_a_suspect_refresh_is_accepted_only_by_a_deed(
    workspace: Workspace, tmp_path: Path
) -> None:
    [connection, *_] = workspace.connections.all()
    for number in range(30):
        write_describe(tmp_path / "acme", f"Thing_{number}__c", "Name")
    workspace.refreshes.run(connection.id)
    for number in range(10, 30):
        next((tmp_path / "acme").glob(f"Thing_{number}__c*")).unlink()
    with pytest.raises(SourceError):
        workspace.refreshes.run(connection.id)
    async with console(workspace).run_test(size=WIDE) as pilot:
        await settle(pilot)
        text = screen_text(pilot)
        assert "f Refresh again" in text
        await pilot.press("f")
        await settle(pilot)
        assert "Refresh again" in screen_text(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert len(workspace.drift.report().events) == 30
        await pilot.press("f", "a")
        await until(pilot, lambda: len(workspace.drift.report().events) == 50)
        await settle(pilot)
        assert "f Refresh again" not in screen_text(pilot)


async def test_a_connection_is_disconnected_reconnected_and_renamed(workspace: Workspace) -> None:
    app = console(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        # Disconnecting is typed.
        await press(pilot, "full_stop", "g")
        assert names(pilot)[pane_of(pilot).table.cursor] == "acme"
        await pilot.press("unbound-health.disconnect", *"beta", "enter")
        await settle(pilot)
        assert workspace.health.status("acme").status is Status.ACTIVE
        await pilot.press(*["backspace"] * 4, *"acme", "enter")
        await settle(pilot)
        assert workspace.health.status("acme").status is Status.DISCONNECTED
        await until(pilot, lambda: "disconnected" in screen_text(pilot))
        await pilot.press("r")
        await settle(pilot)
        assert "acme is disconnected." in screen_text(pilot)
        await pilot.press("unbound-health.reconnect")
        await settle(pilot)
        assert workspace.health.status("acme").status is Status.ACTIVE
        done = [entry.event for entry in workspace.audit.entries("acme")]
        # The clock of the test may be behind the one of the refresh before it.
        done.remove("schema.refreshed")
        assert done[:2] == ["connection.reconnected", "connection.disconnected"]
        # Renaming shows an error in the form.
        await pilot.press("unbound-health.rename", "end", *["backspace"] * 4, *"beta", "enter")
        await until(pilot, lambda: "'beta' already exists." in screen_text(pilot))
        await pilot.press(*"-2", "enter")
        await settle(pilot)
        await until(pilot, lambda: "beta-2" in names(pilot))
        assert {c.name for c in workspace.connections.all()} == {"beta", "beta-2"}


async def test_a_wrong_folder_is_corrected(workspace: Workspace, tmp_path: Path) -> None:
    better = tmp_path / "better"
    better.mkdir()
    write_describe(better, "Lead", "Company")
    app = console(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await pilot.press("unbound-connection.sign_in")
        await until(pilot, lambda: "Schema files of acme" in screen_text(pilot))
        await pilot.press("ctrl+u")
        await type_text(pilot, str(tmp_path / "gone"), "enter")
        await until(pilot, lambda: "Nothing exists at" in screen_text(pilot))
        await pilot.press("ctrl+u")
        await type_text(pilot, str(better), "enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await settle(pilot)
        assert workspace.connections.get("acme").path == str(better)
        assert {row.object_type for row in workspace.schemas.fields("acme")} == {"Lead"}


async def test_refreshes_all_unless_canceled_and_reports_failures(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(_ref: str, *, progress: Any, cancel: Any, **_: Any) -> RefreshResult:
        progress(Progress(3, 10, "Account"))
        cancel.wait(10)
        cancel.check()
        raise AssertionError("It was never canceled.")

    write_describe(tmp_path / "acme", "Account", "Name", "Industry", "Region")
    for file in (tmp_path / "beta").iterdir():
        file.unlink()
    app = console(workspace)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await settle(pilot)
        with monkeypatch.context() as patched:
            patched.setattr(workspace.refreshes, "run", slow)
            await pilot.press("unbound-health.refresh_all")
            await until(pilot, lambda: "refreshing 2 connections" in screen_text(pilot))
            await pilot.press("escape")
            await settle(pilot)
        assert "refreshing" not in screen_text(pilot)
        assert pane_of(pilot).error is None
        await pilot.press("unbound-health.refresh_all")
        await settle(pilot)
        await until(pilot, lambda: "1 connection: 1 change. Failed: beta." in screen_text(pilot))
        await settle(pilot)
        await press(pilot, "full_stop")
        assert workspace.health.status("beta").status is Status.ERROR
        assert names(pilot) == ["beta", "acme"]
        assert "✕ beta" in screen_text(pilot)


async def test_read_only_workspace_rejects_changes(home: Path) -> None:
    with Workspace.open(home, read_only=True, clock=Clock(), secrets=MemorySecrets()) as workspace:
        app = console(workspace)
        async with app.run_test(size=WIDE) as pilot:
            await settle(pilot)
            assert "● acme" in screen_text(pilot)
            await pilot.press(
                "unbound-health.disconnect",
                "unbound-health.rename",
                "ctrl+n",
                "unbound-health.refresh_all",
                "unbound-connection.sign_in",
            )
            await settle(pilot)
            assert len(app.screen_stack) == 1
            assert "^N Add" not in screen_text(pilot)


async def test_exports_and_copies_what_shows(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = console(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await pilot.press("y", "c")
        assert app.clipboard.startswith("crmdeck suggest --home")
        await pilot.press("slash", *"beta", "enter")
        await settle(pilot)
        await pilot.press("e", "enter", "enter")
        await until(pilot, (tmp_path / "crmdeck-health.json").exists)
        await settle(pilot)
    assert "beta" in (tmp_path / "crmdeck-health.json").read_text()
    assert '"acme"' not in (tmp_path / "crmdeck-health.json").read_text()


async def test_many_connections_scroll(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "home", clock=Clock(), secrets=MemorySecrets()) as workspace:
        for number in range(12):
            draft = ConnectionDraft(
                name=f"org-{number:02}", source="salesforce", instance_url="https://a.example"
            )
            workspace.connections.add(draft)
        app = console(workspace)
        async with app.run_test(size=(80, 16)) as pilot:
            await settle(pilot)
            # One folded row for all of them.
            assert "▸○ 12 connections  Not refreshed yet" in screen_text(pilot)
            await press(pilot, "full_stop")
            assert screen_text(pilot).count("○ org-") >= 4
            await pilot.press("G")
            await settle(pilot)
            assert pane_of(pilot).connection_name == "org-11"
            assert "▌ ○ org-11" in screen_text(pilot)
            assert "│  ○ org-00" not in screen_text(pilot)


def run(outcome: SyncOutcome, days_ago: float, **more: Any) -> SyncRun:
    at = NOW - timedelta(days=days_ago)
    return SyncRun(
        id="r", connection_id="c", outcome=outcome, started_at=at, finished_at=at, **more
    )


def test_a_day_is_its_worst_unless_it_recovered() -> None:
    runs = [
        run(SyncOutcome.FAILED, 0),
        run(SyncOutcome.OK, 0.01),
        run(SyncOutcome.OK, 1),
        run(SyncOutcome.OK, 1.01, recovered=True),
        run(SyncOutcome.FAILED, 1.02),
        run(SyncOutcome.PARTIAL, 2),
        run(SyncOutcome.CANCELED, 3),
        run(SyncOutcome.OK, 3, kind="test"),
    ]
    assert days(runs, NOW, 5) == (
        Day.NOTHING,
        Day.NOTHING,
        Day.PARTIAL,
        Day.RECOVERED,
        Day.FAILED,
    )
    # A mark for two days shows the worse one.
    assert days(runs, NOW, 2, each=2) == (Day.PARTIAL, Day.FAILED)
    assert [span_in(cells, 6) for cells in (6, 14, 21, 42)] == [(0, 2), (4, 2), (6, 2), (6, 1)]


def entry(text: str = "plain") -> ConnectionHealth:
    finding = Finding(
        id="f",
        kind=FindingKind.CONNECTION_ERROR,
        urgency=Urgency.FAILING,
        code="X",
        connection_id="c",
        connection=text,
        title=text,
        cause=text,
        effect=text,
    )
    # A name that no newer version accepts may still be stored.
    connection = Connection.model_construct(
        id="c",
        name=text,
        platform="salesforce",
        source="salesforce",
        instance_url=f"https://{text}",
        api_version=text,
        organization=text,
        created_at=NOW,
    )
    status = ConnectionStatus(
        id="c",
        name=text,
        platform=connection.platform,
        source=connection.source,
        status=Status.ERROR,
        instance_url=None,
        last_sync_at=NOW,
        last_error_at=NOW,
        last_error_message=text,
        created_at=NOW,
        schema_stats=SchemaStats(),
        findings=(finding,),
    )
    return ConnectionHealth(connection, status, (run(SyncOutcome.FAILED, 0, error_message=text),))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_cell(text: str) -> None:
    for width in (50, 80, 140):
        columns = connection_columns(NOW)
        wanted = measured(columns, [entry(text)])
        placed = place(columns, width, GUTTER, gives=GIVES, wanted=wanted)
        assert all(one.start + one.width <= width for one in placed[:2])
        (finding,) = entry(text).status.findings
        row = FindingRow("f", (finding,), finding.title)
        for drawn in (
            detail(entry(text), NOW, width),
            row_detail(row, NOW, width),
            strip([entry(text)], width),
        ):
            assert "\x1b" not in drawn.plain
            assert all(line.cell_length <= width for line in drawn.split("\n"))


def test_no_sentence_is_cut() -> None:
    text = "One sentence that is longer than the window is wide, and is shown to its very end."
    for width in (40, 80, 140):
        (finding,) = entry(text).status.findings
        drawn = row_detail(FindingRow("f", (finding,), finding.title), NOW, width).plain
        assert " ".join(drawn.split()).count(text) >= 3
        assert "…" not in drawn


async def test_the_connection_under_the_cursor_is_seen_in_every_theme(
    workspace: Workspace,
) -> None:
    app = console(workspace)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "full_stop")
        table = app.screen.query_one("#connections", Table)
        sidebar = app.screen.query_one(Sidebar)

        def row() -> list[tuple[str, str]]:
            return [(part.text, str(part.style)) for part in table.render_line(1)]

        def line() -> list[str]:
            return [str(part.style) for part in sidebar.render_line(1)]

        for theme in ("crmdeck-dark", "crmdeck-light", "terminal", "nord"):
            app.theme = theme_name(theme, set(app.available_themes))
            await settle(pilot)
            chosen = row()
            await press(pilot, "j")
            assert row() != chosen, theme
            await press(pilot, "k", "unbound-go.sidebar")
            seen = line()
            await press(pilot, "j")
            assert line() != seen, theme
            await press(pilot, "k", "unbound-go.pane")
