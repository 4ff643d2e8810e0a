"""Where secrets are kept, and which of them hold."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from crmdeck.credentials import (
    ConnectionSecrets,
    FileSecrets,
    KeyringSecrets,
    MemorySecrets,
    NoKeyringError,
    Vault,
    keyring_available,
)
from crmdeck.errors import CrmdeckError
from crmdeck.model import SecretsPlace
from tests.keyrings import MemoryKeyring, none, using

HOST = "https://acme.example 00D1"
ID = "00000000-0000-0000-0000-000000000001"
KEY = "-----BEGIN PRIVATE KEY-----\n" + "M" * 1700 + "\n-----END PRIVATE KEY-----\n"


def test_a_private_key_is_kept_in_parts_that_every_keyring_takes() -> None:
    with using(MemoryKeyring()) as backend:
        assert isinstance(backend, MemoryKeyring)
        secrets = KeyringSecrets()
        secrets.put(ID, {"private_key": KEY, "client_id": "app"})
        assert secrets.get(ID, "private_key") == KEY
        secrets.put(ID, {"private_key": None})
        assert secrets.get(ID, "private_key") is None
        assert secrets.get(ID, "client_id") == "app"
        secrets.put(ID, {"private_key": KEY})
        secrets.forget(ID)
        assert backend.entries == {}


def test_missing_keyring_stores_no_secret_and_has_remedy() -> None:
    with using(none()):
        assert not keyring_available()
        assert KeyringSecrets().get(ID, "access_token") is None
        with pytest.raises(NoKeyringError) as caught:
            KeyringSecrets().put(ID, {"access_token": "s3cret"})
    assert "--secrets file" in (caught.value.remedy or "")
    assert "s3cret" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secrets.json"
    FileSecrets(path).put(ID, {"access_token": "one"})
    FileSecrets(path).put(ID, {"access_token": "two"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert FileSecrets(path).get(ID, "access_token") == "two"


def test_file_comments_are_kept(tmp_path: Path) -> None:
    with using(MemoryKeyring()) as backend:
        assert isinstance(backend, MemoryKeyring)
        vault = Vault(tmp_path)
        vault.settle(ID, SecretsPlace.FILE)
        vault.put(ID, {"refresh_token": "r1"})
        Vault(tmp_path).put(ID, {"refresh_token": "r2"})
        assert backend.entries == {}
        assert Vault(tmp_path).get(ID, "refresh_token") == "r2"

        vault.settle(ID, SecretsPlace.KEYRING)
        assert "r2" in backend.entries.values()
        assert ID not in json.loads((tmp_path / "secrets.json").read_text())
        vault.settle(ID, SecretsPlace.FILE)
        assert backend.entries == {}
        assert Vault(tmp_path).get(ID, "refresh_token") == "r2"


def test_move_to_missing_keyring_keeps_secrets(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.settle(ID, SecretsPlace.FILE)
    vault.put(ID, {"refresh_token": "r1"})
    with using(none()), pytest.raises(NoKeyringError):
        vault.settle(ID, SecretsPlace.KEYRING)
    assert Vault(tmp_path).get(ID, "refresh_token") == "r1"


def test_unwritable_secret_file_raises_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CrmdeckError, match="Can't write") as caught:
        FileSecrets(tmp_path / "file" / "secrets.json").put(ID, {"access_token": "t"})
    assert caught.value.code == "SECRETS_NOT_STORED"

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    home = tmp_path / "home"
    with pytest.raises(CrmdeckError, match="No space left"):
        FileSecrets(home / "secrets.json").put(ID, {"access_token": "t"})
    assert [path.name for path in home.iterdir() if path.suffix != ".lock"] == []


def test_stored_secret_replaces_unsaved_one(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    with using(none()):
        with pytest.raises(NoKeyringError):
            vault.put("acme", {"refresh_token": "first", "client_id": "app"})
        vault.settle("acme", SecretsPlace.FILE)
        vault.put("acme", {"refresh_token": "second"})
        assert (vault.get("acme", "refresh_token"), vault.get("acme", "client_id")) == (
            "second",
            "app",
        )


def test_unsavable_secret_lasts_for_the_process(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    with using(none()):
        with pytest.raises(NoKeyringError):
            vault.put(ID, {"access_token": "t"})
        assert vault.get(ID, "access_token") == "t"
        assert Vault(tmp_path).get(ID, "access_token") is None
    assert not (tmp_path / "secrets.json").exists()


def test_rotated_token_wins_until_environment_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CRMDECK_ACME_REFRESH_TOKEN", "r1")
    store = MemorySecrets()
    assert ConnectionSecrets(store, ID, HOST, "acme", HOST).get("refresh_token") == "r1"
    ConnectionSecrets(store, ID, HOST, "acme", HOST).put({"refresh_token": "r2"})
    assert ConnectionSecrets(store, ID, HOST, "acme", HOST).get("refresh_token") == "r2"
    monkeypatch.setenv("CRMDECK_ACME_REFRESH_TOKEN", "r3")
    assert ConnectionSecrets(store, ID, HOST, "acme", HOST).get("refresh_token") == "r3"
    monkeypatch.delenv("CRMDECK_ACME_REFRESH_TOKEN")
    assert ConnectionSecrets(store, ID, HOST, "acme", HOST).get("refresh_token") == "r2"
