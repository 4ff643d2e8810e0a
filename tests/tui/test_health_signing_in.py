"""Add connections and sign in again through the dialogs, against the sandbox CRM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from crmdeck.model import SecretsPlace, Status
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.browser import Browser
from crmdeck.tui.panes.registry import PANES
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.widgets.inputs import SecretInput
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.keyrings import MemoryKeyring, none, using
from tests.tui.pilot import screen_text, settle, type_text, until

ORG, PORTAL = "acme-prod", "acme-marketing"
SIZE = (100, 40)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The sandbox without faults."""
    yield running
    for organization in running.scenario.organizations:
        running.clear(organization.name)


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with (
        using(MemoryKeyring()),
        Workspace.open(tmp_path / "home", actor="dana") as workspace,
    ):
        yield workspace


def console(workspace: Workspace) -> CrmdeckApp:
    return CrmdeckApp(workspace, panes=[spec for spec in PANES if spec.id == "health"])


def org(ws: Workspace, sandbox: Sandbox) -> None:
    access = sandbox.access(ORG)
    draft = ConnectionDraft(name="org", source="salesforce", endpoint=access.endpoint)
    secrets = {"client_id": access.client_id, "refresh_token": access.refresh_token}
    ws.signin.connect(draft, secrets)


async def fill(pilot: Pilot[Any], **answers: str) -> None:
    """Paste the answers."""
    for name, answer in answers.items():
        entry = pilot.app.screen.query_one(f"#{name}", Input)
        entry.focus()
        entry.value = answer
    await pilot.pause()


async def shows(pilot: Pilot[Any], *texts: str) -> None:
    await until(pilot, lambda: all(text in screen_text(pilot) for text in texts))


async def test_adds_a_hubspot_account_by_key_and_never_shows_the_key(
    ws: Workspace, sandbox: Sandbox
) -> None:
    access = sandbox.access(PORTAL)
    key = access.private_app_token
    app = console(ws)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("s")
        await shows(pilot, "Add a connection", "PartnerOS")
        await type_text(pilot, "hubspot", "enter")
        await shows(pilot, "Connection name")
        await fill(pilot, name="my portal", endpoint=access.endpoint)
        await pilot.press("enter")
        await shows(pilot, "'my portal' isn't a valid connection name.")
        await fill(pilot, name="portal")
        await pilot.press("enter")
        await shows(pilot, "Service key (Development > Keys > Service keys)")
        await pilot.press("enter")
        await shows(pilot, "Service key or token")
        await fill(pilot, access_token="   ")
        await pilot.press("enter")
        await shows(pilot, "Service key or token is required.")
        await fill(pilot, access_token="pat-wrong-" + key)
        await pilot.press("enter")
        await until(pilot, lambda: "HubSpot" in screen_text(pilot) and not asking(pilot))
        assert ws.connections.all() == ()
        assert key not in screen_text(pilot)
        await fill(pilot, access_token=key)
        dialog = app.screen
        seen = [screen_text(pilot), app.export_screenshot(), str(dialog.css_tree)]
        entry = dialog.query_one(SecretInput)
        entry.focus()
        await pilot.press("ctrl+a", "ctrl+c", "ctrl+x")
        await fill(pilot, access_token=key)
        await pilot.press("enter")
        await shows(pilot, "✓ portal answered", "quota left", "Refresh now")
        seen += [screen_text(pilot), app.export_screenshot(), app.clipboard, str(dialog.css_tree)]
        assert not any(key in text for text in seen)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await settle(pilot)
        # The account's quota is nearly used up: the refresh reports that, and stops.
        assert "▲ portal" in screen_text(pilot)
        assert ws.health.sync_history("portal")[0].kind == "refresh"
    assert ws.connections.get("portal").sign_in == "access-token"
    assert ws.connections.get("portal").organization == str(access.portal_id)
    written = [path.read_bytes() for path in ws.home.rglob("*") if path.is_file()]
    assert not any(key.encode() in content for content in written)


def asking(pilot: Pilot[Any]) -> bool:
    return "Checking permissions" in screen_text(pilot)


async def test_signs_in_with_the_browser_by_pasting_the_redirect_url(
    ws: Workspace, sandbox: Sandbox
) -> None:
    access = sandbox.access(ORG)
    app = console(ws)

    async def begin() -> Browser:
        await pilot.press("s", "enter")
        await shows(pilot, "Sign in at: production")
        await fill(pilot, name="acme", endpoint=access.endpoint)
        await pilot.press("enter")
        await shows(pilot, "Sign in with the browser")
        await pilot.press("enter")
        await shows(pilot, "Consumer key of the app")
        await fill(pilot, client_id=access.client_id, redirect_port="0")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Browser))
        await shows(pilot, "Waiting for the browser to return to http://localhost:")
        assert isinstance(app.screen, Browser)
        return app.screen

    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        # Esc adds nothing and stops listening.
        where = (await begin()).redirect_uri.replace("localhost", "127.0.0.1")
        assert httpx.get(where).status_code == 400
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        with pytest.raises(httpx.ConnectError):
            httpx.get(where)
        await settle(pilot)
        assert "You have no connections yet." in screen_text(pilot)
        assert ws.connections.all() == ()

        await begin()
        await pilot.press("c")
        url = app.clipboard
        assert url.startswith(access.endpoint)
        await pilot.press("p")
        await type_text(pilot, "http://x/?code=1", "enter")
        await shows(pilot, "The pasted URL doesn't belong to this sign-in.")
        ended_at = httpx.get(url).headers["Location"]
        await fill(pilot, ended=ended_at)
        await pilot.press("enter")
        await shows(pilot, "✓ acme answered", "integration@acme.example")
        await pilot.press("enter")
        await settle(pilot)
        assert "acme" in screen_text(pilot)
    assert ws.connections.get("acme").sign_in == "browser"
    assert ws.connections.test("acme").user == access.username


async def test_a_revoked_connection_can_sign_in_again(ws: Workspace, sandbox: Sandbox) -> None:
    org(ws, sandbox)
    sandbox.fault(ORG, Fault(FaultKind.REVOKED_REFRESH_TOKEN))
    app = console(ws)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("full_stop", "unbound-health.test")
        await shows(pilot, "✕ org         sign in again", "token         rejected", "f Fix")
        await pilot.press("f")
        await shows(pilot, "Sign in to org", "Client credentials")
        await type_text(pilot, "client cred", "enter")
        await shows(pilot, "Consumer secret of the app")
        assert not app.screen.query("#client_id")
        await fill(pilot, client_secret=sandbox.access(ORG).client_secret)
        await pilot.press("enter")
        await shows(pilot, "✓ org answered")
        await pilot.press("enter")
        await shows(pilot, "○ org         not refreshed yet", "token         renewed")
    assert ws.health.status("org").status is Status.ACTIVE
    assert "connection.recovered" in [entry.event for entry in ws.audit.entries("org")]


async def test_without_a_keyring_the_private_file_is_offered(
    ws: Workspace, sandbox: Sandbox
) -> None:
    access = sandbox.access(PORTAL)
    app = console(ws)
    with using(none()):
        async with app.run_test(size=SIZE) as pilot:
            await settle(pilot)
            await pilot.press("s", "down", "enter")
            await fill(pilot, name="portal", endpoint=access.endpoint)
            await pilot.press("enter")
            await shows(pilot, "Sign in to portal")
            await pilot.press("enter")
            await shows(pilot, "No keyring on this machine", "secrets.json")
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(app.screen, MainScreen)
            assert ws.connections.all() == ()
            await pilot.press("s", "down", "enter")
            await fill(pilot, name="portal", endpoint=access.endpoint)
            await pilot.press("enter")
            await shows(pilot, "Sign in to portal")
            await pilot.press("enter")
            await shows(pilot, "No keyring on this machine")
            await pilot.press("y")
            await shows(pilot, "Service key or token")
            await fill(pilot, access_token=access.private_app_token)
            await pilot.press("enter")
            await shows(pilot, "✓ portal answered")
    assert (ws.home / "secrets.json").stat().st_mode & 0o077 == 0
    assert ws.signin.place_for("portal") is SecretsPlace.FILE


async def test_a_refresh_waits_for_the_crm_and_offers_the_sign_in(
    ws: Workspace, sandbox: Sandbox
) -> None:
    access = sandbox.access("legacy-portal")
    draft = ConnectionDraft(name="portal", source="hubspot", endpoint=access.endpoint)
    ws.signin.connect(draft, {"access_token": access.private_app_token})
    sandbox.fault("legacy-portal", Fault(FaultKind.THROTTLED, times=1, retry_after=1))
    app = console(ws)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("r")
        await shows(pilot, "refreshing portal", "HubSpot asks to wait 1 s", "Esc cancels")
        await settle(pilot)
        assert ws.health.status("portal").status is Status.ACTIVE
        sandbox.fault("legacy-portal", Fault(FaultKind.THROTTLED, times=1, retry_after=30))
        await pilot.press("r")
        await shows(pilot, "HubSpot asks to wait 30 s")
        await pilot.press("escape")
        await until(pilot, lambda: "asks to wait" not in screen_text(pilot))
        await settle(pilot)
        sandbox.clear("legacy-portal")
        sandbox.fault("legacy-portal", Fault(FaultKind.UNAUTHORIZED))
        await pilot.press("r")
        await shows(pilot, "f Fix", "✕ portal      sign in again")
        await pilot.press("escape", "unbound-connection.sign_in")
        await shows(pilot, "Service key (Development > Keys > Service keys)")
