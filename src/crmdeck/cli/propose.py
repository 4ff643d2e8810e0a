"""crmdeck propose: CRM changes that a mapping needs, as files to deploy."""

from __future__ import annotations

from pathlib import Path

from crmdeck import workspace
from crmdeck.cli.output import Cells, TextTable, emit_json, emit_table, say
from crmdeck.model import Proposal
from crmdeck.text import count


def propose(
    ws: workspace.Workspace,
    name: str,
    pair: str,
    output: Path | None = None,
    field: list[str] | None = None,
    project: Path | None = None,
    force: bool = False,
    as_json: bool = False,
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
            else "No files: make each change by hand in the CRM."
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
