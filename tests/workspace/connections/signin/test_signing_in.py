"""Every way of getting credentials, against the sandbox over loopback."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crmdeck.connectors.base import Connector
from crmdeck.connectors.salesforce import open_connector
from crmdeck.errors import ConflictError, CrmdeckError, ReauthRequiredError, UsageError
from crmdeck.model import Connection, SecretsPlace, Status
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.keyrings import MemoryKeyring, none, using
from tests.workspace.connections.signin.conftest import ORG, PORTAL, org_draft, portal_draft


def refresh_secrets(sandbox: Sandbox, org: str = ORG) -> dict[str, str]:
    access = sandbox.access(org)
    return {"client_id": access.client_id, "refresh_token": access.refresh_token}


def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def stored(keyring: MemoryKeyring) -> dict[str, str]:
    """Return what the keyring holds by the secret's name, long ones left out."""
    entries = keyring.entries.items()
    return {name.split("/")[1]: value.partition("\n")[2] for (_, name), value in entries}


def events(ws: Workspace, ref: str) -> list[str]:
    return [entry.event for entry in reversed(ws.audit.entries(ref))]


def test_a_refresh_token_is_tried_and_the_rotated_one_stored(
    sandbox: Sandbox, ws: Workspace, keyring: MemoryKeyring
) -> None:
    sandbox.fault(ORG, Fault(FaultKind.ROTATED_REFRESH_TOKEN))
    given = refresh_secrets(sandbox)
    ended = ws.signin.connect(org_draft(sandbox), given)
    assert ended.flow == "refresh-token"
    assert ended.connection.instance_url == sandbox.access(ORG).instance_url
    rotated = stored(keyring)["refresh_token"]
    assert rotated == sandbox.access(ORG).refresh_token != given["refresh_token"]
    assert events(ws, "acme") == ["connection.added", "token.stored"]
    assert ws.health.status("acme").status is Status.ACTIVE
    assert ws.health.status("acme").quota is not None


def test_jwt_bearer_signs_with_a_key_longer_than_a_keyring_takes(
    sandbox: Sandbox, ws: Workspace
) -> None:
    access = sandbox.access(ORG)
    key = private_key()
    one_line = key.strip().replace("\n", "\\n")
    secrets = {
        "client_id": access.client_id,
        "username": access.username,
        "private_key": one_line,
    }
    assert ws.signin.connect(org_draft(sandbox), secrets).flow == "jwt"
    sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))
    assert ws.connections.test("acme").user == access.username


def test_client_credentials_report_token_expiry(sandbox: Sandbox, ws: Workspace) -> None:
    access = sandbox.access(ORG)
    secrets = {"client_id": access.client_id, "client_secret": access.client_secret}
    ended = ws.signin.connect(org_draft(sandbox), secrets)
    assert ended.flow == "client-credentials"
    assert ended.report is not None
    assert ended.report.token_expires_at is not None


def test_an_access_token_needs_the_orgs_own_url(sandbox: Sandbox, ws: Workspace) -> None:
    draft = ConnectionDraft(name="acme", source="salesforce")
    with pytest.raises(UsageError) as caught:
        ws.signin.connect(draft, {"access_token": "00D-token"})
    assert caught.value.code == "INSTANCE_URL_NEEDED"
    access = sandbox.access(ORG)
    draft = org_draft(sandbox).model_copy(update={"instance_url": access.instance_url})
    assert ws.signin.connect(draft, {"access_token": access.access_token}).flow == "access-token"


def test_hubspot_key_reports_missing_scopes(sandbox: Sandbox, ws: Workspace) -> None:
    key = {"access_token": sandbox.access(PORTAL).private_app_token}
    sandbox.fault(PORTAL, Fault(FaultKind.FORBIDDEN, path="owners", code="MISSING_SCOPES"))
    ended = ws.signin.connect(portal_draft(sandbox), key)
    assert ended.report is not None
    assert ended.report.missing_permissions == ("crm.objects.owners.read (who changed a property)",)
    assert ended.report.quota is not None


def test_failed_sign_in_is_not_stored(
    sandbox: Sandbox, ws: Workspace, keyring: MemoryKeyring
) -> None:
    with pytest.raises(ReauthRequiredError):
        ws.signin.connect(portal_draft(sandbox), {"access_token": "pat-nonsense"})
    with pytest.raises(ReauthRequiredError):
        ws.signin.connect(org_draft(sandbox), refresh_secrets(sandbox) | {"refresh_token": "old"})
    assert ws.connections.all() == ()
    assert keyring.entries == {}


def test_a_refresh_token_that_was_used_up_is_not_thrown_away(
    sandbox: Sandbox, ws: Workspace, keyring: MemoryKeyring
) -> None:
    sandbox.fault(ORG, Fault(FaultKind.ROTATED_REFRESH_TOKEN))
    sandbox.fault(ORG, Fault(FaultKind.FORBIDDEN, path="/limits", code="API_DISABLED_FOR_ORG"))
    with pytest.raises(CrmdeckError) as caught:
        ws.signin.connect(org_draft(sandbox), refresh_secrets(sandbox))
    assert caught.value.code == "API_DISABLED"
    assert stored(keyring)["refresh_token"] == sandbox.access(ORG).refresh_token
    assert ws.health.status("acme").status is Status.ERROR
    sandbox.clear(ORG)
    ws.connections.test("acme")
    assert events(ws, "acme")[-1] == "connection.recovered"


def test_a_password_is_not_taken_and_the_reason_given(sandbox: Sandbox, ws: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        ws.signin.connect(org_draft(sandbox), {"username": "me"}, flow="password")
    assert caught.value.code == "PASSWORD_FLOW_RETIRED"
    assert "Summer '27" in (caught.value.cause or "")
    assert "--flow browser" in (caught.value.remedy or "")


def test_missing_secret_is_reported_by_variable(sandbox: Sandbox, ws: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        ws.signin.connect(org_draft(sandbox), {"client_id": "x"}, flow="jwt")
    assert "CRMDECK_ACME_PRIVATE_KEY" in (caught.value.remedy or "")
    with pytest.raises(UsageError) as caught:
        ws.signin.connect(org_draft(sandbox))
    assert "CRMDECK_ACME_REFRESH_TOKEN" in (caught.value.remedy or "")


def test_new_sign_in_recovers_revoked_connection(
    sandbox: Sandbox, ws: Workspace, keyring: MemoryKeyring
) -> None:
    ws.signin.connect(org_draft(sandbox), refresh_secrets(sandbox))
    sandbox.fault(ORG, Fault(FaultKind.REVOKED_REFRESH_TOKEN))
    with pytest.raises(ReauthRequiredError):
        ws.connections.test("acme")
    assert ws.health.status("acme").status is Status.REAUTH_REQUIRED
    before = dict(keyring.entries)
    with pytest.raises(ReauthRequiredError):
        ws.signin.renew("acme", {"refresh_token": "another"}, flow="refresh-token")
    assert keyring.entries == before

    access = sandbox.access(ORG)
    ended = ws.signin.renew(
        "acme", {"client_secret": access.client_secret}, flow="client-credentials"
    )
    assert ended.report is not None
    assert ws.health.status("acme").status is Status.ACTIVE
    assert events(ws, "acme")[-2:] == ["token.stored", "connection.recovered"]
    # The refresh token of the flow before would be tried first, and fail.
    assert set(stored(keyring)) == {"client_id", "client_secret", "access_token"}
    assert ws.connections.test("acme").user == access.username


def test_changes_during_sign_in_are_kept(sandbox: Sandbox, ws: Workspace) -> None:
    access = sandbox.access(ORG)
    ws.signin.connect(org_draft(sandbox), refresh_secrets(sandbox))

    def connect(connection: Connection, *given: Any) -> Connector:
        ws.connections.rename(connection.id, "renamed")
        return open_connector(connection, *given)

    with Workspace.open(ws.home, connect=connect) as other:
        ended = other.signin.renew(
            "acme", {"client_secret": access.client_secret}, flow="client-credentials"
        )
    assert ended.connection == ws.connections.get("renamed")
    assert ended.connection.sign_in == "client-credentials"


def test_sign_in_asks_only_for_missing_secrets(sandbox: Sandbox, ws: Workspace) -> None:
    ws.signin.connect(org_draft(sandbox), refresh_secrets(sandbox))
    flow = ws.signin.choose_flow("acme")
    assert flow is not None
    assert flow.name == "browser"
    assert ws.signin.open_questions("acme", flow) == ()
    other = ws.signin.choose_flow("acme", "refresh-token")
    assert other is not None
    assert [question.name for question in ws.signin.open_questions("acme", other)] == [
        "refresh_token"
    ]
    asked = ws.signin.open_questions(org_draft(sandbox, "new"), flow)
    assert [question.name for question in asked] == ["client_id", "client_secret"]


def test_another_org_is_not_let_in_under_the_same_name(
    sandbox: Sandbox, ws: Workspace, keyring: MemoryKeyring
) -> None:
    ws.signin.connect(org_draft(sandbox), refresh_secrets(sandbox))
    other = next(
        each.name
        for each in sandbox.scenario.organizations
        if each.platform == "salesforce" and each.name != ORG
    )
    ws.connections.update("acme", endpoint=sandbox.access(other).endpoint)
    access = sandbox.access(other)
    secrets = {"client_id": access.client_id, "client_secret": access.client_secret}
    before = dict(keyring.entries)
    with pytest.raises(ConflictError) as caught:
        ws.signin.renew("acme", secrets, flow="client-credentials")
    assert caught.value.code == "OTHER_ORGANIZATION"
    assert keyring.entries == before


def test_missing_keyring_offers_the_file(sandbox: Sandbox, tmp_path: Path) -> None:
    with using(none()), Workspace.open(tmp_path / "home") as ws:
        with pytest.raises(CrmdeckError) as caught:
            ws.signin.connect(org_draft(sandbox), refresh_secrets(sandbox))
        assert caught.value.code == "NO_KEYRING"
        assert "--secrets file" in (caught.value.remedy or "")
        assert sandbox.requests == []

        ws.signin.connect(org_draft(sandbox), refresh_secrets(sandbox), place=SecretsPlace.FILE)
        path = tmp_path / "home" / "secrets.json"
        if os.name == "posix":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        sandbox.fault(ORG, Fault(FaultKind.ROTATED_REFRESH_TOKEN))
        sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))
    with using(MemoryKeyring()) as backend, Workspace.open(tmp_path / "home") as later:
        assert isinstance(backend, MemoryKeyring)
        later.connections.test("acme")
        # A keyring has come meanwhile; the connection's choice of the file holds.
        assert backend.entries == {}
        (kept,) = json.loads(path.read_text()).values()
        token = kept["refresh_token"].partition("\n")[2]
        assert token == sandbox.access(ORG).refresh_token
        later.signin.renew("acme", {"refresh_token": token}, place=SecretsPlace.KEYRING)
        assert "refresh_token" in stored(backend)
        assert json.loads(path.read_text()) == {}


def test_a_machine_lives_from_its_environment(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = refresh_secrets(sandbox)
    for name, value in secrets.items():
        monkeypatch.setenv(f"CRMDECK_ACME_{name.upper()}", value)
    with using(none()):
        with Workspace.open(tmp_path / "home") as ws:
            ws.signin.connect(org_draft(sandbox), secrets, place=SecretsPlace.ENVIRONMENT)
        with Workspace.open(tmp_path / "home") as ws:
            assert ws.connections.test("acme").user == "integration@acme.example"
            assert "token.not_stored" not in events(ws, "acme")
            sandbox.fault(ORG, Fault(FaultKind.ROTATED_REFRESH_TOKEN))
            sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))
            ws.connections.test("acme")
            ws.connections.test("acme")
            assert "token.not_stored" in events(ws, "acme")
    assert not (tmp_path / "home" / "secrets.json").exists()


def test_a_rotated_token_wins_over_the_environments(
    sandbox: Sandbox, ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = refresh_secrets(sandbox)
    for name, value in secrets.items():
        monkeypatch.setenv(f"CRMDECK_ACME_{name.upper()}", value)
    sandbox.fault(ORG, Fault(FaultKind.ROTATED_REFRESH_TOKEN))
    ws.signin.connect(org_draft(sandbox), secrets, place=SecretsPlace.ENVIRONMENT)
    sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))
    with Workspace.open(ws.home) as later:
        assert later.connections.test("acme").user == "integration@acme.example"


def test_pasted_url_forms_are_accepted() -> None:
    from crmdeck.connectors.salesforce.profile import login_url

    assert login_url("production") == "https://login.salesforce.com"
    assert login_url("sandbox") == "https://test.salesforce.com"
    my_domain = "https://acme--uat.sandbox.my.salesforce.com"
    for text in (
        "acme--uat.sandbox.my.salesforce.com",
        "https://ACME--uat.sandbox.lightning.force.com/lightning/page/home",
        "https://acme--uat.sandbox.my.salesforce-setup.com/lightning/setup",
    ):
        assert login_url(text) == my_domain
    for text in ("", "http://acme.my.salesforce.com", "acme", "user:word@acme.example", "a b.c"):
        with pytest.raises(UsageError):
            login_url(text)
