"""Commands about the console: open it, serve it, draw it, list its keys."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path
from typing import Annotated, Literal

import typer

from crmdeck import workspace
from crmdeck.cli.completion import SCRIPTS
from crmdeck.cli.launch import open_console
from crmdeck.cli.listing import Listing, lists
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, ReadOnlyOption
from crmdeck.cli.output import emit, say
from crmdeck.cli.session import failing, in_workspace, with_extra
from crmdeck.home import require_home


def console(
    home: HomeOption = None, demo: DemoOption = False, read_only: ReadOnlyOption = False
) -> None:
    """Open the console."""
    raise typer.Exit(open_console(home, demo=demo, read_only=read_only))


def demo(
    read_only: ReadOnlyOption = False,
    reset: Annotated[
        bool, typer.Option("--reset", help="Discard all changes to the demo, and stop.")
    ] = False,
) -> None:
    """Open the console with the built-in demo: sample CRMs with three months of history.

    All shells share the demo. Your changes stay for up to 12 hours.
    """
    if reset:
        with failing():
            workspace.reset_demo()
        say("The demo is as new.")
        return
    raise typer.Exit(open_console(demo=True, read_only=read_only))


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"],
        typer.Argument(metavar="SHELL", help="Shell: bash, zsh or fish."),
    ],
) -> None:
    """Print a completion script for your shell, or install it:

    \b
    D=~/.local/share/bash-completion/completions
    mkdir -p $D && crmdeck completion bash > $D/crmdeck

    \b
    D=~/.config/fish/completions
    mkdir -p $D && crmdeck completion fish > $D/crmdeck.fish

    \b
    D=~/.zfunc  # in ~/.zshrc: fpath=(~/.zfunc $fpath); autoload -U compinit
    mkdir -p $D && crmdeck completion zsh > $D/_crmdeck
    """
    emit(SCRIPTS[shell])


def web(
    host: Annotated[
        str, typer.Option("--host", help="Loopback address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")
    ] = 8000,
    read_only: ReadOnlyOption = False,
    home: HomeOption = None,
    demo: DemoOption = False,
) -> None:
    """Serve the console to a browser on this machine, and print its URL (extra: web)."""
    with failing(), with_extra("web"):
        require_home(home, demo=demo)
        from crmdeck.tui.web import serve_web

        serve_web(home, demo=demo, read_only=read_only, host=host, port=port)


def screenshots(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder for the pictures.")
    ] = Path("screenshots"),
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare with the existing pictures, and change nothing."),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help="Name of a picture (repeatable; default: all)."
        ),
    ] = None,
    png: Annotated[
        bool, typer.Option("--png", help="Also draw PNG files (requires the extra crmdeck[png]).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw the pictures for the docs from the running console with the demo."""
    # Textual takes longer to import than the other commands of this module run.
    from crmdeck.tui.pictures.screenshots import draw_screenshots

    with failing(as_json):
        drawn = draw_screenshots(folder, check=check, only=only or (), png=png)
        for path in drawn:
            say(str(path))


@lists
@in_workspace()
def keys(ws: workspace.Workspace, listing: Listing) -> None:
    """List the keys of the console, with the IDs for remapping them."""
    from crmdeck.tui.key_table import key_records

    records = key_records(ws.settings.keys)
    listing.emit(
        records,
        columns=tuple(records[0]),
        record=lambda key: key,
        table={
            "pane": itemgetter("scope"),
            "keys": lambda key: " ".join(key["keys"]),
            "action": itemgetter("title"),
            "id": itemgetter("id"),
        },
    )
