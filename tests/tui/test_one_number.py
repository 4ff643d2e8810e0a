"""Every face shows the same number of open change groups, over random histories.

One seed runs by default; ONE_NUMBER_SEEDS=4 runs four.
"""

from __future__ import annotations

import json
import os
import random
import re
import zipfile
from html import unescape
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from crmdeck.model import (
    ChangeState,
    CheckReport,
    ConnectionStatus,
    DriftEvent,
    FailOn,
    OpenChanges,
    Severity,
)
from crmdeck.server.integration_routes import status as status_route
from crmdeck.settings import NoticeRoute
from crmdeck.tui.panes.drift.detail import summary
from crmdeck.tui.panes.health.columns import connection_columns
from crmdeck.tui.panes.health.detail import MOST_RUNS
from crmdeck.tui.panes.health.loader import read_overview
from crmdeck.tui.panes.schema.cells import overview_heading
from crmdeck.tui.panes.schema.rows import schema_data
from crmdeck.tui.widgets.sidebar import connection_lines, tooltip_of
from crmdeck.tui.widgets.tab_counts import tab_counts
from crmdeck.workspace import Workspace
from crmdeck.workspace.checks.notices import compose
from tests.cli.shell import Shell
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
    together = workspace.drift.open_changes()
    statuses = workspace.health.statuses()
    overview = read_overview(workspace)
    assert sum(status.open_changes.count for status in statuses) == together.count

    tab = tab_counts(statuses).get("drift")
    assert (tab.shown.plain if tab else "-") == shown(together).replace(" ", "")
    # Each open group is in one finding that explains it.
    open_findings = [one for one in workspace.findings.find() if one.is_open]
    groups = {group for one in open_findings for group in one.groups}
    assert len(groups) == together.count

    lines = connection_lines(statuses)
    column = next(one for one in connection_columns(workspace.now) if one.id == "changes")
    cells = {entry.connection.name: column.text(entry) for entry in overview.entries}
    for entry in overview.entries:
        # Read for all connections with one statement each.
        assert entry.runs[:MOST_RUNS] == workspace.health.sync_history(entry.id, MOST_RUNS)
        assert entry.failures == workspace.health.failures(entry.id)
        assert entry.pairs == workspace.mappings.pairs(entry.id)
    for status, line in zip(statuses, lines, strict=True):
        compare_one(workspace, status, workspace.drift.open_changes(status.id))
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
    heading = " ".join(str(part) for part in summary(timeline, short=True))
    assert heading.startswith(f"{known.count} open" if known.count else "none open") or (
        not timeline.entries
    )
    if status.last_sync_at is None:
        return
    data = schema_data(status.id, workspace.schemas.overview(status.id))
    for line in data.objects:
        mine = {
            group.id for group in groups for each in group.changes if each.object_type == line.key
        }
        assert (line.open_changes.count if line.open_changes else 0) == len(mine)
    first = str(overview_heading(data, {}, status.open_changes, True)[0])
    assert first == (f"{shown(known)} open" if known.count else "")


def compare_headless(workspace: Workspace, folder: Path) -> None:
    """Compare what the headless faces answer with the answers of the workspace."""
    together = workspace.drift.open_changes()
    per_connection = {
        each.name: workspace.drift.open_changes(each.name) for each in workspace.connections.all()
    }
    wire = {name: changes.to_wire() for name, changes in per_connection.items()}
    shell = Shell(workspace.home)
    statuses = shell.json("status")
    assert {each["name"]: each["openChanges"] for each in statuses} == wire
    assert all("unseen" not in each for each in statuses)
    for status in workspace.health.statuses():
        here = cast(Any, SimpleNamespace(workspace=workspace, id=status.id))
        assert json.loads(bytes(status_route(here).body))["openChanges"] == wire[status.name]
    assert shell.json("drift", "acme")["openChanges"] == wire["acme"]
    drift = shell.run("drift")
    assert drift.stderr.splitlines()[-1] == f"All connections: {together.text}."
    compare_gates(workspace, shell, together)

    report = workspace.checks.run(fail_on=FailOn.RISKY, refresh=False)
    assert {each.name: each.open_changes for each in report.connections} == per_connection
    compare_check(workspace, report, together)
    for name, report_name in (("drift", "drift-report"), ("health", "health-report")):
        for format in ("html", "markdown", "xlsx"):
            path = folder / f"{name}.{format}"
            workspace.exports.write(path, report_name, None, format=format)
            assert together.text in read(path), (report_name, format)


def read(path: Path) -> str:
    if path.suffix != ".xlsx":
        return unescape(path.read_text())
    with zipfile.ZipFile(BytesIO(path.read_bytes())) as book:
        return "\n".join(book.read(each).decode() for each in book.namelist() if ".xml" in each)


def compare_gates(workspace: Workspace, shell: Shell, together: OpenChanges) -> None:
    """Gates fail if and only if something is open, and close nothing for the next one."""
    worst = together.severity
    for severity in (Severity.BREAKING, Severity.RISKY):
        fails = worst is not None and worst.rank >= severity.rank
        assert workspace.drift.fails(FailOn(severity)) is fails
        code = shell.attempt("drift", "--fail-on", severity.value).code
        assert (code == 4) is fails, severity
        # A gate of the list also judges rows that fail without a change.
        statuses, level = workspace.health.statuses(), FailOn(severity)
        listed = any(workspace.findings.fails(one, level) for one in statuses)
        code = shell.attempt("status", "--fail-on", severity.value).code
        assert (code == 4) is listed, severity
        assert listed or not fails
    touches = any(group.touches_mappings for group in workspace.drift.open_groups())
    for level, fails in ((FailOn.MAPPED, touches), (FailOn.NONE, False)):
        assert workspace.drift.fails(level) is fails
        assert (shell.attempt("drift", "--fail-on", level.value).code == 4) is fails, level
    assert workspace.drift.open_changes() == together


def compare_check(workspace: Workspace, report: CheckReport, together: OpenChanges) -> None:
    assert report.open_changes == together
    events: dict[str, DriftEvent] = {event.id: event for event in workspace.drift.report().events}

    def groups(ids: list[str]) -> int:
        return len({events[each].story or each for each in ids if is_open[each]})

    is_open = {
        entry.event.id: entry.standing.state is ChangeState.OPEN
        for entry in workspace.drift.timeline().entries
    }
    failing = [each for each in report.findings if each.level == "fail"]
    assert groups([one for each in failing for one in each.changes]) == together.count
    assert ("drift" in report.reasons) is any(not each.is_unread for each in failing)
    number = together.text if together.count else ""
    for format in ("markdown", "html", "github"):
        assert number in unescape(workspace.checks.render(report, format)), format
    document = json.loads(workspace.checks.render(report, "json"))
    assert sum(each["openChanges"]["count"] for each in document["connections"]) == together.count
    suites = re.findall(
        r'name="openChanges" value="(\d+)"', workspace.checks.render(report, "junit")
    )
    assert sum(map(int, suites)) == together.count

    route = NoticeRoute(name="ops", kind="webhook", at_least=Severity.RISKY, all_well=True)
    message = compose(report, route)
    assert message is not None
    data = cast(dict[str, Any], message.payload["data"])
    assert data["openChanges"] == together.to_wire()
    told = [change for each in data["findings"] for change in each["changes"]]
    assert groups(told) == together.count
    assert number in message.body


@pytest.mark.parametrize("seed", range(int(os.environ.get("ONE_NUMBER_SEEDS", "1"))))
def test_interfaces_show_the_same_count(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with opened(make_home(tmp_path)) as workspace:
        for _ in range(4):
            act(chance, workspace, tmp_path)
            with workspace.hold():
                compare(workspace)
        compare_headless(workspace, tmp_path)
        # After the acknowledgment of all changes every face shows none.
        for status in workspace.health.statuses():
            events = workspace.drift.report(status.id).events
            workspace.drift.acknowledge([event.id for event in events])
        with workspace.hold():
            compare(workspace)
        compare_headless(workspace, tmp_path)
        assert workspace.drift.open_changes() == OpenChanges()
