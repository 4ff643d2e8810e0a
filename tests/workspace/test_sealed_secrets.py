"""Secrets in the workspace: encrypted, moved, for one place each, and under a key that changes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from crmdeck.credentials.sealing import KeyRing, SecretsKeyError, load_keys, seal, unseal
from crmdeck.model import SecretsPlace
from crmdeck.store.tables import SECRETS
from crmdeck.workspace import ConnectionDraft, Workspace, new_secrets_key
from crmdeck.workspace.doctor import examine

OLD, NEW = new_secrets_key(), new_secrets_key()
TOKEN = "hubspot-token-of-acme"


def code(ring: str, wrapped_by: str, wrapped: str) -> str | None:
    with pytest.raises(SecretsKeyError) as caught:
        KeyRing(ring, "the test").unwrap(wrapped_by, wrapped)
    assert not any(word in str(caught.value.to_wire()) for word in ring.split())
    return caught.value.code


def test_the_first_key_wraps_and_every_key_unwraps() -> None:
    name, wrapped = KeyRing(OLD, "the test").wrap(b"d" * 32)
    assert KeyRing(f"{NEW}\n{OLD}", "the test").unwrap(name, wrapped) == b"d" * 32
    assert KeyRing(f"{NEW} {OLD}", "the test").wrap(b"d" * 32)[0] != name
    assert code(NEW, name, wrapped) == "SECRETS_KEY_WRONG"
    assert code(OLD, name, wrapped[:-8] + "AAAAAAAA") == "SECRET_DAMAGED"
    for bad in ("c2hvcnQ=", OLD[:-1], "correct horse battery staple"):
        assert code(bad, name, wrapped) == "SECRETS_KEY_BAD"
    assert code(" ", name, wrapped) == "SECRETS_KEY_MISSING"


def test_a_secret_opens_in_its_own_place_only() -> None:
    sealed = seal(b"d" * 32, "key/acme/access_token", TOKEN)
    assert TOKEN not in sealed
    assert unseal(b"d" * 32, "key/acme/access_token", sealed) == TOKEN
    with pytest.raises(SecretsKeyError) as caught:
        unseal(b"d" * 32, "key/other/access_token", sealed)
    assert caught.value.code == "SECRET_DAMAGED"


def test_keys_come_from_the_environment_a_file_or_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text(OLD + "\n")
    name, wrapped = load_keys(file, ()).wrap(b"d" * 32)
    prints = (sys.executable, "-c", f"print({OLD!r})")
    assert load_keys(None, prints).unwrap(name, wrapped) == b"d" * 32
    failing = (sys.executable, "-c", f"print({OLD!r}); raise SystemExit(3)")
    for place, command in (
        (tmp_path / "none", ()),
        (None, failing),
        (None, ("/none",)),
        (None, ()),
    ):
        with pytest.raises(SecretsKeyError) as caught:
            load_keys(place, command)
        assert caught.value.code == "SECRETS_KEY_MISSING"
        assert OLD not in str(caught.value.to_wire())
    monkeypatch.setenv("CRMDECK_SECRETS_KEY", NEW)
    with pytest.raises(SecretsKeyError):
        load_keys(file, ()).unwrap(name, wrapped)


def test_secrets_move_to_the_workspace_under_a_key_that_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"

    def token(ring: str) -> str | None:
        monkeypatch.setenv("CRMDECK_SECRETS_KEY", ring)
        with Workspace.open(home) as workspace:
            connection = workspace.connections.get("acme")
            return workspace.context.credentials(connection).get("access_token")

    with Workspace.open(home) as workspace:
        for name in ("acme", "other"):
            draft = ConnectionDraft(name=name, source="hubspot")
            workspace.connections.add(draft)
        workspace.connections.store_secrets(
            "acme", {"access_token": TOKEN, "refresh_token": "r1"}, place=SecretsPlace.FILE
        )
        with pytest.raises(SecretsKeyError):
            workspace.secrets.move((), SecretsPlace.WORKSPACE)
        assert TOKEN in (home / "secrets.json").read_text()
        monkeypatch.setenv("CRMDECK_SECRETS_KEY", OLD)
        with workspace.context.rehearse():
            assert workspace.secrets.move((), SecretsPlace.WORKSPACE).moved == ("acme",)
        assert TOKEN in (home / "secrets.json").read_text()
        moved = workspace.secrets.move((), SecretsPlace.WORKSPACE)
        assert (moved.moved, moved.without) == (("acme",), ("other",))
        assert TOKEN not in (home / "secrets.json").read_text()
        # Later tokens follow.
        workspace.connections.store_secrets("acme", {"refresh_token": "r2"})
        with workspace.context.store.read() as session:
            assert {row.name for row in session.sealed_secrets.all()} >= {"refresh_token"}
        assert set(SECRETS).isdisjoint(workspace.backups.write(tmp_path / "b.zip").tables)
    assert TOKEN.encode() not in b"".join(
        path.read_bytes() for path in home.rglob("*") if path.is_file()
    )

    assert token(OLD) == TOKEN
    with pytest.raises(SecretsKeyError) as caught:
        token(NEW)
    assert caught.value.code == "SECRETS_KEY_WRONG"
    with Workspace.open(home) as workspace, pytest.raises(SecretsKeyError):
        workspace.secrets.rotate()
    for ring, ok in ((NEW, False), (OLD, True), ("", True)):
        monkeypatch.setenv("CRMDECK_SECRETS_KEY", ring)
        [finding] = [each for each in examine(home) if each.check == "secrets key"]
        assert finding.ok is ok
    monkeypatch.setenv("CRMDECK_SECRETS_KEY", f"{NEW} {OLD}")
    with Workspace.open(home) as workspace:
        with workspace.context.rehearse():
            assert workspace.secrets.rotate().secrets == 3
        assert workspace.secrets.rotate().secrets == 3
        events = {entry.event for entry in workspace.audit.entries(event="secrets.*")}
        assert events == {"secrets.moved", "secrets.key_rotated"}
    assert token(NEW) == TOKEN
    with pytest.raises(SecretsKeyError):
        token(OLD)

    monkeypatch.setenv("CRMDECK_SECRETS_KEY", NEW)
    with Workspace.open(home) as workspace:
        workspace.secrets.move(["acme"], SecretsPlace.FILE)
        with workspace.context.store.read() as session:
            assert session.sealed_secrets.all() == ()
    assert TOKEN in (home / "secrets.json").read_text()
    assert token("") == TOKEN
