"""The command line: one line a command, the console without any."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck.cli import compare, connections, fields, mapping, records, schema, serve, tools, web
from crmdeck.cli.options import DemoOption, HomeOption
from crmdeck.cli.output import emit
from crmdeck.cli.parsing import Commands

app = typer.Typer(
    name="crmdeck",
    cls=Commands,
    help="Look after the CRM connections of a PartnerOS organisation: health, schema, drift, "
    "mapping. Without a command the console opens.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(connections.app, name="connections")
app.command()(schema.status)
app.command()(schema.refresh)
app.command()(fields.schema)
app.command()(schema.drift)
app.command()(compare.compare)
app.command()(mapping.suggest)
app.add_typer(mapping.app, name="mapping")
app.command()(records.export)
app.command()(records.audit)
app.command()(connections.disconnect)
app.add_typer(serve.app, name="serve")
app.command()(tools.match)
app.command()(tools.sandbox)
app.command()(tools.screenshots)
app.command()(tools.keys)
app.command()(web.web)
app.command()(tools.doctor)

ReadOnlyOption = Annotated[
    bool, typer.Option("--read-only", help="Open the console so that nothing can be changed.")
]


@app.callback(invoke_without_command=True)
def console(
    context: typer.Context,
    home: HomeOption = None,
    demo: DemoOption = False,
    read_only: ReadOnlyOption = False,
    version: Annotated[bool, typer.Option("--version", help="Tell the version.")] = False,
) -> None:
    """Open the console, unless a command is given."""
    if version:
        from crmdeck import __version__

        emit(f"crmdeck {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        _console(home, demo=demo, read_only=read_only)


@app.command()
def demo(read_only: ReadOnlyOption = False) -> None:
    """Open the console over the built-in demo: a sandbox CRM with three months of history."""
    _console(None, demo=True, read_only=read_only)


def _console(home: HomeOption, *, demo: bool, read_only: bool) -> None:
    from crmdeck.cli.console import open_console

    raise typer.Exit(open_console(home, demo=demo, read_only=read_only))
