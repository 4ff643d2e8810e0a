"""crmdeck serve."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmdeck import mcp, server, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, lists
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption
from crmdeck.cli.output import emit, emit_json, emit_or_say, say
from crmdeck.cli.session import in_workspace, open_workspace, with_extra
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
tokens = command_group(help="Create, list and revoke tokens of CI and assistants.")
app.add_typer(users, name="users")
app.add_typer(tokens, name="tokens")
app.add_typer(organizations, name="organizations")

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="Email address of the user.")]
TokenArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.")]
TokenOrganizationOption = Annotated[
    str, typer.Option("--organization", help="Organization of the token.")
]
OrganizationArgument = Annotated[
    str, typer.Argument(metavar="ORGANIZATION", help="Organization name.")
]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port (0 picks a free one).")
    ] = DEFAULT_PORT,
    tls_certificate: Annotated[
        Path | None, typer.Option("--tls-certificate", help="Certificate file (PEM), for https.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", help="Private key file (PEM) of the certificate.")
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option(
            "--public-url", help="URL of the TLS proxy in front of the server: https://HOST"
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port", min=0, max=65535, help="Port for Prometheus metrics, without sign-in."
        ),
    ] = None,
    metrics_host: Annotated[
        str, typer.Option("--metrics-host", help="Address for metrics.")
    ] = "127.0.0.1",
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
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
        # Without the extra `mcp` there is no address for assistants.
        assistants = answer if find_spec("mcp") else None
        server.serve(ws, binding, ready=ready, assistants=assistants)


@users.command("add")
@in_workspace(demo=False, creates=True, extra="serve")
def add_user(
    ws: workspace.Workspace,
    email: EmailArgument,
    role: Annotated[
        Role | None,
        typer.Option("--role", help="Role (default: member, for the first user admin)."),
    ] = None,
    organization: Annotated[
        list[str] | None,
        typer.Option("--organization", help="ORGANIZATION or ORGANIZATION:ROLE (repeatable)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a user. Enter the password when asked, or set $CRMDECK_SERVE_PASSWORD."""
    organizations = {"organizations": organization} if organization else {}
    user = server.Accounts(ws).add_user(email, _password(), role=role, **organizations)
    emit_or_say(
        _public(user), f"{user.email} can sign in: {server.described_roles(user)}.", as_json
    )


@users.command("list")
@lists
@in_workspace(demo=False, extra="serve")
def list_users(ws: workspace.Workspace, listing: Listing) -> None:
    """List users."""
    listing.emit(
        server.Accounts(ws).book().users,
        columns=("email", "roles"),
        record=_public,
        table={"email": "email", "roles": server.described_roles},
    )


@users.command("set")
@in_workspace(demo=False, extra="serve")
def set_user(
    ws: workspace.Workspace,
    email: EmailArgument,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a new password, and sign the user out.")
    ] = False,
    role: Annotated[
        Role | None, typer.Option("--role", help="Role: viewer, member or admin.")
    ] = None,
    organization: Annotated[
        list[str] | None,
        typer.Option(
            "--organization", help="ORGANIZATION or ORGANIZATION:ROLE; replaces all (repeatable)."
        ),
    ] = None,
    as_json: JsonOption = False,
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
@in_workspace(demo=False, extra="serve")
def sign_out_user(
    ws: workspace.Workspace, email: EmailArgument, as_json: JsonOption = False
) -> None:
    """Sign a user out of all sessions."""
    ended = server.Sessions(ws).end_all(email.strip().casefold())
    emit_or_say({"ended": ended}, f"Signed {email} out of {count(ended, 'session')}.", as_json)


@users.command("let-in")
@in_workspace(demo=False, extra="serve")
def let_in_user(ws: workspace.Workspace, email: EmailArgument, as_json: JsonOption = False) -> None:
    """Print a one-hour token that bypasses the sign-in limit."""
    user = server.Accounts(ws).user(email)
    admission = server.Sessions(ws).trust(user, server.ADMISSION_LIFETIME)
    if as_json:
        emit_json({"admission": admission})
        return
    emit(admission)
    say(f"For an hour, {user.email} can send this token as 'admission' with email and password.")


@users.command("remove")
@in_workspace(demo=False, extra="serve")
def remove_user(ws: workspace.Workspace, email: EmailArgument, as_json: JsonOption = False) -> None:
    """Remove a user, and sign the user out."""
    user = server.Accounts(ws).remove_user(email)
    emit_or_say(_public(user), f"{user.email} can no longer sign in.", as_json)


@tokens.command("create")
@in_workspace(demo=False, creates=True, extra="serve")
def create_token(
    ws: workspace.Workspace,
    name: TokenArgument,
    scope: Annotated[
        list[TokenScope], typer.Option("--scope", help="What the token allows (repeatable).")
    ],
    organization: TokenOrganizationOption = "main",
    days: Annotated[
        int, typer.Option("--days", min=1, max=366, help="Days until the token expires.")
    ] = 90,
    as_json: JsonOption = False,
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
@lists
@in_workspace(demo=False, extra="serve")
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
@in_workspace(demo=False, extra="serve")
def revoke_token(
    ws: workspace.Workspace,
    name: TokenArgument,
    organization: TokenOrganizationOption = "main",
    as_json: JsonOption = False,
) -> None:
    """Revoke a token on all servers immediately."""
    token = server.Tokens(ws).revoke(name, organization)
    emit_or_say(token.view(), f"Revoked {token.name}.", as_json)


@organizations.command("set")
@in_workspace(demo=False, extra="serve")
def set_organization(
    ws: workspace.Workspace,
    name: OrganizationArgument,
    connection: Annotated[
        list[str] | None, typer.Option("--connection", help="Connection name (repeatable).")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All connections, including later ones.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Create an organization or replace its connections."""
    if bool(connection) == everything:
        raise UsageError(
            "No connections for the organization.", remedy="Use either --connection or --all."
        )
    ids = None if everything else tuple(ws.connections.get(ref).id for ref in connection or ())
    made = server.Accounts(ws).set_organization(name, ids)
    number = "all" if ids is None else len(ids)
    emit_or_say(made, f"{made.id} has {number} connections.", as_json)


@organizations.command("list")
@lists
@in_workspace(demo=False, extra="serve")
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
@in_workspace(demo=False, extra="serve")
def remove_organization(
    ws: workspace.Workspace, name: OrganizationArgument, as_json: JsonOption = False
) -> None:
    """Remove an organization without users and its tokens, and keep its connections."""
    removed = server.Accounts(ws).remove_organization(name)
    tokens = server.Tokens(ws)
    for token in tokens.all():
        if token.organization == name:
            tokens.revoke(token.name, name)
    emit_or_say(removed, f"Removed {removed.id}.", as_json)


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
