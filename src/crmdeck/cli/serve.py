"""crmdeck serve."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from crmdeck import mcp, server, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, lists
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption
from crmdeck.cli.output import Table, emit, emit_json, say
from crmdeck.cli.session import failing, in_workspace, open_workspace, with_extra
from crmdeck.errors import UsageError
from crmdeck.model import Role, TokenScope
from crmdeck.text import count

PASSWORD_VARIABLE = "CRMDECK_SERVE_PASSWORD"  # noqa: S105  the name of a variable
DEFAULT_PORT = 8475

app = command_group(lone=True)
users = command_group(help="Add, change and remove users.")
organizations = command_group(help="Assign connections to organizations.")
tokens = command_group(help="Create, list and revoke tokens of CI and assistants.")
app.add_typer(users, name="users")
app.add_typer(tokens, name="tokens")
app.add_typer(organizations, name="organizations")
app.add_typer(organizations, name="organisations", hidden=True)

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="Email address of the user.")]
TokenArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.")]
TokenOrganizationOption = Annotated[
    str, typer.Option("--organization", help="Organization of the token.")
]
OrganizationArgument = Annotated[
    str, typer.Argument(metavar="ORGANIZATION", help="Organization name.")
]
# The old spelling, for scripts that use it.
BritishOption = Annotated[list[str] | None, typer.Option("--organisation", hidden=True)]


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
    with open_workspace(home, demo, as_json) as ws, with_extra("serve", "serve"):
        server.log_to_stderr()
        binding = server.Binding(
            host, port, tls_certificate, tls_key, public_url, metrics_host, metrics_port
        )
        server.serve(
            ws,
            binding,
            ready=_ready_as_json if as_json else _ready,
            assistants=_assistants(),
        )


@users.command("add")
def add_user(
    email: EmailArgument,
    role: Annotated[
        Role | None,
        typer.Option("--role", help="Role (default: member, for the first user admin)."),
    ] = None,
    organization: Annotated[
        list[str] | None,
        typer.Option("--organization", help="ORGANIZATION or ORGANIZATION:ROLE (repeatable)."),
    ] = None,
    british: BritishOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a user. Enter the password when asked, or set $CRMDECK_SERVE_PASSWORD."""
    with failing(as_json), with_extra("serve", "serve"):
        named = (*(organization or ()), *(british or ()))
        organizations = {"organizations": named} if named else {}
        user = _accounts(home).add_user(email, _password(), role=role, **organizations)
        if as_json:
            emit_json(_public(user))
        else:
            say(f"{user.email} can sign in: {server.described_roles(user)}.")


@users.command("list")
@lists
def list_users(listing: Listing, home: HomeOption = None) -> None:
    """List users."""
    with failing(listing.as_json):
        listing.emit(
            _accounts(home).book().users,
            columns=("email", "roles"),
            record=_public,
            table=lambda shown: Table(
                ("email", "roles"), [(user.email, server.described_roles(user)) for user in shown]
            ),
        )


@users.command("set")
def set_user(
    email: EmailArgument,
    password: Annotated[
        bool,
        typer.Option("--password", help="Ask for a new password, and sign the user out."),
    ] = False,
    role: Annotated[
        Role | None, typer.Option("--role", help="Role: viewer, member or admin.")
    ] = None,
    organization: Annotated[
        list[str] | None,
        typer.Option(
            "--organization",
            help="ORGANIZATION or ORGANIZATION:ROLE; replaces all (repeatable).",
        ),
    ] = None,
    british: BritishOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a user.

    Enter a new password when asked, or set $CRMDECK_SERVE_PASSWORD.
    """
    with failing(as_json), with_extra("serve", "serve"):
        named = (*(organization or ()), *(british or ()))
        if not (password or role or named):
            raise UsageError(
                "Nothing to change.",
                remedy="Use --password, --role or --organization.",
            )
        user = _accounts(home).change_user(
            email,
            password=_password() if password else None,
            role=role,
            organizations=named or None,
        )
        if as_json:
            emit_json(_public(user))
        else:
            say(f"Changed {user.email}: {server.described_roles(user)}.")


@users.command("sign-out")
def sign_out_user(
    email: EmailArgument, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Sign a user out of all sessions."""
    with failing(as_json), with_extra("serve", "serve"):
        ended = server.Sessions(workspace.Workspace.open(home)).end_all(email.strip().casefold())
        if as_json:
            emit_json({"ended": ended})
        else:
            say(f"Signed {email} out of {count(ended, 'session')}.")


@users.command("let-in")
def let_in_user(email: EmailArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print a one-hour token that bypasses the sign-in limit."""
    with failing(as_json), with_extra("serve", "serve"):
        opened = workspace.Workspace.open(home)
        user = server.Accounts(opened).user(email)
        admission = server.Sessions(opened).trust(user, server.ADMISSION_LIFETIME)
        if as_json:
            emit_json({"admission": admission})
            return
        emit(admission)
        say(
            f"For an hour, {user.email} can send this token as 'admission' with email and password."
        )


@users.command("remove")
def remove_user(email: EmailArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Remove a user, and sign the user out."""
    with failing(as_json):
        user = _accounts(home).remove_user(email)
        if as_json:
            emit_json(_public(user))
        else:
            say(f"{user.email} can no longer sign in.")


@tokens.command("create")
def create_token(
    name: TokenArgument,
    scope: Annotated[
        list[TokenScope], typer.Option("--scope", help="What the token allows (repeatable).")
    ],
    organization: TokenOrganizationOption = "main",
    days: Annotated[
        int, typer.Option("--days", min=1, max=366, help="Days until the token expires.")
    ] = 90,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a token, and print it once.

    Send it to /api/integrations and /mcp as Authorization: Bearer TOKEN.
    """
    with failing(as_json), with_extra("serve", "serve"):
        ws = workspace.Workspace.open(home)
        end = ws.now + timedelta(days=days)
        text, token = server.Tokens(ws).create(name, organization, scope, end)
        if as_json:
            emit_json({**_without_hash(token), "token": text})
            return
        emit(text)
        say(f"Copy the token now. {name} expires on {token.expires_at:%Y-%m-%d}.")


@tokens.command("list")
@lists
def list_tokens(listing: Listing, home: HomeOption = None) -> None:
    """List tokens, without the tokens themselves."""
    with failing(listing.as_json), with_extra("serve", "serve"):
        listing.emit(
            server.Tokens(workspace.Workspace.open(home)).all(),
            columns=("name", "organization", "scopes", "createdBy", "createdAt", "expiresAt"),
            record=_without_hash,
            table=lambda shown: Table(
                ("name", "organization", "scopes", "created by", "expires"),
                [
                    (
                        each.name,
                        each.organization,
                        ", ".join(each.scopes),
                        each.created_by,
                        f"{each.expires_at:%Y-%m-%d}",
                    )
                    for each in shown
                ],
            ),
        )


@tokens.command("revoke")
def revoke_token(
    name: TokenArgument,
    organization: TokenOrganizationOption = "main",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a token on all servers immediately."""
    with failing(as_json), with_extra("serve", "serve"):
        token = server.Tokens(workspace.Workspace.open(home)).revoke(name, organization)
        if as_json:
            emit_json(_without_hash(token))
        else:
            say(f"Revoked {token.name}.")


@organizations.command("set")
@in_workspace(demo=False)
def set_organization(
    ws: workspace.Workspace,
    name: OrganizationArgument,
    connection: Annotated[
        list[str] | None,
        typer.Option("--connection", help="Connection name (repeatable)."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All connections, including later ones.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Create an organization or replace its connections."""
    if bool(connection) == everything:
        raise UsageError(
            "No connections for the organization.",
            remedy="Use either --connection or --all.",
        )
    ids = None if everything else tuple(ws.connections.get(ref).id for ref in connection or ())
    made = _accounts(ws).set_organization(name, ids)
    if as_json:
        emit_json(made)
    else:
        say(f"{made.id} has {'all' if ids is None else len(ids)} connections.")


@organizations.command("list")
@lists
@in_workspace(demo=False)
def list_organizations(
    ws: workspace.Workspace,
    listing: Listing,
) -> None:
    """List organizations and their connections."""
    names = {connection.id: connection.name for connection in ws.connections.all()}
    listing.emit(
        _accounts(ws).book().organizations,
        columns=("id", "connections"),
        table=lambda shown: Table(
            ("organization", "connections"), [(each.id, _names(each, names)) for each in shown]
        ),
    )


@organizations.command("remove")
def remove_organization(
    name: OrganizationArgument, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Remove an organization without users and its tokens, and keep its connections."""
    with failing(as_json), with_extra("serve", "serve"):
        ws = workspace.Workspace.open(home)
        removed = _accounts(ws).remove_organization(name)
        tokens = server.Tokens(ws)
        for token in tokens.all():
            if token.organization == name:
                tokens.revoke(token.name, name)
        if as_json:
            emit_json(removed)
        else:
            say(f"Removed {removed.id}.")


def _accounts(home: workspace.Workspace | str | None) -> server.Accounts:
    return server.Accounts(
        workspace.Workspace.open(home) if home is None or isinstance(home, str) else home
    )


def _public(user: server.User) -> dict[str, object]:
    return user.model_dump(mode="json", by_alias=True, exclude={"password_hash"}, exclude_none=True)


def _without_hash(token: server.ServiceToken) -> dict[str, object]:
    return token.model_dump(mode="json", by_alias=True, exclude={"token_hash"})


def _names(organization: server.Organization, names: dict[str, str]) -> str:
    if organization.connections is None:
        return "all others" if organization.id == "main" else "all"
    return ", ".join(names.get(each, each) for each in organization.connections)


def _password() -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise UsageError(
            "Can't ask for the password: no terminal.",
            remedy=f"Set ${PASSWORD_VARIABLE}",
        )
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _ready(url: str) -> None:
    emit(url)
    sys.stdout.flush()
    say("Press Ctrl+C to stop.")


def _assistants() -> server.Answers | None:
    """Return what answers assistants at /mcp; None without the extra `mcp`."""
    try:
        return mcp.answer_http
    except ModuleNotFoundError:
        return None


def _ready_as_json(url: str) -> None:
    emit_json({"url": url})
    sys.stdout.flush()
