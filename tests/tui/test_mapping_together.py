"""Several users of one object pair: no decision is lost or overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmdeck.model import Choice, DecisionState
from crmdeck.workspace import Workspace
from tests.tui.mapping_desk import FIELDS, PAIR, at_desk, export, make_home, opened
from tests.tui.pilot import screen_text, until

pytestmark = pytest.mark.usefixtures("quick_watch")

ACCEPTED, REJECTED, PENDING = (
    DecisionState.ACCEPTED,
    DecisionState.REJECTED,
    DecisionState.PENDING,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def dana(home: Path) -> Iterator[Workspace]:
    with opened(home) as workspace:
        yield workspace


@pytest.fixture
def sam(home: Path) -> Iterator[Workspace]:
    with opened(home) as workspace:
        yield workspace.on_behalf_of("sam")


def accept(name: str, crm_field: str) -> Choice:
    return Choice(partner_field=name, state=ACCEPTED, crm_field=crm_field)


async def test_decisions_of_another_user_are_not_overwritten(
    dana: Workspace, sam: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The console must not see the decision before the key.
    monkeypatch.setattr("crmdeck.tui.loading.head_watch.LOOK_EVERY", 3600)
    async with at_desk(dana) as desk:
        await desk.go("accountName")
        sam.mappings.record_decisions("acme", PAIR, [accept("accountName", "Old_Account_Name__c")])
        assert desk.line.is_open
        await desk.pilot.press("x")
        await until(desk.pilot, lambda: desk.shown("accountName").state is ACCEPTED)
        await desk.settle()
        assert desk.stored("accountName").crm_field == "Old_Account_Name__c"
        assert desk.stored("accountName").decided_by == "sam"
        assert "sam changed 'accountName'." in desk.said
        # Once it is on screen, the user may decide otherwise.
        await desk.go("accountName")
        await desk.press("X")
        assert desk.stored("accountName").state is REJECTED
        assert desk.stored("accountName").decided_by == "dana"


async def test_other_users_changes_appear_by_themselves(dana: Workspace, sam: Workspace) -> None:
    async with at_desk(dana) as desk:
        await desk.go("expectedCloseDate")
        sam.mappings.accept(
            "acme", PAIR, {"accountName": None, "description": None}, encoder="none"
        )
        await until(desk.pilot, lambda: desk.shown("accountName").state is ACCEPTED)
        await desk.settle()
        assert desk.line.name == "expectedCloseDate"
        assert "sam changed 2 mappings. Reloaded." in desk.said
        assert "2 of 21" in screen_text(desk.pilot)
        # The user's own decisions are not announced.
        await desk.press("a")
        assert "dana decided" not in desk.said
        # A field that is removed breaks its mapping.
        assert "broken" not in screen_text(desk.pilot)
        folder = Path(str(dana.connections.get("acme").path))
        fields = [field for field in FIELDS if field["name"] != "Account_Name__c"]
        export(folder, *fields)
        sam.refreshes.run("acme")
        await until(
            desk.pilot,
            lambda: any(
                "Account name" in line and "absent" in line
                for line in screen_text(desk.pilot).splitlines()
            ),
        )
        # A field that is removed while the dialog is open can't be chosen.
        await desk.go("contactTitle")
        await desk.press("enter", "enter")
        await desk.type("old_acc")
        await desk.settle()
        export(folder, *(field for field in fields if field["name"] != "Old_Account_Name__c"))
        sam.refreshes.run("acme")
        shown = desk.pane.session
        assert shown is not None
        await until(desk.pilot, lambda: "Old_Account_Name__c" not in shown.builder.crm_fields)
        await desk.press("enter")
        assert "Old_Account_Name__c was removed from the schema." in desk.said
        assert desk.stored("contactTitle").state is PENDING


async def test_undo_still_goes_back_after_leaving_the_pane(dana: Workspace) -> None:
    async with at_desk(dana) as desk:
        await desk.go("accountName")
        await desk.press("a", "X")
        await desk.press("5")
        await desk.press("4")
        await desk.press("u")
        await desk.press("u")
        assert desk.stored("accountName").state is PENDING
        await desk.press("U")
        assert desk.stored("accountName").state is ACCEPTED
        assert desk.line.name == "accountName"
