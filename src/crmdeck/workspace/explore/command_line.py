"""The command that does the same as a key, to be pasted into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmdeck.home import demo_home, resolve_database, resolve_home

if TYPE_CHECKING:
    from crmdeck.workspace.context import Context


Option = str | bool | Sequence[str] | None


def command_line(context: Context, command: str, *arguments: str, **options: Option) -> str:
    """Return a command in the workspace of `context`, quoted for a POSIX shell.

    `command` may be of several words (`mapping accept`). An option that is True is a flag, one
    that is None or False is left out, several values are given one by one. The workspace
    is named where the command would not find it by itself; a password in the address of a database
    is left out.
    """
    words = ["crmdeck", *command.split()]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [flag] * value
        elif value is not None:
            for one in [value] if isinstance(value, str) else value:
                words += [flag, one]
    words += _where(context)
    if any(argument.startswith("-") for argument in arguments):
        words.append("--")
    return shlex.join([*words, *arguments])


def _where(context: Context) -> Sequence[str]:
    if context.home == demo_home():
        return ("--demo",)
    if context.home == resolve_home():
        return ()
    if context.shared and context.settings.database is None and resolve_database() is None:
        return ("--home", context.store.place)
    return ("--home", str(context.home))
