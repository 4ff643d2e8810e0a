"""No key astray: what is not on screen is not changed, and what was left takes no answers."""

from __future__ import annotations

import os
import pty
import select
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from crmdeck.errors import SourceError
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.form import Asked, Form
from crmdeck.tui.dialogs.go_to import GoTo
from crmdeck.tui.dialogs.value_map import EditValueMap
from crmdeck.tui.keys import queue as key_queue
from crmdeck.tui.keys.queue import KeyQueue
from crmdeck.tui.panes.drift.pane import DriftPane
from crmdeck.tui.panes.mapping.pane import MappingPane
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.widgets.inputs import LineInput
from crmdeck.workspace import ValueChoice, Workspace
from tests.tui import drift_desk, mapping_desk
from tests.tui.pilot import audit_console, screen_text, settle, type_text, until

PAIR = mapping_desk.PAIR


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace in which `acme` and `beta` both have the object of the pair."""
    with mapping_desk.opened(mapping_desk.make_home(tmp_path)) as workspace:
        workspace.refreshes.run("beta")
        yield workspace


def hold_back(
    monkeypatch: pytest.MonkeyPatch, service: Any, name: str, ref: str
) -> threading.Event:
    """Have a call that is about `ref` wait for the event."""
    may_answer, real = threading.Event(), getattr(service, name)

    def slow(about: str, *arguments: Any, **options: Any) -> Any:
        if about == ref:
            may_answer.wait(20)
        return real(about, *arguments, **options)

    monkeypatch.setattr(service, name, slow)
    return may_answer


def said(pilot: Pilot[Any]) -> str:
    return " ".join(" ".join(note.message.split()) for note in pilot.app._notifications)


def typed(app: CrmdeckApp) -> str:
    return "".join(entry.value for entry in app.screen.query(LineInput))


def press_at_once(app: CrmdeckApp, *keys: str) -> None:
    """Press keys as a slow line brings them: all are there before any has had its effect."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_keys_are_blocked_on_rows_of_other_connection(
    both: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, beta = (both.connections.get(name).id for name in ("acme", "beta"))
    app = CrmdeckApp(both)
    app.host.ui_state.pane, app.host.ui_state.connection_id = "mapping", acme
    app.host.ui_state.panes = {"mapping": {"pairs": {acme: PAIR, beta: PAIR}}}
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        pane = pilot.app.screen.query_one(MappingPane)
        assert pane.session is not None
        may_answer = hold_back(monkeypatch, both.mappings, "review_and_suggest", beta)
        await pilot.press("right_square_bracket", "a", "x", "d", "enter")
        assert len(app.screen_stack) == 1
        await until(pilot, lambda: pane.has_class("-left"))
        assert "Still loading beta. Nothing was changed." in said(pilot)
        may_answer.set()
        await settle(pilot)
        assert not pane.has_class("-left")
        await pilot.press("j", "j", "a")
        await until(pilot, lambda: bool(both.mappings.decisions("beta", PAIR)))
    assert both.mappings.decisions("acme", PAIR) == ()


async def test_keys_that_come_at_one_go_act_one_after_the_other(
    both: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = both.connections.get("acme").id
    app = CrmdeckApp(both)
    app.host.ui_state.pane, app.host.ui_state.connection_id = "mapping", acme
    app.host.ui_state.panes = {"mapping": {"pairs": {acme: PAIR}}}
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        decided = both.mappings.get(acme, PAIR)
        may_answer = hold_back(monkeypatch, both.schemas, "moments", acme)
        for opening in ("ctrl+k", "p", "at", "equals_sign"):
            await pilot.press("4" if opening in ("ctrl+k", "p") else "2")
            await settle(pilot)
            may_answer.clear()
            press_at_once(app, opening, *"deaxl", "backspace")
            await until(pilot, lambda: typed(app) == "deax")
            assert isinstance(app.screen, GoTo | Choose), opening
            may_answer.set()
            await pilot.press("escape")
            await settle(pilot)
        assert both.mappings.get(acme, PAIR) == decided


async def test_a_key_is_not_held_up_by_a_widget_that_is_gone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_queue, "PATIENCE", 0.05)
    app = audit_console(workspace)
    async with app.run_test() as pilot:
        await settle(pilot)
        monkeypatch.setattr(KeyQueue, "_follow", lambda *_: None)
        press_at_once(app, "slash", "a", "b", "c")
        await until(pilot, lambda: typed(app) == "abc")


async def test_keys_that_are_left_when_the_console_ends_are_dropped(
    workspace: Workspace,
) -> None:
    ended: Any = SimpleNamespace(screen_stack=[])

    def fail(_: Any) -> Any:
        pytest.fail("A console without a screen was asked.")

    queue = KeyQueue(ended, fail, fail)
    await queue.put(events.Key("q", "q"))
    assert not queue.is_busy
    # What a screen passed on to the console is dropped as well.
    key = events.Key("j", "j")
    key._set_forwarded()
    app = audit_console(workspace)
    assert not app.screen_stack
    await app.on_event(key)


async def test_dialog_of_left_pane_has_no_effect(both: Workspace) -> None:
    acme = both.connections.get("acme").id
    app = CrmdeckApp(both)
    app.host.ui_state.pane, app.host.ui_state.connection_id = "mapping", acme
    app.host.ui_state.panes = {"mapping": {"pairs": {acme: PAIR}}}
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settle(pilot)
        pane = app.screen.query_one(MappingPane)
        # A menu acts on its own row only.
        pane.row_table.go_to("accountName")
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        pane.row_table.go_to("contactName")
        await pilot.press("X")
        await until(pilot, lambda: "The cursor left this row" in said(pilot))
        pane.row_table.go_to("accountName")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "type to search" in screen_text(pilot))
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        await screen.show_pane("health")
        await pilot.press("down", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await until(pilot, lambda: "Nothing was changed" in said(pilot))
        assert pane.session is not None
        assert not pane.session.writes


async def test_a_change_of_the_connection_before_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with drift_desk.opened(drift_desk.make_home(tmp_path)) as workspace:
        app = drift_desk.console(workspace)
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            pane = app.screen.query_one(DriftPane)
            calm = workspace.connections.get("calm").id
            may_answer = hold_back(monkeypatch, workspace.drift, "timeline", calm)
            await pilot.press("right_square_bracket", "a", "A", "m", "f")
            assert len(app.screen_stack) == 1
            await until(pilot, lambda: pane.has_class("-left"))
            assert "Still loading calm" in said(pilot)
            may_answer.set()
            await settle(pilot)
            assert not pane.has_class("-left")
            await pilot.press("left_square_bracket")
            await settle(pilot)
            await pilot.press("a")
            await until(pilot, lambda: len(app.screen_stack) == 2)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("account", "Account"),
        ("acc", "Account"),
        ("account_n", "Account_Name__c"),
        ("last one", "Zone__c"),
        ("name", "Account_Name__c"),
    ],
)
async def test_the_cursor_goes_to_the_best_match(
    workspace: Workspace, typed: str, found: str
) -> None:
    names = ("Old_Account_Name__c", "Account_Name__c", "Account", "Zone__c", "My_Account__c")
    choices = [Choice(name, name, "the last one" if name == "Zone__c" else "") for name in names]
    app = audit_console(workspace)
    answers: list[Any] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.push_screen(Choose("Which?", choices), answers.append)
        await pilot.pause()
        await type_text(pilot, typed, "enter")
        await until(pilot, lambda: bool(answers))
    assert answers == [found]


async def test_a_dialog_that_was_left_takes_no_answer(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        values = EditValueMap("Values", [])
        pairs: Choose[int] = Choose("Which?", None)
        for dialog in (values, pairs):
            app.push_screen(dialog)
            await pilot.pause()
            await pilot.press("escape")
        values.fill([ValueChoice("new", "New", None)], ())
        pairs.fill([Choice(1, "one")])
        values.dismiss(None)
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert "Audit log: acme " in screen_text(pilot)


async def test_leaving_a_dialog_takes_away_what_lies_above_it(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        below = EditValueMap("Values", [("a", "A")])
        app.push_screen(below)
        await pilot.pause()
        app.push_screen(Choose("Which?", [Choice(1, "one")]))
        await pilot.pause()
        below.dismiss(None)
        await settle(pilot)
        assert len(app.screen_stack) == 1


async def test_a_second_escape_on_its_way_leaves_no_other_screen(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+p")
        dialog = app.screen
        await until(pilot, lambda: dialog.is_mounted)
        dialog.dismiss(None)
        dialog.dismiss(None)
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert "Audit log: acme " in screen_text(pilot)


async def test_a_page_key_that_is_faster_than_the_list_is_laid_out(
    workspace: Workspace,
) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for _ in range(5):
            for key in ("ctrl+p", "pagedown", "pageup", "escape"):
                app.post_message(events.Key(key, None))
            await pilot.pause(0.02)
        await settle(pilot)
        for _ in range(5):
            app.action_change_theme()
            for key in ("pagedown", "pageup", "escape"):
                app.post_message(events.Key(key, None))
            await pilot.pause(0.02)
        await settle(pilot)
        assert app._exception is None


async def test_an_error_that_comes_while_a_dialog_closes_is_dropped(workspace: Workspace) -> None:
    app = audit_console(workspace)
    may_answer = threading.Event()

    def work(*_: Any) -> None:
        may_answer.wait(20)
        raise SourceError("down", remedy="wait")

    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        form: Form[None] = Form("Add", [Asked("name", "Name", value="x")], work)
        app.push_screen(form)
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: form.loader.is_loading)
        form.dismiss(None)
        may_answer.set()
        await settle(pilot)
        assert len(app.screen_stack) == 1


async def test_a_dialog_that_is_left_as_it_opens_looks_for_nothing(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        form: Form[None] = Form("Add", [Asked("name", "Name")], lambda job, answers: None)
        app.push_screen(form)
        assert not form.is_mounted
        form.cancel()
        await until(pilot, lambda: form not in app.screen_stack)
        await settle(pilot)


JOB = """
import subprocess, sys
code = subprocess.call([sys.executable, "-m", "crmdeck", "--home", sys.argv[1]])
print("ended with", code)
"""
"""Starts the console and waits for it, as `uv run` does."""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell with jobs")
def test_ctrl_z_stops_the_whole_job(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    try:
        command = shlex.join([sys.executable, "-c", JOB, str(tmp_path / "home")])
        os.write(terminal, f"{command}\n".encode())
        read_until(terminal, b"Create it?")
        os.write(terminal, b"y\n")
        read_until(terminal, b"Welcome")
        os.write(terminal, b"\x1a")
        read_until(terminal, b"Stopped")
        os.write(terminal, b"echo back-$((20 + 1))\n")
        read_until(terminal, b"back-21")
        os.write(terminal, b"fg\n")
        read_until(terminal, b"Welcome")
        os.write(terminal, b"q")
        # The console drops what is typed as it ends, so nothing is until it has.
        read_until(terminal, b"ended with 0")
        os.write(terminal, b"echo after-$((20 + 2))\n")
        read_until(terminal, b"after-22")
    finally:
        os.write(terminal, b"exit\nexit\n")
        os.close(terminal)
        os.waitpid(pid, 0)


def read_until(terminal: int, wanted: bytes) -> None:
    """Read what the terminal shows until `wanted` is in it; fail after a minute."""
    seen, until_ = b"", time.monotonic() + 60
    while wanted not in seen:
        assert time.monotonic() < until_, seen[-2000:]
        if select.select([terminal], [], [], 0.5)[0]:
            seen += os.read(terminal, 65536)
