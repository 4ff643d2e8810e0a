"""crmdeck audit."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck.cli.options import AnyNameArgument, DemoOption, HomeOption, JsonOption
from crmdeck.cli.output import emit_json, emit_table
from crmdeck.cli.session import moment, open_workspace
from crmdeck.errors import UsageError
from crmdeck.model import AuditEntry


def _who(entry: AuditEntry) -> str:
    if entry.db_user in (None, entry.actor):
        return entry.actor
    return f"{entry.actor} ({entry.db_user})"


def audit(
    name: AnyNameArgument = None,
    event: Annotated[
        str | None, typer.Option("--event", help="Event type, or a pattern: 'token.*'.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="User name.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Start date: 2026-05-16, or 7d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="End date: 2026-05-16, or 7d.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Maximum number of entries.")
    ] = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the audit log, newest first.

    In a team's database, the database user is in parentheses if it isn't the claimed user.
    """
    with open_workspace(home, demo, as_json) as ws:
        names = {connection.id: connection.name for connection in ws.connections.all()}
        begin, end = moment(since, ws), moment(until, ws)
        if begin and end and begin > end:
            raise UsageError(
                "--since is later than --until.",
                remedy="Use an earlier --since or a later --until.",
            )
        entries = ws.audit.entries(
            name,
            event=event,
            actor=actor,
            since=begin,
            until=end,
            limit=limit,
        )
        if as_json:
            emit_json(ws.exports.named(entries))
            return
        emit_table(
            ("time", "user", "event", "connection", "summary"),
            [
                (e.at, _who(e), e.event, names.get(e.connection_id or ""), e.summary)
                for e in entries
            ],
            least=("connection", "user"),
        )
