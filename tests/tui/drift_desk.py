"""A connection with changes: a group, a rename, broken mappings, and hostile text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Choice, DecisionState, Direction, Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.panes.drift.arrangement import TimelineRow
from crmdeck.tui.panes.drift.pane import DriftPane
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.registry import PaneSpec
from crmdeck.tui.widgets.table import Table
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.tui.conftest import HOSTILE
from tests.tui.homes import copy_of
from tests.tui.pilot import settle

PAIR = "deal_registration--Opportunity"
STORY_OBJECTS = tuple(f"Thing_{n}__c" for n in range(8))
MANY = 300


@dataclass
class Hands:
    """A clock that advances by a second per call."""

    now: datetime = field(default_factory=lambda: datetime(2026, 5, 10, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def described(name: str, label: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a writable, optional text field of a describe answer."""
    return {
        "name": name,
        "label": label if label is not None else name,
        "type": "string",
        "length": 120,
        "nillable": True,
        "createable": True,
        "updateable": True,
        "custom": name.endswith("__c"),
        **more,
    }


def picklist(*values: str) -> dict[str, Any]:
    """Return the attributes of a restricted picklist."""
    listed = [{"value": value, "label": value, "active": True} for value in values]
    return {"type": "picklist", "length": 255, "picklistValues": listed, "restrictedPicklist": True}


def export(folder: Path, objects: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    """Write the describe answer of each object."""
    for name, fields in objects.items():
        first = {"name": "Id", "label": "ID", "type": "id", "nillable": False}
        custom = name.endswith("__c")
        body = {"name": name, "label": name, "custom": custom, "fields": [first, *fields]}
        (folder / f"{name}.json").write_text(json.dumps(body))


def opportunity(*, drifted: bool) -> tuple[dict[str, Any], ...]:
    """Return the fields of Opportunity, before or after."""
    # A lone surrogate isn't valid JSON, so no export contains one.
    evil = [text.replace("\ud800", "") or "nothing" for text in HOSTILE]
    if not drifted:
        return (
            described("Account_Name__c"),
            described("Contact_Email__c", "Contact Email", type="email", length=80),
            described("StageName", **picklist("New", "Won", "Lost")),
            described("Source__c", **picklist(*(f"old {n}" for n in range(MANY)))),
            described("Evil__c", evil[0], **picklist(*evil[:3], "kept")),
        )
    return (
        described("Account_Name__c", length=40),
        described("Buyer_Email__c", "Contact Email", type="email", length=80),
        described("StageName", **picklist("New", "Won", "Dormant")),
        described("Source__c", **picklist(*(f"new {n}" for n in range(MANY)))),
        described("Evil__c", evil[2], **picklist(*evil[3:], "kept")),
    )


def make_home(root: Path) -> Path:
    """Make a workspace: `acme` changed on two days, `calm` has a baseline, `fresh` nothing."""
    return copy_of(build_home, root)


def build_home(root: Path) -> None:
    hands = Hands()
    with opened(root / "home", clock=hands) as workspace:
        for name in ("acme", "calm", "fresh"):
            folder = root / name
            folder.mkdir()
            export(folder, {"Account": (described("Industry"),)})
            draft = ConnectionDraft(
                name=name, source=Source.FILES, platform="salesforce", path=str(folder)
            )
            workspace.connections.add(draft)
        export(
            root / "acme",
            {
                "Opportunity": opportunity(drifted=False),
                **{name: (described("Name__c"),) for name in STORY_OBJECTS},
            },
        )
        workspace.refreshes.run("acme")
        workspace.refreshes.run("calm")
        accepted = {"accountName": "Account_Name__c", "contactEmail": "Contact_Email__c"}
        workspace.mappings.record_decisions(
            "acme",
            PAIR,
            [
                Choice(
                    partner_field=partner_field,
                    state=DecisionState.ACCEPTED,
                    crm_field=crm_field,
                    direction=Direction.PUSH,
                )
                for partner_field, crm_field in accepted.items()
            ],
        )
        hands.now += timedelta(days=1)
        added = {name: (described("Name__c"), described("Region__c")) for name in STORY_OBJECTS}
        export(root / "acme", added)
        workspace.refreshes.run("acme")
        hands.now += timedelta(days=3)
        export(root / "acme", {"Opportunity": opportunity(drifted=True)})
        workspace.refreshes.run("acme")


@contextmanager
def opened(
    home: Path, *, read_only: bool = False, clock: Callable[[], datetime] | None = None
) -> Iterator[Workspace]:
    """Open the workspace, by default two days after the last refresh."""
    with Workspace.open(
        home,
        clock=clock or Hands(datetime(2026, 5, 16, 12, tzinfo=UTC)),
        actor="dana",
        secrets=MemorySecrets(),
        read_only=read_only,
    ) as workspace:
        yield workspace


class Elsewhere(Pane):
    """Stand-in for the panes that a key goes to; keeps the places."""

    places: tuple[dict[str, Any], ...] = ()

    @cached_property
    def table(self) -> Table[str]:
        return Table(())

    def reload(self) -> None:
        return

    def restore(self, state: Any) -> None:
        self.places = (*self.places, dict(state))


PANES = (
    PaneSpec("schema", "Schema", "2", lambda: Elsewhere),
    PaneSpec("drift", "Drift", "3", lambda: DriftPane),
    PaneSpec("mapping", "Mapping", "4", lambda: Elsewhere),
)


def console(workspace: Workspace) -> CrmdeckApp:
    """Return the console with all drift of `acme`, or its last place."""
    app = CrmdeckApp(workspace, panes=PANES)
    app.host.ui_state.pane = app.host.ui_state.pane or "drift"
    app.host.ui_state.panes.setdefault("drift", {"filter": ""})
    app.host.ui_state.connection_id = (
        app.host.ui_state.connection_id or workspace.connections.get("acme").id
    )
    return app


def pane_of(pilot: Pilot[Any]) -> DriftPane:
    """Return the drift pane."""
    return pilot.app.screen_stack[0].query_one(DriftPane)


def wheres(pilot: Pilot[Any]) -> list[str]:
    """Return the texts of the rows: titles, groups, objects and fields."""
    return [line.where.strip() for line in pane_of(pilot).table.shown()]


def names(pilot: Pilot[Any]) -> list[str]:
    """Return the fields of the changes with a row of their own."""
    lines = pane_of(pilot).table.shown()
    return [line.entry.event.field_name or "" for line in lines if line.entry is not None]


async def go_to(pilot: Pilot[Any], what: str) -> TimelineRow:
    """Move the cursor to the first row that starts with `what`."""
    timeline = pane_of(pilot).table
    for position, line in enumerate(timeline.shown()):
        if line.where.strip().startswith(what):
            timeline.move_to(position)
            await settle(pilot)
            return line
    raise AssertionError(f"{what} does not show: {wheres(pilot)}")


async def filter_by(pilot: Pilot[Any], text: str) -> None:
    """Replace the filter."""
    pane_of(pilot).replace_filter(text)
    await settle(pilot)
