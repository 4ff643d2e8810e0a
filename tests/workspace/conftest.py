"""A workspace over exported schemas in a temporary folder, with a clock that is set by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.workspace import ConnectionDraft, Context, Workspace
from tests.caches import copied_caches, plain_plans
from tests.postgres import postgres_url, ready_postgres_url

__all__ = ["copied_caches", "plain_plans", "postgres_url", "ready_postgres_url"]


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 5, 16, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def describe(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    """Return a Salesforce describe with an Id and the given fields."""
    first = {"name": "Id", "label": f"{name} ID", "type": "id", "nillable": False}
    return {"name": name, "label": name, "custom": False, "fields": [first, *fields]}


def text_field(name: str, **more: Any) -> dict[str, Any]:
    """Return an optional text field of a describe."""
    return {
        "name": name,
        "label": name,
        "type": "string",
        "length": 80,
        "nillable": True,
        "createable": True,
        "updateable": True,
        "custom": name.endswith("__c"),
        **more,
    }


def export_to(folder: Path, *objects: dict[str, Any]) -> None:
    """Make a folder hold these describes and no others."""
    for old in folder.glob("*.json"):
        old.unlink()
    for each in objects:
        (folder / f"{each['name']}.json").write_text(json.dumps(each))


@dataclass
class Desk:
    """A workspace with one connection, `acme`, that reads `folder`.

    Its file stays open until `let_go`: to open it for each call takes longer than most calls.
    """

    workspace: Workspace
    folder: Path
    clock: Clock
    database: str | None
    let_go: Callable[[], None]

    def export(self, *objects: dict[str, Any]) -> None:
        """Make the folder hold these describes and no others."""
        export_to(self.folder, *objects)

    def again(self, *, read_only: bool = False) -> Workspace:
        """Open the same workspace another time."""
        self.let_go()
        home, database = self.workspace.home, self.database
        return Workspace(
            Context(home, database=database, read_only=read_only, clock=self.clock, actor="erin")
        )

    def refresh(self) -> Any:
        """Refresh an hour later."""
        self.clock.move(hours=1)
        return self.workspace.refreshes.run("acme")


@pytest.fixture(params=["duckdb", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    """What is in place of a file in the folder: what holds of one has to hold of the other."""
    if request.param == "duckdb":
        return None
    return str(request.getfixturevalue("ready_postgres_url"))


@pytest.fixture
def desk(tmp_path: Path, database: str | None) -> Iterator[Desk]:
    folder = tmp_path / "export"
    folder.mkdir()
    clock = Clock()
    context = Context(
        tmp_path / "home", database=database, clock=clock, actor="dana", secrets=MemorySecrets()
    )
    with Workspace(context) as workspace, ExitStack() as hold:
        hold.enter_context(workspace.hold())
        workspace.connections.add(
            ConnectionDraft(
                name="acme",
                source=Source.FILES,
                platform="salesforce",
                path=str(folder),
            )
        )
        yield Desk(workspace, folder, clock, database, hold.close)


@pytest.fixture
def office(tmp_path: Path, database: str | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from .crm import opened

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with opened(database or tmp_path / "home") as found, ExitStack() as hold:
        hold.enter_context(found.workspace.hold())
        found.let_go = hold.close
        yield found
