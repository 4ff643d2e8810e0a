"""crmdeck connections: list, add, set, test, rename; crmdeck disconnect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, NameArgument
from crmdeck.cli.output import emit, emit_json, emit_table, say
from crmdeck.cli.session import workspace
from crmdeck.model import Platform, Scope, ScopeMode, Source
from crmdeck.workspace import ConnectionDraft, SecretsPlace, secrets_from_environment

app = typer.Typer(help="List, add, change, test and rename connections.", no_args_is_help=True)

PathOption = Annotated[
    Path | None,
    typer.Option("--path", help="For the source files: a file or a folder of exported schemas."),
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", help="A host in place of the vendor's: a sandbox or a proxy."),
]
InstanceOption = Annotated[
    str | None,
    typer.Option("--instance-url", help="For Salesforce: https://MYDOMAIN.my.salesforce.com"),
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
SecretsOption = Annotated[
    SecretsPlace | None,
    typer.Option(
        "--secrets", help="Where secrets are kept.  [default: as in the settings, else keyring]"
    ),
]
TtlOption = Annotated[
    float | None, typer.Option("--ttl-hours", help="How long a snapshot counts as fresh.")
]


@app.command("list")
def list_connections(
    home: HomeOption = None, demo: DemoOption = False, as_json: JsonOption = False
) -> None:
    """List the connections of the workspace."""
    with workspace(home, demo, as_json) as ws:
        connections = ws.connections()
        if as_json:
            emit_json(connections)
            return
        emit_table(
            ("name", "platform", "source", "where", "id"),
            [
                (c.name, c.platform, c.source, c.path or c.endpoint or c.instance_url, c.id)
                for c in connections
            ],
        )


@app.command()
def add(
    name: NameArgument,
    source: Annotated[Source, typer.Option("--source", help="How the CRM is reached.")],
    platform: Annotated[Platform | None, typer.Option("--platform", help="The CRM.")] = None,
    path: PathOption = None,
    instance_url: InstanceOption = None,
    endpoint: EndpointOption = None,
    scope: ScopeOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    ttl_hours: TtlOption = None,
    secrets: SecretsOption = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add a connection.

    Secrets never stand on the command line. They are read from the environment, as
    CRMDECK_<NAME>_ACCESS_TOKEN and likewise REFRESH_TOKEN, CLIENT_ID, CLIENT_SECRET,
    PRIVATE_KEY and USERNAME, and kept in the keyring (or with --secrets file in a private file
    of the workspace; with --secrets environment they are not kept at all).
    """
    with workspace(home, demo, as_json) as ws:
        draft = ConnectionDraft(
            name=name,
            source=source,
            platform=platform,
            path=str(path) if path else None,
            instance_url=instance_url,
            endpoint=endpoint,
            scope=_scope(scope, include, exclude) or Scope(),
            ttl_hours=ttl_hours,
        )
        connection = ws.add_connection(draft)
        found = {} if secrets is SecretsPlace.ENVIRONMENT else secrets_from_environment(name)
        if found:
            ws.store_secrets(connection.id, found, place=secrets)
        if as_json:
            emit_json(connection)
        else:
            emit(f"{connection.name}\t{connection.id}")
            say(f"Next: crmdeck refresh {connection.name}")


@app.command("set")
def set_connection(
    name: NameArgument,
    path: PathOption = None,
    instance_url: InstanceOption = None,
    endpoint: EndpointOption = None,
    scope: ScopeOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    ttl_hours: TtlOption = None,
    reconnect: Annotated[
        bool, typer.Option("--reconnect", help="Take a disconnection back.")
    ] = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change a connection; what is not given stays."""
    with workspace(home, demo, as_json) as ws:
        connection = ws.update_connection(
            name,
            path=str(path) if path else None,
            endpoint=endpoint,
            instance_url=instance_url,
            scope=_scope(scope, include, exclude),
            ttl_hours=ttl_hours,
            reconnect=reconnect,
        )
        if as_json:
            emit_json(connection)
        else:
            emit(f"{connection.name}\t{connection.id}")


@app.command()
def test(
    name: NameArgument,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the CRM who we are there, what is missing, and how much quota is left."""
    with workspace(home, demo, as_json) as ws:
        report = ws.test(name)
        if as_json:
            emit_json(report)
            return
        quota = report.quota
        emit_table(
            ("what", "answer"),
            [
                ("user", report.user),
                ("organisation", report.organisation),
                ("instance", report.instance_url),
                ("API version", report.api_version),
                ("quota left", f"{quota.left:.0%} of {quota.limit}" if quota else None),
                ("token ends", report.token_expires_at),
                ("missing permissions", ", ".join(report.missing_permissions)),
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
    with workspace(home, demo, as_json) as ws:
        connection = ws.rename_connection(name, new_name)
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
    with workspace(home, demo, as_json) as ws:
        connection = ws.disconnect(name)
        if as_json:
            emit_json({"success": True})
        else:
            say(f"{connection.name} is disconnected; its schemas, drift and mappings stay.")


def _scope(
    mode: ScopeMode | None, include: list[str] | None, exclude: list[str] | None
) -> Scope | None:
    if mode is None and not include and not exclude:
        return None
    return Scope(
        mode=mode or ScopeMode.MAPPABLE,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
    )
