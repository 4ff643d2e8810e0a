"""A served workspace, and a console elsewhere that reaches it as PartnerOS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Connection, Source
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.caches import copied_caches, plain_plans

from ...server.conftest import PASSWORD, House, build, quick_passwords, serving

__all__ = ["copied_caches", "house", "plain_plans", "quick_passwords"]


@dataclass
class Console:
    """A workspace on another machine, with the connection `acme` of source partneros."""

    workspace: Workspace
    connection: Connection
    secrets: MemorySecrets

    def held(self) -> dict[str, str]:
        """Return the stored secrets by name."""
        names = ("username", "password", "session_token")
        values = {name: self.secrets.get(self.connection.id, name) for name in names}
        return {name: value.partition("\n")[2] for name, value in values.items() if value}

    def move(self, endpoint: str) -> None:
        """Use another endpoint, and enter the same secrets for it."""
        secrets = self.held()
        self.workspace.connections.update("acme", endpoint=endpoint)
        self.workspace.connections.store_secrets("acme", secrets)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = build(tmp_path / "served", tmp_path / "export")
    # Otherwise each request opens and closes the cache, for a quarter of the time of these tests.
    with made.workspace.hold(), serving(made.app) as url:
        made.url = url
        yield made


def console(house: House, home: Path, email: str = "dana@acme.example") -> Console:
    """Return a console whose user signs in with e-mail and password."""
    secrets = MemorySecrets()
    workspace = Workspace.open(home, actor="local", secrets=secrets)
    draft = ConnectionDraft(
        name="acme", source=Source.PARTNEROS, endpoint=house.url, remote_id=house.ids["acme"]
    )
    ended = workspace.signin.connect(draft, {"username": email, "password": PASSWORD})
    return Console(workspace, ended.connection, secrets)


@pytest.fixture
def dana(house: House, tmp_path: Path) -> Iterator[Console]:
    made = console(house, tmp_path / "dana")
    with made.workspace.hold():
        yield made
