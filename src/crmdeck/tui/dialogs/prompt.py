"""Ask for one line of text: a note, a name, a path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.app import ComposeResult
from textual.widgets import Static

from crmdeck.errors import UsageError
from crmdeck.home import absolute_path
from crmdeck.tui.dialogs.dialog import Dialog, dialog_action
from crmdeck.tui.text import display_text
from crmdeck.tui.widgets.inputs import LineInput


class Prompt(Dialog[str]):
    """Answers with the text on Enter.

    `check` returns an error message for a text, or the empty string.
    """

    SCOPE = "prompt"

    def __init__(
        self,
        title: str,
        text: str = "",
        *,
        value: str = "",
        placeholder: str = "",
        check: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(title, text)
        self._value = value
        self._placeholder = placeholder
        self._check = check

    def compose_body(self) -> ComposeResult:
        yield LineInput(self._value, placeholder=self._placeholder, compact=True)
        yield Static("", classes="dialog-wrong", markup=False)

    @dialog_action("prompt.take", "Done", "enter", hint=30, priority=True)
    def take(self) -> None:
        self.once_typed(self._take)

    def _take(self) -> None:
        value = self.query_one(LineInput).value
        wrong = self._check(value) if self._check is not None else ""
        if wrong:
            self.query_one(".dialog-wrong", Static).update(display_text(wrong, 200))
        else:
            self.dismiss(value)


def free_name(stem: str, ending: str) -> str:
    """Return the name of a file that doesn't exist yet in the current folder."""
    name, number = f"{stem}.{ending}", 2
    while Path(name).exists():
        name, number = f"{stem}-{number}.{ending}", number + 1
    return name


def wrong_file(name: str) -> str:
    """Return why a new file can't have this name, or the empty string."""
    wrong = wrong_folder(name, "file name")
    if wrong:
        return wrong
    folder = absolute_path(name).parent
    return "" if folder.is_dir() else f"Folder {folder} doesn't exist."


def wrong_folder(name: str, what: str = "folder") -> str:
    """Return why a new folder can't have this name, or the empty string."""
    if not name.strip():
        return f"Enter a {what}."
    try:
        path = absolute_path(name)
        return f"{path} already exists. Choose another name." if path.exists() else ""
    except UsageError as error:
        return error.message
    # Too long a name, or a folder without permission to read it.
    except (OSError, ValueError) as error:
        return f"Can't use this name ({type(error).__name__})."
