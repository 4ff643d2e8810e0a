"""Make a CRM change for PartnerOS fields: show it, ask for a folder, write the files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textual.app import App

from crmdeck.home import absolute_path
from crmdeck.model import Proposal
from crmdeck.tui.dialogs.prompt import Prompt, wrong_folder
from crmdeck.tui.host import Host
from crmdeck.tui.loading.requests import Job, Loader
from crmdeck.tui.text import count


def propose(
    app: App[object],
    host: Host,
    requests: Loader,
    place: tuple[str, str],
    names: Sequence[str],
    title: str,
) -> None:
    """Propose CRM changes for the PartnerOS fields `names` of a connection's pair."""
    proposals = host.workspace.proposals

    def planned(proposal: Proposal) -> None:
        by_hand = [each for each in proposal.changes if each.file is None]
        if not proposal.files:
            notes = " ".join(each.note or each.summary for each in by_hand)
            host.say(f"By hand: {notes}", severity="warning", timeout=8)
            return
        lines = [f"{each.crm_field}: {each.summary}" for each in proposal.changes if each.file]
        lines += [f"{each.crm_field or each.partner_field}: {each.note}" for each in by_hand]

        def chosen(name: str | None) -> None:
            if name:
                write(proposal, absolute_path(name))

        text = "\n".join([*lines, "", "crmdeck writes files to review. It deploys nothing."])
        folder = f"crm-change-{place[1].rpartition('--')[2]}"
        dialog = Prompt(
            f"Folder for the CRM change for {title}", text, value=folder, check=wrong_folder
        )
        app.push_screen(dialog, chosen)

    def write(proposal: Proposal, folder: Path) -> None:
        def work(_: Job) -> tuple[Path, ...]:
            return proposals.write(proposal, folder)

        def done(paths: tuple[Path, ...]) -> None:
            host.say(f"Wrote {count(len(paths), 'file')}. Next: read {folder}/PULL_REQUEST.md")

        requests.load("propose", work, done, label="writing the change", cancellable=False)

    def work(_: Job) -> Proposal:
        return proposals.plan(*place, fields=names)

    requests.load("propose", work, planned, label="preparing the change")
