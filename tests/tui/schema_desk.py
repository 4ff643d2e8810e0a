"""Helpers for the tests of the schema pane: a workspace with a history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Choice, DecisionState, Direction, Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.panes.registry import PaneSpec
from crmdeck.tui.panes.schema.pane import SchemaPane
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.tui.pilot import press, settle

PANES = (PaneSpec("schema", "Schema", "2", lambda: SchemaPane),)
START = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND_DAY = START + timedelta(days=10)
NOW = SECOND_DAY + timedelta(hours=1)


class Hands:
    """A clock set by hand."""

    moment = NOW

    def __call__(self) -> datetime:
        return self.moment


def field(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "label": name.replace("_", " "), "type": kind, "nillable": True, **more}


def write(folder: Path, name: str, *fields: dict[str, Any], label: str | None = None) -> None:
    folder.mkdir(exist_ok=True)
    described = {"name": name, "label": label or name, "custom": name.endswith("__c")}
    key = field("Id", "id", nillable=False, length=18)
    (folder / f"{name}.json").write_text(json.dumps({**described, "fields": [key, *fields]}))


STAGES = [
    {"value": value, "label": value.title(), "active": value != "old", "defaultValue": False}
    for value in ("new", "won", "old")
]
NAME = field("Name", nillable=False, createable=True)
AMOUNT = field(
    "Amount",
    "currency",
    precision=18,
    scale=2,
    createable=True,
    updateable=False,
    inlineHelpText="What it is worth",
)
STAGE = field("Stage", "picklist", picklistValues=STAGES, restrictedPicklist=True)


def make(root: Path) -> None:
    """Make a workspace: `prod` refreshed on two days, `sandbox` once, `empty` never.

    Between the two days Opportunity lost Old__c, got Region__c, and Stage lost a value.
    """
    prod, sandbox = root / "prod", root / "sandbox"
    clock = Hands()
    clock.moment = START
    with opened(root, clock) as workspace:
        write(prod, "Account", NAME, field("Industry"))
        write(prod, "Opportunity", field("Old__c", custom=True), AMOUNT, STAGE)
        write(sandbox, "Account", NAME, field("Trial__c", custom=True))
        (root / "empty").mkdir()
        for name in ("prod", "sandbox", "empty"):
            workspace.connections.add(
                ConnectionDraft(
                    name=name,
                    source=Source.FILES,
                    platform="salesforce",
                    path=str(root / name),
                )
            )
        workspace.refreshes.run("prod")
        workspace.refreshes.run("sandbox")
        workspace.mappings.record_decisions(
            "prod",
            "deal_registration--Opportunity",
            [
                Choice(
                    partner_field="estimatedValue",
                    state=DecisionState.ACCEPTED,
                    crm_field="Amount",
                    direction=Direction.PUSH,
                )
            ],
        )
        clock.moment = SECOND_DAY
        fewer = {**STAGE, "picklistValues": STAGES[:2]}
        write(prod, "Opportunity", field("Region__c", custom=True), AMOUNT, fewer)
        workspace.refreshes.run("prod")


@contextmanager
def opened(root: Path, clock: Hands) -> Iterator[Workspace]:
    """Open the workspace below `root`, an hour after its last refresh."""
    with Workspace.open(
        root / "home", clock=clock, actor="dana", secrets=MemorySecrets()
    ) as workspace:
        yield workspace


def app_over(workspace: Workspace, **options: Any) -> CrmdeckApp:
    return CrmdeckApp(workspace, panes=PANES, **options)


async def start(pilot: Pilot[Any], connection: str = "prod") -> None:
    """Wait for the data of a connection, and move to the pane."""
    await settle(pilot)
    for _ in range(3):
        if pilot.app.screen_stack[0].query_one(SchemaPane).connection_name == connection:
            break
        await pilot.press("right_square_bracket")
        await settle(pilot)
    await pilot.press("l")
    await settle(pilot)


async def filter_by(pilot: Pilot[Any], words: str) -> str:
    """Filter as if `words` were typed at once."""
    await press(pilot, "slash")
    pilot.app.screen.query_one(Input).value = words
    await pilot.pause()
    return await press(pilot, "enter")


async def choose(pilot: Pilot[Any], key: str, words: str) -> str:
    """Open a dialog with its key, and choose the first row with those words."""
    await press(pilot, key)
    assert isinstance(pilot.app.screen, Choose)
    pilot.app.screen.query_one(Input).value = words
    await pilot.pause()
    return await press(pilot, "enter")


def table(pilot: Pilot[Any], name: str) -> Table[Any]:
    return pilot.app.screen_stack[0].query_one(f"#{name}", Table)
