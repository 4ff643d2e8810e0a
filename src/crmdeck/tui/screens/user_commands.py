"""Programs that a user binds to keys: `[[command]]` in settings.toml.

No shell runs, and each value stays inside its argument, whatever the CRM names its fields.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.redaction import redact
from crmdeck.tui.dialogs.choose import Choose, menu_choice
from crmdeck.tui.keys.actions import Action, actions, add_action, is_key, key_label
from crmdeck.tui.panes.pane import CrmPlace
from crmdeck.workspace import UserCommand

if TYPE_CHECKING:
    from crmdeck.tui.screens.main import MainScreen

_NAME = re.compile(r"\{(\w+)\}")
LONGEST_OUTPUT = 2000
RUN = "r"


def bind_commands(screen: MainScreen, commands: Sequence[UserCommand]) -> tuple[str, ...]:
    """Bind the commands to their keys, and return a problem for each key that is taken."""
    # Reversed, so that of several actions with a key the one declared first is named.
    taken = {key: action.id for action in reversed(actions()) for key in action.keys}
    problems = []
    for command in commands:
        if not is_key(command.key):
            problems.append(f"no key named '{command.key}', used for '{command.run[0]}'")
            continue
        if command.key in taken:
            problems.append(
                f"{key_label(command.key)} already runs {taken[command.key]}: "
                f"choose another key for '{command.run[0]}'"
            )
            continue
        taken[command.key] = f"command.{command.key}"
        add_action(
            screen,
            Action(
                taken[command.key],
                command.title or command.run[0],
                (command.key,),
                partial(ask_and_run, command=command),
                help=f"Run {shlex.join(command.run)}",
            ),
        )
    return tuple(problems)


def ask_and_run(screen: MainScreen, *, command: UserCommand) -> None:
    """Show the command for the row under the cursor, and run it if the user wants to."""
    place = (screen.pane.crm_place() if screen.pane is not None else None) or CrmPlace("")
    names = {status.id: status.name for status in screen.host.statuses}
    values = {
        "connection": names.get(place.connection_id, ""),
        "object": place.object_type or "",
        "field": place.field_name or "",
    }
    try:
        arguments = arguments_of(command.run, values)
    except UsageError as error:
        screen.host.say(" ".join(filter(None, (error.message, error.remedy))), severity="warning")
        return

    def answered(key: str | None) -> None:
        if key == RUN:
            _run(screen, arguments)

    dialog = Choose(
        f"Run {command.title or command.run[0]}?",
        [menu_choice(RUN, "Run", "no shell runs it")],
        text=shlex.join(arguments),
        cancel="change nothing",
        opened_by=command.key,
    )
    screen.app.push_screen(dialog, answered)


def arguments_of(run: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """Return a program and its arguments, with the values in place of their names in braces.

    Raises UsageError if the row has no such value, or if a program would take a value for an
    option.
    """
    found = []
    for part in run:
        for name in _NAME.findall(part):
            if not values.get(name):
                raise UsageError(
                    f"This row has no {name}.",
                    remedy=f"Choose a row with a value for {part}",
                )
        text = _NAME.sub(lambda match: values[match[1]], part)
        # No argument can contain a null character, and a value must not become an option.
        if "\0" in text or (text.startswith("-") and not part.startswith("-")):
            raise UsageError(
                f"Can't pass {text[:60]!r} as an argument: a program would read an option.",
                remedy=f"Put text before it in settings.toml, such as --title={part}",
            )
        found.append(text)
    return tuple(found)


def _run(screen: MainScreen, arguments: Sequence[str]) -> None:
    program = arguments[0]

    def done(answer: tuple[int, str]) -> None:
        code, output = answer
        shown = f"{program} is done." if code == 0 else f"{program} failed with exit code {code}."
        text = "\n".join(filter(None, (shown, output)))
        screen.host.say(text, severity="warning" if code else "information", timeout=10)

    def failed(error: CrmdeckError) -> None:
        screen.host.say(f"{error.message} {error.cause}", severity="warning", timeout=10)

    screen.loader.load(
        f"command {program}",
        lambda _: run_program(arguments),
        done,
        failed=failed,
        label=f"running {program}",
        cancellable=False,
    )


def run_program(arguments: Sequence[str]) -> tuple[int, str]:
    """Return the exit code of a program, and the end of its output. Raises UsageError."""
    try:
        done = subprocess.run(
            arguments,
            # Keys belong to the console.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise UsageError(
            f"Can't start '{arguments[0]}'.",
            cause=f"{error.strerror or type(error).__name__}.",
            remedy="Correct the [[command]] in settings.toml",
        ) from None
    return done.returncode, redact(done.stdout.decode("utf-8", "replace").strip())[-LONGEST_OUTPUT:]
