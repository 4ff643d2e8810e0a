"""The command line: one line a command, the console without any."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Annotated, Any, NamedTuple

import typer
from typer.main import get_command

from crmdeck import __version__
from crmdeck.cli.examples import epilog
from crmdeck.cli.groups import Group, command_group
from crmdeck.cli.output import emit, report_error, set_quiet
from crmdeck.cli.usage import usage_error
from crmdeck.errors import ExitCode, UsageError


class Command(NamedTuple):
    """A command, or a group of them: the module it stands in, and what `--help` says of it."""

    module: str
    help: str


COMMANDS = {
    "console": Command("console", "Open the console; so does crmdeck without a command."),
    "demo": Command("console", "Open the console over the built-in demo."),
    "connections": Command("connections", "List, add, change, test and rename connections."),
    "status": Command("health", "Tell how connections are doing."),
    "refresh": Command("health", "Discover the schema again and tell what changed."),
    "check": Command("check", "Refresh, and tell what happened since the last check; a gate."),
    "watch": Command("check", "Check again and again, until told to stop."),
    "schema": Command("schema", "List object types, or the fields of one."),
    "drift": Command("drift", "Tell what changed, newest first, and acknowledge it."),
    "compare": Command("drift", "Tell how two cached schemas differ."),
    "suggest": Command("mapping", "Suggest a CRM field for each PartnerOS field."),
    "mapping": Command("mapping", "Decide on field pairs, line by line."),
    "preflight": Command("preflight", "Show which writes the CRM will refuse or change."),
    "export": Command("exports", "Hand over what is cached, in many formats."),
    "audit": Command("audit", "Tell who did what when, newest first."),
    "disconnect": Command("connections", "Mark a connection as disconnected."),
    "config": Command("config", "List the settings, and change them."),
    "backup": Command("backup", "Write the whole history to one file."),
    "restore": Command("backup", "Put back what a backup holds, here or elsewhere."),
    "serve": Command("serve", "Serve the Integrations API, so that a team shares one crmdeck."),
    "match": Command("mapping", "Rank the fields of one schema file against those of another."),
    "sandbox": Command("sandbox", "Start the built-in CRM on loopback."),
    "screenshots": Command("console", "Draw the pictures of the docs from the console."),
    "keys": Command("console", "List the console's keys."),
    "completion": Command("console", "Print the script that completes words in a shell."),
    "web": Command("console", "Serve the console to a browser on this machine."),
    "doctor": Command("health", "Check this machine and this workspace."),
}
"""Every command in the order of `--help`, which imports none of their modules."""

GROUPS = ("config", "connections", "mapping", "serve")


class CommandGroup(Group):
    """The commands of `COMMANDS`, each imported when it is asked for.

    A mistake on the command line is told in one line, with --json as JSON.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command with its parser, None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"crmdeck.cli.{COMMANDS[cmd_name].module}")
        command: Any = get_command(_typer(module, cmd_name))
        command.epilog = epilog(cmd_name)
        for name, inner in getattr(command, "commands", {}).items():
            inner.epilog = epilog(f"{cmd_name} {name}")
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.help) for name, command in COMMANDS.items()])

    def main(self, args: Any = None, *positional: Any, **named: Any) -> Any:
        """Parse `args`, by default those of the process, run the command, and exit."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(args, *positional, **(named | {"standalone_mode": False}))
        except typer.Abort:
            # The end of what is typed in, where an answer was asked for.
            sys.exit(1)
        except Exception as error:
            # The parser's own kinds of error are not public; each can tell itself in a sentence.
            tell = getattr(error, "format_message", None)
            if tell is None:
                raise
            context = getattr(error, "ctx", None)
            if context is not None and tell() == context.get_help():
                sys.stderr.write(tell() + "\n")
                sys.exit(int(ExitCode.USAGE))
            mistake, as_json = usage_error(error), "--json" in given
            report_error(mistake if as_json else UsageError(str(mistake)), as_json=as_json)
            sys.exit(int(ExitCode.USAGE))
        sys.exit(code)


def _typer(module: ModuleType, name: str) -> typer.Typer:
    if name in GROUPS:
        group: typer.Typer = module.app
        group.info.help = COMMANDS[name].help
        return group
    lone = command_group()
    lone.command(name)(getattr(module, name))
    return lone


app = command_group(
    "crmdeck",
    cls=CommandGroup,
    help="Look after the CRM connections of a PartnerOS organization: health, schema, drift, "
    "mapping. Without a command the console opens, with the options of 'crmdeck console'.",
    lone=True,
)


@app.callback(invoke_without_command=True)
def root(
    # Flags only: typer loads pydantic for anything else, before a command's help is shown.
    version: Annotated[bool, typer.Option("--version", help="Tell the version.")] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet", help="Data and errors only, no other messages; before or after the command."
        ),
    ] = False,
    no_color: Annotated[
        bool,
        typer.Option(
            "--no-color",
            help="No colors and no bold, as with $NO_COLOR; before or after the command.",
        ),
    ] = False,
) -> None:
    """See the help of the application, above."""
    set_quiet(quiet)
    if no_color:
        os.environ["NO_COLOR"] = "1"
    if version:
        emit(f"crmdeck {__version__}")
        raise typer.Exit
