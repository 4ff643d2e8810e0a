"""An object pair for tests: a small Opportunity, with labels hostile to terminals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from crmdeck.credentials import MemorySecrets
from crmdeck.model import MappingLine, Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.panes.mapping.pane import MappingPane
from crmdeck.workspace import ConnectionDraft, MappingRow, Workspace
from tests.tui.conftest import HOSTILE, Clock
from tests.tui.homes import copy_of
from tests.tui.pilot import settle, type_text

PAIR = "deal_registration--Opportunity"


def described(name: str, label: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a writable, optional text field of a describe."""
    return {
        "name": name,
        "label": label if label is not None else name,
        "type": "string",
        "length": 255,
        "nillable": True,
        "createable": True,
        "updateable": True,
        **more,
    }


def picklist(*values: str) -> dict[str, Any]:
    """Return what makes a describe field a picklist."""
    return {
        "type": "picklist",
        "picklistValues": [{"value": value, "label": value, "active": True} for value in values],
        "restrictedPicklist": True,
    }


FIELDS = (
    described("Name", nillable=False, defaultValue=None, defaultValueFormula=None),
    described("Account_Name__c", "Account Name"),
    described("Old_Account_Name__c", "Account Name (old)"),
    described("Description", type="textarea", length=32000),
    described("CloseDate", "Close Date", type="date", length=0),
    described("Amount", type="currency", precision=18, scale=2),
    described("Status__c", "Status", **picklist("Submitted", "Under Review", "Rejected", "Lost")),
    described("CreatedDate", "Created Date", type="datetime", createable=False, updateable=False),
    # JSON can't contain a lone surrogate.
    *(
        described(f"Hostile_{n}__c", text.replace("\ud800", "") or "empty")
        for n, text in enumerate(HOSTILE)
    ),
)


def export(folder: Path, *fields: dict[str, Any]) -> None:
    """Write the describe of Opportunity."""
    first = {"name": "Id", "label": "ID", "type": "id", "nillable": False}
    text = {"name": "Opportunity", "label": "Opportunity", "custom": False}
    body = json.dumps({**text, "fields": [first, *fields]})
    (folder / "Opportunity.json").write_text(body)


def make_home(root: Path, *, encoder: str = "none") -> Path:
    """Create a workspace whose connection `acme` is refreshed, and `beta` is not."""
    return copy_of(build_home, root, encoder=encoder)


def build_home(root: Path, *, encoder: str) -> None:
    home, folder = root / "home", root / "export"
    home.mkdir()
    folder.mkdir()
    (home / "settings.toml").write_text(f'encoder = "{encoder}"\nactor = "dana"\n')
    export(folder, *FIELDS)
    with opened(home) as workspace:
        for name in ("acme", "beta"):
            workspace.connections.add(
                ConnectionDraft(
                    name=name,
                    source=Source.FILES,
                    platform="salesforce",
                    path=str(folder),
                )
            )
        workspace.refreshes.run("acme")


@contextmanager
def opened(home: Path, *, read_only: bool = False) -> Iterator[Workspace]:
    """Open a workspace with a clock of its own."""
    with Workspace.open(
        home, clock=Clock(), secrets=MemorySecrets(), read_only=read_only
    ) as workspace:
        yield workspace


class Desk:
    """The console at the mapping pane, and the stored decisions."""

    def __init__(self, workspace: Workspace, pilot: Pilot[Any]) -> None:
        self.workspace = workspace
        self.pilot = pilot
        self.app = pilot.app

    @property
    def pane(self) -> MappingPane:
        """The pane."""
        return self.app.screen_stack[0].query_one(MappingPane)

    @property
    def line(self) -> MappingRow:
        """The row under the cursor."""
        line: MappingRow | None = self.pane.commands.row
        assert line is not None
        return line

    def shown(self, name: str) -> MappingRow:
        """Return a row as it is shown."""
        assert self.pane.session is not None
        return self.pane.session.by_name[name]

    def stored(self, name: str) -> MappingLine:
        """Return the stored decision on a PartnerOS field."""
        lines = self.workspace.mappings.get("acme", PAIR).lines
        return next(line for line in lines if line.partner_field == name)

    @property
    def said(self) -> str:
        """The text of all toasts."""
        return " ".join(" ".join(note.message.split()) for note in self.app._notifications)

    async def go(self, name: str) -> None:
        """Move the cursor to a row."""
        self.pane.row_table.go_to(name)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys, and wait after each until everything is loaded and stored."""
        for key in keys:
            await self.pilot.press(key)
            await settle(self.pilot)

    async def type(self, text: str, *keys: str) -> None:
        """Type `text` at once into the focused line, then press keys as `press` does."""
        await type_text(self.pilot, text)
        await self.press(*keys)

    async def settle(self) -> None:
        """Wait until everything is loaded and stored."""
        await settle(self.pilot)


@contextmanager
def _placed(workspace: Workspace, **place: Any) -> Iterator[CrmdeckApp]:
    app = CrmdeckApp(workspace)
    ref = workspace.connections.get("acme").id
    app.host.ui_state.pane = "mapping"
    app.host.ui_state.connection_id = ref
    app.host.ui_state.panes.setdefault("mapping", {"pairs": {ref: PAIR}, **place})
    yield app


class at_desk:  # noqa: N801 - reads as a phrase: async with at_desk(workspace) as desk
    """Opens the console at the mapping pane of `deal_registration--Opportunity`."""

    def __init__(
        self, workspace: Workspace, *, size: tuple[int, int] = (80, 24), **place: Any
    ) -> None:
        self._workspace = workspace
        with _placed(workspace, **place) as app:
            self._context = app.run_test(size=size)

    async def __aenter__(self) -> Desk:
        desk = Desk(self._workspace, await self._context.__aenter__())
        await desk.settle()
        return desk

    async def __aexit__(self, *error: Any) -> None:
        await self._context.__aexit__(*error)
