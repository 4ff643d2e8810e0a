"""crmdeck connections and crmdeck disconnect."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from crmdeck import model, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, lists, wire_columns
from crmdeck.cli.options import JsonOption, NameArgument, NamesArgument
from crmdeck.cli.output import TextTable, emit, emit_json, emit_or_say, emit_table, say, write_file
from crmdeck.cli.prompts import SignInOptions, collect, signs_in
from crmdeck.cli.session import in_workspace, say_empty
from crmdeck.model import ScopeMode

app = command_group()


PathOption = Annotated[
    Path | None, typer.Option("--path", help="Exported schemas: a file or a folder (source files).")
]
RemoteIdOption = Annotated[
    str | None, typer.Option("--remote-id", help="Integration ID in PartnerOS (source partneros).")
]
ScopeOption = Annotated[ScopeMode | None, typer.Option("--scope", help="Objects to refresh.")]
IncludeOption = Annotated[
    list[str] | None, typer.Option("--include", help="Object to add to the scope (repeatable).")
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="Object to leave out of the scope (repeatable)."),
]
TtlOption = Annotated[
    float | None, typer.Option("--ttl-hours", help="Hours until a schema is stale.")
]


@app.command("list")
@lists
@in_workspace()
def list_connections(
    ws: workspace.Workspace, listing: Listing, names: NamesArgument = None
) -> None:
    """List the connections of the workspace."""
    found = [ws.connections.get(name) for name in names or ()]
    connections = found or ws.connections.all()
    if (
        listing.emit(
            connections,
            columns=wire_columns(model.Connection),
            table={
                "name": "name",
                "platform": "platform",
                "source": "source",
                "location": lambda c: c.path or c.endpoint or c.instance_url,
                "id": "id",
            },
            least=("id", "location"),
        )
        and not connections
    ):
        say_empty(ws)


@app.command()
@in_workspace(creates=True)
@signs_in
def add(
    ws: workspace.Workspace,
    options: SignInOptions,
    name: NameArgument,
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar=f"[{'|'.join(workspace.sources())}]",
            help="How crmdeck reaches the CRM.",
        ),
    ],
    platform: Annotated[
        str | None, typer.Option("--platform", metavar=f"[{'|'.join(workspace.CRMS)}]", help="CRM.")
    ] = None,
    path: PathOption = None,
    instance_url: Annotated[
        str | None,
        typer.Option(
            "--instance-url",
            help="Salesforce: production, sandbox, or the org URL (default: production).",
            show_default=False,
        ),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Custom API URL: a sandbox or a proxy.")
    ] = None,
    remote_id: RemoteIdOption = None,
    scope: ScopeOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    ttl_hours: TtlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a connection.

    At a terminal, crmdeck asks for missing values. Never enter secrets as options: in scripts,
    set CRMDECK_<NAME>_ACCESS_TOKEN, or the same with REFRESH_TOKEN, CLIENT_ID, CLIENT_SECRET,
    PRIVATE_KEY, USERNAME, PASSWORD or SESSION_TOKEN. After a test, crmdeck stores them in the
    keyring, with --secrets file in a private file of the workspace. With --secrets environment
    it stores nothing.
    """
    draft = workspace.ConnectionDraft(
        name=name,
        source=source,
        platform=platform,
        path=str(path) if path else None,
        instance_url=instance_url,
        endpoint=endpoint,
        remote_id=remote_id,
        scope=_scope(scope, include, exclude) or model.Scope(),
        ttl_hours=ttl_hours,
    )
    answers = collect(ws, draft, name, options)
    # Tested before it is stored, so a mistyped value leaves no connection.
    signed_in = ws.signin.connect(
        answers.draft(draft),
        answers.secrets,
        grant=answers.grant,
        flow=answers.flow,
        place=answers.place,
        test=options.test,
        keep_password=options.keep_password,
    )
    _show_signed_in(signed_in, as_json=as_json)
    if not as_json:
        say(f"Next: crmdeck refresh {name}")


@app.command("set")
@in_workspace()
def set_connection(
    ws: workspace.Workspace,
    name: NameArgument,
    path: PathOption = None,
    instance_url: Annotated[
        str | None,
        typer.Option(
            "--instance-url",
            help="Salesforce: production, sandbox, or the org URL ('' removes it).",
        ),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Custom API URL ('' restores the vendor's).")
    ] = None,
    remote_id: RemoteIdOption = None,
    scope: ScopeOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    without_rules: Annotated[
        list[str] | None,
        typer.Option(
            "--without-rules",
            help="Kind of rules to leave out of a refresh (repeatable; '' reads all kinds).",
        ),
    ] = None,
    ttl_hours: TtlOption = None,
    api_version: Annotated[
        str | None, typer.Option("--api-version", help="Salesforce API version: 66.0, or newest.")
    ] = None,
    sync_user: Annotated[
        str | None,
        typer.Option(
            "--sync-user",
            help="CRM user that the sync runs as: user name or ID ('' = crmdeck's own user).",
        ),
    ] = None,
    sync_access: Annotated[
        Path | None,
        typer.Option(
            "--sync-access", help="Exported permission sets and profiles, or a list of scopes."
        ),
    ] = None,
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Reconnect a disconnected connection.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Change the given options of a connection."""
    connection = ws.connections.update(
        name,
        path=str(path) if path else None,
        endpoint=endpoint,
        remote_id=remote_id,
        instance_url=instance_url,
        scope=_scope(scope, include, exclude),
        without_rules=None if without_rules is None else tuple(filter(None, without_rules)),
        ttl_hours=ttl_hours,
        api_version=api_version,
        sync_user=sync_user,
        sync_access=str(sync_access) if sync_access else None,
        reconnect=reconnect,
    )
    status = ws.health.status(connection.id)
    if (endpoint, instance_url) != (None, None) and status.last_error_code == "OTHER_HOST":
        say(status.last_error_message or "")
        # Those in the environment go to another host only if the user runs the command for it.
        if sys.stdin.isatty() and not as_json and not workspace.secrets_from_environment(name):
            _sign_in(ws, connection, SignInOptions(), as_json)
            return
        say(f"Next: crmdeck connections sign-in {connection.name}")
    _show(connection, as_json)


@app.command("sign-in")
@in_workspace()
@signs_in
def sign_in(
    ws: workspace.Workspace, options: SignInOptions, name: NameArgument, as_json: JsonOption = False
) -> None:
    """Sign in to a connection again.

    crmdeck remembers the values of your app. It asks for the others, or reads them from the
    environment as `connections add` does.
    """
    _sign_in(ws, ws.connections.get(name), options, as_json)


def _sign_in(
    ws: workspace.Workspace, connection: model.Connection, options: SignInOptions, as_json: bool
) -> None:
    answers = collect(ws, connection.id, connection.name, options)
    signed_in = ws.signin.renew(
        connection.id,
        answers.secrets,
        grant=answers.grant,
        flow=answers.flow,
        place=answers.place,
        test=options.test,
        keep_password=options.keep_password,
    )
    _show_signed_in(signed_in, as_json=as_json)


@app.command()
@in_workspace()
def test(
    ws: workspace.Workspace,
    name: NameArgument,
    as_json: JsonOption = False,
    report_file: Annotated[
        Path | None,
        typer.Option(
            "--report", help="File for requests and the shape of responses, without names."
        ),
    ] = None,
) -> None:
    """Test sign-in, permissions, readable objects and quota."""
    if report_file is not None:
        # First: it also describes a test that fails.
        found = ws.connections.describe_responses(name)
        write_file(report_file, json.dumps(found, indent=1) + "\n")
        say(f"Wrote {report_file}. Read it before you attach it to an issue.")
    report = ws.connections.test(name)
    if as_json:
        emit_json(report)
        return
    quota = report.quota
    checks = [
        ("user", report.user),
        ("organization", report.organization),
        ("instance", report.instance_url),
        ("API version", report.api_version),
        ("quota left", f"{quota.left:.0%} of {quota.limit}" if quota else None),
        ("token expires", report.token_expires_at),
        ("objects it can read", None if report.objects is None else len(report.objects)),
        *(("missing permission", what) for what in report.missing_permissions or ("none",)),
    ]
    emit_table(TextTable(("check", "result"), checks))


@app.command()
@in_workspace()
def rename(
    ws: workspace.Workspace,
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="New connection name.")],
    as_json: JsonOption = False,
) -> None:
    """Rename a connection; it keeps its ID and history."""
    _show(ws.connections.rename(name, new_name), as_json)


@in_workspace()
def disconnect(ws: workspace.Workspace, name: NameArgument, as_json: JsonOption = False) -> None:
    """Mark a connection as disconnected, and delete nothing."""
    connection = ws.connections.disconnect(name)
    said = f"{connection.name} is disconnected. Its schemas, changes and mappings are kept."
    emit_or_say({"success": True}, said, as_json)


def _scope(
    mode: ScopeMode | None, include: list[str] | None, exclude: list[str] | None
) -> model.Scope | None:
    if mode is None and not include and not exclude:
        return None
    return model.Scope(
        mode=mode or ScopeMode.MAPPABLE, include=tuple(include or ()), exclude=tuple(exclude or ())
    )


def _show(connection: model.Connection, as_json: bool) -> None:
    if as_json:
        emit_json(connection)
    else:
        emit(f"{connection.name}\t{connection.id}")


def _show_signed_in(signed_in: workspace.SignedIn, *, as_json: bool) -> None:
    connection, report = signed_in.connection, signed_in.report
    if as_json:
        emit_json({**connection.to_wire(), "test": report.to_wire() if report else None})
        return
    _show(connection, as_json)
    if report is not None:
        user = f" as {report.user}" if report.user else ""
        org = f" to organization {report.organization}" if report.organization else ""
        at = f" at {report.instance_url}" if report.instance_url else ""
        say(f"Connected{user}{org}{at}.")
        for missing in report.missing_permissions:
            say(f"Missing: {missing}")
