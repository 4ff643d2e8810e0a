"""Exports of the schema pane: the visible rows, today and in the past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from crmdeck.exports import read_csv
from crmdeck.tui.dialogs.choose import Choose
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.workspace import Workspace
from tests.restored import Restored
from tests.tui.pilot import press, screen_text, until
from tests.tui.schema_desk import Hands, app_over, choose, filter_by, make, opened, start


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Restored:
    return Restored(tmp_path_factory.mktemp("desk"), make)


@pytest.fixture
def tmp_path(desk: Restored) -> Path:
    """The folder with the workspace and its schema files."""
    return desk.anew()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path, Hands()) as found:
        yield found


async def export(pilot: Pilot[Any], words: str, name: str) -> Path:
    """Press `e`, choose the first format with those words, and name the file."""
    await press(pilot, "e")
    assert isinstance(pilot.app.screen, Choose)
    pilot.app.screen.query_one(Input).value = words
    await pilot.pause()
    await press(pilot, "enter")
    assert isinstance(pilot.app.screen, Prompt)
    pilot.app.screen.query_one(Input).value = name
    await press(pilot, "enter")
    path = Path(name).absolute()
    await until(pilot, path.exists)
    return path


async def rows(pilot: Pilot[Any], words: str, name: str) -> list[dict[str, str | None]]:
    return read_csv((await export(pilot, words, name)).read_bytes().decode())


def fields_of(found: list[dict[str, str | None]]) -> list[str]:
    return [f"{row['objectType']}.{row['name']}" for row in found]


async def test_objects_as_they_show_or_with_all_their_fields(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "crmdeck-objects.csv").write_text("mine")
    async with app_over(workspace).run_test(size=(80, 24), notifications=True) as pilot:
        await start(pilot)
        # The name of a file that exists is not offered.
        await choose(pilot, "e", "csv object")
        assert pilot.app.screen.query_one(Input).value == "crmdeck-objects-2.csv"
        await press(pilot, "enter")
        await until(pilot, (tmp_path / "crmdeck-objects-2.csv").exists)
        assert (tmp_path / "crmdeck-objects.csv").read_text() == "mine"
        found = await rows(pilot, "csv object", "all.csv")
        assert [(row["objectType"], row["fieldCount"]) for row in found] == [
            ("Account", "3"),
            ("Opportunity", "4"),
        ]
        await filter_by(pilot, "opp")
        assert [row["objectType"] for row in await rows(pilot, "csv object", "some.csv")] == [
            "Opportunity"
        ]
        assert fields_of(await rows(pilot, "csv field", "fields.csv")) == [
            "Opportunity.Id",
            "Opportunity.Region__c",
            "Opportunity.Amount",
            "Opportunity.Stage",
        ]
        await until(pilot, lambda: "Exported to" in screen_text(pilot))


async def test_search_exports_results_by_connection(
    workspace: Workspace,
) -> None:
    async with app_over(workspace).run_test(size=(80, 24)) as pilot:
        await start(pilot)
        await press(pilot, "asterisk")
        assert len(await rows(pilot, "csv", "all.csv")) == 7
        await filter_by(pilot, "type:string !id")
        assert fields_of(await rows(pilot, "csv", "found.csv")) == [
            "Account.Name",
            "Account.Industry",
            "Opportunity.Region__c",
        ]

        # Fields of all connections go to one file each.
        await press(pilot, "asterisk")
        await filter_by(pilot, "name")
        Path("names-sandbox.csv").touch()
        await choose(pilot, "e", "csv")
        assert "One file per connection, with its name added to this one." in screen_text(pilot)
        pilot.app.screen.query_one(Input).value = "names.csv"
        await press(pilot, "enter")
        wrong = pilot.app.screen.query_one(".dialog-wrong", Static).content
        assert "names-sandbox.csv already exists" in str(wrong)
        Path("names-sandbox.csv").unlink()
        await press(pilot, "enter")
        await until(pilot, Path("names-sandbox.csv").exists)
        for name in ("prod", "sandbox"):
            found = read_csv(Path(f"names-{name}.csv").read_text())
            assert fields_of(found) == ["Account.Name"]
        assert not Path("names.csv").exists()


async def test_one_object_one_field_and_an_earlier_schema(workspace: Workspace) -> None:
    async with app_over(workspace).run_test(size=(80, 24)) as pilot:
        await start(pilot)
        await press(pilot, "enter")
        assert len(await rows(pilot, "csv", "object.csv")) == 4
        await filter_by(pilot, "type:picklist")
        await press(pilot, "enter")
        (wire,) = json.loads((await export(pilot, "json", "field.json")).read_text())
        assert wire["objectType"] == "Opportunity"
        assert [field["name"] for field in wire["fields"]] == ["Stage"]
        assert [value["value"] for value in wire["fields"][0]["picklist"]] == ["new", "won"]
        await choose(pilot, "at", "05-01")
        await press(pilot, "escape", "escape")
        found = fields_of(await rows(pilot, "csv", "past.csv"))
        assert "Opportunity.Old__c" in found
        assert "Opportunity.Region__c" not in found


async def test_a_comparison_by_object_and_by_field(workspace: Workspace) -> None:
    async with app_over(workspace).run_test(size=(80, 24)) as pilot:
        await start(pilot)
        await choose(pilot, "equals_sign", "sandbox")
        found = await rows(pilot, "csv object", "objects.csv")
        assert [(row["objectType"], row["side"]) for row in found] == [
            ("Account", "both"),
            ("Opportunity", "left"),
        ]
        assert {(row["left"], row["right"]) for row in found} == {("prod", "sandbox")}
        found = await rows(pilot, "csv difference", "fields.csv")
        assert ("Account", "Industry", "left") in [
            (row["objectType"], row["fieldName"], row["side"]) for row in found
        ]
        await press(pilot, "enter")
        await filter_by(pilot, "side:right")
        found = await rows(pilot, "csv", "shown.csv")
        assert [(row["fieldName"], row["side"]) for row in found] == [("Trial__c", "right")]
