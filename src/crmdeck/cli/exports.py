"""crmdeck export: what is cached, handed over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import (
    AnyNameArgument,
    AtOption,
    DemoOption,
    HomeOption,
    JsonOption,
    RightAtOption,
)
from crmdeck.cli.output import chosen_format, emit_pieces, say
from crmdeck.cli.session import moment, open_workspace
from crmdeck.errors import UsageError
from crmdeck.model import DecisionState, Severity


def export(
    name: AnyNameArgument = None,
    what: Annotated[
        str,
        typer.Option(
            "--what",
            help="health, objects, schema, comparison, differences, drift, mapping or audit; for "
            "readers: dictionary, mapping-sheet, drift-report or health-report; or contract "
            "(Open Data Contract).",
        ),
    ] = "health",
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="json, jsonl, csv, yaml, parquet, markdown or html; of reports html, markdown "
            "or xlsx.  [default: as the file is called, else json or markdown]",
            show_default=False,
        ),
    ] = None,
    pair: Annotated[
        str | None, typer.Option("--pair", help="For mappings and contracts: an object pair.")
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
        typer.Option(
            "--object", help="For schemas, drift, comparisons and mappings: only this object."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="For drift, audit and mappings: 2026-05-16, or 7d."),
    ] = None,
    severity: Annotated[
        Severity | None, typer.Option("--severity", help="For drift: this bad or worse.")
    ] = None,
    state: Annotated[
        DecisionState | None,
        typer.Option("--state", help="For mappings: only lines in this state."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file in place of stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hand over what is cached: data for machines, or reports for readers."""
    with open_workspace(home, demo, as_json) as ws:
        otherwise = (
            "markdown"
            if what in workspace.REPORTS
            else "yaml"
            if what == workspace.CONTRACT
            else "json"
        )
        wanted = (
            chosen_format(format, output, workspace.SUFFIXES, as_json=as_json, force=force)
            or otherwise
        )
        options: workspace.ExportOptions = {
            "pair": pair,
            "object_type": object_type,
            "at": moment(at, ws, as_of=True),
            "right": right,
            "right_at": moment(right_at, ws, as_of=True),
            "since": moment(since, ws),
            "at_least": severity,
            "state": state,
        }
        if output is not None:
            ws.exports.write(output, what, name, format=wanted, **options)
            say(f"Written to {output}")
        elif wanted == ("xlsx" if what in workspace.REPORTS else "parquet"):
            raise UsageError(f"{wanted} is no text.", remedy=f"Name a file: -o export.{wanted}")
        else:
            emit_pieces(ws.exports.stream(what, name, format=wanted, **options))
