"""crmdeck export."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.listing import Listing
from crmdeck.cli.options import (
    AtOption,
    ColumnsOption,
    ForceOption,
    JsonOption,
    LimitOption,
    OutputOption,
    RightAtOption,
    SeverityOption,
    SortOption,
)
from crmdeck.cli.output import chosen_format, emit_pieces, filtered, require_unfiltered, say
from crmdeck.cli.session import in_workspace, moment, time_range
from crmdeck.errors import UsageError
from crmdeck.model import DecisionState


@in_workspace()
def export(
    ws: workspace.Workspace,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Connection name (default: all, for health, drift and audit).",
            show_default=False,
        ),
    ] = None,
    what: Annotated[
        str,
        typer.Option(
            "--what",
            help="Data: health, objects, schema, comparison, differences, drift, mapping, audit. "
            "Reports: dictionary, mapping-sheet, drift-report, health-report. Or contract (Open "
            "Data Contract).",
        ),
    ] = "health",
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help=f"Data: {', '.join(workspace.FORMATS)}. "
            f"Reports: {', '.join(workspace.REPORT_FORMATS)} "
            "(default: by the file name, else json or markdown).",
            show_default=False,
        ),
    ] = None,
    pair: Annotated[
        str | None, typer.Option("--pair", help="Object pair, for mappings and contracts.")
    ] = None,
    at: AtOption = None,
    right: Annotated[
        str | None,
        typer.Option("--right", help="Connection name, for the right side (default: NAME)."),
    ] = None,
    right_at: RightAtOption = None,
    object_type: Annotated[
        str | None,
        typer.Option("--object", help="Object name, for schemas, drift, comparisons and mappings."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Start date, for drift, audit, mappings: 2026-05-16, or 7d."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", help="End date, for drift and audit: 2026-05-16, or 7d."),
    ] = None,
    severity: SeverityOption = None,
    state: Annotated[
        DecisionState | None, typer.Option("--state", help="State of mappings (default: all).")
    ] = None,
    limit: LimitOption = None,
    sort: SortOption = None,
    columns: ColumnsOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Export stored data for machines, or reports for readers."""
    usual = {workspace.CONTRACT: "yaml", **dict.fromkeys(workspace.REPORTS, "markdown")}
    wanted = chosen_format(
        format, output, workspace.SUFFIXES, as_json=as_json, force=force
    ) or usual.get(what, "json")
    begin, end = time_range(since, until, ws)
    options: workspace.ExportOptions = {
        "pair": pair,
        "object_type": object_type,
        "at": moment(at, ws, as_of=True),
        "right": right,
        "right_at": moment(right_at, ws, as_of=True),
        "since": begin,
        "until": end,
        "at_least": severity,
        "state": state,
    }
    listing = Listing.of(wanted, output, limit, sort, columns)
    if not listing.is_plain:
        if what not in workspace.EXPORTS:
            raise UsageError(
                f"{what} has no --limit, --sort or --columns.",
                remedy=f"Use them with {', '.join(workspace.EXPORTS)}.",
            )
        known = workspace.COLUMNS[what]
        listing.require(known)
        listing.emit(ws.exports.rows(what, name, **options), columns=known, table={},
                     record=lambda row: row)  # fmt: skip
        return
    if output is not None:
        require_unfiltered(output)
        ws.exports.write(output, what, name, format=wanted, **options)
        say(f"Wrote {output}")
    else:
        emit_pieces(filtered(ws.exports.stream(what, name, format=wanted, **options)))
