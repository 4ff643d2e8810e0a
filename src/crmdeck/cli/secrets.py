"""crmdeck secrets."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.options import JsonOption, NamesArgument
from crmdeck.cli.output import emit, emit_json, emit_or_say, say
from crmdeck.cli.session import in_workspace
from crmdeck.model import SecretsPlace
from crmdeck.text import count
from crmdeck.workspace import new_secrets_key

app = command_group()


@app.command("move")
@in_workspace(demo=False)
def move_secrets(
    ws: workspace.Workspace,
    names: NamesArgument = None,
    to: Annotated[
        SecretsPlace, typer.Option("--to", help="keyring, file or workspace.")
    ] = SecretsPlace.WORKSPACE,
    as_json: JsonOption = False,
) -> None:
    """Move secrets of connections on this machine to another place.

    In the workspace they are encrypted, and every machine with the key can use them.
    """
    result = ws.secrets.move(names or (), to)
    if as_json:
        emit_json(result)
        return
    for name in result.moved:
        say(f"Moved the secrets of {name}.")
    for name in result.without:
        say(f"{name} has no stored secrets on this machine.")


@app.command("new-key")
def print_new_key() -> None:
    """Print a new key for secrets in the workspace."""
    emit(new_secrets_key())


@app.command("rotate")
@in_workspace(demo=False)
def rotate_key(ws: workspace.Workspace, as_json: JsonOption = False) -> None:
    """Encrypt the secrets in the workspace for a new key.

    Put the new key before the old one first. Remove the old key afterward.
    """
    result = ws.secrets.rotate()
    secrets = count(result.secrets, "secret")
    emit_or_say(result, f"Encrypted {secrets} for the key {result.key}.", as_json)
