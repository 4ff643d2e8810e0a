"""What the console is for, with the keys counted: the morning check, and a mapping repaired."""

from __future__ import annotations

from pathlib import Path

from crmdeck.tui.app import CrmdeckApp
from tests.tui.drift_desk import PAIR, make_home, opened
from tests.tui.pilot import screen_text, settle, until

MOST_KEYS = 3


async def test_from_the_morning_check_to_a_repaired_mapping(tmp_path: Path) -> None:
    with opened(make_home(tmp_path)) as workspace:
        app = CrmdeckApp(workspace)
        app.host.ui_state.connection_id = workspace.connections.get("calm").id
        async with app.run_test(size=(120, 36)) as pilot:
            await settle(pilot)

            # No key: what is open, worst first, and the state of each connection.
            text = screen_text(pilot)
            assert "2 failing · 4 to review · 3 to set up" in text
            states = {"acme": "2 failing", "calm": "not refreshed", "fresh": "never"}
            for name, state in states.items():
                assert any(name in line and state in line for line in text.splitlines()), name
            for title in ("Last refresh", "Quota left", "Expires", "Open"):
                assert title in text, title

            # To the first finding, whose field was renamed; the mapping moves to the new name.
            keys = ("g", "f", "enter")
            assert len(keys) <= MOST_KEYS
            for key in keys[:-1]:
                await pilot.press(key)
                await settle(pilot)
            await until(pilot, lambda: "CRM field for Contact email" in screen_text(pilot))
            await until(pilot, lambda: "▌ Buyer_Email__c" in screen_text(pilot))
            await pilot.press(keys[-1])
            await settle(pilot)
            # What was done is among the messages, with the command that does the same.
            done = [one.command for one in reversed(app.host.messages) if one.command]
            assert len(done) == 1
            assert "mapping accept" in done[0]
            assert done[0].endswith(f"acme {PAIR} contactEmail=Buyer_Email__c")
        lines = {line.partner_field: line for line in workspace.mappings.get("acme", PAIR).lines}
        assert lines["contactEmail"].crm_field == "Buyer_Email__c"
