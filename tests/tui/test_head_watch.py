"""Every pane shows what other users write, and reports since when the workspace is unavailable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.panes.drift.pane import DriftPane
from crmdeck.tui.panes.registry import PANES
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.postgres import execute, postgres_url, role, server_url
from tests.tui.conftest import Clock, write_describe
from tests.tui.pilot import screen_text, settle, until

__all__ = ["postgres_url"]

pytestmark = pytest.mark.usefixtures("quick_watch")


@pytest.fixture
def sam(home: Path) -> Iterator[Workspace]:
    with Workspace.open(home, clock=Clock(), actor="sam", secrets=MemorySecrets()) as opened:
        yield opened


def refresh_with(tmp_path: Path, who: Workspace, *fields: str) -> None:
    write_describe(tmp_path / "acme", "Account", "Name", "Industry", *fields)
    who.refreshes.run("acme")


async def test_every_pane_reloads_when_another_user_writes(
    workspace: Workspace, sam: Workspace, tmp_path: Path
) -> None:
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)

        await pilot.press("2")
        await until(pilot, lambda: "2 objects" in screen_text(pilot))
        await pilot.press("j")
        write_describe(tmp_path / "acme", "Lead", "Email")
        refresh_with(tmp_path, sam, "Region")
        await until(pilot, lambda: "3 objects" in screen_text(pilot))
        table = app.screen.query_one("#objects", Table)
        assert table.key_of(table.cursor_row) == "Contact"

        await pilot.press("3")
        await settle(pilot)
        # From the open changes to all: new fields are safe.
        await pilot.press("unbound-view.previous")
        await until(pilot, lambda: "Account.Region" in screen_text(pilot))
        refresh_with(tmp_path, sam, "Region", "Segment")
        await until(pilot, lambda: "Account.Segment" in screen_text(pilot))

        await pilot.press("1")
        await settle(pilot)
        sam.connections.disconnect("acme")
        await until(pilot, lambda: "○ acme" in screen_text(pilot))

        await pilot.press("5")
        await settle(pilot)
        sam.connections.rename("acme", "acme-two")
        await until(pilot, lambda: "renamed acme to acme-two" in screen_text(pilot))


async def test_a_seen_change_stays_listed_while_the_pane_shows_it(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmdeck.tui.panes.drift.pane.REMEMBER_EVERY", 3600)
    refresh_with(tmp_path, workspace, "Region")
    app = CrmdeckApp(workspace)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        pane = app.screen.query_one(DriftPane)
        pane.replace_filter("seen:no")
        await settle(pilot)
        pane._remember()
        await until(pilot, lambda: all(each.seen for each in workspace.drift.timeline().entries))
        await settle(pilot)
        assert "Account.Region" in screen_text(pilot)


async def test_an_unavailable_database_is_reported_until_it_is_back(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setenv("CRMDECK_CACHE_WAIT", "1")
    folder = tmp_path / "acme"
    folder.mkdir()
    write_describe(folder, "Account", "Name")
    name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]

    def admin(*statements: str) -> None:
        with psycopg.connect(server_url(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    with Workspace.open(postgres_url, secrets=MemorySecrets()) as workspace:
        workspace.connections.add(
            ConnectionDraft(
                name="acme",
                source=Source.FILES,
                platform="salesforce",
                path=str(folder),
            )
        )
        workspace.refreshes.run("acme")
        app = CrmdeckApp(workspace, panes=[spec for spec in PANES if spec.id == "audit"])
        async with app.run_test(size=(120, 30)) as pilot:
            await settle(pilot)
            admin(
                f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            )
            await until(pilot, lambda: "unavailable since" in screen_text(pilot))
            assert "refreshed: 1 object" in screen_text(pilot)
            admin(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await until(pilot, lambda: "unavailable since" not in screen_text(pilot))
            with Workspace.open(postgres_url, actor="sam", secrets=MemorySecrets()) as sam:
                sam.connections.disconnect("acme")
            await until(pilot, lambda: "sam     disconnected" in screen_text(pilot))


async def test_a_read_only_database_role_opens_the_workspace_read_only(postgres_url: str) -> None:
    with Workspace.open(postgres_url, secrets=MemorySecrets()) as owner:
        draft = ConnectionDraft(
            name="acme", source=Source.FILES, platform="salesforce", path="/nowhere"
        )
        owner.connections.add(draft)
    with role(postgres_url) as url:
        user = url.removeprefix("postgresql://").split("@")[0].split(":")[0]
        execute(postgres_url, f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{user}"')
        with Workspace.open(url, secrets=MemorySecrets()) as workspace:
            app = CrmdeckApp(workspace, panes=[spec for spec in PANES if spec.id == "audit"])
            async with app.run_test(size=(120, 30), notifications=True) as pilot:
                await until(pilot, lambda: "read-only" in screen_text(pilot).splitlines()[0])
                await settle(pilot)
                await pilot.press("r")
                await until(pilot, lambda: "open read-only" in screen_text(pilot))
