"""A form: a few lines to fill in, and work on the input. Errors show in the form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Checkbox, Input, Static

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.home import absolute_path
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.inputs import LineInput, SecretInput
from crmdeck.tui.widgets.path_list import UP, PathList, path_entries

T = TypeVar("T")

YES, NO = "yes", ""
LONGEST = 400


class Tick(Checkbox):
    """Textual's checkbox, which draws the same cross for both states in different colors."""

    BUTTON_LEFT = "["
    BUTTON_RIGHT = "]"

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802 - as Textual has it
        return "x" if self.value else " "


@dataclass(frozen=True)
class Asked:
    """One line of a form.

    A `hidden` answer is never drawn. A `choice` is answered by `yes` or the empty string. Below a
    `path`, a list walks into folders; Tab completes it. `check` returns an error message for an
    answer, or the empty string.
    """

    name: str
    label: str
    value: str = ""
    placeholder: str = ""
    hidden: bool = False
    choice: bool = False
    required: bool = True
    path: bool = False
    check: Callable[[str], str] | None = None

    def wrong(self, answer: str) -> str:
        """Return an error message for an entry, or the empty string."""
        if self.required and not self.choice and not answer.strip():
            return f"{self.label} is required."
        return self.check(answer) if self.check is not None and answer else ""


class Form(Dialog[T]):
    """Answers with the result of `work`, which runs in a thread with the input.

    Esc stops the work only if it is `stoppable`: it then doesn't write before its end.
    """

    SCOPE = "form"

    loader: Loader

    def __init__(
        self,
        title: str,
        lines: Sequence[Asked],
        work: Callable[[Job, dict[str, str]], T],
        *,
        text: str = "",
        label: str = "Trying",
        stoppable: bool = False,
    ) -> None:
        super().__init__(title, text)
        self.loader = Loader(self, self.show_error)
        self._lines = tuple(lines)
        self._work = work
        self._label = label
        self._stoppable = stoppable
        self._paths = PathList() if any(one.path for one in self._lines) else None

    def compose_body(self) -> ComposeResult:
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
                if asked.path and self._paths is not None:
                    yield self._paths
        yield Static("", classes="dialog-wrong", markup=False)

    def on_mount(self) -> None:
        # A form with answers from before starts at the first one that is missing.
        empty = [
            asked
            for asked in self._lines
            if not asked.choice and asked.required and not asked.value
        ]
        first = (empty or self._lines)[0]
        self.query_one(f"#{first.name}").focus()
        for asked in self._lines:
            if asked.path and self._paths is not None:
                self._paths.show(asked.value)

    def on_descendant_focus(self) -> None:
        if self._paths is not None:
            self._paths.display = self._in_path()

    @dialog_action("form.take", "Continue", "enter", hint=30, priority=True)
    def take(self) -> None:
        self.once_typed(lambda: self._once_listed(self._take))

    @dialog_action("form.next", "Next field", "down", hint=20, priority=True)
    def next_line(self) -> None:
        self._once_listed(lambda: self._step(1) or self.focus_next())

    @dialog_action("form.previous", "Previous field", "up", priority=True)
    def previous_line(self) -> None:
        self._once_listed(lambda: self._step(-1) or self.focus_previous())

    def _once_listed(self, then: Callable[[], object]) -> None:
        """Call `then` once the focused line has its list of paths, if it is for a path."""
        # Right after typing, the list is still that of the earlier path: Down and Enter would
        # choose from it.
        if self._listed is not None:
            self._listed.once_shown(then)
        else:
            then()

    def _step(self, direction: int) -> bool:
        """Move in the list of paths; False at its end, or if the focused line has no list."""
        return self._listed is not None and self._listed.step(direction)

    @property
    def _listed(self) -> PathList | None:
        """The list of paths, while the focused line is for a path."""
        return self._paths if self._in_path() else None

    def _in_path(self) -> bool:
        paths = [one.name for one in self._lines if one.path]
        return self.focused is not None and self.focused.id in paths

    # On the other lines, Tab moves the focus as usual.
    @dialog_action(
        "form.complete", "Complete path", "tab", hint=25, priority=True, applies=_in_path
    )
    def complete_path(self) -> None:
        entry = self.focused
        if isinstance(entry, Input):
            typed = entry.value
            self.loader.load(
                "paths",
                lambda _: completed_path(typed),
                lambda path: self._set_path(entry, path) if entry.value == typed else None,
                label="",
                quiet=True,
            )

    def _set_path(self, entry: Input, path: str) -> None:
        entry.value = path
        entry.cursor_position = len(path)

    @on(PathList.Picked)
    def _picked(self, message: PathList.Picked) -> None:
        for asked in self._lines:
            if asked.path:
                self._set_path(self.query_one(f"#{asked.name}", Input), message.entry.path)

    @on(Input.Changed)
    def _edited(self, event: Input.Changed) -> None:
        # An old error isn't about the new text.
        if event.input.has_focus and not self.loader.is_loading:
            self._say("")
        if self._listed is not None and event.input is self.focused:
            self._listed.show(event.value)

    def _take(self) -> None:
        if self.loader.is_loading:
            return
        entry = self.focused
        if self._listed is not None and isinstance(entry, Input):
            row = self._listed.chosen(entry.value)
            if row is not None:
                self._set_path(entry, row.path)
                return
        answers = self.answers()
        for asked in self._lines:
            wrong = asked.wrong(answers[asked.name])
            if wrong:
                entry = self.query_one(f"#{asked.name}")
                # Enter on a filled line moves to the next empty one. That isn't an error yet.
                self._say("" if entry is not self.focused and not answers[asked.name] else wrong)
                entry.focus()
                return

        def done(result: T) -> None:
            self._forget()
            self.dismiss(result)

        self._say(f"{self._label}…", "$muted")
        self.loader.load(
            "form",
            lambda job: self._work(job, answers),
            done,
            label=self._label,
            cancellable=self._stoppable,
        )

    def cancel(self) -> None:
        if self._stoppable and self.loader.cancel("form"):
            self._say("Stopped.", "$muted")
        # Other work in progress can't be stopped halfway.
        elif not self.loader.is_loading:
            self._forget()
            super().cancel()

    def answers(self) -> dict[str, str]:
        found = {}
        for asked in self._lines:
            widget = self.query_one(f"#{asked.name}")
            if isinstance(widget, Tick):
                found[asked.name] = YES if widget.value else NO
            elif isinstance(widget, Input):
                found[asked.name] = widget.value
        return found

    def show_error(self, error: CrmdeckError) -> None:
        """Show an error in the form, and move to the line whose answer it names."""
        lines = [error.message, error.cause, error.remedy]
        text = f"{error.message} {error.cause or ''}"
        answers = self.answers()
        named = [
            asked.name
            for asked in self._lines
            if not (asked.choice or asked.hidden)
            and (answer := answers[asked.name].strip())
            and re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, re.IGNORECASE)
        ]
        if named:
            # The longest one: a short answer is in many messages by chance.
            self.query_one(f"#{max(named, key=lambda name: len(answers[name]))}").focus()
        shown = [display_text(line[:LONGEST]) for line in lines if line]
        self.query_one(".dialog-wrong", Static).update(
            Content("\n").join(
                [
                    Content.styled(shown[0], "$bad"),
                    *(Content.styled(s, "$foreground") for s in shown[1:]),
                ]
            )
        )

    def _forget(self) -> None:
        # The widgets may outlive the dialog.
        for entry in self.query(SecretInput):
            entry.value = ""

    def _say(self, text: str, color: str = "$bad") -> None:
        self.query_one(".dialog-wrong", Static).update(
            Content.styled(display_text(text, LONGEST), color)
        )


def answered(answers: Mapping[str, str], name: str) -> str | None:
    """Return an entry without surrounding space, or None if it is empty."""
    return answers.get(name, "").strip() or None


def asked_path(value: str = "") -> Asked:
    """Return the line that asks for the path of exported schemas."""
    label = "Folder or file of exported schemas"
    return Asked("path", label, value=value, path=True, check=_path_is_wrong)


def completed_path(text: str) -> str:
    """Return the path completed as far as all matches agree."""
    names = [entry.name for entry in path_entries(text) if not entry.is_own and entry.name != UP]
    above, start = text[: text.rfind("/") + 1], text[text.rfind("/") + 1 :]
    common = commonprefix(names)  # noqa: RUF071 - letters in common, not folders
    return f"{above}{common or start}"


def _path_is_wrong(text: str) -> str:
    try:
        there = absolute_path(text.strip()).exists()
    except (UsageError, OSError, ValueError):
        there = False
    return "" if there else f"Nothing exists at {text}."
