"""crmdeck audit: who did what when."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck.cli.options import AnyNameArgument, DemoOption, HomeOption, JsonOption
from crmdeck.cli.output import emit_json, emit_table
from crmdeck.cli.session import moment, open_workspace
from crmdeck.errors import UsageError


def audit(
    name: AnyNameArgument = None,
    event: Annotated[
        str | None, typer.Option("--event", help="An event type, or a kind: 'token.*'.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Who did it.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="2026-05-16, or 7d for seven days ago.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Likewise.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")] = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Tell who did what when, newest first."""
    with open_workspace(home, demo, as_json) as ws:
        names = {connection.id: connection.name for connection in ws.connections.all()}
        begin, end = moment(since, ws), moment(until, ws)
        if begin and end and begin > end:
            raise UsageError(
                "--since is later than --until, so nothing lies between them.",
                remedy="Name an earlier --since, or a later --until.",
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
            ("when", "who", "event", "connection", "what"),
            [
                (e.at, e.actor, e.event, names.get(e.connection_id or ""), e.summary)
                for e in entries
            ],
            least=("connection", "who"),
        )
