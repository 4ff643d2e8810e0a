"""crmdeck serve."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from crmdeck import mcp, server, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing
from crmdeck.cli.output import emit, emit_json, emit_or_say, say
from crmdeck.cli.session import ChangeMode, needs, open_workspace, with_extra
from crmdeck.errors import UsageError
from crmdeck.model import Role, TokenScope
from crmdeck.text import count

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PASSWORD_VARIABLE = "CRMDECK_SERVE_PASSWORD"  # noqa: S105  the name of a variable
DEFAULT_PORT = 8475

app = command_group(lone=True)
users = command_group(help="Add, change and remove users.")
organizations = command_group(help="Assign connections to organizations.")
tokens = command_group(help="Create, list and revoke tokens for CI and assistants.")
app.add_typer(users, name="users")
app.add_typer(tokens, name="tokens")
app.add_typer(organizations, name="organizations")


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    tls_certificate: Path | None = None,
    tls_key: Path | None = None,
    public_url: str | None = None,
    metrics_port: int | None = None,
    metrics_host: str = "127.0.0.1",
    home: str | None = None,
    demo: bool = False,
    as_json: bool = False,
) -> None:
    """Serve the Integrations API until you stop it.

    Add a user first: crmdeck serve users add EMAIL. Without --host, only this machine can reach
    the server.
    """
    if context.invoked_subcommand is not None:
        return

    def ready(url: str) -> None:
        if as_json:
            emit_json({"url": url})
        else:
            emit(url)
            say("Press Ctrl+C to stop.")

    def answer(ws: workspace.Workspace, only: frozenset[str], name: str | None) -> ASGIApp:
        # Loading it takes a third of the server's start, so the first question does that.
        return mcp.answer_http(ws, only, name)

    with open_workspace(home, demo, as_json) as ws, with_extra("serve"):
        server.log_to_stderr()
        binding = server.Binding(
            host, port, tls_certificate, tls_key, public_url, metrics_host, metrics_port
        )
        # If the mcp extra isn't installed, assistants have no address.
        assistants = answer if find_spec("mcp") else None
        server.serve(ws, binding, ready=ready, assistants=assistants)


@users.command("add")
@needs(demo=False, creates=True, extra="serve")
def add_user(
    ws: workspace.Workspace,
    email: str,
    role: Role | None = None,
    organization: list[str] | None = None,
    as_json: bool = False,
) -> None:
    """Add a user. Enter the password when asked, or set $CRMDECK_SERVE_PASSWORD."""
    organizations = {"organizations": organization} if organization else {}
    user = server.Accounts(ws).add_user(email, _password(), role=role, **organizations)
    emit_or_say(
        _public(user), f"{user.email} can sign in: {server.described_roles(user)}.", as_json
    )


@users.command("list")
@needs(demo=False, extra="serve")
def list_users(ws: workspace.Workspace, listing: Listing) -> None:
    """List users."""
    listing.emit(
        server.Accounts(ws).book().users,
        columns=("email", "roles"),
        record=_public,
        table={"email": "email", "roles": server.described_roles},
    )


@users.command("set")
@needs(demo=False, extra="serve")
def set_user(
    ws: workspace.Workspace,
    email: str,
    password: bool = False,
    role: Role | None = None,
    organization: list[str] | None = None,
    as_json: bool = False,
) -> None:
    """Change a user.

    Enter a new password when asked, or set $CRMDECK_SERVE_PASSWORD.
    """
    if not (password or role or organization):
        raise UsageError("Nothing to change.", remedy="Use --password, --role or --organization.")
    user = server.Accounts(ws).change_user(
        email,
        password=_password() if password else None,
        role=role,
        organizations=organization or None,
    )
    emit_or_say(_public(user), f"Changed {user.email}: {server.described_roles(user)}.", as_json)


@users.command("sign-out")
@needs(demo=False, extra="serve")
def sign_out_user(ws: workspace.Workspace, email: str, as_json: bool = False) -> None:
    """Sign a user out of all sessions."""
    ended = server.Sessions(ws).end_all(email.strip().casefold())
    emit_or_say({"ended": ended}, f"Signed {email} out of {count(ended, 'session')}.", as_json)


@users.command("let-in")
@needs(demo=False, extra="serve")
def let_in_user(ws: workspace.Workspace, email: str, as_json: bool = False) -> None:
    """Print a one-hour token that bypasses the sign-in limit."""
    user = server.Accounts(ws).user(email)
    admission = server.Sessions(ws).trust(user, server.ADMISSION_LIFETIME)
    if as_json:
        emit_json({"admission": admission})
        return
    emit(admission)
    say(f"For an hour, {user.email} can send this token as 'admission' with email and password.")


@users.command("remove")
@needs(demo=False, extra="serve")
def remove_user(ws: workspace.Workspace, email: str, as_json: bool = False) -> None:
    """Remove a user, and sign the user out."""
    user = server.Accounts(ws).remove_user(email)
    emit_or_say(_public(user), f"{user.email} can no longer sign in.", as_json)


@tokens.command("create")
@needs(demo=False, creates=True, extra="serve")
def create_token(
    ws: workspace.Workspace,
    name: str,
    scope: list[TokenScope],
    organization: str = "main",
    days: int = 90,
    as_json: bool = False,
) -> None:
    """Create a token, and print it once.

    Send it to /api/integrations and /mcp as Authorization: Bearer TOKEN.
    """
    end = ws.now + timedelta(days=days)
    text, token = server.Tokens(ws).create(name, organization, scope, end)
    if as_json:
        emit_json({**token.view().to_wire(), "token": text})
        return
    emit(text)
    say(f"Copy the token now. {name} expires on {token.expires_at:%Y-%m-%d}.")


@tokens.command("list")
@needs(demo=False, extra="serve")
def list_tokens(ws: workspace.Workspace, listing: Listing) -> None:
    """List tokens, without the tokens themselves."""
    listing.emit(
        server.Tokens(ws).all(),
        columns=("name", "organization", "scopes", "createdBy", "createdAt", "expiresAt"),
        record=lambda token: token.view().to_wire(),
        table={
            "name": "name",
            "organization": "organization",
            "scopes": lambda token: ", ".join(token.scopes),
            "created by": "created_by",
            "expires": lambda token: token.expires_at.date(),
        },
    )


@tokens.command("revoke")
@needs(demo=False, extra="serve")
def revoke_token(
    ws: workspace.Workspace,
    name: str,
    organization: str = "main",
    as_json: bool = False,
) -> None:
    """Revoke a token on all servers immediately."""
    token = server.Tokens(ws).revoke(name, organization)
    emit_or_say(token.view(), f"Revoked {token.name}.", as_json)


@organizations.command("set")
@needs(demo=False, extra="serve")
def set_organization(
    ws: workspace.Workspace,
    name: str,
    connection: list[str] | None = None,
    everything: bool = False,
    as_json: bool = False,
) -> None:
    """Create an organization or replace its connections."""
    if bool(connection) == everything:
        raise UsageError(
            "No connections for the organization.", remedy="Use either --connection or --all."
        )
    ids = None if everything else tuple(ws.connections.get(ref).id for ref in connection or ())
    made = server.Accounts(ws).set_organization(name, ids)
    number = "all connections" if ids is None else count(len(ids), "connection")
    emit_or_say(made, f"{made.id} has {number}.", as_json)


@organizations.command("list")
@needs(demo=False, extra="serve")
def list_organizations(ws: workspace.Workspace, listing: Listing) -> None:
    """List organizations and their connections."""
    names = {connection.id: connection.name for connection in ws.connections.all()}

    def described(organization: server.Organization) -> str:
        if organization.connections is None:
            return "all others" if organization.id == "main" else "all"
        return ", ".join(names.get(each, each) for each in organization.connections)

    listing.emit(
        server.Accounts(ws).book().organizations,
        columns=("id", "connections"),
        table={"organization": "id", "connections": described},
    )


@organizations.command("remove")
@needs(demo=False, extra="serve")
def remove_organization(ws: workspace.Workspace, mode: ChangeMode, name: str) -> None:
    """Remove an organization that has no users. Its tokens go, its connections stay."""
    tokens = server.Tokens(ws)
    mine = [token for token in tokens.all() if token.organization == name]

    def remove() -> server.Organization:
        removed = server.Accounts(ws).remove_organization(name)
        for token in mine:
            tokens.revoke(token.name, name)
        return removed

    def show(removed: server.Organization) -> None:
        words = f"Removed {removed.id} and {count(len(mine), 'token')}."
        emit_or_say(removed, words, mode.as_json)

    mode.carry_out(ws, remove, show, lambda _: 1 + len(mine))


def _public(user: server.User) -> dict[str, object]:
    return user.model_dump(mode="json", by_alias=True, exclude={"password_hash"}, exclude_none=True)


def _password() -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise UsageError(
            "Can't ask for the password: no terminal.", remedy=f"Set ${PASSWORD_VARIABLE}"
        )
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked
