"""The CLI command for a key, ready to paste into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from crmdeck.errors import UsageError
from crmdeck.home import demo_home, resolve_database, resolve_home

if TYPE_CHECKING:
    from crmdeck.workspace.context import Context


Option = str | bool | Sequence[str] | None


def command_line(context: Context, command: str, *arguments: str, **options: Option) -> str:
    """Return a command in the workspace of `context`, quoted for a POSIX shell.

    A True option is a flag, None and False are left out, and a list repeats the option. The
    workspace appears unless it is the default; a database password never does.
    """
    return command_lines(context)(command, *arguments, **options)


def command_lines(context: Context) -> Callable[..., str]:
    """Return `command_line` of a context, for many commands."""
    return partial(_command_line, [_quote(word) for word in _where(context)])


# Thousands of findings name few connections, pairs and fields.
_quote = lru_cache(maxsize=4096)(shlex.quote)


def _command_line(where: Sequence[str], command: str, *arguments: str, **options: Option) -> str:
    words = ["crmdeck", command]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words += [flag] * value
        elif value is not None:
            for one in [value] if isinstance(value, str) else value:
                words += [flag, _quote(one)]
    words += where
    # After it, an ID or a value that begins with a dash is not an option.
    if any(argument.startswith("-") for argument in arguments):
        words.append("--")
    return " ".join([*words, *map(_quote, arguments)])


def no_connections(context: Context, verb: str) -> UsageError:
    """Return the error for a command that has no connection to work on; `verb` is what it does."""
    add = command_line(context, "connections add NAME", source="SOURCE")
    return UsageError(
        f"No connection to {verb} in {context.store.place}.",
        cause="The workspace has no connections, or all are disconnected.",
        remedy=f"Choose another workspace with --home, add a connection: {add}, or try the demo: "
        "crmdeck demo",
        code="NO_CONNECTIONS",
    )


def _where(context: Context) -> Sequence[str]:
    if context.home == demo_home():
        return ("--demo",)
    if context.home == resolve_home():
        return ()
    # A database in the settings or in the environment is found from the folder again.
    if context.shared and context.settings.database is None and resolve_database() is None:
        return ("--home", context.store.place)
    return ("--home", str(context.home))
