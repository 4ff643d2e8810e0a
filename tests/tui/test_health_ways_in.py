"""Other ways to sign in: each mistake shows in its dialog, and adds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from crmdeck.model import Source, Status
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from crmdeck.tui.screens.main import MainScreen
from crmdeck.workspace import Workspace
from tests.server.conftest import PASSWORD, House, build, serving
from tests.tui.pilot import resize, screen_text, settle, until
from tests.tui.test_health_signing_in import ORG, PORTAL, console, fill, running, sandbox, shows, ws
from tests.workspace.connections.signin.test_signing_in import private_key

__all__ = ["running", "sandbox", "ws"]

SMALL = (80, 24)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("served")
    made = build(folder / "home", folder / "export")
    with serving(made.app) as url:
        made.url = url
        yield made


async def begin(pilot: Pilot[Any], kind: str, **answers: str) -> None:
    """Add a connection of a kind, up to the choice of a sign-in."""
    await settle(pilot)
    await pilot.press("s", *kind, "enter")
    await shows(pilot, "Connection name")
    await fill(pilot, **answers)
    await pilot.press("enter")


async def choose_way(pilot: Pilot[Any], words: str) -> None:
    await shows(pilot, "Sign in to")
    await pilot.press(*words, "enter")


async def refused(pilot: Pilot[Any], ws: Workspace, *texts: str, **answers: str) -> None:
    """Give wrong answers: the form shows the mistake and stays, and nothing is added."""
    await fill(pilot, **answers)
    await pilot.press("enter")
    # The keys stay visible, however long the error is.
    await shows(pilot, *texts, "Enter Continue")
    assert ws.connections.all() == ()


async def ended(pilot: Pilot[Any], name: str) -> None:
    await shows(pilot, f"✓ {name} answered")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
    await settle(pilot)


def kept_anywhere(ws: Workspace, secret: str) -> bool:
    files = [path for path in ws.home.rglob("*") if path.is_file()]
    return any(secret.encode() in path.read_bytes() for path in files)


async def test_salesforce_by_jwt(ws: Workspace, sandbox: Sandbox, tmp_path: Path) -> None:
    access = sandbox.access(ORG)
    key, certificate = tmp_path / "server.key", tmp_path / "server.crt"
    key.write_text(private_key())
    certificate.write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    async with console(ws).run_test(size=SMALL) as pilot:
        await begin(pilot, "salesforce", name="acme", endpoint=access.endpoint)
        await choose_way(pilot, "jwt")
        await shows(pilot, "Private key of the certificate (path of its file)")
        await fill(pilot, client_id=access.client_id, username=access.username)
        gone = str(tmp_path / "gone.key")
        await refused(pilot, ws, "Can't read", "No such file", private_key=gone)
        # So does the field with the mistake.
        await shows(pilot, gone[-40:])
        await refused(
            pilot,
            ws,
            "no private key.",
            "not the certificate",
            private_key=str(certificate),
        )
        (tmp_path / "torn.key").write_text("-----BEGIN PRIVATE KEY-----\nMIIB\n")
        torn = str(tmp_path / "torn.key")
        await refused(pilot, ws, "private key", "Enter Continue", private_key=torn)
        sandbox.fault(ORG, Fault(FaultKind.UNAUTHORIZED, path="/oauth2/token"))
        await refused(pilot, ws, "Salesforce", private_key=str(key))
        sandbox.clear(ORG)
        await pilot.press("enter")
        await ended(pilot, "acme")
    assert ws.connections.get("acme").sign_in == "jwt"
    assert ws.connections.test("acme").user == access.username
    assert not kept_anywhere(ws, private_key().splitlines()[1])


async def test_hubspot_by_refresh_token(ws: Workspace, sandbox: Sandbox) -> None:
    access = sandbox.access(PORTAL)
    async with console(ws).run_test(size=SMALL) as pilot:
        await begin(pilot, "hubspot", name="portal", endpoint="http://api.example")
        await shows(pilot, "'http://api.example' isn't a valid endpoint.", "https://HOST")
        await fill(pilot, endpoint=access.endpoint)
        await pilot.press("enter")
        await choose_way(pilot, "refresh")
        await shows(pilot, "Client secret of the app", "Refresh token")
        app = {"client_id": access.client_id, "client_secret": access.client_secret}
        await refused(pilot, ws, "HubSpot", **app, refresh_token="wrong-token")
        assert "wrong-token" not in screen_text(pilot)
        wrong = {**app, "client_secret": "wrong-secret"}
        await refused(pilot, ws, "HubSpot", **wrong, refresh_token=access.refresh_token)
        await fill(pilot, client_secret=access.client_secret)
        await pilot.press("enter")
        await ended(pilot, "portal")
        await pilot.press("full_stop")
        await resize(pilot, SMALL[0], 60)
        await shows(pilot, "sign-in       OAuth (refresh token)")
    assert ws.health.status("portal").status is Status.ACTIVE
    assert not kept_anywhere(ws, access.refresh_token)


async def test_partneros_by_password_then_session_token(ws: Workspace, house: House) -> None:
    address = {"endpoint": house.url, "remote_id": house.ids["acme"]}
    async with console(ws).run_test(size=SMALL) as pilot:
        await begin(pilot, "partneros", name="team")
        await shows(pilot, "UUID of the integration")
        await pilot.press("enter")
        await shows(pilot, "is required.")
        await refused(
            pilot, ws, "'http://partneros.example' isn't a valid endpoint.",
            endpoint="http://partneros.example", remote_id=address["remote_id"],
        )  # fmt: skip
        await refused(pilot, ws, "'7/8' isn't", endpoint=house.url, remote_id="7/8")
        await fill(pilot, **address)
        await pilot.press("enter")
        await choose_way(pilot, "email")
        await shows(pilot, "Store the password too")
        await refused(
            pilot,
            ws,
            "PartnerOS rejected",
            username="dana@acme.example",
            password="mistyped",
        )
        assert "mistyped" not in screen_text(pilot)
        await fill(pilot, password=PASSWORD)
        await pilot.press("enter")
        await ended(pilot, "team")
        await settle(pilot)
        assert ws.connections.get("team").source == Source.PARTNEROS
        assert not kept_anywhere(ws, PASSWORD)
        await pilot.press("unbound-connection.sign_in")
        await shows(pilot, "Session token")
        await pilot.press("down", "enter")
        await shows(pilot, "Session token")
        await fill(pilot, session_token="mistyped")
        await pilot.press("enter")
        await shows(pilot, "The PartnerOS session is no longer valid.")
        await pilot.press("escape")
        await settle(pilot)
    assert ws.connections.get("team").sign_in == "password"
    assert ws.connections.test("team").user
