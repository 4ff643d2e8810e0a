"""crmdeck connections and crmdeck disconnect."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from crmdeck import model, workspace
from crmdeck.cli.groups import command_group
from crmdeck.cli.listing import Listing, wire_columns
from crmdeck.cli.output import TextTable, emit, emit_json, emit_or_say, emit_table, say, write_file
from crmdeck.cli.prompts import SignInOptions, collect
from crmdeck.cli.session import needs, say_empty
from crmdeck.model import ScopeMode

app = command_group()


@app.command("list")
def list_connections(
    ws: workspace.Workspace, listing: Listing, names: list[str] | None = None
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
@needs(creates=True)
def add(
    ws: workspace.Workspace,
    options: SignInOptions,
    name: str,
    source: str,
    platform: str | None = None,
    path: Path | None = None,
    instance_url: str | None = None,
    endpoint: str | None = None,
    remote_id: str | None = None,
    scope: ScopeMode | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    ttl_hours: float | None = None,
    as_json: bool = False,
) -> None:
    """Add a connection.

    At a terminal, crmdeck asks for missing values. Never enter secrets as options: in scripts,
    set CRMDECK_<NAME>_ACCESS_TOKEN, or the same with REFRESH_TOKEN, CLIENT_ID, CLIENT_SECRET,
    PRIVATE_KEY, USERNAME, PASSWORD or SESSION_TOKEN. After a test, crmdeck stores them in the
    keyring. --secrets file stores them in a private file of the workspace, and --secrets
    environment doesn't store them.
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
def set_connection(
    ws: workspace.Workspace,
    name: str,
    path: Path | None = None,
    instance_url: str | None = None,
    endpoint: str | None = None,
    remote_id: str | None = None,
    scope: ScopeMode | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    without_rules: list[str] | None = None,
    ttl_hours: float | None = None,
    api_version: str | None = None,
    sync_user: str | None = None,
    sync_access: Path | None = None,
    reconnect: bool = False,
    as_json: bool = False,
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
def sign_in(
    ws: workspace.Workspace, options: SignInOptions, name: str, as_json: bool = False
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
def test(
    ws: workspace.Workspace, name: str, report: Path | None = None, as_json: bool = False
) -> None:
    """Test sign-in, permissions, readable objects and quota."""
    if report is not None:
        # First: it also describes a test that fails.
        found = ws.connections.describe_responses(name)
        write_file(report, json.dumps(found, indent=1) + "\n")
        say(f"Wrote {report}. Read it before you attach it to an issue.")
    probed = ws.connections.test(name)
    if as_json:
        emit_json(probed)
        return
    quota = probed.quota
    checks = [
        ("user", probed.user),
        ("organization", probed.organization),
        ("instance", probed.instance_url),
        ("API version", probed.api_version),
        ("quota left", f"{quota.left:.0%} of {quota.limit}" if quota else None),
        ("token expires", probed.token_expires_at),
        ("objects it can read", None if probed.objects is None else len(probed.objects)),
        *(("missing permission", what) for what in probed.missing_permissions or ("none",)),
    ]
    emit_table(TextTable(("check", "result"), checks))


@app.command()
def rename(ws: workspace.Workspace, name: str, new_name: str, as_json: bool = False) -> None:
    """Rename a connection; it keeps its ID and history."""
    _show(ws.connections.rename(name, new_name), as_json)


def disconnect(ws: workspace.Workspace, name: str, as_json: bool = False) -> None:
    """Mark a connection as disconnected, and delete nothing."""
    connection = ws.connections.disconnect(name)
    said = f"{connection.name} is disconnected. crmdeck keeps its schemas, changes and mappings."
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
        org = f" to {report.organization}" if report.organization else ""
        at = f" at {report.instance_url}" if report.instance_url else ""
        say(f"Connected{user}{org}{at}.")
        for missing in report.missing_permissions:
            say(f"Missing: {missing}")
