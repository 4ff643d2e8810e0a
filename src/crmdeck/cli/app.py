"""The table of commands; without a command the console opens."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.main import get_command

from crmdeck import __version__
from crmdeck.cli.examples import EXAMPLES, epilog
from crmdeck.cli.groups import Group, command_group
from crmdeck.cli.output import emit, report_error, say_details, set_filter, set_quiet, set_verbose
from crmdeck.cli.usage import usage_error
from crmdeck.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from typer import _click as click


class Command(NamedTuple):
    """A command or a group of commands: its module, its line in `--help`, and its section there."""

    module: str
    help: str
    section: str | None


_SECTIONS: dict[str | None, dict[str, tuple[str, str]]] = {
    "Every day": {
        "console": ("console", "Open the console (default without a command)."),
        "findings": ("findings", "List what is open, accept risks, and reopen them."),
        "status": ("health", "Show connection health."),
        "check": ("check", "Refresh, then judge the findings (for CI)."),
        "refresh": ("health", "Refresh schemas and show what changed."),
        "drift": ("drift", "List changes, newest first, and acknowledge them."),
        "schema": ("schema", "List objects, or the fields of an object."),
        "mapping": ("mapping", "Accept, reject, check and apply field mappings."),
        "export": ("exports", "Export stored data in many formats."),
    },
    "CRM changes": {
        "preflight": ("preflight", "Show which writes the CRM will reject or change."),
        "propose": ("propose", "Write the CRM changes that a mapping needs, as files."),
        "impact": ("impact", "Show what breaks if a CRM field changes."),
        "explain": ("explain", "Explain sync errors: the change, who made it, and the row."),
        "suggest": ("mapping", "Suggest a CRM field for each PartnerOS field."),
        "compare": ("drift", "Compare two stored schemas."),
    },
    "Connections": {
        "connections": ("connections", "List, add, change, test and rename connections."),
        "disconnect": ("connections", "Mark a connection as disconnected."),
        "secrets": ("secrets", "Move secrets of connections, or replace their key."),
    },
    "Team": {
        "serve": ("serve", "Serve the Integrations API to a team."),
        "policy": ("check", "Show, set and remove the policy that excuses findings."),
        "audit": ("audit", "Show the audit log, newest first."),
        "team": ("team", "Print the SQL grants for a team's database."),
        "mcp": ("mcp", "Answer an assistant's questions (MCP)."),
    },
    "Maintenance": {
        "doctor": ("health", "Check this machine and this workspace."),
        "watch": ("check", "Run a check at intervals until you stop it."),
        "config": ("config", "List and change settings."),
        "backup": ("backup", "Write the whole history to one file."),
        "restore": ("backup", "Restore a backup."),
    },
    "More": {
        "demo": ("console", "Open or reset the built-in demo."),
        "match": ("mapping", "Match the fields of two schema files."),
        "screenshots": ("console", "Draw the pictures for the docs."),
        "sandbox": ("sandbox", "Start the built-in CRM on this machine."),
        "keys": ("console", "List the keys of the console."),
        "completion": ("console", "Print a completion script for your shell."),
        "web": ("console", "Serve the console to a browser on this machine."),
    },
    # `--help` and `--version` are enough in the list.
    None: {
        "help": ("about", "Show the help of a command."),
        "version": ("about", "Print the version."),
    },
}

COMMANDS = {
    name: Command(*row, section)
    for section, rows in _SECTIONS.items()
    for name, row in rows.items()
}
"""Every command in the order of `--help`, which imports none of their modules."""

GROUPS = ("config", "connections", "findings", "mapping", "policy", "secrets", "serve", "team")


class CommandGroup(Group):
    """The commands of `COMMANDS`, each imported on first use.

    A mistake on the command line is one line on stderr, with --json a JSON object.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> click.Command | None:
        return _command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for title, rows in _SECTIONS.items():
            if title is not None:
                with formatter.section(title):
                    # Padded, so that the columns of all sections line up.
                    lines = [(name.ljust(widest), line) for name, (_, line) in rows.items()]
                    formatter.write_dl(lines)

    def main(self, args: Sequence[str] | None = None, *more: Any, **named: Any) -> Any:
        given = _with_json(sys.argv[1:] if args is None else args)
        try:
            # Standing alone, the parser would print its errors itself, never as one line or JSON.
            code = super().main(given, *more, **(named | {"standalone_mode": False}))
        except SystemExit as end:
            # The parser exits with 1 if help goes to a closed pipe.
            raise SystemExit(
                141 if isinstance(end.__context__, BrokenPipeError) else end.code
            ) from None
        except typer.Abort:
            # The input ended while a question was open.
            sys.exit(1)
        except typer.TyperException as error:
            context: click.Context | None = getattr(error, "ctx", None)
            message = error.format_message()
            # A group without a command raises its help as an error.
            if context is not None and message == context.get_help():
                sys.stderr.write(message + "\n")
                sys.exit(int(ExitCode.USAGE))
            mistake, as_json = usage_error(error), "--json" in given
            report_error(mistake if as_json else UsageError(str(mistake)), as_json=as_json)
            if not as_json and context is not None and message.startswith("Missing"):
                say_details(*EXAMPLES.get(context.command_path.partition(" ")[2], ()))
            sys.exit(int(ExitCode.USAGE))
        sys.exit(code)


@functools.cache
def _command(name: str) -> click.Command:
    # The list of commands and the version need neither.
    from crmdeck.cli.session import with_options

    module = importlib.import_module(f"crmdeck.cli.{COMMANDS[name].module}")
    group: typer.Typer
    if name in GROUPS:
        group = module.app
        group.info.help = COMMANDS[name].help
        _add_options(group, name)
    else:
        # Typer makes a command only from a group; a group with one command is that command.
        group = command_group()
        group.command(name)(with_options(getattr(module, name), name))
    command = get_command(group)
    _complete(command, name)
    return command


def _add_options(group: typer.Typer, path: str) -> None:
    """Give the commands of a group the rows of the table of options."""
    from crmdeck.cli.session import with_options

    lone = group.registered_callback
    if lone is not None and lone.callback is not None:
        lone.callback = with_options(lone.callback, path)
    for each in group.registered_commands:
        if each.callback is not None:
            name = each.name or each.callback.__name__
            each.callback = with_options(each.callback, f"{path} {name}")
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _add_options(inner.typer_instance, f"{path} {inner.name}")


def _complete(command: click.Command, path: str) -> None:
    """Give a command and its inner ones their examples and the names of values."""
    command.epilog = epilog(path)
    for name, inner in getattr(command, "commands", {}).items():
        _complete(inner, f"{path} {name}")
    for param in command.params:
        if param.param_type_name == "argument":
            # Typer prints the Python type next to the name, and brackets around ours.
            setattr(param, "display_type_rich", _no_type)  # noqa: B010
            setattr(param, "_usage_display_name", partial(str, param.metavar))  # noqa: B010
        elif param.metavar is None:
            choices = getattr(param, "type_descriptor").choices or ()  # noqa: B009
            named = "|".join(getattr(each, "value", each) for each in choices)
            option = max(param.opts, key=len).removeprefix("--")
            param.metavar = f"[{named}]" if named else option.rpartition("-")[2].upper()


def _no_type(ctx: click.Context) -> None: ...


def _with_json(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the --json that --jq implies."""
    given = list(arguments)
    end = given.index("--") if "--" in given else len(given)
    place = next((n for n in range(end) if given[n].partition("=")[0] == "--jq"), None)
    if place is not None and "--json" not in given[:end]:
        given.insert(place, "--json")
    return given


app = command_group(
    "crmdeck",
    cls=CommandGroup,
    help="Look after the CRM connections of a PartnerOS organization: health, schema, drift, "
    "mapping. If you enter no command, the console opens.",
    lone=True,
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    # Flags only: typer loads pydantic for anything else, before a command's help is shown.
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    spec: Annotated[bool, typer.Option("--spec", help="Print every command as JSON.")] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", help="Print data and errors only (before or after the command)."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show on stderr what crmdeck reads and writes.")
    ] = False,
    no_color: Annotated[
        bool,
        typer.Option(
            "--no-color",
            help="Use no color and no bold, as with $NO_COLOR (before or after the command).",
        ),
    ] = False,
) -> None:
    # A process can run several commands, as tests do: nothing of the last one may be left.
    set_quiet(quiet)
    set_filter(None)
    set_verbose(verbose)
    if no_color:
        os.environ["NO_COLOR"] = "1"
    if version:
        emit(f"crmdeck {__version__}")
        raise typer.Exit
    if spec:
        from crmdeck.cli.output import emit_json
        from crmdeck.cli.spec import describe_commands

        emit_json(describe_commands(context.command, context))
        raise typer.Exit
