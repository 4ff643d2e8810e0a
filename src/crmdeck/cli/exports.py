"""crmdeck export."""

from __future__ import annotations

from crmdeck import workspace
from crmdeck.cli.listing import Listing
from crmdeck.cli.output import Output, emit, filtered, require_unfiltered, say
from crmdeck.cli.session import moment, time_range
from crmdeck.errors import UsageError
from crmdeck.model import DecisionState, Severity


def export(
    ws: workspace.Workspace,
    out: Output,
    name: str | None = None,
    what: str = "health",
    pair: str | None = None,
    at: str | None = None,
    right: str | None = None,
    right_at: str | None = None,
    object_type: str | None = None,
    since: str | None = None,
    until: str | None = None,
    severity: Severity | None = None,
    state: DecisionState | None = None,
    limit: int | None = None,
    sort: str | None = None,
    columns: str | None = None,
) -> None:
    """Export stored data for machines, or reports for readers."""
    usual = {workspace.CONTRACT: "yaml", **dict.fromkeys(workspace.REPORTS, "markdown")}
    wanted = out.resolve(workspace.SUFFIXES) or usual.get(what, "json")
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
    if limit or sort is not None or columns is not None:
        if what not in workspace.EXPORTS:
            raise UsageError(
                f"{what} has no --limit, --sort or --columns.",
                remedy=f"Use them with {', '.join(workspace.EXPORTS)}.",
            )
        known = workspace.COLUMNS[what]
        listing = Listing(wanted, out.output, out.force, limit=limit, sort=sort, columns=columns)
        listing.require(known)
        rows = ws.exports.rows(what, name, **options)
        listing.emit(rows, columns=known, table={}, record=lambda row: row)
    elif out.output is not None:
        require_unfiltered(out.output)
        ws.exports.write(out.output, what, name, format=wanted, **options)
        say(f"Wrote {out.output}")
    else:
        emit(filtered(ws.exports.stream(what, name, format=wanted, **options)), exactly=True)
