"""A served workspace over exported schemas, and clients that are signed in to it."""

from __future__ import annotations

import functools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI

from crmdeck.clock import utc_now
from crmdeck.credentials import MemorySecrets
from crmdeck.model import Role, Source
from crmdeck.server import Answers, Organization, User, create_app
from crmdeck.server.access import COOKIE
from crmdeck.server.accounts import ACCOUNTS_FILE, AccountBook
from crmdeck.server.attempts import Attempts
from crmdeck.server.connections import RequestLimits
from crmdeck.server.documents import document
from crmdeck.server.passwords import hash_password
from crmdeck.server.run import server_config
from crmdeck.server.sessions import Sessions
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.caches import copied_caches, plain_plans

__all__ = ["copied_caches", "plain_plans"]

PASSWORD = "correct horse battery"
PAIR = "deal_registration--Opportunity"


@dataclass
class Clock:
    """Runs, from where it was moved to."""

    offset: Any = None

    def __call__(self) -> datetime:
        return utc_now() + self.offset if self.offset else utc_now()


def text_field(name: str, **more: Any) -> dict[str, Any]:
    """Return an optional text field of a describe."""
    said = {"name": name, "label": name, "type": "string", "length": 80, "nillable": True}
    return {**said, "createable": True, "updateable": True, "custom": name.endswith("__c"), **more}


def describe(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    """Return a Salesforce describe."""
    first = {"name": "Id", "label": f"{name} ID", "type": "id", "nillable": False}
    return {"name": name, "label": name, "custom": False, "fields": [first, *fields]}


OPPORTUNITY = describe(
    "Opportunity",
    text_field("Name"),
    text_field("Amount", type="currency", precision=18, scale=2),
    text_field("CloseDate", type="date"),
    text_field("Description", type="textarea", length=32000),
)
ACCOUNT = describe("Account", text_field("Name"), text_field("Industry"))


@dataclass
class House:
    """A workspace with `acme` (organization acme) and `other` (organization rival).

    dana is a member and vera a viewer of acme, rob a member of rival, mona a member of both,
    ada an admin of acme.
    """

    workspace: Workspace
    app: FastAPI
    folder: Path
    clock: Clock
    url: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    def export(self, *objects: dict[str, Any]) -> None:
        """Make the folder of `acme` hold these describes and no others."""
        for old in self.folder.glob("*.json"):
            old.unlink()
        for each in objects:
            (self.folder / f"{each['name']}.json").write_text(json.dumps(each))

    def client(self, email: str | None = "dana@acme.example", **more: Any) -> httpx.Client:
        """Return a client, signed in where an e-mail address is given."""
        cookies = httpx.Cookies()
        if email is not None:
            deck = self.app.state.deck
            book = deck.accounts.book()
            member = book.user(email)
            own = book.organizations_of(member)
            active = own[0].id if len(own) == 1 else None
            token, _ = deck.sessions.start(member, active, "127.0.0.1")
            cookies.set(COOKIE, token, "127.0.0.1", "/api")
        # The authorities of other sites take longer to load than most requests here.
        return httpx.Client(
            base_url=f"{self.url}/api", timeout=120, cookies=cookies, verify=False, **more
        )


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let checking a password take no time: that it takes some is argon2's affair."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("crmdeck.server.passwords._hasher", hasher)


@functools.cache
def password_hash() -> str:
    """Return the hash of the password that all have."""
    return hash_password(PASSWORD)


def user(email: str, *organizations: str, role: Role = Role.MEMBER) -> User:
    """Return a user with the password that all have."""
    return User(
        email=email, password_hash=password_hash(), roles=dict.fromkeys(organizations, role)
    )


def build(home: Path, folder: Path, assistants: Answers | None = None) -> House:
    """Return the workspace and its application, not yet served."""
    folder.mkdir()
    clock = Clock()
    workspace = Workspace.open(home, actor="operator", secrets=MemorySecrets(), clock=clock)
    ids = {}
    with workspace.hold():
        for name in ("acme", "other"):
            draft = ConnectionDraft(
                name=name, source=Source.FILES, platform="salesforce", path=str(folder)
            )
            ids[name] = workspace.connections.add(draft).id
    book = AccountBook(
        organizations=(
            Organization(id="acme", connections=(ids["acme"],)),
            Organization(id="rival", connections=(ids["other"],)),
        ),
        users=(
            user("dana@acme.example", "acme"),
            user("vera@acme.example", "acme", role=Role.VIEWER),
            user("rob@rival.example", "rival"),
            user("mona@acme.example", "acme", "rival"),
            user("ada@acme.example", "acme", role=Role.ADMIN),
        ),
    )
    document(workspace, ACCOUNTS_FILE, AccountBook()).change(lambda _: book)
    app = create_app(workspace, assistants=assistants)
    attempts = workspace.documents.sign_in_attempts
    app.state.deck = replace(
        app.state.deck,
        sessions=Sessions(workspace, clock=clock),
        attempts=Attempts(attempts, per_pair=5, per_address=10_000, per_email=10_000),
    )
    house = House(workspace, app, folder, clock, ids=ids)
    house.export(OPPORTUNITY, ACCOUNT)
    return house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build(tmp_path / "home", tmp_path / "export")


@pytest.fixture
def served(house: House) -> Iterator[House]:
    with serving(house.app) as url:
        house.url = url
        yield house


class serving:  # noqa: N801  reads as a word at its place
    """Serve an application on a free port of loopback, by uvicorn in a thread."""

    def __init__(
        self, app: Callable[..., Any], limits: RequestLimits | None = None, **more: Any
    ) -> None:
        self._server = uvicorn.Server(server_config(app, limits or RequestLimits(), **more))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def connections(self) -> int:
        """Return how many connections are held."""
        return len(self._server.server_state.connections)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
