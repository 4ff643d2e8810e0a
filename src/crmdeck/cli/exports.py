"""crmdeck export: what is cached, handed over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from crmdeck.cli.options import (
    AnyNameArgument,
    AtOption,
    DemoOption,
    HomeOption,
    JsonOption,
    RightAtOption,
)
from crmdeck.cli.output import emit, say
from crmdeck.cli.session import moment, workspace


def export(
    name: AnyNameArgument = None,
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
            "at": moment(at, ws, as_of=True),
            "right": right,
            "right_at": moment(right_at, ws, as_of=True),
        }
        if output is None:
            emit(ws.exports.render(what, name, **options))
        else:
            ws.exports.write(output, what, name, **options)
            say(f"Written to {output}")
