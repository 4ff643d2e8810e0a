"""One undo stack for the whole console: undo acts on the data that a step changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from crmdeck.model import DecisionState, Status
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.panes.mapping.pane import MappingPane
from crmdeck.tui.state.undo import UndoStack, UndoStep
from tests.tui import mapping_desk
from tests.tui.pilot import press, screen_text, settle, until

NOON = datetime(2026, 5, 16, 12, tzinfo=UTC)
PAIR = mapping_desk.PAIR


def test_undo_redo_and_failed_steps() -> None:
    told: list[str] = []
    subjects = {name: object() for name in "abcd"}
    stack = UndoStack(lambda: None, lambda _: None)

    def step(name: str) -> UndoStep:
        return UndoStep(
            name,
            "here",
            NOON,
            back=lambda: told.append(f"-{name}"),
            again=lambda: told.append(f"+{name}"),
            subject=subjects[name],
        )

    for name in "abc":
        stack.did(step(name))
    stack.undo()
    stack.undo()
    stack.redo()
    assert told == ["-c", "-b", "+b"]
    stack.put_back(subjects["b"])
    assert [one.title for one in stack.undone] == ["c", "b"]
    stack.forget(subjects["c"])
    assert [one.title for one in stack.undone] == ["b"]
    stack.did(step("d"))
    assert not stack.undone
    assert [one.title for one in stack.done] == ["a", "d"]


async def test_undo_works_for_steps_of_all_panes_from_any_pane(tmp_path: Path) -> None:
    with mapping_desk.opened(mapping_desk.make_home(tmp_path)) as workspace:
        acme = workspace.connections.get("acme").id
        app = CrmdeckApp(workspace)
        app.host.ui_state.pane, app.host.ui_state.connection_id = "mapping", acme
        app.host.ui_state.panes = {"mapping": {"pairs": {acme: PAIR}}}

        def accepted() -> int:
            lines = workspace.mappings.get("acme", PAIR).lines
            return sum(line.state is DecisionState.ACCEPTED for line in lines)

        async with app.run_test(size=(140, 40), notifications=True) as pilot:
            await settle(pilot)
            pane = app.screen.query_one(MappingPane)
            before = accepted()
            pane.row_table.go_to("accountName")
            await pilot.pause()
            await pilot.press("a")
            await until(pilot, lambda: accepted() == before + 1)
            await pilot.press("1")
            await settle(pilot)
            await pilot.press("unbound-health.disconnect", *"acme", "enter")
            await until(
                pilot, lambda: workspace.health.status("acme").status is Status.DISCONNECTED
            )
            await settle(pilot)
            assert "u Undo (2)" in screen_text(pilot)
            await pilot.press("u")
            await until(pilot, lambda: workspace.health.status("acme").status is Status.ACTIVE)
            await pilot.press("u")
            await until(pilot, lambda: accepted() == before)
            await press(pilot, "escape")
            assert "Undone: accept Account name  (acme, deal_registration" in screen_text(pilot)
            await pilot.press("U")
            await until(pilot, lambda: accepted() == before + 1)
