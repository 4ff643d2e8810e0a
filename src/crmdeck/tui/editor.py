"""A text handed to the user's own editor, over the suspended console."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from textual.app import App, SuspendNotSupported

from crmdeck.errors import UsageError


def edited(app: App[Any], text: str, name: str) -> str:
    """Return `text` as the user left it in `$VISUAL`, `$EDITOR` or vi, as a file called `name`.

    The file is private and gone afterwards. Blocks until the editor is left. Raises UsageError
    where there is no terminal to hand over, no such editor, it ends with an error, or the file
    can't be written or read.
    """
    command = _editor()
    try:
        with TemporaryDirectory(prefix="crmdeck-") as folder:
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            _run(app, command, path)
            return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError("What was saved is not UTF-8 text.") from None
    except OSError as error:  # the editor took it away, or the disk is full
        raise UsageError(
            f"The file that '{command[0]}' was to edit can't be read.",
            cause=error.strerror or type(error).__name__,
        ) from None


def _run(app: App[Any], command: list[str], path: Path) -> None:
    try:
        with app.suspend():
            code = subprocess.call([*command, str(path)])
    except SuspendNotSupported:
        raise UsageError("There is no terminal here to hand to an editor.") from None
    except OSError as error:
        raise UsageError(
            f"The editor '{command[0]}' can't be started.",
            cause=error.strerror or str(error),
            remedy="Name another one in EDITOR.",
        ) from None
    if code != 0:
        raise UsageError(f"'{command[0]}' ended with {code}: nothing was taken over.")


def _editor() -> list[str]:
    wanted = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        return shlex.split(wanted) or ["vi"]
    except ValueError as error:
        raise UsageError(
            "What is in VISUAL or EDITOR is not a command.",
            cause=f"{error}: {wanted}",
            remedy="Quote it as a shell would have it.",
        ) from None
