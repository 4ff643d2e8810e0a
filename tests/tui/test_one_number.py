"""Every face of the console shows the number of open change groups that the headless faces show."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from crmdeck.model import ConnectionStatus, OpenChanges, Severity
from crmdeck.tui.panes.drift.detail import summary
from crmdeck.tui.panes.health.columns import columns_for
from crmdeck.tui.panes.health.loader import read_overview
from crmdeck.tui.panes.health.to_do import things_to_do
from crmdeck.tui.panes.schema.headings import overview_heading
from crmdeck.tui.panes.schema.rows import schema_data
from crmdeck.tui.widgets.sidebar import connection_lines, tooltip_of
from crmdeck.tui.widgets.tab_counts import tab_counts
from crmdeck.workspace import Workspace
from tests.tui.drift_desk import described, export, make_home, opened, opportunity, picklist

SIGNS = {Severity.BREAKING: "✕", Severity.RISKY: "▲", None: ""}


def shown(changes: OpenChanges) -> str:
    return f"{SIGNS[changes.severity]} {changes.count}" if changes.count else "-"


def act(chance: random.Random, workspace: Workspace, folder: Path) -> None:
    """Let the CRM change, or a user look, acknowledge or reopen."""
    name = chance.choice(("acme", "calm"))
    events = [event.id for event in workspace.drift.report(name).events]
    some = chance.sample(events, chance.randint(0, len(events)))
    match chance.choice(("refresh", "refresh", "see", "acknowledge", "reopen")):
        case "see":
            workspace.drift.see(some)
        case "acknowledge":
            workspace.drift.acknowledge(some, "noted")
        case "reopen":
            workspace.drift.take_back(some)
        case _:
            fields = (
                described("Industry", length=chance.choice((40, 120))),
                described("Stage__c", **picklist(*chance.sample(("New", "Won", "Lost"), 2))),
                *(described(f"Extra_{n}__c") for n in range(chance.randint(0, 2))),
            )
            drifted = opportunity(drifted=chance.random() < 0.5)
            more = {"Opportunity": drifted} if name == "acme" else {}
            export(folder / name, {"Account": fields, **more})
            workspace.refreshes.run(name)


def compare(workspace: Workspace) -> None:
    """Compare what each face shows with the answers of the workspace."""
    per_connection = workspace.drift.open_changes_by_connection()
    together = workspace.drift.open_changes()
    statuses = workspace.health.statuses()
    overview = read_overview(workspace)
    assert sum(one.count for one in per_connection.values()) == together.count

    tab = tab_counts(statuses, 0).get("drift")
    assert (tab.shown.plain if tab else "-") == shown(together).replace(" ", "")
    review = [thing.short for thing in things_to_do(overview.entries) if "review" in thing.short]
    changes = "change" if together.count == 1 else "changes"
    wanted = [f"review {together.count} open {changes}"] if together.count else []
    assert review == wanted

    lines = connection_lines(statuses)
    column = next(
        one for one in columns_for(overview.entries, workspace.now, 120) if one.id == "changes"
    )
    cells = {entry.connection.name: column.text(entry) for entry in overview.entries}
    for status, line in zip(statuses, lines, strict=True):
        compare_one(workspace, status, per_connection.get(status.id, OpenChanges()))
        number = shown(status.open_changes)
        assert cells[status.name] == number
        assert line.plain.endswith(number) or not together.count
        assert (f"{status.open_changes.count} open" in tooltip_of(status).plain) is (number != "-")


def compare_one(workspace: Workspace, status: ConnectionStatus, known: OpenChanges) -> None:
    timeline = workspace.drift.timeline(status.id)
    groups = workspace.drift.open_groups(status.id)
    assert status.open_changes == known == timeline.open_changes
    assert workspace.drift.open_changes(status.id) == known
    assert len(groups) == known.count
    # An alert about mappings is there only while a change that touches them is open.
    touches = any(change.affected_mappings for group in groups for change in group.changes)
    codes = {alert.code for alert in status.alerts}
    assert ("DRIFT_ON_MAPPED_FIELDS" in codes) is touches
    heading = " ".join(str(part) for part in summary(timeline, short=True))
    assert heading.startswith(f"{known.count} open" if known.count else "none open") or (
        not timeline.entries
    )
    if status.last_sync_at is None:
        return
    data = schema_data(status.id, workspace.schemas.overview(status.id))
    first = str(overview_heading(data, {}, status.open_changes, True)[0])
    assert first == (f"{shown(known)} open" if known.count else "")


@pytest.mark.parametrize("seed", range(4))
def test_every_face_shows_one_number(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with opened(make_home(tmp_path)) as workspace:
        compare(workspace)
        for _ in range(6):
            act(chance, workspace, tmp_path)
            compare(workspace)
        # After the acknowledgment of all changes every face shows none.
        for status in workspace.health.statuses():
            events = workspace.drift.report(status.id).events
            workspace.drift.acknowledge([event.id for event in events])
        compare(workspace)
        assert workspace.drift.open_changes() == OpenChanges()
