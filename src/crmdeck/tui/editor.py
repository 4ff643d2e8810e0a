"""Edit a text in the user's own editor, while the console is suspended."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.app import App, SuspendNotSupported

from crmdeck.errors import UsageError


def edited(app: App[object], text: str, name: str) -> str:
    """Return `text` after the user edited it in `$VISUAL`, `$EDITOR` or vi, as a file `name`.

    The file is private and deleted afterwards. Blocks until the editor exits. Raises UsageError
    without a terminal or such an editor, if the editor fails, or if the file can't be written or
    read.
    """
    command = _editor()
    try:
        with TemporaryDirectory(prefix="crmdeck-") as folder:
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            _run(app, command, path)
            return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError("The edited file isn't UTF-8 text.") from None
    except OSError as error:  # The editor deleted it, or the disk is full.
        raise UsageError(
            f"Can't read the file edited in '{command[0]}'.",
            cause=error.strerror or type(error).__name__,
        ) from None


def _run(app: App[object], command: list[str], path: Path) -> None:
    try:
        with app.suspend():
            code = subprocess.call([*command, str(path)])
    except SuspendNotSupported:
        raise UsageError("Can't open an editor here: no terminal.") from None
    except OSError as error:
        raise UsageError(
            f"Can't start the editor '{command[0]}'.",
            cause=error.strerror or str(error),
            remedy="Set EDITOR to another editor.",
        ) from None
    if code != 0:
        raise UsageError(f"'{command[0]}' exited with {code}. Nothing was changed.")


def _editor() -> list[str]:
    wanted = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        # An EDITOR of blanks is none.
        return shlex.split(wanted) or ["vi"]
    except ValueError as error:
        raise UsageError(
            "VISUAL or EDITOR isn't a command.",
            cause=f"{error}: {wanted}",
            remedy="Quote it as for a shell.",
        ) from None
