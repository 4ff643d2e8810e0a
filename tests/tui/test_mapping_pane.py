"""The mapping pane: what the user sees, and what is stored."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from crmdeck.errors import CacheBusyError
from crmdeck.model import Choice, DecisionState, Direction
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.dialogs.confirm import Confirm
from crmdeck.tui.dialogs.preflight import ShowPreflight
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.dialogs.value_map import EditValueMap
from crmdeck.tui.host import Location
from crmdeck.tui.panes.mapping.pane import MappingPane
from crmdeck.tui.pictures.screenshots import MOMENT
from crmdeck.tui.widgets.table import Sort, Table
from crmdeck.workspace import Group, Workspace, open_demo
from crmdeck.workspace.mappings.service import Mappings
from tests.tui.conftest import HOSTILE
from tests.tui.mapping_desk import FIELDS, PAIR, at_desk, described, export, make_home, opened
from tests.tui.pilot import resize, screen_text, settle, until, words_on

ACCEPTED, REJECTED, PENDING = (
    DecisionState.ACCEPTED,
    DecisionState.REJECTED,
    DecisionState.PENDING,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def desk_workspace(home: Path) -> Iterator[Workspace]:
    with opened(home) as workspace:
        yield workspace


async def test_accepting_shows_at_once_is_stored_and_moves_on(desk_workspace: Workspace) -> None:
    async with at_desk(desk_workspace) as desk:
        await desk.go("accountName")
        assert desk.line.crm_field == "Account_Name__c"
        await desk.pilot.press("a")
        assert desk.shown("accountName").state is ACCEPTED
        assert desk.line.name != "accountName"
        assert desk.line.is_open
        await desk.settle()
        assert desk.stored("accountName").crm_field == "Account_Name__c"
        assert desk.stored("accountName").decided_by == "dana"
        # What shows is what is stored.
        assert desk.pane.session is not None
        log = desk_workspace.mappings.decisions("acme", PAIR)
        assert log == desk.pane.session.undoable[0].decisions
        assert "1 of 21" in screen_text(desk.pilot)
        assert "f fixes 1 failing" in screen_text(desk.pilot)
        # A key decides nothing in the connection that was left, nor without a schema.
        await desk.pilot.press("right_square_bracket", "a", "X", "A")
        await desk.settle()
        assert len(desk.workspace.mappings.decisions("acme")) == 1
        assert desk.workspace.mappings.decisions("beta") == ()
        text = screen_text(desk.pilot)
        assert "'beta' was never refreshed" in text
        assert "r Refresh" in text
        assert "Account_Name__c" not in text
        # Keys pressed right before leaving are stored.
        await desk.press("left_square_bracket")
        await desk.go("crm:Name")
        await desk.pilot.press("X", "X", "X", "X", "X", "q")
    mapping = desk_workspace.mappings.get("acme", PAIR)
    assert mapping.filled_elsewhere == ("Name",)
    assert [line.state for line in mapping.lines].count(REJECTED) == 4


async def test_assistant_suggestion_is_shown_and_accepted(
    desk_workspace: Workspace,
) -> None:
    reason = f"Deals close\x1b[2J then. {HOSTILE[0]}"
    before = desk_workspace.mappings.decisions("acme")
    made = desk_workspace.mappings.add_suggestion(
        "acme", PAIR, "description", "Old_Account_Name__c", reason=reason, suggested_by="helper 1.0"
    )
    assert made.reason == reason
    assert desk_workspace.mappings.decisions("acme") == before
    async with at_desk(desk_workspace, size=(120, 36)) as desk:
        await desk.go("description")
        assert (desk.line.crm_field, desk.line.state) == ("Old_Account_Name__c", PENDING)
        assert desk.line.group is Group.CHECK
        text = screen_text(desk.pilot)
        assert "suggested by helper 1.0:" in text
        assert "Deals close␛[2J then." in text
        await desk.press("a")
        stored = desk.stored("description")
        assert (stored.crm_field, stored.state) == ("Old_Account_Name__c", ACCEPTED)
        assert stored.decided_by == "dana"


async def test_a_required_field_gets_a_source_or_is_filled_elsewhere(
    desk_workspace: Workspace,
) -> None:
    async with at_desk(desk_workspace, size=(120, 36)) as desk:

        def marked() -> tuple[str, ...]:
            return desk.workspace.mappings.get("acme", PAIR).filled_elsewhere

        await desk.go("crm:Name")
        text = screen_text(desk.pilot)
        assert "▲ not mapped" in text
        assert "FAILING  1" in text
        assert "f fixes 1 failing" in text
        await desk.press("a")
        assert desk.workspace.mappings.decisions("acme") == ()
        await desk.press("X")
        assert marked() == ("Name",)
        assert desk.pane.row_table.cursor_name != "crm:Name"
        assert "FAILING" not in screen_text(desk.pilot)
        entry = desk.workspace.audit.entries(event="mapping.*")[0]
        assert (entry.event, entry.actor) == ("mapping.filled_elsewhere", "dana")
        await desk.go("crm:Name")
        await desk.press("c")
        assert marked() == ()
        await desk.press("u")
        assert marked() == ("Name",)
        await desk.press("u")
        assert marked() == ()
        await desk.go("crm:Name")
        await desk.press("v")
        await desk.type("{nope}")
        await desk.press("enter")
        assert "No PartnerOS field 'nope'." in screen_text(desk.pilot)
        await desk.press("ctrl+u")
        await desk.type("{accountName} deal")
        await desk.press("enter")
        stored = desk.workspace.mappings.get("acme", PAIR)
        assert stored.filled_with == {"Name": "{accountName} deal"}
        await desk.go("crm:Name")
        assert "filled with {accountName} deal" in screen_text(desk.pilot)
        await desk.press("c")
        await desk.go("accountName")
        await desk.press("a", "P", "e")
        assert "- → Name" in screen_text(desk.pilot)
        await desk.press("enter")
        assert desk.pane.row_table.cursor_name == "crm:Name"
        await desk.press("enter", "enter")
        dialog = desk.app.screen
        assert isinstance(dialog, Choose)
        names = [option.label for option in dialog.query_one(Table).shown()]
        assert names[-1] == "accountName"
        await desk.type("accountname", "enter")
        assert "Move mapping" in screen_text(desk.pilot)
        await desk.press("escape")
        assert desk.stored("accountName").crm_field == "Account_Name__c"
        await desk.press("f", "enter")
        await desk.type("accountname", "enter", "m")
        assert desk.stored("accountName").crm_field == "Name"
        assert "crm:Name" not in {line.key for line in desk.pane.row_table.shown()}


async def test_preflight_file_shows_causes_and_values(
    desk_workspace: Workspace, tmp_path: Path
) -> None:
    file, report = tmp_path / "deals.csv", tmp_path / "findings.csv"
    secret = "Northwind " * 30
    file.write_text(f"acountName\n{secret}\nAcme\n", "utf-8")
    async with at_desk(desk_workspace) as desk:
        await desk.go("accountName")
        await desk.press("a", "P")
        text = screen_text(desk.pilot)
        assert "for PartnerOS" not in text
        assert "✕ " not in text
        await desk.press("s")
        assert "✕ " in screen_text(desk.pilot)
        await desk.press("c")
        await desk.type(str(file), "enter")
        assert "Column 'acountName' of deals.csv isn't" in screen_text(desk.pilot)
        file.write_text(f"accountName\n{secret}\nAcme\n", "utf-8")
        await desk.press("enter")
        dialog = desk.app.screen
        assert isinstance(dialog, ShowPreflight)
        names = [row.name for row in dialog.query_one(Table).shown()]
        assert names == ["- → Name", "Account name → Account_Name__c", "whole record"]
        await desk.press("j")
        text = screen_text(desk.pilot)
        assert "longer than 255 characters" in text
        assert "Next step (CRM admin)" in text
        assert secret[:20] not in text
        await desk.press("enter")
        assert secret[:20] in screen_text(desk.pilot)
        await desk.press("escape", "e")
        await desk.type("csv", "enter")
        prompt = desk.app.screen
        assert isinstance(prompt, Prompt)
        prompt.query_one(Input).value = str(report)
        await desk.press("enter")
        await until(desk.pilot, lambda: "Exported to" in screen_text(desk.pilot))
        assert "TOO_LONG" in report.read_text("utf-8")
        assert secret[:20] not in report.read_text("utf-8")
        assert secret[:20] not in repr(desk.workspace.audit.entries())


async def test_any_field_is_chosen_and_direction_changed(
    desk_workspace: Workspace,
) -> None:
    async with at_desk(desk_workspace) as desk:
        await desk.go(next(x.name for x in desk.pane.row_table.rows() if x.group is Group.NO_MATCH))
        await desk.press("x")
        assert desk.line.is_open
        assert "No suggestion to reject. X leaves the field unmapped." in desk.said
        assert desk.workspace.mappings.decisions("acme", PAIR) == ()

        await desk.go("contactTitle")
        await desk.press("enter", "enter")
        dialog = desk.app.screen
        assert isinstance(dialog, Choose)
        table = dialog.query_one(Table)
        assert table.total_count == len(FIELDS) + 1
        await desk.type("[/]")
        await desk.settle()
        found = [option.label for option in table.shown()]
        assert sorted(found) == ["Hostile_0__c", "Hostile_1__c"]
        await desk.press("down", "enter")
        assert desk.stored("contactTitle").crm_field == found[1]
        # A mapped field can't be chosen for another row.
        await desk.go("contactName")
        await desk.press("enter", "enter")
        await desk.type(found[1].lower())
        await desk.settle()
        assert "already mapped to Contact title" in screen_text(desk.pilot)
        await desk.press("enter")
        assert isinstance(desk.app.screen, Choose)
        await desk.press("escape")
        assert desk.stored("contactName").state is PENDING
        await desk.go("accountName")
        await desk.press("d")
        assert desk.line.direction is Direction.PUSH
        assert desk.stored("accountName").state is PENDING
        await desk.press("a")
        assert desk.stored("accountName").direction is Direction.PUSH
        await desk.go("accountName")
        await desk.press("d")
        assert desk.line.name == "accountName"
        assert desk.stored("accountName").direction is Direction.PULL
        await desk.go("currency")
        await desk.press("enter", "enter")
        await desk.type("createddate", "enter")
        await desk.go("currency")
        assert desk.stored("currency").direction is Direction.PULL
        await desk.press("d")
        await desk.press("d")
        assert "can't sync PartnerOS to CRM" in desk.said


async def test_accepting_shows_missing_values_which_v_maps(
    desk_workspace: Workspace,
) -> None:
    async with at_desk(desk_workspace, size=(140, 40)) as desk:
        await desk.go("status")
        # a never asks: the row is accepted, fails, and says so.
        await desk.press("a")
        assert desk.stored("status").state is ACCEPTED
        assert desk.line.name == "status"
        assert desk.line.group is Group.FAILING
        assert "Accepted, but Status fails" in desk.said
        assert "v maps its values" in desk.said
        await desk.press("u")
        await desk.go("status")
        await desk.press("v")
        assert isinstance(desk.app.screen, EditValueMap)
        await desk.press("escape")
        assert desk.stored("status").state is PENDING
        # Choosing the field doesn't ask either.
        await desk.press("enter")
        assert "v  Map the values" in screen_text(desk.pilot)
        await desk.press("j", "enter")
        await desk.type("status__c", "enter")
        assert desk.stored("status").state is ACCEPTED
        assert desk.stored("status").value_map is None
        await desk.press("u")
        await desk.go("status")
        assert desk.line.crm_field == "Status__c"
        await desk.press("v")
        dialog = desk.app.screen
        assert isinstance(dialog, EditValueMap)
        open_ = [row.value for row in dialog.rows if row.target is None]
        assert open_
        assert "incomplete" in screen_text(desk.pilot)
        for value in open_:
            table = dialog.query_one(Table)
            table.move_to([row.value for row in dialog.rows].index(value))
            await desk.press("enter")
            await desk.type("lost", "enter")
        assert "complete: all" in screen_text(desk.pilot)
        await desk.press("s")
        stored = desk.stored("status")
        assert stored.state is ACCEPTED
        assert stored.value_map is not None
        assert stored.value_map["submitted"] == "Submitted"
        assert all(stored.value_map[value] == "Lost" for value in open_)
        await desk.go("status")
        assert desk.line.unmapped_values == 0
        for key in ("v", "x", "s"):
            await desk.press(key)
        await desk.go("status")
        await until(desk.pilot, lambda: "4 of 5 mapped" in screen_text(desk.pilot))
        assert desk.line.unmapped_values == 1


async def test_marked_rows_and_high_matches_are_one_step(
    desk_workspace: Workspace,
) -> None:
    async with at_desk(desk_workspace) as desk:
        await desk.go("estimatedValue")
        await desk.press("unbound-table.range", "j", "j", "unbound-table.range")
        marked = [row.name for row in desk.pane.row_table.chosen_rows()]
        assert len(marked) == 3
        await desk.press("X")
        assert isinstance(desk.app.screen, Confirm)
        assert all(desk.shown(name).title in screen_text(desk.pilot) for name in marked)
        await desk.press("enter")
        assert [desk.stored(name).state for name in marked] == [PENDING] * 3
        await desk.press("X", "y")
        assert [desk.stored(name).state for name in marked] == [REJECTED] * 3
        assert desk.pane.row_table.marked() == ()
        await desk.press("u")
        assert [desk.stored(name).state for name in marked] == [PENDING] * 3
        await desk.press("U")
        assert [desk.stored(name).state for name in marked] == [REJECTED] * 3
        await desk.press("u")
        before = len(desk.workspace.mappings.decisions("acme", PAIR))
        rows = desk.pane.row_table.rows()
        high = [row for row in rows if row.group is Group.HIGH]
        sure, others = [x for x in high if x.is_sure], [x for x in high if not x.is_sure]
        assert len(sure) > 1
        await desk.press("A")
        text = screen_text(desk.pilot)
        assert f"accepts {len(sure)}" in text
        assert f"leaves {len(others)}" in text
        assert "can't sync" in text
        await desk.press("escape")
        assert len(desk.workspace.mappings.decisions("acme", PAIR)) == before
        await desk.press("A", "enter")
        assert [desk.stored(line.name).crm_field for line in sure] == [x.crm_field for x in sure]
        assert len(desk.workspace.mappings.decisions("acme", PAIR)) == before + len(sure)
        assert all(desk.stored(row.name).state is PENDING for row in others)
        assert not any(row.would_fail or row.needs_value_map for row in sure)
        await desk.press("u")
        assert all(desk.stored(row.name).state is PENDING for row in sure)


async def test_keys_pass_over_titles_and_find_the_next_open_row(
    desk_workspace: Workspace,
) -> None:
    async with at_desk(desk_workspace) as desk:
        await desk.go("accountName")
        await desk.press("a", "g")
        table = desk.pane.row_table
        seen = []
        await desk.press("Z")
        assert not any(line.folded for line in table.shown())
        await desk.press("g")
        for _ in table.shown():
            seen.append(table.cursor_name)
            await desk.pilot.press("down")
        assert None not in seen
        assert len(set(seen)) == sum(line.row is not None for line in table.shown())
        await desk.press("G", "n")
        assert desk.pane.row_table.cursor_name == "crm:Name"
        await desk.press("n")
        first = desk.line
        assert first.is_open
        await desk.go("partner")
        await desk.press("n")
        assert desk.line.name == "accountDomain"
        # A sorted table has no titles.
        table.set_sort(Sort("match", descending=True))
        await desk.settle()
        assert all(line.row is not None for line in table.shown())
        table.set_sort(None)
        await desk.settle()
        assert table.shown()[0].row is None
        # Only the rows shown are exported.
        desk.pane.set_filter_text("close")
        shown = frozenset(line.name for line in table.rows())
        request = desk.pane.export_request()
        assert request is not None
        assert request.only == shown
        assert "expectedCloseDate" in shown
    text = desk_workspace.exports.render("mapping", "acme", format="json", pair=PAIR, only=shown)
    assert '"expectedCloseDate"' in text
    assert '"accountName"' not in text


async def test_a_decision_that_cannot_be_stored_is_taken_back(
    desk_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_desk(desk_workspace) as desk:
        real = Mappings.store_decisions

        def busy(self: Mappings, ref: str, pair: str, choices: Any, **more: Any) -> Any:
            if choices[0].partner_field == "accountName":
                raise CacheBusyError("The cache is busy.", remedy="Try again.")
            return real(self, ref, pair, choices, **more)

        monkeypatch.setattr(Mappings, "store_decisions", busy)
        await desk.go("expectedCloseDate")
        await desk.pilot.press("a")
        await desk.go("accountName")
        await desk.press("a")
        assert desk.shown("accountName").state is PENDING
        assert desk.shown("accountName").crm_field == "Account_Name__c"
        assert desk.stored("expectedCloseDate").state is ACCEPTED
        assert "The cache is busy." in desk.said
        assert len(desk.pane.session.undoable if desk.pane.session else ()) == 1


async def test_next_session_restores_rows_and_warnings(
    home: Path,
) -> None:
    with opened(home) as workspace:
        async with at_desk(workspace) as desk:
            await desk.go("description")
            assert desk.line.trouble is not None
            await desk.press("unbound-mapping.known")
            assert desk.line.trouble is None
            await desk.go("accountName")
            await desk.press("a", "X")
            await desk.go("products")
            shown = [(x.name, x.crm_field) for x in desk.pane.row_table.rows() if not x.is_open]
            await desk.pilot.press("q")
    with opened(home) as workspace:
        async with at_desk(workspace) as desk:
            assert desk.line.name == "products"
            lines = desk.pane.row_table.rows()
            assert [(x.name, x.crm_field) for x in lines if not x.is_open] == shown
            await desk.go("description")
            assert desk.line.trouble is None
            await desk.press("unbound-mapping.known")
            assert desk.line.trouble is not None


async def test_read_only_mapping_explains_blocked_keys(home: Path) -> None:
    with opened(home, read_only=True) as workspace:
        async with at_desk(workspace) as desk:
            await desk.press("a", "x", "X", "d", "A", "enter")
            assert "Unmap" not in screen_text(desk.pilot)
            await desk.press("escape")
            assert desk.app.screen is desk.app.screen_stack[0]
            assert "read-only" in screen_text(desk.pilot).splitlines()[0]
            assert workspace.mappings.decisions("acme", PAIR) == ()


async def test_broken_mapping_is_kept_or_replaced(
    desk_workspace: Workspace,
) -> None:
    workspace = desk_workspace
    accepted = Choice(partner_field="accountName", state=ACCEPTED, crm_field="Account_Name__c")
    workspace.mappings.record_decisions("acme", PAIR, [accepted])
    folder = Path(str(workspace.connections.get("acme").path))
    kept = [field for field in FIELDS if field["name"] != "Account_Name__c"]
    export(folder, *kept, described("Account_Name__c", "Account Name", length=20))
    workspace.refreshes.run("acme")
    async with at_desk(workspace) as desk:
        assert "f fixes 2 failing" in screen_text(desk.pilot)
        await desk.go("accountName")
        await desk.press("f")
        # The first step is a longer CRM field, which only the project of the org can describe.
        assert "By hand: Retrieve" in desk.said
        await desk.press("enter", "enter")
        assert "Accepted before the change. Enter keeps it." in screen_text(desk.pilot)
        await desk.press("enter")
        assert desk.stored("accountName").crm_field == "Account_Name__c"
        # It still fails over 20 characters: keeping it is no promise.
        assert desk.shown("accountName").group is Group.REVIEW
        # A user accepts its risk until a day, here as in Health, and the next row has the cursor.
        await desk.press("a")
        assert "Accept this risk?" in screen_text(desk.pilot)
        await desk.press("7", "enter")
        assert desk.shown("accountName").group is Group.DONE
        assert desk.pane.row_table.cursor_name != "accountName"
        await desk.press("u")
        assert desk.shown("accountName").group is Group.REVIEW
        export(folder, *kept, described("Account_Name_New__c", "Account Name"))
        await desk.press("r")
        assert "f fixes 2 failing" in screen_text(desk.pilot)
        await desk.press("5")
        host = desk.pane.host
        host.go_to("mapping", Location(pair=PAIR, field="accountName", repair=True))
        await desk.settle()
        dialog = desk.app.screen
        assert isinstance(dialog, Choose)
        assert dialog.query_one(Table).shown()[0].label == "Account_Name_New__c"
        await desk.press("home", "enter")
        assert desk.stored("accountName").crm_field == "Account_Name_New__c"
        assert "broken" not in screen_text(desk.pilot)


async def test_likely_pairs_are_listed_and_all_are_searched(desk_workspace: Workspace) -> None:
    async with at_desk(desk_workspace, pairs={}) as desk:
        text = screen_text(desk.pilot)
        assert "Likely pairs. Enter opens one. p lists all 3." in text
        assert "partner  " not in text
        assert re.search(r"▌ *deal_registration +↔ +Opportunity +\d+% +not started +1 open", text)
        await desk.press("enter")
        await desk.go("accountName")
        await desk.press("a", "escape")
        assert re.search(
            r"deal_registration +↔ +Opportunity +\d+% +1 of 21", screen_text(desk.pilot)
        )
        # Rows of the pair that was left take no keys.
        await desk.press("X")
        assert len(desk.workspace.mappings.decisions("acme", PAIR)) == 1
        await desk.press("enter")
        assert desk.pane.session is not None
        assert desk.pane.session.pair == PAIR
        await desk.press("p")
        # Likely pairs are listed; the unused ones are one row that opens.
        assert "1 unused pair" in screen_text(desk.pilot)
        assert "partner → Opportunity" not in screen_text(desk.pilot)
        await desk.press("down", "down", "z")
        assert "partner → Opportunity" in screen_text(desk.pilot)
        assert "1 unused pair" not in screen_text(desk.pilot)
        await desk.press("escape", "p")
        await desk.type("partner opp", "enter")
        assert desk.pane.session is not None
        assert desk.pane.session.pair == "partner--Opportunity"
        assert "partner → Opportunity" in screen_text(desk.pilot)
        assert desk.pane.row_table.cursor_name == "crm:Name"


async def test_crm_text_is_never_interpreted(desk_workspace: Workspace) -> None:
    async with at_desk(desk_workspace) as desk:
        for size, name, number in (((80, 24), "contactName", 3), ((140, 40), "currency", 5)):
            await resize(desk.pilot, *size)
            await desk.go(name)
            await desk.press("enter", "enter")
            await desk.type(f"e_{number}", "enter")
            await desk.go(name)
            assert desk.line.crm_field == f"Hostile_{number}__c"
            assert "\x1b" not in screen_text(desk.pilot)
            await desk.press("enter", "enter")
            assert "\x1b" not in screen_text(desk.pilot)
            assert isinstance(desk.app.screen, Choose)
            await desk.press("escape")
            assert desk.stored(name).crm_field == f"Hostile_{number}__c"


async def test_verdicts_move_rows_to_their_groups(tmp_path: Path) -> None:
    with open_demo(folder=tmp_path / "demo", at=MOMENT) as workspace:
        app = CrmdeckApp(workspace, still=True)
        async with app.run_test(size=(120, 36)) as pilot:
            await settle(pilot)
            await pilot.press("4")
            await settle(pilot)
            pane = app.screen.query_one(MappingPane)
            assert pane.session is not None
            groups = Counter(row.group for row in pane.session.all_rows.values())
            titles = [line for line in pane.row_table.shown() if line.row is None]
            assert {line.group: line.rows for line in titles} == groups
            assert groups[Group.REVIEW] > 1


async def test_fix_of_required_field_goes_to_row_that_suggests_it(tmp_path: Path) -> None:
    with open_demo(folder=tmp_path / "demo", at=MOMENT) as workspace:
        app = CrmdeckApp(workspace, still=True)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            assert "Opportunity.Name is required" in screen_text(pilot)
            await pilot.press("j", "j", "j", "f")
            await settle(pilot)
            pane = app.screen.query_one(MappingPane)
            assert pane.row_table.cursor_name == "contactName"


async def test_title_selects_group_and_collapsed_rows_are_safe(
    desk_workspace: Workspace,
) -> None:
    async with at_desk(desk_workspace) as desk:
        table = desk.pane.row_table
        groups = [line.group for line in table.shown() if line.row is None]
        assert groups == [group for group in Group if group in groups]
        inside = [row.name for row in table.rows() if row.group is Group.NO_MATCH]
        assert inside
        await desk.go(inside[-1])
        await desk.press("z", "X")
        assert table.cursor_row is not None
        assert table.cursor_row.folded
        assert [desk.stored(name).state for name in inside] == [PENDING] * len(inside)
        await desk.press("y")
        assert [desk.stored(name).state for name in inside] == [REJECTED] * len(inside)
        # The title is gone. No other title has the cursor, so that X asks about no other group.
        assert desk.pane.row_table.cursor_name == "crm:Name"
        assert "group:NO_MATCH" not in [line.key for line in table.shown()]
        await desk.press("u")
        assert [desk.stored(name).state for name in inside] == [PENDING] * len(inside)
        stuck = [
            row.name
            for row in table.rows()
            if row.group is Group.HIGH and (not row.can_sync or row.needs_value_map)
        ]
        assert stuck
        table.move_to([line.key for line in table.shown()].index("group:HIGH"))
        await desk.press("a", "y")
        left = [row.name for row in table.rows() if row.group is Group.HIGH]
        assert left == stuck
        await desk.press("u")
        # Done rows are collapsed.
        total = len(table.rows())
        await desk.go("accountName")
        await desk.press("a")
        assert table.shown()[-1].title == "▸ DONE  1   z expands"
        assert len(table.rows()) == total
        # Marks and ranges leave out the titles between the rows, and what these collapse.
        await desk.press("unbound-table.mark_all")
        assert "accountName" not in [row.name for row in table.chosen_rows()]
        await desk.press("escape", "unbound-table.range", "G", "X", "y")
        assert desk.stored("accountName").state is ACCEPTED
        await desk.press("u", "G", "enter")
        assert desk.line.name == "accountName"
        await desk.press("z")
        assert table.cursor_row is not None
        assert table.cursor_row.title == "▸ DONE  1   z expands"
        await desk.press("slash")
        await desk.type("state:accepted", "enter")
        await desk.press("Z")
        assert [row.name for row in table.chosen_rows()] == ["accountName"]
        await desk.press("c")
        assert desk.stored("accountName").state is PENDING


async def test_the_whole_pair_is_edited_as_a_file_and_previewed(
    desk_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def accept(text: str) -> str:
        mapping = json.loads(text)
        line = next(x for x in mapping["lines"] if x["partnerField"] == "accountName")
        line.update(state="accepted", crmField="Account_Name__c", direction="push")
        return json.dumps(mapping)

    texts: list[str] = []
    edits = iter(
        (
            accept,
            accept,
            lambda text: text.replace('"state": "pending"', '"state": "acepted"', 1),
            lambda text: text.replace('"acepted"', '"rejected",,'),
            lambda text: text.replace('"rejected",,', '"rejected"'),
        )
    )

    def editor(_app: Any, text: str, _name: str) -> str:
        texts.append(text)
        return next(edits)(text)

    monkeypatch.setattr(CrmdeckApp, "suspend", lambda _: nullcontext())
    monkeypatch.delenv("VISUAL", raising=False)
    async with at_desk(desk_workspace, size=(120, 40)) as desk:
        with monkeypatch.context() as patch:
            patch.setattr("crmdeck.tui.panes.mapping.commands.edited", editor)
            await desk.press("unbound-mapping.edit")
            assert isinstance(desk.app.screen, Confirm)
            assert "accountName → Account_Name__c" in screen_text(desk.pilot)
            await desk.press("enter")
            assert desk.stored("accountName").state is PENDING
            await desk.press("unbound-mapping.edit", "y")
            assert desk.stored("accountName").crm_field == "Account_Name__c"
            assert desk.stored("accountName").direction is Direction.PUSH
            await desk.press("u")
            assert desk.stored("accountName").state is PENDING
            # A mistake is shown with its line, and the file opens again as it was left.
            await desk.press("unbound-mapping.edit")
            text = " ".join(screen_text(desk.pilot).split())
            assert "Line 8: state should be 'accepted', 'rejected' or 'pending'" in text
            assert "pydantic" not in text
            assert "Edit as file opens it again as you left it." in desk.said
            await desk.press("escape", "unbound-mapping.edit")
            assert '"acepted"' in texts[-1]
            assert "isn't JSON at line " in " ".join(screen_text(desk.pilot).split())
            await desk.press("unbound-mapping.edit")
            assert isinstance(desk.app.screen, Confirm)
            await desk.press("y")
            assert "not JSON" not in screen_text(desk.pilot)
            assert desk.stored("partner").state is REJECTED
        # An editor that fails changes nothing.
        before = desk_workspace.mappings.decisions("acme", PAIR)
        for command, told in (
            ("/no/such/editor", "Can't start the editor '/no/such/editor'."),
            ("sh -c 'exit 3'", "'sh' exited with 3. Nothing was changed."),
            ("'unclosed", "EDITOR isn't a command"),
            ("rm", "Can't read the file edited in 'rm'."),
        ):
            monkeypatch.setenv("EDITOR", command)
            await desk.press("unbound-mapping.edit")
            assert told in screen_text(desk.pilot)
            await desk.press("escape")
        assert desk_workspace.mappings.decisions("acme", PAIR) == before


async def test_crm_change_is_shown_then_written(
    desk_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with at_desk(desk_workspace) as desk:
        await desk.go("currency")
        await desk.press("M")
        assert isinstance(desk.app.screen, Prompt)
        shown = screen_text(desk.pilot)
        assert "Currency__c: Text(3)" in shown
        assert "You deploy them." in shown
        await desk.press("enter")
        folder = tmp_path / "crm-change-Opportunity"
        await until(desk.pilot, lambda: (folder / "PULL_REQUEST.md").exists())
        assert "read" in desk.said
        await desk.press("M", "enter")
        assert "already exists" in screen_text(desk.pilot)


async def test_a_row_is_cleared_and_audit_undoes_one_decision(desk_workspace: Workspace) -> None:
    async with at_desk(desk_workspace) as desk:
        for name in ("accountName", "expectedCloseDate"):
            await desk.go(name)
            await desk.press("a")
        await desk.go("accountName")
        await desk.press("c")
        assert desk.stored("accountName").state is PENDING
        assert desk.line.name == "accountName"
        assert desk.line.is_open
        log = desk_workspace.mappings.decisions("acme", PAIR)
        await desk.press("5")
        table = desk.app.screen.query_one("#log", Table)
        keys = [line.entry.details.get("decision") for line in table.shown()]
        # The row was cleared later: that decision is named.
        table.move_to(len(keys) - 1 - keys[::-1].index(log[0].id))
        await desk.settle()
        later = "A later decision on 'accountName' depends on this one. The field was cleared by"
        assert later in words_on(desk.pilot)
        await desk.press("c")
        assert "A later decision on 'accountName' depends on this one." in " ".join(
            note.title for note in desk.app._notifications
        )
        table.move_to(len(keys) - 1 - keys[::-1].index(log[1].id))
        await desk.settle()
        alone = "c undoes this decision. No later decision depends on it."
        assert alone in words_on(desk.pilot)
        await desk.press("c")
        assert desk.stored("expectedCloseDate").state is PENDING
