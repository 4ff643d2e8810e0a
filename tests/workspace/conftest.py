"""A workspace over exported schemas in a temporary folder, with a clock that is set by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Platform, Source
from crmdeck.workspace import ConnectionDraft, Workspace


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


@dataclass
class Desk:
    """A workspace with one connection, `acme`, that reads `folder`."""

    workspace: Workspace
    folder: Path
    clock: Clock

    def export(self, *objects: dict[str, Any]) -> None:
        """Make the folder hold these describes and no others."""
        for old in self.folder.glob("*.json"):
            old.unlink()
        for each in objects:
            (self.folder / f"{each['name']}.json").write_text(json.dumps(each))

    def refresh(self) -> Any:
        """Refresh an hour later."""
        self.clock.move(hours=1)
        return self.workspace.refreshes.run("acme")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "export"
    folder.mkdir()
    clock = Clock()
    with Workspace.open(
        tmp_path / "home", clock=clock, actor="dana", secrets=MemorySecrets()
    ) as workspace:
        workspace.connections.add(
            ConnectionDraft(
                name="acme",
                source=Source.FILES,
                platform=Platform.SALESFORCE,
                path=str(folder),
            )
        )
        yield Desk(workspace, folder, clock)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Any]:
    from .crm import opened

    with opened(tmp_path / "home") as found:
        yield found
