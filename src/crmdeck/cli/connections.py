"""crmdeck connections: list, add, set, sign-in, test, rename; crmdeck disconnect."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from crmdeck import model, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, NameArgument
from crmdeck.cli.output import emit, emit_json, emit_table, say
from crmdeck.cli.prompts import SignInOptions, collect
from crmdeck.cli.session import open_workspace
from crmdeck.model import ScopeMode, SecretsPlace

app = command_group()


def _one_of(values: Iterable[str]) -> str:
    return f"[{'|'.join(values)}]"


PathOption = Annotated[
    Path | None,
    typer.Option("--path", help="For the source files: a file or a folder of exported schemas."),
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", help="A host in place of the vendor's: a sandbox or a proxy."),
]
RemoteIdOption = Annotated[
    str | None,
    typer.Option("--remote-id", help="For the source partneros: the integration's id there."),
]
InstanceOption = Annotated[
    str | None,
    typer.Option("--instance-url", help="For Salesforce: https://MYDOMAIN.my.salesforce.com"),
]
LoginHostOption = Annotated[
    str | None,
    typer.Option(
        "--login-host",
        help="For Salesforce: production, sandbox, or the org's My Domain.  [default: production]",
        show_default=False,
    ),
]
ScopeOption = Annotated[
    ScopeMode | None,
    typer.Option("--scope", help="Which object types a refresh asks for."),
]
IncludeOption = Annotated[
    list[str] | None,
    typer.Option("--include", help="An object type to ask for as well (repeatable)."),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option("--exclude", help="An object type to leave out (repeatable)."),
]
TtlOption = Annotated[
    float | None, typer.Option("--ttl-hours", help="How long a snapshot counts as fresh.")
]
FlowOption = Annotated[
    str | None,
    typer.Option(
        "--flow",
        help="How to sign in: browser, refresh-token, jwt, client-credentials or access-token "
        "(Salesforce); access-token, browser or refresh-token (HubSpot); password or "
        "session-token (PartnerOS).",
    ),
]
SecretsOption = Annotated[
    SecretsPlace | None,
    typer.Option(
        "--secrets", help="Where secrets are kept.  [default: as in the settings, else keyring]"
    ),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option("--private-key-file", help="For jwt: the file with the private key (PEM)."),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--redirect-port",
        min=0,
        max=65535,
        help="The port that the browser comes back to, as in the app's callback URL; 0 takes "
        "a free one.  [default: the one that crmdeck names when it asks]",
        show_default=False,
    ),
]
PasteOption = Annotated[
    bool | None,
    typer.Option(
        "--paste/--no-paste",
        help="Paste the address that the browser ends at: for a browser on another machine.  "
        "[default: over SSH]",
        show_default=False,
    ),
]
BrowserOption = Annotated[
    bool, typer.Option("--open/--no-open", help="Open the browser, or only show the address.")
]
TestOption = Annotated[
    bool, typer.Option("--test/--no-test", help="Ask the CRM who we are before anything is kept.")
]
KeepPasswordOption = Annotated[
    bool,
    typer.Option("--keep-password", help="For PartnerOS: keep the password, not only a session."),
]


@app.command("list")
def list_connections(
    home: HomeOption = None, demo: DemoOption = False, as_json: JsonOption = False
) -> None:
    """List the connections of the workspace."""
    with open_workspace(home, demo, as_json) as ws:
        connections = ws.connections.all()
        if as_json:
            emit_json(connections)
            return
        emit_table(
            ("name", "platform", "source", "where", "id"),
            [
                (c.name, c.platform, c.source, c.path or c.endpoint or c.instance_url, c.id)
                for c in connections
            ],
            least=("id", "where"),
        )


@app.command()
def add(
    name: NameArgument,
    source: Annotated[
        str,
        typer.Option(
            "--source", metavar=_one_of(workspace.sources()), help="Source of the schema."
        ),
    ],
    platform: Annotated[
        str | None, typer.Option("--platform", metavar=_one_of(workspace.CRMS), help="The CRM.")
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
    login_host: LoginHostOption = None,
    secrets: SecretsOption = None,
    private_key_file: KeyFileOption = None,
    redirect_port: PortOption = None,
    paste: PasteOption = None,
    open_browser: BrowserOption = True,
    test: TestOption = True,
    keep_password: KeepPasswordOption = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add a connection.

    At a terminal what is needed is asked for. Secrets never stand on the command line: machines
    give them in the environment, as CRMDECK_<NAME>_ACCESS_TOKEN and likewise REFRESH_TOKEN,
    CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, USERNAME, PASSWORD and SESSION_TOKEN. They are tried,
    and then kept in the keyring, or with --secrets file in a private file of the workspace; with
    --secrets environment they are not kept at all.
    """
    with open_workspace(home, demo, as_json) as ws:
        draft = workspace.ConnectionDraft(
            name=name,
            source=source,
            platform=platform,
            path=str(path) if path else None,
            instance_url=instance_url or login_host,
            endpoint=endpoint,
            remote_id=remote_id,
            scope=_scope(scope, include, exclude) or model.Scope(),
            ttl_hours=ttl_hours,
        )
        options = SignInOptions(flow, secrets, private_key_file, redirect_port, paste, open_browser)
        answers = collect(ws, draft, name, options)
        ended = ws.signin.connect(
            answers.draft(draft),
            answers.secrets,
            grant=answers.grant,
            flow=answers.flow,
            place=answers.place,
            test=test,
            keep_password=keep_password,
        )
        _show_signed_in(ended, as_json=as_json)
        if not as_json:
            say(f"Next: crmdeck refresh {name}")


@app.command("set")
def set_connection(
    name: NameArgument,
    path: PathOption = None,
    instance_url: Annotated[
        str | None,
        typer.Option(
            "--instance-url",
            help="For Salesforce: https://MYDOMAIN.my.salesforce.com; '' takes it away.",
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            "--endpoint", help="A host in place of the vendor's; '' goes back to the vendor's."
        ),
    ] = None,
    remote_id: RemoteIdOption = None,
    scope: ScopeOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    ttl_hours: TtlOption = None,
    api_version: Annotated[
        str | None,
        typer.Option("--api-version", help="For Salesforce: a version (66.0), or newest."),
    ] = None,
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Take a disconnection back.")
    ] = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change a connection; what is not given stays."""
    with open_workspace(home, demo, as_json) as ws:
        connection = ws.connections.update(
            name,
            path=str(path) if path else None,
            endpoint=endpoint,
            remote_id=remote_id,
            instance_url=instance_url,
            scope=_scope(scope, include, exclude),
            ttl_hours=ttl_hours,
            api_version=api_version,
            reconnect=reconnect,
        )
        if as_json:
            emit_json(connection)
        else:
            emit(f"{connection.name}\t{connection.id}")


@app.command("sign-in")
def sign_in(
    name: NameArgument,
    flow: FlowOption = None,
    secrets: SecretsOption = None,
    private_key_file: KeyFileOption = None,
    redirect_port: PortOption = None,
    paste: PasteOption = None,
    open_browser: BrowserOption = True,
    test: TestOption = True,
    keep_password: KeepPasswordOption = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Sign in again to a connection, as when it asks for it.

    What belongs to the app is remembered; the rest is asked for, or taken from the environment
    as for `connections add`.
    """
    with open_workspace(home, demo, as_json) as ws:
        connection = ws.connections.get(name)
        options = SignInOptions(flow, secrets, private_key_file, redirect_port, paste, open_browser)
        answers = collect(ws, connection.id, connection.name, options)
        ended = ws.signin.renew(
            connection.id,
            answers.secrets,
            grant=answers.grant,
            flow=answers.flow,
            place=answers.place,
            test=test,
            keep_password=keep_password,
        )
        _show_signed_in(ended, as_json=as_json)


@app.command()
def test(
    name: NameArgument,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the CRM who we are there, what is missing, and how much quota is left."""
    with open_workspace(home, demo, as_json) as ws:
        report = ws.connections.test(name)
        if as_json:
            emit_json(report)
            return
        quota = report.quota
        emit_table(
            ("what", "answer"),
            [
                ("user", report.user),
                ("organization", report.organization),
                ("instance", report.instance_url),
                ("API version", report.api_version),
                ("quota left", f"{quota.left:.0%} of {quota.limit}" if quota else None),
                ("token ends", report.token_expires_at),
                *(("missing permission", what) for what in report.missing_permissions or ("none",)),
            ],
        )


@app.command()
def rename(
    name: NameArgument,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME")],
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a connection another name; its id and history stay."""
    with open_workspace(home, demo, as_json) as ws:
        connection = ws.connections.rename(name, new_name)
        if as_json:
            emit_json(connection)
        else:
            emit(f"{connection.name}\t{connection.id}")


def disconnect(
    name: NameArgument,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Mark a connection as disconnected; nothing is deleted."""
    with open_workspace(home, demo, as_json) as ws:
        connection = ws.connections.disconnect(name)
        if as_json:
            emit_json({"success": True})
        else:
            say(f"{connection.name} is disconnected; its schemas, drift and mappings stay.")


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


def _show_signed_in(ended: workspace.SignedIn, *, as_json: bool) -> None:
    """Tell how a sign-in ended: the connection as data, who we are there as talk."""
    connection, report = ended.connection, ended.report
    if as_json:
        told = report.to_wire() if report else None
        emit_json({**connection.to_wire(), "test": told})
        return
    emit(f"{connection.name}\t{connection.id}")
    if report is not None:
        say(_who(report))
        for missing in report.missing_permissions:
            say(f"Missing: {missing}")


def _who(report: model.ProbeReport) -> str:
    user = f" as {report.user}" if report.user else ""
    where = f" to organization {report.organization}" if report.organization else ""
    at = f" at {report.instance_url}" if report.instance_url else ""
    return f"Connected{user}{where}{at}."
