"""Review a pair of a real org at the keyboard, with few keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.model import DecisionState, Scope, ScopeMode, Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.loading.requests import is_loading
from crmdeck.tui.panes.mapping.pane import MappingPane
from crmdeck.workspace import ConnectionDraft, Group, MappingRow, Workspace
from tests.tui.pilot import screen_text, settle, until

EXPORT = Path(__file__).parents[3] / "shared/data/salesforce/org-b/all-objects.1.json.gz"
PAIR = "deal_registration--Opportunity"
MOST_KEYS = 14

LIKELY = 0.6
"""Match from which the user of this test accepts a row to check."""


def next_key(pane: MappingPane) -> str | None:
    """Return the key that a user would press; None if every row is decided."""
    session, line = pane.session, pane.table.cursor_row
    if session is None or not any(row.is_open for row in session.rows):
        return None
    if line is None or line.group is Group.DONE:
        return "n"
    if line.group is Group.NO_MATCH:
        return "X" if line.folded else "z"
    if not isinstance(line.row, MappingRow):
        return "n"
    # A has accepted the high matches: the rest of that group can't sync.
    is_likely = line.group is Group.CHECK and (line.row.confidence or 0) >= LIKELY
    return "a" if is_likely else "X"


@pytest.mark.skipif(not EXPORT.exists(), reason="the real export is missing")
async def test_a_pair_is_decided_in_few_keys(tmp_path: Path) -> None:
    with Workspace.open(tmp_path, secrets=MemorySecrets()) as workspace:
        draft = ConnectionDraft(
            name="org-b",
            source=Source.FILES,
            platform="salesforce",
            path=str(EXPORT),
            scope=Scope(mode=ScopeMode.NAMED, include=("Opportunity",)),
        )
        workspace.connections.add(draft)
        workspace.refreshes.run("org-b")
        app = CrmdeckApp(workspace)
        app.host.ui_state.pane = "mapping"
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            keys: list[str] = []

            async def press(key: str) -> None:
                keys.append(key)
                await pilot.press(key)
                await settle(pilot)
                # Rows can't be accepted while they are ranked.
                await until(pilot, lambda: not is_loading(app.screen_stack[0]))
                await settle(pilot)

            await press("p")
            for _ in range(MOST_KEYS):
                if is_chosen(screen_text(pilot), "deal_registration → Opportunity"):
                    break
                await press("down")
            await press("enter")
            await press("A")
            if len(app.screen_stack) > 1:
                # It shows what it accepts and what it leaves.
                await press("enter")
            pane = app.screen.query_one(MappingPane)
            while (key := next_key(pane)) is not None and len(keys) < 2 * MOST_KEYS:
                await press(key)
                if len(app.screen_stack) > 1:
                    # A title lists its rows and asks; a picklist asks for its values.
                    await press("y" if key == "X" else "w")
        states = [line.state for line in workspace.mappings.get("org-b", PAIR).lines]
        assert DecisionState.PENDING not in states, keys
        assert DecisionState.ACCEPTED in states
        assert len(keys) <= MOST_KEYS, " ".join(keys)


def is_chosen(text: str, line: str) -> bool:
    """True if the cursor is on a row of a list."""
    return any("▌" in one and line in one for one in text.splitlines())
