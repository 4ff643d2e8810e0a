"""crmdeck connections and crmdeck disconnect."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from crmdeck import model, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, lists, wire_columns
from crmdeck.cli.options import JsonOption, NameArgument, NamesArgument
from crmdeck.cli.output import Table, emit, emit_json, emit_table, say
from crmdeck.cli.prompts import SignInOptions, collect
from crmdeck.cli.session import in_workspace, say_empty
from crmdeck.model import ScopeMode, SecretsPlace

app = command_group()


def _one_of(values: Iterable[str]) -> str:
    return f"[{'|'.join(values)}]"


PathOption = Annotated[
    Path | None,
    typer.Option("--path", help="Exported schemas: a file or a folder (source files)."),
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", help="Custom API URL: a sandbox or a proxy."),
]
RemoteIdOption = Annotated[
    str | None,
    typer.Option("--remote-id", help="Integration ID in PartnerOS (source partneros)."),
]
InstanceOption = Annotated[
    str | None,
    typer.Option(
        "--instance-url",
        help="Salesforce: production, sandbox, or the org URL (default: production).",
        show_default=False,
    ),
]
ScopeOption = Annotated[
    ScopeMode | None,
    typer.Option("--scope", help="Objects to refresh."),
]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option("--include", help="Object to add to the scope (repeatable)."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="Object to leave out of the scope (repeatable)."),
]
WithoutRulesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--without-rules",
        help="Kind of rules to leave out of a refresh (repeatable; '' reads all kinds).",
    ),
]
TtlOption = Annotated[
    float | None, typer.Option("--ttl-hours", help="Hours until a schema is stale.")
]
FlowOption = Annotated[
    str | None,
    typer.Option(
        "--flow",
        help="Sign-in flow: browser, refresh-token, jwt, client-credentials, access-token "
        "(Salesforce); access-token, browser, refresh-token (HubSpot); password, session-token "
        "(PartnerOS).",
    ),
]
SecretsOption = Annotated[
    SecretsPlace | None,
    typer.Option(
        "--secrets", help="Where to store secrets (default: as in the settings, else keyring)."
    ),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option("--private-key-file", help="Private key file (PEM), for jwt."),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--redirect-port",
        min=0,
        max=65535,
        help="Port in the callback URL of your app; 0 picks a free one (default: the port that "
        "crmdeck prints).",
        show_default=False,
    ),
]
PasteOption = Annotated[
    bool | None,
    typer.Option(
        "--paste/--no-paste",
        help="Paste the redirect URL, for a browser on another machine (default: over SSH).",
        show_default=False,
    ),
]
BrowserOption = Annotated[
    bool, typer.Option("--open/--no-open", help="Open the browser, or only print the address.")
]
TestOption = Annotated[
    bool, typer.Option("--test/--no-test", help="Test the sign-in before saving.")
]
KeepPasswordOption = Annotated[
    bool,
    typer.Option("--keep-password", help="PartnerOS: store the password, not only the session."),
]


@app.command("list")
@lists
@in_workspace()
def list_connections(
    ws: workspace.Workspace,
    listing: Listing,
    names: NamesArgument = None,
) -> None:
    """List the connections of the workspace."""
    found = [ws.connections.get(name) for name in names or ()]
    connections = found or ws.connections.all()
    if (
        listing.emit(
            connections,
            columns=wire_columns(model.Connection),
            table=lambda shown: Table(
                ("name", "platform", "source", "location", "id"),
                [
                    (c.name, c.platform, c.source, c.path or c.endpoint or c.instance_url, c.id)
                    for c in shown
                ],
                least=("id", "location"),
            ),
        )
        and not connections
    ):
        say_empty(ws)


@app.command()
@in_workspace(creates=True)
def add(
    ws: workspace.Workspace,
    name: NameArgument,
    source: Annotated[
        str,
        typer.Option(
            "--source", metavar=_one_of(workspace.sources()), help="How crmdeck reaches the CRM."
        ),
    ],
    platform: Annotated[
        str | None,
        typer.Option("--platform", metavar=_one_of(workspace.CRMS), help="CRM."),
    ] = None,
    path: PathOption = None,
    instance_url: InstanceOption = None,
    endpoint: EndpointOption = None,
    remote_id: RemoteIdOption = None,
    scope: ScopeOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    ttl_hours: TtlOption = None,
    flow: FlowOption = None,
    secrets: SecretsOption = None,
    private_key_file: KeyFileOption = None,
    redirect_port: PortOption = None,
    paste: PasteOption = None,
    open_browser: BrowserOption = True,
    test: TestOption = True,
    keep_password: KeepPasswordOption = False,
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
    options = SignInOptions(flow, secrets, private_key_file, redirect_port, paste, open_browser)
    answers = collect(ws, draft, name, options)
    signed_in = ws.signin.connect(
        answers.draft(draft),
        answers.secrets,
        grant=answers.grant,
        flow=answers.flow,
        place=answers.place,
        test=test,
        keep_password=keep_password,
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
        str | None,
        typer.Option("--endpoint", help="Custom API URL ('' restores the vendor's)."),
    ] = None,
    remote_id: RemoteIdOption = None,
    scope: ScopeOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    without_rules: WithoutRulesOption = None,
    ttl_hours: TtlOption = None,
    api_version: Annotated[
        str | None,
        typer.Option("--api-version", help="Salesforce API version: 66.0, or newest."),
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
        reconnect=reconnect,
    )
    if as_json:
        emit_json(connection)
    else:
        emit(f"{connection.name}\t{connection.id}")


@app.command("sign-in")
@in_workspace()
def sign_in(
    ws: workspace.Workspace,
    name: NameArgument,
    flow: FlowOption = None,
    secrets: SecretsOption = None,
    private_key_file: KeyFileOption = None,
    redirect_port: PortOption = None,
    paste: PasteOption = None,
    open_browser: BrowserOption = True,
    test: TestOption = True,
    keep_password: KeepPasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign in to a connection again.

    crmdeck remembers the values of your app. It asks for the others, or reads them from the
    environment as `connections add` does.
    """
    connection = ws.connections.get(name)
    options = SignInOptions(flow, secrets, private_key_file, redirect_port, paste, open_browser)
    answers = collect(ws, connection.id, connection.name, options)
    signed_in = ws.signin.renew(
        connection.id,
        answers.secrets,
        grant=answers.grant,
        flow=answers.flow,
        place=answers.place,
        test=test,
        keep_password=keep_password,
    )
    _show_signed_in(signed_in, as_json=as_json)


@app.command()
@in_workspace()
def test(
    ws: workspace.Workspace,
    name: NameArgument,
    as_json: JsonOption = False,
) -> None:
    """Test sign-in, permissions and quota."""
    report = ws.connections.test(name)
    if as_json:
        emit_json(report)
        return
    quota = report.quota
    emit_table(
        ("check", "result"),
        [
            ("user", report.user),
            ("organization", report.organization),
            ("instance", report.instance_url),
            ("API version", report.api_version),
            ("quota left", f"{quota.left:.0%} of {quota.limit}" if quota else None),
            ("token expires", report.token_expires_at),
            *(("missing permission", what) for what in report.missing_permissions or ("none",)),
        ],
    )


@app.command()
@in_workspace()
def rename(
    ws: workspace.Workspace,
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="New connection name.")],
    as_json: JsonOption = False,
) -> None:
    """Rename a connection; it keeps its ID and history."""
    connection = ws.connections.rename(name, new_name)
    if as_json:
        emit_json(connection)
    else:
        emit(f"{connection.name}\t{connection.id}")


@in_workspace()
def disconnect(
    ws: workspace.Workspace,
    name: NameArgument,
    as_json: JsonOption = False,
) -> None:
    """Mark a connection as disconnected, and delete nothing."""
    connection = ws.connections.disconnect(name)
    if as_json:
        emit_json({"success": True})
    else:
        say(f"{connection.name} is disconnected. Its schemas, changes and mappings are kept.")


def _scope(
    mode: ScopeMode | None, include: list[str] | None, exclude: list[str] | None
) -> model.Scope | None:
    if mode is None and not include and not exclude:
        return None
    return model.Scope(
        mode=mode or ScopeMode.MAPPABLE,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
    )


def _show_signed_in(signed_in: workspace.SignedIn, *, as_json: bool) -> None:
    connection, report = signed_in.connection, signed_in.report
    if as_json:
        emit_json({**connection.to_wire(), "test": report.to_wire() if report else None})
        return
    emit(f"{connection.name}\t{connection.id}")
    if report is not None:
        say(_who(report))
        for missing in report.missing_permissions:
            say(f"Missing: {missing}")


def _who(report: model.ProbeReport) -> str:
    user = f" as {report.user}" if report.user else ""
    org = f" to organization {report.organization}" if report.organization else ""
    at = f" at {report.instance_url}" if report.instance_url else ""
    return f"Connected{user}{org}{at}."
