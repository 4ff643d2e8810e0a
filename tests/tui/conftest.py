"""A workspace with two connections, and hostile text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Source
from crmdeck.workspace import ConnectionDraft, Workspace
from tests.caches import copied_caches, plain_plans
from tests.tui.frames import put_off_frames
from tests.tui.homes import copy_of
from tests.tui.idle import wait_by_the_loop
from tests.tui.sheets import keep_sheets

__all__ = ["copied_caches", "plain_plans"]

HOSTILE = (
    "[bold red]brackets[/]",
    "[/]",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "two\nlines\r\nand\ttabs",
    "日本語のラベル 👩‍👩‍👧‍👦 é é́́́́́́́́",
    "\u202egnp.txt\u202c שלום",
    "\ud800 lone surrogate \x00 nul \x9b31m",
    "long " * 2000,
    "=HYPERLINK(1)",
    "",
)


class Clock:
    """Advances by a second at each reading."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 16, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def write_describe(folder: Path, name: str, *fields: str) -> None:
    """Write a Salesforce describe of one object."""
    described = [
        {"name": field, "label": field, "type": "string", "length": 80, "nillable": True}
        for field in ("Id", *fields)
    ]
    text = json.dumps({"name": name, "label": name, "custom": False, "fields": described})
    (folder / f"{name}.json").write_text(text)


def build_home(root: Path) -> None:
    """Make a workspace folder with `acme` (refreshed, 2 objects) and `beta` (never refreshed)."""
    with Workspace.open(
        root / "home", clock=Clock(), actor="dana", secrets=MemorySecrets()
    ) as workspace:
        for name in ("acme", "beta"):
            folder = root / name
            folder.mkdir()
            write_describe(folder, "Account", "Name", "Industry")
            write_describe(folder, "Contact", "Email")
            workspace.connections.add(
                ConnectionDraft(
                    name=name,
                    source=Source.FILES,
                    platform="salesforce",
                    path=str(folder),
                )
            )
        workspace.refreshes.run("acme")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace folder with `acme` (refreshed, 2 objects) and `beta` (never refreshed)."""
    return copy_of(build_home, tmp_path)


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    """The open workspace at `home`."""
    with Workspace.open(home, clock=Clock(), actor="dana", secrets=MemorySecrets()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def few_frames(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw only the frames that a test needs, or all of them with `every_frame`."""
    if request.node.get_closest_marker("every_frame") is None:
        put_off_frames(monkeypatch)


@pytest.fixture(autouse=True)
def kept_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read each style sheet once: that takes a good part of the start of a console."""
    keep_sheets(monkeypatch)


@pytest.fixture(autouse=True)
def no_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for what happens, not for time."""
    wait_by_the_loop(monkeypatch)


@pytest.fixture(autouse=True)
def free_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a console that has ended be garbage, with its threads and its database."""
    monkeypatch.setattr("crmdeck.tui.app.freeze_startup_objects", lambda: None)


@pytest.fixture
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice within a frame what another user writes: a user doesn't mind half a second."""
    monkeypatch.setattr("crmdeck.tui.loading.head_watch.LOOK_EVERY", 0.02)
