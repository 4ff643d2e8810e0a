"""The schema pane over a real workspace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.filters import compile_filter
from crmdeck.tui.host import Location
from crmdeck.tui.panes.mapping.pane import MappingPane
from crmdeck.tui.panes.pane import Pane
from crmdeck.tui.panes.registry import PaneSpec
from crmdeck.tui.panes.samples import Fullness
from crmdeck.tui.panes.schema.cells import value_hint
from crmdeck.tui.panes.schema.detail import field_facts
from crmdeck.tui.panes.schema.fields import field_keys, field_texts
from crmdeck.tui.panes.schema.rows import field_data, schema_data
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.restored import Restored
from tests.tui.conftest import HOSTILE
from tests.tui.pilot import press, screen_text, settle, type_text, until
from tests.tui.schema_desk import (
    AMOUNT,
    NAME,
    NOW,
    PANES,
    STAGE,
    Hands,
    app_over,
    choose,
    field,
    filter_by,
    make,
    opened,
    start,
    table,
    write,
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    return Restored(tmp_path_factory.mktemp("desk"), make)


@pytest.fixture
def tmp_path(desk: Restored) -> Path:
    """The folder with the workspace and its schema files."""
    return desk.anew()


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def workspace(tmp_path: Path, clock: Hands) -> Iterator[Workspace]:
    with opened(tmp_path, clock) as found:
        yield found


async def test_objects_then_fields_then_one_field_in_full_and_back(workspace: Workspace) -> None:
    app = app_over(workspace)
    async with app.run_test(size=(100, 40)) as pilot:
        await start(pilot)
        text = screen_text(pilot)
        assert "2 objects, 7 fields" in text
        assert "✕ 1 breaking" in text or "▲" in text
        await press(pilot, "enter")
        text = screen_text(pilot)
        assert "prod › Opportunity ─" in text
        assert " 4 fields" in text
        assert "Region__c" in text
        assert "Old__c" not in text
        text = await press(pilot, "j", "j")
        assert "mapped to   ← estimatedValue" in text
        text = await press(pilot, "enter")
        assert "prod › Opportunity › Amount" in text
        assert "currency, 18 digits, 2 decimals" in text
        assert "✓ create   ✕ no update" in text
        assert "What it is worth" in text
        assert "deal_registration--Opportunity: estimatedValue (PartnerOS to CRM)" in text
        assert "present at baseline" in text
        assert "If removed" not in text
        text = await press(pilot, "unbound-schema.usage")
        assert "If removed" in text
        assert "✕ mapping deal_registration.estimatedValue" in text
        await press(pilot, "y", "n")
        assert app.clipboard == "Amount"
        assert "4 fields" in await press(pilot, "escape")
        assert table(pilot, "fields").cursor_key == ("Opportunity", "Amount")
        assert "2 objects" in await press(pilot, "escape")
        assert table(pilot, "objects").cursor_key == "Opportunity"
        assert table(pilot, "objects").has_focus
        # Each place has its own filter, and a way to a field has none.
        await filter_by(pilot, "opp")
        await press(pilot, "enter")
        text = screen_text(pilot)
        assert "prod › Opportunity ─" in text
        assert "/ opp" not in text
        assert table(pilot, "fields").shown_count == 4
        text = await press(pilot, "escape")
        assert " / opp " in text
        assert "1 of 2" in text
        pane = app.screen_stack[0].query_one("#pane-schema", Pane)
        pane.host.go_to("schema", Location(object="Opportunity", field="Amount"))
        await settle(pilot)
        text = screen_text(pilot)
        assert "prod › Opportunity › Amount" in text
        assert "/ opp" not in text
        assert "deal_registration--Opportunity: estimatedValue" in text


async def test_history_shows_changes_and_acknowledgments(workspace: Workspace) -> None:
    events = workspace.drift.report("prod", object_type="Opportunity").events
    stage = [event.id for event in events if event.field_name == "Stage"]
    workspace.drift.acknowledge(stage, "agreed [/]")
    with workspace.context.store.write() as session:
        ref = workspace.connections.get("prod").id
        session.rates.put(ref, "Opportunity", {"Stage": 0.82}, 200, workspace.now)
    app = app_over(workspace)
    async with app.run_test(size=(140, 40)) as pilot:
        await start(pilot)
        await press(pilot, "enter", "j", "j", "j", "enter")
        text = screen_text(pilot)
        assert "› Stage" in text
        assert "82% of 200 records" in text
        assert "2026-05-11  " in text
        assert "picklist  old (Old), inactive → none" in text
        assert "acknowledged by dana on 2026-05-11: agreed [/]" in text
        assert "doesn't record who made changes." in text
        assert table(pilot, "values").total_count == 2
        text = await filter_by(pilot, "won")
        assert "1 of 2" in text
        assert [value.value for _, value in table(pilot, "values").shown()] == ["won"]


async def test_all_fields_are_searched_in_one_connection_and_in_all(workspace: Workspace) -> None:
    app = app_over(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await start(pilot)
        text = await press(pilot, "asterisk")
        everything = table(pilot, "all")
        assert everything.total_count == 7
        assert "Account      Industry" in text

        def found(words: str) -> list[str]:
            test = compile_filter(
                words, searched=field_texts, keys=field_keys(lambda: NOW)
            ).predicate
            assert test is not None
            return [line.path for line in everything.all_rows if test(line)]

        assert found("amount") == ["Opportunity.Amount"]
        assert found("type:picklist") == ["Opportunity.Stage"]
        assert found("custom:yes") == ["Opportunity.Region__c"]
        assert found("mapped:yes") == ["Opportunity.Amount"]
        assert found("mapped:estimated") == ["Opportunity.Amount"]
        assert found("required:yes object:acc !type:id") == ["Account.Name"]
        assert found("changed:7d") == ["Opportunity.Region__c", "Opportunity.Stage"]
        assert found("changed:2026-05-11") == ["Opportunity.Region__c", "Opportunity.Stage"]
        assert found("changed:2026-05-12") == []
        last = "opportunity mapped:no !custom:yes !changed:7d"
        assert found(last) == ["Opportunity.Id"]
        await filter_by(pilot, last)
        assert [line.path for line in everything.shown()] == ["Opportunity.Id"]
        assert "Unknown filter key 'owner'" in await filter_by(pilot, "owner:x")
        await press(pilot, "escape", "G", "enter")
        assert "prod › Opportunity › Stage" in screen_text(pilot)
        await press(pilot, "escape")
        assert everything.has_focus

        await filter_by(pilot, "name")
        text = await press(pilot, "asterisk")
        # `empty` was never refreshed, so it has no fields.
        assert "All fields of all connections ─" in text
        assert "10 fields of 2 connections ─" in text
        shown = [(line.connection, line.path) for line in table(pilot, "everywhere").shown()]
        assert shown == [("prod", "Account.Name"), ("sandbox", "Account.Name")]
        await filter_by(pilot, "connection:sandbox trial")
        assert table(pilot, "everywhere").shown_count == 1
        assert "Enter opens it in sandbox" in screen_text(pilot)
        text = await press(pilot, "enter")
        assert "sandbox › Account › Trial__c" in text
        assert "Account › Trial__c" in text
        assert "All fields of all connections ─" in await press(pilot, "escape")
        # From all connections, back to the objects of one.
        text = await press(pilot, "asterisk")
        assert " sandbox   " in text
        assert table(pilot, "objects").has_focus


HINTS = [
    ("changed:7x", "changed:7x? Try 7d 12h 2026-05-01 yes breaking"),
    ("changed:2026-13-01", "changed:2026-13-01? Try 7d"),
    ("custom:maybe", "custom:maybe? Try yes no"),
    ("owner:me", "Unknown filter key 'owner'"),
    ("changed:7d", ""),
    ("changed:2026-05-11", ""),
    ("custom:n changed:y,risky", ""),
]


@pytest.mark.parametrize(("words", "hint"), HINTS)
def test_an_impossible_filter_explains_itself(words: str, hint: str) -> None:
    keys = field_keys(lambda: NOW)
    found = compile_filter(words, searched=field_texts, keys=keys).hint or value_hint(words)
    assert found.startswith(hint)
    assert bool(found) == bool(hint)


async def test_earlier_schema_is_shown_and_restored(
    workspace: Workspace,
) -> None:
    app = app_over(workspace)
    async with app.run_test(size=(100, 40)) as pilot:
        await start(pilot)
        await press(pilot, "at")
        assert isinstance(app.screen, Choose)
        text = screen_text(pilot)
        assert "2026-05-11 12:00" in text
        assert "3 changes" in text
        assert "2026-05-01 12:00" in text
        assert "baseline" in text
        await type_text(pilot, "05-01", "enter")
        await settle(pilot)
        text = screen_text(pilot)
        assert "AS OF 2026-05-01 12:00 UTC  10 days ago" in text
        text = await press(pilot, "j", "enter")
        assert "Old__c" in text
        assert "Region__c" not in text
        assert "AS OF" in text
        await press(pilot, "escape", "escape")
        text = screen_text(pilot)
        assert "AS OF" not in text
        assert "2 objects" in text
        assert "Region__c" in await press(pilot, "enter")
        await choose(pilot, "at", "05-01")
        await press(pilot, "escape", "escape")
        text = await press(pilot, "enter")
        assert "AS OF" not in text
        assert "Region__c" in text
        # A field that did not exist then leads to its object.
        await press(pilot, "g", "j", "enter")
        assert "› Region__c" in screen_text(pilot)
        await choose(pilot, "at", "05-01")
        text = screen_text(pilot)
        assert "prod › Opportunity ─" in text
        assert "AS OF" in text
        assert table(pilot, "fields").has_focus
        await press(pilot, "slash", *"o", "enter", "j")
        kept = table(pilot, "fields").cursor_key
        await press(pilot, "q")
    again = app_over(workspace)
    async with again.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        text = screen_text(pilot)
        assert "prod › Opportunity" in text
        assert " / o " in text
        assert "AS OF 2026-05-01" in text
        assert table(pilot, "fields").cursor_key == kept
        assert "2 objects" in await press(pilot, "unbound-go.pane", "escape", "escape")


async def test_compares_two_moments_and_two_connections(workspace: Workspace) -> None:
    app = app_over(workspace)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await start(pilot)
        text = await choose(pilot, "equals_sign", "05-01")
        assert "− left prod 2026-05-01 12:00   + right prod today" in text
        assert "1 of 2 objects differ" in text
        text = await press(pilot, "enter")
        rows = {line.key: line for line in table(pilot, "difference").shown()}
        assert ("Opportunity", "Old__c", "") in rows
        assert "− left only" in text
        assert "+ right only" in text
        await filter_by(pilot, "what:pick")
        text = screen_text(pilot)
        assert "old (Old), inactive" in text
        await press(pilot, "y", "n")
        assert app.clipboard == "Stage"
        assert "Esc Up" in await press(pilot, "escape")
        await press(pilot, "escape", "escape")
        assert "2 objects" in screen_text(pilot)

        text = await choose(pilot, "equals_sign", "sandbox")
        assert "− left prod today   + right sandbox today" in text
        assert "≠ differs" in re_line(text, "Account")
        assert "− left only" in re_line(text, "Opportunity")
        assert "all 4" in re_line(text, "Opportunity")
        text = await press(pilot, "G", "enter")
        fields = [line.field_name for line in table(pilot, "difference").shown()]
        assert sorted(fields) == ["Amount", "Id", "Region__c", "Stage"]
        assert "− left only" in text

        await choose(pilot, "equals_sign", "empty")
        await until(pilot, lambda: "'empty' was never refreshed" in screen_text(pilot))


def re_line(text: str, word: str) -> str:
    """Return the first line of a table that begins with `word`."""
    lines = (line.strip("│┃").rpartition("│")[2].lstrip("▌ ") for line in text.splitlines())
    return next(line for line in lines if line.startswith(word))


async def test_refresh_keeps_cursor_and_first_is_offered(
    workspace: Workspace, tmp_path: Path, clock: Hands
) -> None:
    app = app_over(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await start(pilot)
        await press(pilot, "j", "enter", "j")
        assert table(pilot, "fields").cursor_key == ("Account", "Name")
        clock.moment += timedelta(days=2)
        text = await press(pilot, "unbound-view.reload")
        assert "▲ stale, refreshed 2 days ago" in text
        write(tmp_path / "prod", "Account", NAME, field("Region"))
        text = await press(pilot, "r")
        assert "stale" not in text
        assert [line.row.name for line in table(pilot, "fields").shown()] == [
            "Id",
            "Name",
            "Region",
        ]
        assert table(pilot, "fields").cursor_key == ("Account", "Name")
        assert "Region: Nothing depends" in await press(pilot, "escape")
        # A connection that was never refreshed offers the refresh.
        write(tmp_path / "empty", "Lead", field("Company"))
        await start(pilot, "empty")
        text = screen_text(pilot)
        assert "'empty' was never refreshed" in text
        assert "r Refresh" in text
        assert "Opportunity" not in text
        text = await press(pilot, "r")
        assert "never refreshed" not in text
        assert "1 object" in text
        assert "Lead" in text


async def test_unrefreshed_connection_shows_name_and_columns(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = str(tmp_path / "empty")
    draft = ConnectionDraft(name="extra", source="files", platform="salesforce", path=folder)
    workspace.connections.add(draft)
    app = app_over(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await start(pilot)
        assert "Account" in screen_text(pilot)
        await start(pilot, "empty")
        assert "Account" not in screen_text(pilot)
        assert "Schema of extra" in await press(pilot, "right_square_bracket")
        every = [column.id for column in table(pilot, "objects").columns if column.title]
        await press(pilot, "unbound-view.saved")
        await type_text(pilot, "columns", "enter")
        await settle(pilot)
        await press(pilot, "space", "enter")
        assert list(table(pilot, "objects").column_choice) == every[1:]


async def test_many_values_are_a_table_like_any_other(workspace: Workspace, tmp_path: Path) -> None:
    values = [
        {"value": f"v{number}", "label": f"Value {number}", "active": True, "defaultValue": False}
        for number in range(3_000)
    ]
    write(tmp_path / "prod", "Account", field("Kind", "picklist", picklistValues=values))
    workspace.refreshes.run("prod")
    app = app_over(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await start(pilot)
        text = await press(pilot, "enter", "j", "enter")
        assert "values      3,000" in text
        text = await press(pilot, "G")
        assert "v2999" in text
        await press(pilot, "tab")
        assert not table(pilot, "values").has_focus
        await press(pilot, "j", "slash", *"2998", "enter")
        assert "1 of 3,000" in screen_text(pilot)


async def test_hostile_text_is_literal_everywhere(workspace: Workspace, tmp_path: Path) -> None:
    # A file with half a surrogate pair isn't JSON: its whole object is refused.
    texts = [text.replace("\ud800", "") for text in HOSTILE]
    fields = [
        field(
            f"F{number}__c",
            "picklist",
            label=text,
            inlineHelpText=text,
            calculatedFormula=text,
            # A value that is empty makes its list unreadable.
            picklistValues=[{"value": text or "-", "label": text, "active": True}],
        )
        for number, text in enumerate(texts)
    ]
    odd = [field(text[:200]) for text in texts if text]
    write(tmp_path / "prod", "Account", *fields, *odd, label="[red]A\x1b[31m[/]\n\u202eB")
    assert not workspace.refreshes.run("prod").failures
    app = app_over(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await start(pilot)
        seen = [await press(pilot, "enter")]
        for _ in range(3):
            seen.append(await press(pilot, "j", "enter"))
            seen.append(await press(pilot, "escape"))
        seen.append(await press(pilot, "asterisk", "G"))
        seen.append(await choose(pilot, "equals_sign", "05-01"))
        seen.append(await press(pilot, "enter"))
        seen.append(await press(pilot, *"jjjjjj"))
    everything = "".join(seen)
    assert "[bold red]brackets[/]" in everything
    assert not set(everything) & set("\x1b\x07\x9b\u202e\x00\r\t")
    assert all(len(screen.splitlines()) == 24 for screen in seen)
    # In full, each of them.
    data = schema_data("prod", workspace.schemas.overview("prod"))
    lines = field_data(data, workspace.schemas.fields("prod")).by_object["Account"]
    facts = {one.name: one for one in workspace.schemas.inspect("prod", "Account").detail.fields}
    for line in lines:
        drawn = field_facts(line, data, facts[line.row.name], Fullness(), width=80).plain
        assert not set(drawn) & set("\x1b\x07\x9b\u202e\x00\r\t")


async def test_unmapped_field_shows_matches_and_maps(workspace: Workspace, tmp_path: Path) -> None:
    close = field("CloseDate", "date", nillable=False, createable=True, updateable=True)
    write(tmp_path / "prod", "Opportunity", AMOUNT, STAGE, close)
    workspace.refreshes.run("prod")
    mapping = PaneSpec("mapping", "Mapping", "4", lambda: MappingPane)
    app = CrmdeckApp(workspace, panes=(*PANES, mapping))
    async with app.run_test(size=(80, 24)) as pilot:
        await start(pilot)
        assert "1 required field not mapped" in screen_text(pilot)
        # The next step stays; other views give way.
        text = await press(pilot, "enter", "G")
        assert "─ required but not mapped: CloseDate" in text
        await until(pilot, lambda: "match deal_registration.expected" in screen_text(pilot))
        # Tab moves to the details and back.
        details = app.screen.query_one("#brief")
        await press(pilot, "tab")
        assert details.has_focus
        await press(pilot, "tab")
        assert table(pilot, "fields").has_focus
        await press(pilot, "tab", "escape")
        assert table(pilot, "fields").has_focus
        await press(pilot, "o", "m")
        assert isinstance(app.screen, Choose)
        assert app.screen.row is not None
        assert app.screen.row.label == "deal_registration.expectedCloseDate"
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        assert isinstance(app.screen, Choose)
        assert app.screen.row is not None
        assert app.screen.row.label == "CloseDate"
        await press(pilot, "enter")
        await until(pilot, lambda: not pilot.app.screen_stack[0].query_one(MappingPane).is_reading)
        lines = workspace.mappings.get("prod", "deal_registration--Opportunity").lines
        assert {line.crm_field for line in lines} >= {"Amount", "CloseDate"}
