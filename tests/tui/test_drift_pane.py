"""The drift pane over a real history: what the screen shows, and what the store contains."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from crmdeck.errors import CacheError
from crmdeck.model import (
    ChangeState,
    Choice,
    DecisionState,
    DriftEvent,
    DriftKind,
    Severity,
    Source,
)
from crmdeck.store import Store
from crmdeck.tui.dialogs.acknowledge import Acknowledge
from crmdeck.tui.dialogs.before_after import BeforeAfter
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.host import Location
from crmdeck.tui.keys.actions import offers
from crmdeck.tui.panes.drift import loader
from crmdeck.tui.panes.drift.density import Density
from crmdeck.tui.widgets.view_chips import ViewChips
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.tui.drift_desk import (
    PAIR,
    STORY_OBJECTS,
    Elsewhere,
    Hands,
    console,
    described,
    export,
    filter_by,
    go_to,
    make_home,
    names,
    opened,
    opportunity,
    pane_of,
    wheres,
)
from tests.tui.pilot import press, resize, screen_text, settle, type_text, until

STORY = "“Region__c” was added to 8 objects"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def drifted(home: Path) -> Iterator[Workspace]:
    with opened(home) as workspace:
        yield workspace


def acknowledged(workspace: Workspace) -> dict[str, DriftEvent]:
    events = workspace.drift.report("acme", acknowledged=True).events
    return {f"{event.object_type}.{event.field_name}": event for event in events}


def mapped(workspace: Workspace) -> dict[str, str | None]:
    lines = workspace.mappings.get("acme", PAIR).lines
    return {line.partner_field: line.crm_field for line in lines if line.crm_field}


async def test_changes_show_by_day_in_groups(
    drifted: Workspace,
) -> None:
    async with console(drifted).run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        text = screen_text(pilot)
        assert "Open 5 │ Breaks a mapping" in text
        assert "5 open: ✕ 5 breaking" in text
        breaking = next(one for one in pane_of(pilot).table.shown() if one.is_title)
        number = breaking.where.removeprefix("BREAKS A MAPPING").strip()
        to_do = (
            f"To do: f fixes {number} changes that break a mapping · a acknowledges a row, A all"
        )
        assert to_do in text
        # Changes that break a mapping come first, the latest first.
        days = [line.when for line in pane_of(pilot).table.shown() if line.day]
        assert days == ["May 14", "May 14", "May 11"]
        assert names(pilot)[:3] == ["Account_Name__c", "Contact_Email__c", "Buyer_Email__c"]
        assert wheres(pilot)[-1] == STORY
        strip = pane_of(pilot).query_one(Density)
        busy = [slot for slot in strip.slots() if slot.events]
        assert [(slot.events, str(slot.worst)) for slot in busy] == [(8, "safe"), (6, "breaking")]
        assert "✕" in strip.render_line(1).text
        assert "•" in strip.render_line(1).text
        # A click on the strip goes to a day.
        first = next(index for index, slot in enumerate(strip.slots()) if slot.events)
        assert await pilot.click(Density, offset=(1 + 9 + first, 0))
        await settle(pilot)
        assert day_of(pilot).startswith("May 11")
        # A group expands with its changes below, and collapses from any of them.
        inside = [f"{name}.Region__c" for name in STORY_OBJECTS]
        await go_to(pilot, STORY)
        await press(pilot, "right")
        assert wheres(pilot)[-8:] == inside
        await press(pilot, "j", "left")
        assert wheres(pilot)[-1] == STORY
        line = pane_of(pilot).commands.line
        assert line is not None
        assert line.story is not None
        await press(pilot, "enter")
        assert wheres(pilot)[-8:] == inside
        await press(pilot, "enter")
        # One change in full, side by side or stacked.
        await go_to(pilot, "Opportunity.Account_Name__c")
        lines = screen_text(pilot).splitlines()
        row = next(line for line in lines if "length   " in line)
        assert row.index("120") < row.index("40")
        assert any("⇄ deal_registration.accountName → Account_Name__c" in line for line in lines)
        await go_to(pilot, "Opportunity.StageName")
        row = next(line for line in screen_text(pilot).splitlines() if "− Lost" in line)
        assert "+ Dormant" in row
        # A sorted table has no titles.
        await press(pilot, "s", "s", "s")
        assert STORY in wheres(pilot)
        assert len(wheres(pilot)) == 7
        assert all(line.when for line in pane_of(pilot).table.shown())
        await resize(pilot, 62, 24)
        await press(pilot, "enter")
        assert "v  Show before and after in full" in screen_text(pilot)
        await press(pilot, "escape", "unbound-view.larger")
        lines = screen_text(pilot).splitlines()
        assert any("− Lost" in line and "Dormant" not in line for line in lines)
        assert any("+ Dormant" in line for line in lines)


async def test_filters_keep_groups_and_narrow_export(drifted: Workspace, tmp_path: Path) -> None:
    async with console(drifted).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        shown = {
            "severity:breaking mapped:yes": {"Account_Name__c", "Contact_Email__c"},
            "object:opp attr:length": {"Account_Name__c"},
            "kind:removed": set(),
            "kind:absent": {"Contact_Email__c"},
            "kind:renamed": {"Contact_Email__c", "Buyer_Email__c"},
            "since:3d !attr:picklist !kind:added mapped:no": set(),
            "dormant": set(),
            "field:stage ack:no": {"StageName"},
        }
        for text, expected in shown.items():
            await filter_by(pilot, text)
            assert set(names(pilot)) == expected, text
        await press(pilot, "escape", "slash")
        await type_text(pilot, "thing_3", "enter")
        await settle(pilot)
        assert wheres(pilot)[-1] == f"1 of 8 · {STORY}"
        assert "1 of 14" in screen_text(pilot)
        await press(pilot, "escape", "full_stop", "full_stop")
        assert pane_of(pilot).filter_text == "breaks:yes"
        assert set(names(pilot)) == {"Account_Name__c", "Contact_Email__c"}
        await filter_by(pilot, "breaks:yes kind:absent")
        await press(pilot, "full_stop")
        assert "/ seen:no kind:absent" in screen_text(pilot)
        await press(
            pilot, "unbound-view.previous", "unbound-view.previous", "unbound-view.previous"
        )
        assert pane_of(pilot).filter_text == "kind:absent"
        await pilot.click(ViewChips, offset=(2, 0))
        assert pane_of(pilot).filter_text == "open:yes kind:absent"
        await filter_by(pilot, "mapped:yes")
        await press(pilot, "e", "enter")
        target = tmp_path / "out.json"
        pilot.app.screen.query_one(Input).value = str(target)
        await pilot.press("enter")
        await until(pilot, target.exists)
        await settle(pilot)
        written: Any = json.loads(target.read_text())
        events = written["events"] if isinstance(written, dict) else written
        assert {event["fieldName"] for event in events} == {"Account_Name__c", "Contact_Email__c"}


async def test_counts_filter_and_marks_show_net_difference(
    drifted: Workspace,
) -> None:
    async with console(drifted).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "unbound-view.counts")
        assert isinstance(pilot.app.screen, Choose)
        await until(pilot, lambda: "██" in screen_text(pilot))
        await type_text(pilot, "breaking")
        await press(pilot, "enter")
        pane = pane_of(pilot)
        assert "severity:breaking" in pane.filter_text
        assert {entry.event.severity.value for entry in pane.counted()} == {"breaking"}
        pane.replace_filter("severity:nothing")
        await settle(pilot)
        await press(pilot, "unbound-view.counts")
        assert len(pilot.app.screen_stack) == 1
        assert [toast.message for toast in pilot.app._notifications] == ["No rows to count."]
        await press(pilot, "escape", "equals_sign")
        assert len(pilot.app.screen_stack) == 1
        await go_to(pilot, "Opportunity.Source__c")
        await press(pilot, "space")
        first = {entry.event.detected_at for entry in pane.commands.line.entries}
        lines = pane.table.shown()
        other = next(line for line in lines if not line.is_title and line.at not in first)
        pane.table.move_to(lines.index(other))
        await press(pilot, "space", "equals_sign")
        assert isinstance(pilot.app.screen, Choose)
        await until(pilot, lambda: "Opportunity." in screen_text(pilot))
        assert "Net difference from 2026-05-" in screen_text(pilot)
        # A long cell opens whole, with both sides next to each other, and can be copied.
        await type_text(pilot, "source picklist")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, BeforeAfter)
        assert re.search(r"old 0 +│ new 0", screen_text(pilot))
        await press(pilot, "y", "enter")
        assert pilot.app.clipboard.startswith("picklist, before:\nold 0\nold 1\n")
        assert "\n\npicklist, after:\nnew 0\n" in pilot.app.clipboard
        assert isinstance(pilot.app.screen, Choose)


async def test_acknowledgment_is_undone_redone_and_reopened(
    drifted: Workspace,
) -> None:
    async with console(drifted).run_test(size=(120, 40), notifications=True) as pilot:
        await settle(pilot)
        await go_to(pilot, "Opportunity.StageName")
        await press(pilot, "a")
        assert isinstance(pilot.app.screen, Acknowledge)
        await press(pilot, "escape")
        assert not acknowledged(drifted)
        await press(pilot, "a")
        await type_text(pilot, "[b]fine[/]", "enter")
        await settle(pilot)
        done = acknowledged(drifted)
        assert set(done) == {"Opportunity.StageName"}
        event = done["Opportunity.StageName"]
        assert (event.acknowledged_by, event.note) == ("dana", "[b]fine[/]")
        await until(pilot, lambda: "Acknowledged 1 change: [b]fine[/]" in screen_text(pilot))
        # The cursor went on to the next open change.
        assert pane_of(pilot).commands.entry is not None
        assert pane_of(pilot).commands.entry.is_open
        await press(pilot, "u")
        assert not acknowledged(drifted)
        assert "5 open: ✕ 5 breaking" in screen_text(pilot)
        await press(pilot, "U")
        assert len(acknowledged(drifted)) == 1
        assert "Undo" in keys(pilot)
        await go_to(pilot, "Opportunity.StageName")
        assert "✓ acknowledged by dana" in screen_text(pilot)
        assert "4 open: ✕ 4 breaking" in screen_text(pilot)
        assert "Acknowledge" not in keys(pilot)

        # At 80 columns, severity and acknowledgment are signs, and changes are short.
        def row(name: str) -> str:
            return next(x for x in screen_text(pilot).splitlines() if name in x and "⇄ " not in x)

        await resize(pilot, 80, 24)
        await filter_by(pilot, "field:stage,account,source")
        assert "✓ " in row("StageName")
        assert "−300 +300 " in row("Source__c")
        assert "✕ " in row("Account_N")
        await go_to(pilot, "Opportunity.StageName")
        await press(pilot, "c")
        assert not acknowledged(drifted)
        assert "✕ " in row("StageName")
        assert "−1 +1 values" in row("StageName")

        # An undo that fails shows its error and can be tried again.
        def fail(*_: object) -> None:
            raise CacheError("The disk is full.")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(drifted.drift), "acknowledge", fail)
            assert "The disk is full." in await press(pilot, "u")
        assert not acknowledged(drifted)
        await press(pilot, "u")
        assert len(acknowledged(drifted)) == 1


def unseen(workspace: Workspace) -> int:
    entries = workspace.drift.timeline("acme").entries
    return sum(not (entry.seen or entry.acknowledged) for entry in entries)


async def test_pane_opens_on_open_changes_and_viewing_is_safe(
    drifted: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmdeck.tui.panes.drift.pane.REMEMBER_EVERY", 3600)
    assert unseen(drifted) == 14
    before = drifted.drift.open_changes("acme")
    app = console(drifted)
    app.host.ui_state.panes.clear()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert pane_of(pilot).filter_text == "open:yes"
        assert STORY not in wheres(pilot)
        assert "Open 5 │ Breaks a mapping 2 │ Unseen │ All 7 " in screen_text(pilot)
        await filter_by(pilot, "")
        assert "◆" in screen_text(pilot)
        pane_of(pilot)._remember()
        # The eight changes of the collapsed group are not on screen.
        await until(pilot, lambda: unseen(drifted) == 8)
        await settle(pilot)
        assert "5 open: ✕ 5 breaking" in screen_text(pilot)
        assert "3 Drift ✕5" in screen_text(pilot)
        assert f"◆ {STORY}" in screen_text(pilot)
        assert drifted.drift.open_changes("acme") == before
        assert unseen(drifted.on_behalf_of("lee")) == 14
        # Keys pass over the titles of groups; a click chooses one.
        table = pane_of(pilot).table
        assert sum(line.is_title for line in table.shown()) == 2
        for way in (table.next_row, table.previous_row):
            for _ in range(table.shown_count):
                assert table.cursor_row is not None
                assert not table.cursor_row.is_title
                way()
        table.first_row()
        assert (table.cursor, table.scroll_offset.y) == (1, 0)
        await go_to(pilot, STORY)
        await press(pilot, "n")
        first = pane_of(pilot).commands.entry
        assert first is not None
        assert first.is_open
        await filter_by(pilot, "open:yes")
        await press(pilot, "A", "enter")
        assert drifted.drift.open_changes("acme").count == 0
        assert "No open changes." in screen_text(pilot)
        await press(pilot, "u")
        assert drifted.drift.open_changes("acme").count == 5


async def test_refresh_adds_and_resolves_changes(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    hands = Hands(datetime(2026, 5, 16, 12, tzinfo=UTC))
    with opened(home, clock=hands) as workspace:
        async with console(workspace).run_test(size=(140, 40)) as pilot:
            await settle(pilot)
            kept = await go_to(pilot, "Opportunity.StageName")
            export(
                tmp_path / "acme",
                {
                    "Account": (described("Industry"), described("Fresh__c")),
                    "Opportunity": opportunity(drifted=False),
                },
            )
            await press(pilot, "r")
            assert "Account.Fresh__c" in wheres(pilot)
            assert pane_of(pilot).table.cursor_key == kept.key
            await filter_by(pilot, "field:stage")
            # The change and the one that took it back.
            assert [line.settled for line in pane_of(pilot).table.shown()] == [
                ChangeState.RESOLVED,
                ChangeState.RESOLVED,
            ]
            assert "↺" in screen_text(pilot)
            assert "changed back 2026-05-16" in screen_text(pilot)


async def test_acknowledging_several_asks_first(
    drifted: Workspace,
) -> None:
    async with console(drifted).run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await go_to(pilot, "Opportunity.StageName")
        await press(pilot, "space")
        await go_to(pilot, STORY)
        await press(pilot, "space", "a")
        assert isinstance(pilot.app.screen, Acknowledge)
        text = screen_text(pilot)
        assert "Acknowledge 9 changes" in text
        assert "Thing_3__c.Region__c" in text
        assert "b ✕ 1 of 1 breaking   s • 8 of 8 safe" in text
        await press(pilot, "enter")
        assert len(acknowledged(drifted)) == 9
        assert not pane_of(pilot).table.marked()
        await press(pilot, "u")
        assert not acknowledged(drifted)
        await filter_by(pilot, "kind:added")
        for refusal in (("A", "escape"), ("s", "enter", "escape"), ("escape",)):
            await press(pilot, "A")
            assert isinstance(pilot.app.screen, Acknowledge)
            await press(pilot, *refusal)
            assert not acknowledged(drifted)
        await press(pilot, "A", "tab")
        await type_text(pilot, "expected", "enter")
        await settle(pilot)
        done = acknowledged(drifted)
        assert len(done) == 9
        assert {event.note for event in done.values()} == {"expected"}
        assert "Opportunity.StageName" not in done


BOTH_SIDES = {"Opportunity.Contact_Email__c", "Opportunity.Buyer_Email__c"}


async def test_rename_is_settled_by_move_or_acknowledgment(
    drifted: Workspace,
) -> None:
    async with console(drifted).run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await go_to(pilot, "Opportunity.Buyer_Email__c")
        assert "probably renamed from Contact_Email__c" in screen_text(pilot)
        for answer in ("escape", "enter", "f", "x"):
            await press(pilot, "f")
            assert isinstance(pilot.app.screen, Choose)
            text = screen_text(pilot)
            for deed in ("Move mapping", "Reject rename", "Acknowledge only", "Cancel"):
                assert deed in text
            await press(pilot, answer)
            # The key that asked answers nothing.
            assert isinstance(pilot.app.screen, Choose) is (answer == "f")
            if answer == "f":
                await press(pilot, "escape")
            assert not acknowledged(drifted)
            assert mapped(drifted)["contactEmail"] == "Contact_Email__c"
        assert elsewhere(pilot, "mapping").places[-1]["repair"] is True
        await press(pilot, "3")
        await go_to(pilot, "Opportunity.Buyer_Email__c")
        for answer, field in (("a", "Contact_Email__c"), ("m", "Buyer_Email__c")):
            await press(pilot, "f", answer)
            assert not isinstance(pilot.app.screen, Choose)
            assert set(acknowledged(drifted)) == BOTH_SIDES
            assert mapped(drifted)["contactEmail"] == field
            notes = {event.note for event in acknowledged(drifted).values()}
            assert any("is now" in (note or "") for note in notes) is (answer == "m")
            if answer == "m":
                await go_to(pilot, "Opportunity.Contact_Email__c")
                now = "deal_registration.contactEmail is now mapped to Buyer_Email__c"
                assert now in screen_text(pilot)
                assert "Fix" not in keys(pilot)
            await press(pilot, "u")
            assert mapped(drifted)["contactEmail"] == "Contact_Email__c"
            assert not acknowledged(drifted)
            await go_to(pilot, "Opportunity.Buyer_Email__c")


async def test_the_mappings_of_a_renamed_object_move_after_a_question(tmp_path: Path) -> None:
    old_pair, new_pair = "deal_registration--Deal__c", "deal_registration--Sale__c"
    body = (described("Account__c"), described("Stage__c"), described("Region__c"))
    folder = tmp_path / "acme"
    folder.mkdir()
    with opened(tmp_path / "home", clock=Hands()) as workspace:
        export(folder, {"Deal__c": body, "Account": ()})
        workspace.connections.add(
            ConnectionDraft(
                name="acme", source=Source.FILES, platform="salesforce", path=str(folder)
            )
        )
        workspace.refreshes.run("acme")
        accepted = Choice(
            partner_field="accountName", state=DecisionState.ACCEPTED, crm_field="Account__c"
        )
        workspace.mappings.record_decisions("acme", old_pair, [accepted])
        (folder / "Deal__c.json").unlink()
        export(folder, {"Sale__c": body})
        workspace.refreshes.run("acme")

        def mapped_in(pair: str) -> str | None:
            line, *_ = (x for x in workspace.mappings.get("acme", pair).lines if x.crm_field)
            return line.crm_field

        async with console(workspace).run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await go_to(pilot, "Sale__c")
            await press(pilot, "f")
            text = screen_text(pilot)
            assert "Deal__c was probably renamed" in text
            assert f"1 mapping uses the old name: {old_pair} (1)" in text
            assert "choose another object" in text
            await press(pilot, "escape")
            assert mapped_in(old_pair) == "Account__c"
            await press(pilot, "f", "m")
            assert mapped_in(new_pair) == "Account__c"
            assert len(acknowledged(workspace)) == 2
            await go_to(pilot, "Deal__c")
            assert "Fix" not in keys(pilot)
            assert "Accepted rename: Deal__c → Sale__c" in screen_text(pilot)
            await press(pilot, "u")
            assert mapped_in(old_pair) == "Account__c"
            assert not acknowledged(workspace)


async def test_text_from_outside_is_text(drifted: Workspace) -> None:
    async with console(drifted).run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        await go_to(pilot, "Opportunity.Evil__c")
        for size in ((62, 20), (140, 40)):
            await resize(pilot, *size)
            for key in ("enter", "J", "escape", "v", "escape", "a", "escape"):
                await press(pilot, key)
                text = screen_text(pilot)
                assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text.replace("\n", ""))
                assert "\u202e" not in text
        assert "[bold red]brackets[/]" in screen_text(pilot)


async def test_read_only_pane_shows_all_and_blocks_changes(home: Path) -> None:
    with opened(home, read_only=True) as workspace:
        async with console(workspace).run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await go_to(pilot, "Opportunity.Buyer_Email__c")
            assert not {"Acknowledge", "Fix", "Reopen"} & keys(pilot)
            await press(pilot, "a", "A", "m", "f")
            assert len(pilot.app.screen_stack) == 1
            assert not acknowledged(workspace)


async def test_restores_cursor_and_filter(home: Path) -> None:
    with opened(home) as workspace:
        async with console(workspace).run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await go_to(pilot, STORY)
            await press(pilot, "right", "j", "j", "j")
            await filter_by(pilot, "kind:added")
            kept = pane_of(pilot).table.cursor_key
            await pilot.press("q")
        async with console(workspace).run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            pane = pane_of(pilot)
            assert (pane.table.cursor_key, pane.filter_text) == (kept, "kind:added")
            assert names(pilot).count("Region__c") == 8


def keys(pilot: Pilot[Any]) -> set[str]:
    """Return the titles of the actions offered now."""
    return {offer.action.title for offer in offers(pilot.app.screen)}


def day_of(pilot: Pilot[Any]) -> str:
    """Return the day under the cursor."""
    line = pane_of(pilot).commands.line
    return line.when if line is not None and line.day is not None else ""


def elsewhere(pilot: Pilot[Any], pane_id: str) -> Elsewhere:
    """Return the stand-in for another pane."""
    return pilot.app.screen_stack[0].query_one(f"#pane-{pane_id}", Elsewhere)


async def test_details_list_steps_and_keys_open_panes(
    drifted: Workspace,
) -> None:
    acme = drifted.connections.get("acme").id
    async with console(drifted).run_test(size=(140, 60)) as pilot:
        await settle(pilot)
        await go_to(pilot, "Opportunity.Contact_Email__c")
        lines = [" ".join(line.split()) for line in screen_text(pilot).splitlines()]
        for wanted in ("f Accept the rename, or choose", "a Acknowledge, with a note"):
            assert any(wanted in line for line in lines)
        assert "breaking  Opportunity" in screen_text(pilot)
        await go_to(pilot, "Opportunity.StageName")
        assert "Fix" not in keys(pilot)
        assert "Usage not checked" in screen_text(pilot)
        await press(pilot, "unbound-drift.usage")
        await until(pilot, lambda: "Usage not checked" not in screen_text(pilot))
        # Hundreds of picklist values are counted, and can be searched.
        await go_to(pilot, "Opportunity.Source__c")
        assert "300 values removed, 300 added" in screen_text(pilot)
        await press(pilot, "v")
        assert isinstance(pilot.app.screen, Choose)
        await type_text(pilot, "299")
        await until(pilot, lambda: "new 299" in screen_text(pilot))
        await press(pilot, "enter")
        await press(pilot, "y", "n")
        assert pilot.app.clipboard == "Source__c"
        # A broken mapping is repaired in Mapping.
        await go_to(pilot, "Opportunity.Account_Name__c")
        await press(pilot, "f")
        place = elsewhere(pilot, "mapping").places[-1]
        assert place == {"connection": acme, "pair": PAIR, "field": "accountName", "repair": True}
        # A field opens in Schema, of whichever connection it is.
        await press(pilot, "3", "right_square_bracket")
        assert "No changes since the baseline." in screen_text(pilot)
        await press(pilot, "right_square_bracket")
        assert "Not refreshed yet: no schema." in screen_text(pilot)
        await press(pilot, "asterisk")
        assert "all connections" in screen_text(pilot)
        assert any(line.connection == "acme" for line in pane_of(pilot).table.shown())
        await go_to(pilot, "Opportunity.Account_Name__c")
        await press(pilot, "o", "s")
        assert elsewhere(pilot, "schema").places[-1] == {
            "connection": acme,
            "object": "Opportunity",
            "field": "Account_Name__c",
        }
        assert elsewhere(pilot, "schema").connection_id == acme
        # Another pane opens a change inside a group.
        events = drifted.drift.report("acme").events
        event = next(one for one in events if one.object_type == STORY_OBJECTS[5])
        pane_of(pilot).host.go_to("drift", Location(event=event.id))
        await settle(pilot)
        await until(pilot, lambda: pane_of(pilot).table.cursor_key == event.id)


def add_old_changes(home: Path) -> None:
    """Add 200 changes of 100 days."""
    with opened(home) as workspace:
        first = workspace.drift.report("acme").events[-1]
    old = {
        "kind": DriftKind.FIELD_CHANGED,
        "rule": None,
        "story": None,
        "rename_of": None,
        "affected_mappings": (),
    }
    changes = [
        first.model_copy(
            update={
                **old,
                "id": f"old-{number}",
                "field_name": f"Old_{number}__c",
                "severity": Severity.RISKY if number % 2 else Severity.SAFE,
                "detected_at": first.detected_at - timedelta(days=1 + number // 2),
            }
        )
        for number in range(200)
    ]
    store = Store(home / "crmdeck.duckdb")
    with store.write() as session:
        session.drift.add(changes, ())
    store.close()


async def test_long_timeline_loads_days_while_scrolling(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, number in (("SHORT", 10), ("PART", 20), ("FILTERED", 20), ("MOST_READ", 40)):
        monkeypatch.setattr(loader, name, number)
    add_old_changes(home)
    with opened(home) as drifted:
        whole = drifted.drift.timeline("acme")
        async with console(drifted).run_test(size=(120, 36)) as pilot:
            await settle(pilot)
            pane = pane_of(pilot)
            await filter_by(pilot, "open:yes")

            def entries() -> set[str]:
                arrangement = pane.timeline.arrangement
                return set(arrangement.ids) if arrangement is not None else set()

            still = {one.event.id for one in whole.entries if one.is_open}
            assert 20 <= len(entries()) < len(still) - 20
            assert entries() < still
            text = screen_text(pilot)
            assert f"Open {whole.open_changes.count} │ Breaks a mapping" in text
            assert f"All {whole.groups}" in text
            before = len(entries())
            await press(pilot, "G")
            assert before < len(entries()) < len(still)
            # Bars count what isn't read yet, and so does a question about all.
            assert {one.event.id for one in pane.counted()} == still
            await press(pilot, "A")
            assert f"Acknowledge {len(still)} changes" in screen_text(pilot)
            await press(pilot, "escape")

            await filter_by(pilot, "field:old_17_")
            assert entries() == {"old-17"}
            await filter_by(pilot, "")
            assert len(entries()) < len(whole.entries) - 100
            strip = pane.query_one(Density)
            assert sum(slot.events for slot in strip.slots()) > 150
            request = pane.export_request()
            assert request is not None
            assert request.only is None
            await filter_by(pilot, "severity:risky")
            assert pane.timeline.is_part
            request = pane.export_request()
            assert request is not None
            assert callable(request.only)
            risky = {one.event.id for one in whole.entries if one.event.severity is Severity.RISKY}
            assert request.only() == risky > entries()
            await press(pilot, "s")
            assert entries() == risky
