"""Random keys over all panes and dialogs, with delayed answers: no key acts on what is not shown.

Each failure names its seed and the last keys. One seed of 250 keys runs by default;
RANDOM_KEY_SEEDS=3 runs three seeds of 400 keys each.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from crmdeck.model import DecisionState
from crmdeck.tui.app import CrmdeckApp
from crmdeck.tui.key_table import load_all_actions
from crmdeck.tui.keys.actions import actions, offers
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.panes.mapping.loader import PairLoader
from crmdeck.tui.panes.mapping.pane import MappingPane
from crmdeck.tui.screens.main import MainScreen
from crmdeck.tui.screens.sign_in import SignInFlow
from crmdeck.workspace import MappingSession, Workspace, Write, open_demo
from tests.tui import mapping_desk
from tests.tui.pilot import settle

SEEDS = range(1, 1 + int(os.environ.get("RANDOM_KEY_SEEDS", "1")))
STEPS = 400 if "RANDOM_KEY_SEEDS" in os.environ else 250
LONGEST_ANSWER = 0.05
"""Seconds that an answer is held back at most."""

NEVER = {"q", "ctrl+z", "ctrl+q", "ctrl+c"}
"""Keys that leave the console."""

TYPED = "abn9_"


def keys_of_the_console() -> tuple[str, ...]:
    load_all_actions()
    known = {key for action in actions() for key in action.keys} | set("12345") | set(TYPED)
    return tuple(sorted(known - NEVER))


def delayed(rng: random.Random, real: Callable[..., None]) -> Callable[..., None]:
    """Return `Loader.load` whose work takes a random while."""

    def load(
        loader: Loader, slot: str, work: Callable[[Job], Any], *rest: Any, **more: Any
    ) -> None:
        pause = rng.random() * LONGEST_ANSWER

        def slow(job: Job) -> Any:
            time.sleep(pause)
            return work(job)

        real(loader, slot, slow, *rest, **more)

    return load


def checked(screen: Callable[[], MainScreen], real: Callable[..., None]) -> Callable[..., None]:
    """Return `PairLoader.store` that holds a decision to be about the pair on screen."""

    def store(pairs: PairLoader, session: MappingSession, write: Write) -> None:
        main = screen()
        if write.back is not None:
            # Taking back acts on what it belongs to, wherever one is.
            real(pairs, session, write)
            return
        assert session.ref == main.host.connection_id, "decided in a connection that was left"
        assert session is pairs.session, "decided in an object pair that does not show"
        assert main.stage.pane_id == "mapping", "decided in a pane that does not show"
        real(pairs, session, write)

    return store


def key_event(key: str) -> events.Key:
    return events.Key(key, key if len(key) == 1 else None)


@pytest.mark.every_frame
@pytest.mark.parametrize("seed", SEEDS)
async def test_random_keys_do_nothing_that_is_not_on_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)
    monkeypatch.chdir(tmp_path)
    keys = keys_of_the_console()
    with mapping_desk.opened(mapping_desk.make_home(tmp_path)) as workspace:
        workspace.refreshes.run("beta")
        refs = [connection.id for connection in workspace.connections.all()]
        app = CrmdeckApp(workspace)
        app.host.ui_state.pane, app.host.ui_state.connection_id = "mapping", refs[0]
        app.host.ui_state.panes = {"mapping": {"pairs": dict.fromkeys(refs, mapping_desk.PAIR)}}
        pressed: list[str] = []

        def main() -> MainScreen:
            screen = app.screen_stack[0]
            assert isinstance(screen, MainScreen)
            return screen

        stay_here(monkeypatch)
        async with app.run_test(size=(100, 30)) as pilot:
            await settle(pilot)
            monkeypatch.setattr(Loader, "load", delayed(rng, Loader.load))
            monkeypatch.setattr(PairLoader, "store", checked(main, PairLoader.store))
            for _ in range(STEPS):
                key = next_key(rng, keys)
                pressed.append(key)
                app.post_message(key_event(key))
                await asyncio.sleep(rng.random() * 0.01)
                assert app._exception is None, (seed, pressed[-40:], app._exception)
                assert app.is_running, (seed, pressed[-40:])
            await settle(pilot)
            while len(app.screen_stack) > 1:
                app.screen.dismiss(None)
                await settle(pilot)
            await stored_is_shown(pilot, workspace, main())


WRITING = {
    "mappings": ("store_decisions", "record_decisions", "undo_all", "accept_rename", "undo_rename"),
    "drift": ("acknowledge", "take_back"),
    "findings": ("accept", "snooze", "reopen"),
    "connections": ("add", "update", "rename", "disconnect"),
    "refreshes": ("run", "run_many"),
}
"""The methods of the workspace that write what the keys can change."""

MOVES = {"escape", "up", "down", "pageup", "pagedown", "j", "k", "g", "G", "tab", "left", "right"}


@pytest.mark.parametrize("seed", SEEDS)
async def test_only_a_key_that_promises_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = random.Random(seed)
    monkeypatch.chdir(tmp_path)
    stay_here(monkeypatch)
    writes: list[tuple[str, set[DecisionState]]] = []

    def noting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*given: Any, **more: Any) -> Any:
            decisions = given[3] if name == "store_decisions" else ()
            writes.append((name, {one.state for one in decisions if not one.undoes}))
            return real(*given, **more)

        return write

    with open_demo(folder=tmp_path / "demo") as workspace:
        for service, names in WRITING.items():
            kind = type(getattr(workspace, service))
            for name in names:
                monkeypatch.setattr(kind, name, noting(name, getattr(kind, name)))
        keys, app, pressed = keys_of_the_console(), CrmdeckApp(workspace), []
        async with app.run_test(size=rng.choice(((80, 24), (120, 36)))) as pilot:
            await settle(pilot)
            for _ in range(STEPS):
                key, depth = next_key(rng, keys), len(app.screen_stack)
                promised = {
                    each for one in offers(app.screen) if one.action.writes for each in one.keys
                }
                pressed.append(key)
                writes.clear()
                await pilot.press(key)
                await settle(pilot)
                told = (seed, pressed[-30:], writes)
                assert app._exception is None, told
                if writes and depth == 1:
                    assert key in promised - {"enter", *MOVES}, told
                elif writes:
                    assert key not in MOVES, told
                if key == "x":
                    assert all(DecisionState.ACCEPTED not in states for _, states in writes), told


def stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing leave the console or the machine: lists of actions offer that as well."""

    async def quit(_: CrmdeckApp) -> None: ...

    monkeypatch.setattr(CrmdeckApp, "action_quit", quit)
    monkeypatch.setattr(CrmdeckApp, "action_suspend_process", lambda _: None)
    monkeypatch.setattr(CrmdeckApp, "open_url", lambda *_, **__: None)
    monkeypatch.setattr(SignInFlow, "start", lambda _: None)


def next_key(rng: random.Random, keys: tuple[str, ...]) -> str:
    """Return a key; now and then one that leads on, so that dialogs and connections take turns."""
    if rng.random() < 0.25:
        return rng.choice(("escape", "enter", "left_square_bracket", "right_square_bracket", "4"))
    return rng.choice(keys)


async def stored_is_shown(pilot: Pilot[Any], workspace: Workspace, screen: MainScreen) -> None:
    """Hold that the store has what every session of the mapping pane shows."""
    await screen.show_pane("mapping")
    await settle(pilot)
    pane = screen.query_one(MappingPane)
    pane.pairs.close()
    await settle(pilot)
    for (ref, pair), session in pane.pairs._sessions.items():
        stored = {line.partner_field: line for line in workspace.mappings.get(ref, pair).lines}
        for row in session.rows:
            line = stored.get(row.name)
            state = line.state if line is not None else DecisionState.PENDING
            accepted = DecisionState.ACCEPTED
            assert (row.state is accepted) == (state is accepted), (ref, row.name)
            if line is not None and row.state is accepted:
                assert (row.crm_field, row.direction) == (line.crm_field, line.direction)
