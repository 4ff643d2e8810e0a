"""The console opened, served to a browser, drawn, and its keys listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from crmdeck.cli.completion import SCRIPTS
from crmdeck.cli.launch import open_console
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, ReadOnlyOption
from crmdeck.cli.output import emit, emit_table, say
from crmdeck.cli.session import failing, open_workspace
from crmdeck.errors import UsageError


def console(
    home: HomeOption = None, demo: DemoOption = False, read_only: ReadOnlyOption = False
) -> None:
    """Open the console."""
    raise typer.Exit(open_console(home, demo=demo, read_only=read_only))


def demo(read_only: ReadOnlyOption = False) -> None:
    """Open the console over the built-in demo: a sandbox CRM with three months of history."""
    raise typer.Exit(open_console(demo=True, read_only=read_only))


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"], typer.Argument(metavar="SHELL", help="bash, zsh or fish.")
    ],
) -> None:
    """Print the script that completes words in a shell.

    For bash: crmdeck completion bash > ~/.local/share/bash-completion/completions/crmdeck
    """
    emit(SCRIPTS[shell])


def web(
    host: Annotated[str, typer.Option("--host", help="An address of loopback.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    read_only: ReadOnlyOption = False,
    home: HomeOption = None,
    demo: DemoOption = False,
) -> None:
    """Serve the console to a browser on this machine; prints the address to open.

    Needs the extra: pip install 'crmdeck[web]'.
    """
    with failing():
        try:
            from crmdeck.tui.web import serve_web
        except ImportError as error:
            raise UsageError(
                "The console in a browser needs an extra that is not installed.",
                cause=f"{error.name} is missing.",
                remedy="pip install 'crmdeck[web]'",
                code="EXTRA_MISSING",
            ) from None
        serve_web(home, demo=demo, read_only=read_only, host=host, port=port)


def screenshots(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where the pictures go.")
    ] = Path("screenshots"),
    check: Annotated[
        bool, typer.Option("--check", help="Compare with what is there, and change nothing.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Only this picture (repeatable)."),
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="Stills as PNG too; needs the extra crmdeck[png].")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw the pictures of the docs from the running console over the demo.

    Stills, and a session as an animation; each is the same on every machine.
    """
    from crmdeck.tui.pictures.screenshots import draw_screenshots

    with failing(as_json):
        drawn = draw_screenshots(folder, check=check, only=only or (), png=png)
        for path in drawn:
            say(str(path))


def keys(home: HomeOption = None, demo: DemoOption = False, as_json: JsonOption = False) -> None:
    """List the console's keys with the ids that a key map remaps."""
    from crmdeck.tui.keys.table import key_records

    with open_workspace(home, demo, as_json) as ws:
        records = key_records(ws.settings.keys)
        if as_json:
            emit(json.dumps(records, indent=2))
            return
        emit_table(
            ("where", "keys", "what it does", "id"),
            [
                (r["scope"], " ".join(map(str, cast("list[str]", r["keys"]))), r["title"], r["id"])
                for r in records
            ],
        )
