"""crmdeck export and crmdeck audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from crmdeck.cli.options import AtOption, DemoOption, HomeOption, JsonOption, RightAtOption
from crmdeck.cli.output import emit, emit_json, emit_table, say
from crmdeck.cli.session import workspace
from crmdeck.workspace import parse_moment

OptionalName = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="A connection; without it all.", show_default=False),
]


def export(
    name: OptionalName = None,
    what: Annotated[
        str,
        typer.Option(
            "--what",
            help="health, objects, schema, comparison, differences, drift, mapping or audit.",
        ),
    ] = "health",
    format: Annotated[
        str, typer.Option("--format", help="json, jsonl, csv, markdown or html.")
    ] = "json",
    pair: Annotated[
        str | None, typer.Option("--pair", help="For mapping: one object pair, else all.")
    ] = None,
    at: AtOption = None,
    right: Annotated[
        str | None,
        typer.Option(
            "--right", help="For a comparison: the other connection, else NAME at another moment."
        ),
    ] = None,
    right_at: RightAtOption = None,
    object_type: Annotated[
        str | None,
        typer.Option("--object", help="For schema, drift and comparisons: only this object."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file in place of stdout.")
    ] = None,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hand over what is cached. The same as the console's export."""
    with workspace(home, demo, as_json) as ws:
        options: dict[str, Any] = {
            "format": "json" if as_json else format,
            "pair": pair,
            "object_type": object_type,
            "at": parse_moment(at, ws.now, as_of=True) if at else None,
            "right": right,
            "right_at": parse_moment(right_at, ws.now, as_of=True) if right_at else None,
        }
        if output is None:
            emit(ws.export(what, name, **options))
        else:
            ws.export_file(output, what, name, **options)
            say(f"Written to {output}")


def audit(
    name: OptionalName = None,
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
    with workspace(home, demo, as_json) as ws:
        names = {connection.id: connection.name for connection in ws.connections()}
        entries = ws.audit(
            name,
            event=event,
            actor=actor,
            since=parse_moment(since, ws.now) if since else None,
            until=parse_moment(until, ws.now) if until else None,
            limit=limit,
        )
        if as_json:
            emit_json(entries)
            return
        emit_table(
            ("when", "who", "event", "connection", "what"),
            [
                (e.at, e.actor, e.event, names.get(e.connection_id or ""), e.summary)
                for e in entries
            ],
        )
