"""crmdeck secrets."""

from __future__ import annotations

from crmdeck import workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.output import emit, emit_or_say
from crmdeck.cli.session import ChangeMode, needs
from crmdeck.model import SecretsPlace
from crmdeck.text import count
from crmdeck.workspace import new_secrets_key

app = command_group()


@app.command("move")
@needs(demo=False)
def move_secrets(
    ws: workspace.Workspace,
    mode: ChangeMode,
    names: list[str] | None = None,
    to: SecretsPlace = SecretsPlace.WORKSPACE,
) -> None:
    """Move secrets of connections on this machine to another place.

    In the workspace they are encrypted, and every machine with the key can use them.
    """

    def show(result: workspace.MovedSecrets) -> None:
        lines = [f"Moved the secrets of {name}." for name in result.moved]
        lines += [f"{name} has no stored secrets on this machine." for name in result.without]
        emit_or_say(result, "\n".join(lines), mode.as_json)

    mode.carry_out(
        ws, lambda: ws.secrets.move(names or (), to), show, lambda result: len(result.moved)
    )


@app.command("new-key")
def print_new_key() -> None:
    """Print a new key for secrets in the workspace."""
    emit(new_secrets_key())


@app.command("rotate")
@needs(demo=False)
def rotate_key(ws: workspace.Workspace, mode: ChangeMode) -> None:
    """Encrypt the secrets in the workspace for a new key.

    Put the new key before the old one first. Remove the old key afterward.
    """

    def show(result: workspace.RotatedKey) -> None:
        secrets = count(result.secrets, "secret")
        emit_or_say(result, f"Encrypted {secrets} for the key {result.key}.", mode.as_json)

    mode.carry_out(ws, ws.secrets.rotate, show, lambda result: result.secrets)
