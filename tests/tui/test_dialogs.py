"""The dialogs: safe defaults, and literal text."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from rich.console import RenderableType
from textual import events
from textual._compositor import Compositor
from textual.pilot import Pilot
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import UPDATE_PERIOD, Screen

from crmdeck.errors import CrmdeckError
from crmdeck.model import AttributeChange
from crmdeck.tui.dialogs.account import Account
from crmdeck.tui.dialogs.before_after import BeforeAfter
from crmdeck.tui.dialogs.choose import Choice, Choose, menu_choice
from crmdeck.tui.dialogs.choose_field import choose_field
from crmdeck.tui.dialogs.columns import Columns
from crmdeck.tui.dialogs.confirm import Confirm, TypedConfirm
from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.dialogs.form import Asked, Form
from crmdeck.tui.dialogs.go_to import GoTo
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.dialogs.value_map import EditValueMap
from crmdeck.tui.widgets.hints import Hints
from crmdeck.tui.widgets.table import Table
from crmdeck.tui.widgets.tint import Tint
from crmdeck.workspace import FieldChoice, Workspace
from tests.tui.conftest import HOSTILE
from tests.tui.frames import draw
from tests.tui.pilot import audit_console, line_text, screen_text, settle, type_text, until

Answer = list[Any]


async def answer(pilot: Pilot[Any], dialog: Screen[Any], *keys: str) -> Answer:
    """Open a dialog, press keys, and return its answer; without an answer, leave the dialog."""
    answers: Answer = []
    pilot.app.push_screen(dialog, answers.append)
    await pilot.pause()
    draw(pilot.app)
    await pilot.press(*keys)
    await pilot.pause()
    given = list(answers)
    if pilot.app.screen is dialog:
        dialog.dismiss()
        await settle(pilot)
    return given


async def test_answers_to_questions(workspace: Workspace) -> None:
    async with audit_console(workspace).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        expected: tuple[tuple[tuple[str, ...], Answer], ...] = (
            (("enter",), [False]),
            (("n",), [False]),
            (("escape",), [None]),
            (("y",), [True]),
            (("tab", "enter"), [True]),
            (("A", "A", "A"), []),
        )
        for keys, given in expected:
            question = Confirm("Accept 12?", yes="Accept 12", opened_by="A")
            assert await answer(pilot, question, *keys) == given, keys
        # The key that opened never confirms.
        assert await answer(pilot, Confirm("Copy?", yes="Copy", opened_by="y"), "y", "y") == []

        typed = TypedConfirm("Disconnect acme?", "Nothing is deleted.", expected="acme")
        assert await answer(pilot, typed, *"acm", "enter", "e", "enter") == [True]

        prompt = Prompt("Note", value="a", check=lambda text: "" if text[1:] else "Too short.")
        assert await answer(pilot, prompt, "enter", "end", "b", "enter") == ["ab"]

        # A list has any number of choices, and finds one of them.
        choices = [Choice(index, f"Field {index}", "string") for index in range(2_000)]
        assert await answer(pilot, Choose("Which?", choices, current=5), "down", "enter") == [6]
        assert await answer(pilot, Choose("Which?", choices), *"1977", "enter") == [1977]

        # A list pages during a search, and is not empty before it loads.
        app, dialog = pilot.app, Choose[int]("Which pair?", None, current=30)

        def chosen() -> int:
            assert dialog.row is not None
            return int(dialog.row.value)

        app.push_screen(dialog)
        await pilot.pause()
        assert "Nothing to choose from." not in screen_text(pilot)
        dialog.fill([Choice(index, f"Pair {index}") for index in range(60)])
        await settle(pilot)
        assert chosen() == 30
        await pilot.press("pagedown")
        assert chosen() > 35
        await pilot.press("pageup", "up")
        assert chosen() == 29
        await type_text(pilot, "nowhere")
        await settle(pilot)
        await pilot.press("enter")
        assert app.screen is dialog


async def test_nothing_is_painted_while_a_dialog_rests(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = audit_console(workspace)
    paint = Compositor.render_update
    painted = 0

    def count(compositor: Compositor, *args: Any, **options: Any) -> RenderableType | None:
        nonlocal painted
        painted += 1
        return paint(compositor, *args, **options)

    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        below = app.screen
        app.push_screen(Confirm("Disconnect acme?", yes="Disconnect"))
        await settle(pilot)
        # One change below is painted; messages that change nothing are not.
        below.query_one(Hints).refresh()
        monkeypatch.setattr(Compositor, "render_update", count)
        await until(pilot, lambda: painted > 0)
        painted = 0
        for _ in range(5):
            below.call_later(lambda: None)
            await pilot.pause(UPDATE_PERIOD * 2)
    assert painted == 0


async def test_hostile_text_in_titles_toasts_and_lists(workspace: Workspace) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        opened: list[Dialog[Any]] = [
            Choose("Which?", [Choice(text, text, text) for text in HOSTILE]),
        ]
        for text in HOSTILE:
            app.host.say(text, title=text)
            opened.append(Confirm(text, text, yes=text))
        for text in HOSTILE[2:7:2]:
            opened += [Prompt(text, text, value=text), TypedConfirm(text, text, expected=text)]
        for dialog in opened:
            app.push_screen(dialog)
            await pilot.pause()
            assert "\x1b" not in screen_text(pilot)
            app.pop_screen()
        await pilot.pause()


def dialogs() -> list[Dialog[Any]]:
    return [
        Confirm("Accept?", yes="Accept"),
        TypedConfirm("Disconnect?", "", expected="acme"),
        Prompt("Note"),
        Form("Add", [Asked("name", "Name")], lambda _job, answers: answers["name"]),
        Choose("Which?", [Choice(index, f"Pair {index}") for index in range(50)], text="A."),
        choose_field(
            "Which?",
            [FieldChoice(f"Name_{number}__c", "Name", "string") for number in range(50)],
            notes=lambda _: [("a sentence that takes more than a line " * 2, "")] * 4,
        ),
        EditValueMap("Status", [("a", "A")]),
        Account("acme", None, datetime(2026, 5, 16, tzinfo=UTC)),
        BeforeAfter(
            "Formula",
            [
                AttributeChange(
                    attribute="calculatedFormula", before="A__c " * 900, after="B__c " * 900
                )
            ],
        ),
        Choose("Which?", [menu_choice("a", "Accept"), menu_choice("b", "Not now", "", "Blocked.")]),
        Choose("Sure?", [menu_choice("a", "Accept")], cancel="change nothing", listing=["a"] * 50),
        Columns([("name", "Name")], ()),
        GoTo([], str, connections=False),
    ]


async def test_dialogs_dim_screen_and_show_keys(
    workspace: Workspace,
) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        main = app.screen
        for dialog in dialogs():
            kind = type(dialog).__name__
            app.push_screen(dialog)
            await settle(pilot)
            if isinstance(dialog, Confirm):
                # As in Textual, but without the keys that a click would run.
                color = dialog.styles.background
                below = [one for strip in main._compositor.render_strips() for one in strip]
                assert len({style for _, style, _ in below}) > 3
                dimmed = list(Tint.process_segments(below, color))
                assert dimmed == list(BackgroundScreen.process_segments(below, color))
                assert all(style is None or not style.meta for _, style, _ in dimmed)
            line = line_text(dialog.query_one(Hints), 0).rstrip()
            assert line.endswith(" Help"), kind
            assert "Esc" in line, kind
            # Long lists never push the keys out of the frame.
            assert line.strip() in screen_text(pilot), kind
            if isinstance(dialog, Choose):
                frame, keys = (dialog.query_one(one).region for one in (".dialog", "Hints"))
                # Only the padding and the border are below the keys.
                assert keys.bottom == frame.bottom - 2, kind
            # In a line of text `?` is a letter, so F1 opens the help.
            assert ("F1 Help" in line) == isinstance(dialog, TypedConfirm | Prompt | Form), kind
            await pilot.press("question_mark" if "? Help" in line else "f1")
            await until(pilot, lambda: len(app.screen_stack) == 3)
            await pilot.press("escape")
            await until(pilot, lambda: len(app.screen_stack) == 2)
            assert app.screen is dialog
            await pilot.press("escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)


def few(wanted: str) -> list[Choice[Hashable]]:
    return [Choice("another", "as fast as a past tense"), Choice(wanted, wanted)]


def many(wanted: str) -> list[Choice[Hashable]]:
    numbered = (Choice[Hashable](number, f"as fast as {number}") for number in range(5_000))
    return [*numbered, *few(wanted)]


@pytest.mark.every_frame
async def test_a_dialog_is_styled_once_and_the_footer_below_is_updated(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        below = app.screen.query_one(Hints)
        styled: list[object] = []
        style = app.update_styles

        def update_styles(node: Any, animate: bool = True) -> None:
            styled.append(node)
            style(node, animate=animate)

        monkeypatch.setattr(app, "update_styles", update_styles)
        dialog = Choose("Which?", [Choice(one, one) for one in "abc"])
        app.push_screen(dialog)
        await settle(pilot)
        assert dialog not in styled, "only when it was mounted"
        await pilot.press("f1")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert pilot.app.screen is dialog
        assert dialog not in styled, "nor when it is uncovered"
        monkeypatch.setattr("crmdeck.tui.widgets.hints.hint_text", lambda _: ("x", "since then"))
        await pilot.press("escape")
        await until(pilot, lambda: "x since then" in line_text(below, 0))


async def test_enter_never_overtakes_earlier_letters(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A search that takes longer than a key goes on in the background.
    monkeypatch.setattr(Table, "PATIENCE", 0.0)
    text = "as fast as a paste"
    app = audit_console(workspace)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for dialog, expected in (
            (Prompt("Note?"), text),
            (TypedConfirm("Sure?", "", expected=text), True),
            (Form("Add", [Asked("name", "Name")], lambda _job, answers: answers["name"]), text),
            (Choose("Which?", few(text)), text),
            (Choose("Which?", [*few("as fast as a pass"), *many(text)]), text),
        ):
            got: list[Any] = []
            app.push_screen(cast(Screen[Any], dialog), got.append)
            await pilot.pause()
            for letter in text:
                app.post_message(events.Key("space" if letter == " " else letter, letter))
            app.post_message(events.Key("enter", "\r"))
            await until(pilot, lambda got=got: bool(got))  # type: ignore[misc]
            assert got == [expected]

        # An error of the work moves to the line that it names.
        def work(_job: Any, answers: Any) -> None:
            raise CrmdeckError(f"No host answers at {answers['host']}.", cause="Check acme.")

        form = Form("Add", [Asked("host", "Host", "crm.test"), Asked("name", "Name", "acm")], work)
        app.push_screen(form)
        await settle(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: "No host answers" in screen_text(pilot))
        await settle(pilot)
        assert form.focused is not None
        assert form.focused.id == "host"


async def test_a_copy_is_previewed_and_the_last_form_comes_first(
    workspace: Workspace,
) -> None:
    app = audit_console(workspace)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("y")
        await until(pilot, lambda: "Message" in screen_text(pilot))
        assert "API name" not in screen_text(pilot)
        await pilot.press("down")
        await until(pilot, lambda: "▌ s  Message" in screen_text(pilot))
        assert "*dana*, 2026-05-16" in screen_text(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.clipboard.startswith("*dana*, 2026-05-16")
        await pilot.press("y", "c")
        await settle(pilot)
        assert app.clipboard.startswith("crmdeck audit --event ")
        app.copy_to_clipboard("")
        await pilot.press("y", "y", "enter")
        await settle(pilot)
        assert app.clipboard.startswith("crmdeck audit --event ")
        await pilot.press("y", "escape")
        await settle(pilot)
        assert len(app.screen_stack) == 1
