"""Commands about the console: open it, serve it, draw it, list its keys."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path
from typing import Literal

from crmdeck import workspace
from crmdeck.cli.completion import SCRIPTS
from crmdeck.cli.launch import open_console
from crmdeck.cli.listing import Listing
from crmdeck.cli.output import emit, emit_or_say, say
from crmdeck.cli.session import needs
from crmdeck.errors import ExitCode
from crmdeck.home import require_home


def console(home: str | None = None, demo: bool = False, read_only: bool = False) -> ExitCode:
    """Open the console."""
    return open_console(home, demo=demo, read_only=read_only)


def demo(read_only: bool = False, reset: bool = False) -> ExitCode:
    """Open the console with the built-in demo: sample CRMs with three months of history.

    All shells share the demo. Your changes stay for up to 12 hours.
    """
    if not reset:
        return open_console(demo=True, read_only=read_only)
    workspace.reset_demo()
    say("The demo is back to its original state.")
    return ExitCode.OK


def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
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


@needs(extra="web")
def web(
    host: str = "127.0.0.1",
    port: int = 8000,
    read_only: bool = False,
    home: str | None = None,
    demo: bool = False,
) -> None:
    """Serve the console to a browser on this machine, and print its URL (extra: web)."""
    require_home(home, demo=demo)
    from crmdeck.tui.web import serve_web

    serve_web(home, demo=demo, read_only=read_only, host=host, port=port)


def screenshots(
    folder: Path = Path("screenshots"),
    check: bool = False,
    only: list[str] | None = None,
    png: bool = False,
    as_json: bool = False,
) -> None:
    """Draw the pictures for the docs, from the console with the demo."""
    # Textual takes longer to import than the other commands of this module run.
    from crmdeck.tui.pictures.screenshots import draw_screenshots

    drawn = [str(path) for path in draw_screenshots(folder, check=check, only=only or (), png=png)]
    emit_or_say({"drawn": drawn}, "\n".join(drawn), as_json)


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
