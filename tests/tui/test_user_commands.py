"""Keys that run a user's own programs: no shell, and no value becomes an option."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmdeck.credentials import MemorySecrets
from crmdeck.errors import UsageError
from crmdeck.settings import SETTINGS_FILE, Settings
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.keys.actions import _REGISTRY, actions
from crmdeck.tui.screens.user_commands import arguments_of, run_program
from crmdeck.workspace import Workspace
from tests.tui.pilot import screen_text, settle, until

WRITES = "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:])); print('wrote it')"


@given(st.text(), st.text())
def test_each_value_stays_inside_one_argument(name: str, field: str) -> None:
    run = ("gh", "--title={object}.{field}", "{field}")
    try:
        found = arguments_of(run, {"object": name, "field": field})
    except UsageError:
        assert not name or not field or field.startswith("-") or "\0" in name + field
        return
    assert found == ("gh", f"--title={name}.{field}", field)
    assert not field.startswith("-")


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match="Can't start 'no-such-program'"):
        run_program(["no-such-program"])
    assert run_program([sys.executable, "-c", "print('x'); raise SystemExit(3)"]) == (3, "x")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('run = ["gh", "{nosuch}"]', "unknown placeholder"),
        ('run = ["{object}"]', "name of a program"),
        ("run = []", "run"),
    ],
)
def test_unrunnable_command_is_rejected(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / SETTINGS_FILE).write_text(f'[[command]]\nkey = "ctrl+g"\n{line}\n')
    with pytest.raises(UsageError) as refused:
        Settings.load(tmp_path)
    assert why in str(refused.value.message) + str(refused.value.cause)


@pytest.fixture
def own_actions() -> Iterator[None]:
    """Forget a user's commands after a test: actions are known for the whole process."""
    yield
    for action in actions():
        if action.id.startswith("command."):
            del _REGISTRY[action.id]


@pytest.mark.usefixtures("own_actions")
async def test_a_key_shows_the_command_and_runs_it(
    workspace: Workspace, home: Path, tmp_path: Path
) -> None:
    written = tmp_path / "written"
    run = [sys.executable, "-c", WRITES, str(written), "--title={object}; rm"]
    (home / SETTINGS_FILE).write_text(
        f'[[command]]\nkey = "ctrl+g"\ntitle = "Write"\nrun = {run}\n'
        f'[[command]]\nkey = "r"\nrun = ["echo"]\n'
    )
    with Workspace.open(home, secrets=MemorySecrets()) as opened:
        app = CrmdeckApp(opened)
        async with app.run_test(size=(120, 36)) as pilot:
            await settle(pilot)
            assert any("r already runs" in toast.message for toast in app._notifications)
            await pilot.press("ctrl+g")
            await until(
                pilot, lambda: any("no object" in one.message for one in app._notifications)
            )
            await pilot.press("2")
            await settle(pilot)
            await pilot.press("ctrl+g")
            await until(pilot, lambda: "Run Write?" in screen_text(pilot))
            assert not written.exists()
            await pilot.press("r")
            await until(pilot, lambda: any("wrote it" in one.message for one in app._notifications))
    assert written.read_text() == "['--title=Account; rm']"
    assert "command.ctrl+g" in {action.id for action in actions()}
