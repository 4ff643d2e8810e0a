"""A few lines to fill in, and what is done with them: what goes wrong is said in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.home import absolute_path
from crmdeck.tui.dialogs.dialog import Dialog
from crmdeck.tui.keys.actions import Action, Actions
from crmdeck.tui.loading.requests import BusyChanged, Job, Loader
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.line_input import LineInput
from crmdeck.tui.widgets.secret_input import SecretInput
from crmdeck.tui.widgets.tick import Tick

T = TypeVar("T")

YES, NO = "yes", ""
LONGEST = 400


@dataclass(frozen=True)
class Asked:
    """One line of a form.

    `hidden` is never drawn. `choice` is a yes or no, answered by `yes` or the empty string.
    `check` returns what is wrong with an answer, or the empty string.
    """

    name: str
    label: str
    value: str = ""
    placeholder: str = ""
    hidden: bool = False
    choice: bool = False
    required: bool = True
    check: Callable[[str], str] | None = None

    def wrong(self, answer: str) -> str:
        """Return what is wrong with an answer."""
        if self.required and not self.choice and not answer.strip():
            return f"{self.label}: this is needed."
        return self.check(answer) if self.check is not None and answer else ""


class Form(Dialog[T]):
    """Answers with what `work` makes of the answers; it runs in a thread."""

    SCOPE = "form"
    WITHIN: ClassVar[tuple[str, ...]] = ("dialog",)

    loader: Loader

    def __init__(
        self,
        title: str,
        lines: Sequence[Asked],
        work: Callable[[Job, dict[str, str]], T],
        *,
        text: str = "",
        label: str = "trying",
    ) -> None:
        super().__init__(title, text)
        self.loader = Loader(self, self.show_error)
        self._lines = tuple(lines)
        self._work = work
        self._label = label

    def compose_body(self) -> ComposeResult:
        """Yield the lines, and room for what is wrong."""
        with VerticalScroll(can_focus=False):
            for asked in self._lines:
                if asked.choice:
                    label = Content(display_text(asked.label, 60))
                    yield Tick(label, asked.value == YES, id=asked.name, compact=True)
                    continue
                yield Static(display_text(asked.label, 66), classes="dialog-label", markup=False)
                if asked.hidden:
                    yield SecretInput(placeholder=asked.placeholder, id=asked.name)
                else:
                    yield LineInput(
                        asked.value, placeholder=asked.placeholder, compact=True, id=asked.name
                    )
        yield Static("", classes="dialog-wrong", markup=False)

    def on_mount(self) -> None:
        """Stand on the first line that is empty."""
        empty = [
            asked
            for asked in self._lines
            if not asked.choice and asked.required and not asked.value
        ]
        first = (empty or self._lines)[0]
        self.query_one(f"#{first.name}").focus()

    def next_line(self) -> None:
        """Go to the next line."""
        self.focus_next()

    def previous_line(self) -> None:
        """Go to the previous line."""
        self.focus_previous()

    def take(self) -> None:
        """Go on to the next line that lacks an answer, else do what the form is for."""
        self.once_typed(self._take)

    def _take(self) -> None:
        if self.loader.is_loading:
            return
        answers = self.answers()
        for asked in self._lines:
            wrong = asked.wrong(answers[asked.name])
            if wrong:
                entry = self.query_one(f"#{asked.name}")
                self._say("" if entry is not self.focused and not answers[asked.name] else wrong)
                entry.focus()
                return
        self._say(f"{self._label}…", "$muted")
        self.loader.load(
            "form",
            lambda job: self._work(job, answers),
            self._done,
            label=self._label,
            cancellable=False,
        )

    def cancel(self) -> None:
        """Leave without an answer; what is under way is waited for."""
        if not self.loader.is_loading:
            self._forget()
            super().cancel()

    def answers(self) -> dict[str, str]:
        """Return the answers by name."""
        found = {}
        for asked in self._lines:
            widget = self.query_one(f"#{asked.name}")
            if isinstance(widget, Tick):
                found[asked.name] = YES if widget.value else NO
            elif isinstance(widget, Input):
                found[asked.name] = widget.value
        return found

    def show_error(self, error: CrmdeckError) -> None:
        """Say what went wrong, why, and what to do."""
        lines = [error.message, error.cause, error.remedy]
        shown = [display_text(line[:LONGEST]) for line in lines if line]
        self.query_one(".dialog-wrong", Static).update(
            Content("\n").join(
                [
                    Content.styled(shown[0], "$bad"),
                    *(Content.styled(s, "$foreground") for s in shown[1:]),
                ]
            )
        )

    def on_busy_changed(self, message: BusyChanged) -> None:
        """Keep it from the screens below."""
        message.stop()

    def _done(self, result: T) -> None:
        self._forget()
        self.dismiss(result)

    def _forget(self) -> None:
        for entry in self.query(SecretInput):
            entry.value = ""

    def _say(self, text: str, color: str = "$bad") -> None:
        self.query_one(".dialog-wrong", Static).update(
            Content.styled(display_text(text, LONGEST), color)
        )

    ACTIONS: ClassVar[Actions] = (
        Action("form.take", "go on", ("enter",), take, hint=30, palette=False, priority=True),
        Action(
            "form.next", "next line", ("down",), next_line, hint=20, palette=False, priority=True
        ),
        Action(
            "form.previous", "previous line", ("up",), previous_line, palette=False, priority=True
        ),
    )


def answered(answers: Mapping[str, str], name: str) -> str | None:
    """Return an answer without the space around it; None where there is none."""
    return answers.get(name, "").strip() or None


def asked_path(value: str = "") -> Asked:
    """Return the line that asks where exported schemas are."""
    return Asked("path", "Folder or file of exported schemas", value=value, check=_path_is_wrong)


def _path_is_wrong(text: str) -> str:
    try:
        there = absolute_path(text.strip()).exists()
    except (UsageError, OSError, ValueError):
        there = False
    return "" if there else f"There is nothing at {text}."
