"""crmdeck propose: CRM changes that a mapping needs, as files to deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import JsonOption, NameArgument, PairArgument
from crmdeck.cli.output import Cells, TextTable, emit_json, emit_table, say
from crmdeck.cli.session import in_workspace
from crmdeck.model import Proposal
from crmdeck.text import count


@in_workspace()
def propose(
    ws: workspace.Workspace,
    name: NameArgument,
    pair: PairArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for the files (default: only list the changes).",
            show_default=False,
        ),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="FIELD",
            help="PartnerOS field to propose a change for (default: all that need one).",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            metavar="FOLDER",
            help="SFDX project with the existing fields, to edit them.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the CRM changes that a mapping needs, as files to review and deploy."""
    proposal = ws.proposals.plan(name, pair, fields=field or (), project=project)
    written: tuple[Path, ...] = ()
    if output is not None and proposal.files:
        written = ws.proposals.write(proposal, output, force=force)
    if as_json:
        emit_json(proposal)
    else:
        _emit(proposal)
    if written:
        say(f"Wrote {count(len(written), 'file')}. Next: read {output}/PULL_REQUEST.md")
    elif proposal.changes:
        say(
            "Write the files with -o FOLDER."
            if proposal.files
            else "No files: each change has to be made by hand."
        )


def _emit(proposal: Proposal) -> None:
    if not proposal.changes:
        say(f"{proposal.object_pair} needs no change in the CRM.")
        return
    cells: Cells = {
        "PartnerOS field": "partner_field",
        "CRM field": lambda change: change.crm_field or "-",
        "change": "summary",
        "file": lambda change: "yes" if change.file else "by hand",
        "note": "note",
    }
    emit_table(TextTable.of(proposal.changes, cells, below="note"))
