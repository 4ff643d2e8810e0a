"""Text from outside is text: in every pane, title, toast and dialog, at every width."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual import events
from textual.pilot import Pilot

from crmdeck.credentials import MemorySecrets
from crmdeck.model import Choice, DecisionState, Source
from crmdeck.tui.app import CrmdeckApp
from crmdeck.workspace import EXPORTS, ConnectionDraft, Workspace
from tests.tui.conftest import HOSTILE, Clock
from tests.tui.mapping_desk import PAIR, described, picklist
from tests.tui.pilot import screen_text, settle

MARKUP = (
    "<script>alert(1)</script><b>x</b>",
    "**bold** | cell | [link](http://x.example) `code`",
    "-2+3@SUM(A1)",
    "\u2066isolate\u2069 %s {0} ../../x ; DROP TABLE decision; --",
)
TEXTS = (*(text.replace("\ud800", "") for text in HOSTILE), *MARKUP)
WHATS = [what for what in EXPORTS if what not in ("comparison", "differences")]
CONTROLS = set("\x1b\x07\x9b\x00\r\t\u202e\u202c\u2066\u2069")
TYPED = TEXTS[0] + TEXTS[2].replace("\n", "") + MARKUP[0]
WALKS = {
    "1": (("a",), ("enter",)),
    "2": (
        ("enter",),
        ("j", "j", "enter"),
        ("escape", "asterisk", "G"),
        ("at",),
        ("equals_sign",),
    ),
    "3": (("enter",), ("j", "enter"), ("j",), ("a",), ("A",)),
    "4": (("j",), ("enter",), ("p",), ("A",), ("v",)),
    "5": (("j",), ("a",), ("e",)),
}
"""What is pressed in each pane; a dialog that it opens is left with Esc."""


def export(folder: Path, kind: str, fields: tuple[str, ...]) -> None:
    more = {
        "inlineHelpText": "\n".join(TEXTS),
        "calculatedFormula": TEXTS[0],
        **(picklist(*filter(None, TEXTS[:-1])) if kind == "picklist" else {"type": kind}),
    }
    found = [described(f"F{n}__c", text, **more) for n, text in enumerate(fields)]
    odd = [described(text[:80], text) for text in fields if text.strip()]
    key = {"name": "Id", "label": "ID", "type": "id", "nillable": False}
    text = {"name": "Opportunity", "label": "[red]O\x1b[31m[/]\n\u202eB", "custom": False}
    (folder / "Opportunity.json").write_text(json.dumps({**text, "fields": [key, *found, *odd]}))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace in which all that comes from outside is as bad as it gets."""
    root = tmp_path_factory.mktemp("hostile")
    (root / "home").mkdir()
    (root / "home/settings.toml").write_text('encoder = "none"\n')
    actor = "".join(TEXTS[:3])
    secrets = MemorySecrets()
    with Workspace.open(root / "home", clock=Clock(), actor=actor, secrets=secrets) as workspace:
        draft = ConnectionDraft(
            name="acme", source=Source.FILES, platform="salesforce", path=str(root)
        )
        workspace.connections.add(draft)
        export(root, "string", TEXTS)
        workspace.refreshes.run("acme")
        names = [field.name for field in workspace.schemas.object("acme", "Opportunity").fields]
        lines = [line.partner_field for line in workspace.mappings.get("acme", PAIR).lines]
        choices = [
            Choice(partner_field=line, state=DecisionState.ACCEPTED, crm_field=name, note=name)
            for line, name in zip(lines, names[1:], strict=False)
        ]
        workspace.mappings.record_decisions("acme", PAIR, choices)
        export(root, "picklist", TEXTS[2:])
        workspace.refreshes.run("acme")
        events = workspace.drift.report("acme").events
        workspace.drift.acknowledge([events[0].id], "".join(TEXTS[:6]))
        yield workspace


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_no_pane_and_no_dialog_takes_it_for_anything_else(
    hostile: Workspace, size: tuple[int, int]
) -> None:
    app = CrmdeckApp(hostile)
    seen: list[str] = []
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        for pane, walk in WALKS.items():
            for keys in ((pane,), ("unbound-go.pane",), *walk, ("question_mark",)):
                await look(pilot, seen, *keys)
        for text in TEXTS:
            app.host.say(text, title=text)
        await look(pilot, seen, "1")
    hold(seen, size)


async def test_what_is_searched_saved_copied_and_said_is_text_too(hostile: Workspace) -> None:
    size = (120, 36)
    app = CrmdeckApp(hostile)
    seen: list[str] = []
    copied: list[str] = []
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        for pane, opened in (
            ("1", ("ctrl+k",)),
            ("2", ("question_mark",)),
            ("2", ("slash",)),
            ("3", ("F",)),
            ("4", ("slash",)),
            ("5", ("slash",)),
            ("1", ("exclamation_mark",)),
        ):
            await pilot.press(pane)
            await settle(pilot)
            await pilot.press(*opened)
            await settle(pilot)
            target = app.focused or app.screen
            target.post_message(events.Paste(TYPED))
            await settle(pilot)
            seen.append(screen_text(pilot))
            await pilot.press("enter")
            await settle(pilot)
            await look(pilot, seen, "escape")
        for pane in "2345":
            await pilot.press(pane, "g")
            await settle(pilot)
            await pilot.press("y")
            await settle(pilot)
            seen.append(screen_text(pilot))
            await pilot.press("enter")
            await settle(pilot)
            copied.append(app.clipboard)
            await look(pilot, seen, "exclamation_mark")
    hold(seen, size)
    assert all(copied)


def test_no_export_and_no_notice_takes_it_for_anything_else(hostile: Workspace) -> None:
    report = hostile.checks.run()
    pages = [hostile.checks.render(report, "html")]
    pages += [str(hostile.exports.render(what, "acme", format="html")) for what in WHATS]
    for page in pages:
        assert "<script>alert" not in page
        assert "<b>x</b>" not in page
        assert not set(page) & set("\x1b\x07\x9b\x00")
    assert any("&lt;script&gt;alert(1)&lt;/script&gt;" in page for page in pages)
    for what in WHATS:
        rows = list(
            csv.reader(io.StringIO(str(hostile.exports.render(what, "acme", format="csv"))))
        )
        first = {cell[0] for row in rows for cell in row if cell}
        assert not first & set("=+@\t\r"), what


def hold(seen: list[str], size: tuple[int, int]) -> None:
    """Hold that screens show no control, and nothing beside their cells."""
    everything = "".join(seen)
    assert not set(everything) & CONTROLS
    assert "[bold red]brackets[/]" in everything
    for screen in seen:
        lines = screen.split("\n")
        assert len(lines) == size[1]
        assert max(map(cell_len, lines)) <= size[0]


async def look(pilot: Pilot[Any], seen: list[str], *keys: str) -> None:
    """Press keys, keep what shows, and leave what opened."""
    await pilot.press(*keys)
    await settle(pilot)
    seen.append(screen_text(pilot))
    while len(pilot.app.screen_stack) > 1:
        await pilot.press("escape")
        await settle(pilot)
