"""crmdeck findings."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from crmdeck import model, workspace
from crmdeck.cli.groups import Group, command_group
from crmdeck.cli.listing import Listing, wire_columns
from crmdeck.cli.output import emit_or_say, say, say_details
from crmdeck.cli.session import say_empty, time_range
from crmdeck.errors import UsageError
from crmdeck.model import FindingState, Urgency
from crmdeck.text import count


class FindingsGroup(Group):
    """The commands on findings; without one, it lists them."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = command_group(cls=FindingsGroup)

if TYPE_CHECKING:
    from typer._click import Context


@app.command("list")
def list_findings(
    ws: workspace.Workspace,
    listing: Listing,
    names: list[str] | None = None,
    urgency: Urgency | None = None,
    since: str | None = None,
    until: str | None = None,
    everything: bool = False,
) -> None:
    """List what is open, the most urgent first."""
    listing.require(columns := wire_columns(model.Finding))
    begin, end = time_range(since, until, ws)
    every = [
        each
        for each in ws.findings.find(names or ())
        if (begin is None or (each.since is not None and each.since >= begin))
        and (end is None or (each.since is not None and each.since <= end))
    ]
    shown = [
        each
        for each in every
        if (everything or (each.is_open and each.urgency is not Urgency.NOTE) or urgency)
        and urgency in (None, each.urgency)
    ]
    if listing.emit(
        shown,
        columns=columns,
        table={
            "id": "id",
            "urgency": lambda one: one.urgency if one.is_open else one.state,
            "connection": "connection",
            "finding": "title",
            "by": "by",
            "since": lambda one: one.since and f"{one.since:%Y-%m-%d}",
            "next step": lambda one: next((step.text for step in one.steps), None),
        },
        least=("by", "next step", "since"),
    ):
        if not ws.connections.all():
            say_empty(ws)
        left = len(every) - len(shown)
        if left and not everything:
            say(f"{count(left, 'more finding')} with --all")


@app.command()
def show(ws: workspace.Workspace, finding: str, as_json: bool = False) -> None:
    """Show a finding with its cause, its effect and its next steps."""
    found = ws.findings.get(finding)
    if as_json:
        emit_or_say(found, "", as_json)
    else:
        show_finding(found)


@app.command()
def accept(
    ws: workspace.Workspace, finding: str, until: str, note: str = "", as_json: bool = False
) -> None:
    """Accept the risk of a finding until a day, for every user. Gates pass until then.

    The finding reopens if it gets worse, if its evidence is newer, and after that day.
    """
    found = ws.findings.accept(finding, _day(until), note)
    until = f"Accepted the risk until {found.accepted_until}"
    emit_or_say(found, f"{until}: {found.connection}: {found.title}", as_json)


@app.command()
def snooze(ws: workspace.Workspace, finding: str, until: str, as_json: bool = False) -> None:
    """Leave a finding about what crmdeck can't read out of the list until a day.

    Gates still fail on it.
    """
    found = ws.findings.snooze(finding, _day(until))
    until = f"Snoozed until {found.accepted_until}"
    emit_or_say(found, f"{until}: {found.connection}: {found.title}", as_json)


@app.command()
def reopen(ws: workspace.Workspace, finding: str, as_json: bool = False) -> None:
    """Reopen a finding that was accepted or snoozed."""
    found = ws.findings.reopen(finding)
    emit_or_say(found, f"Reopened: {found.connection}: {found.title}", as_json)


def show_finding(finding: model.Finding) -> None:
    """Write a finding with its next steps to stderr."""
    state = "" if finding.is_open else f", {finding.state}"
    if finding.state in (FindingState.ACCEPTED, FindingState.SNOOZED):
        state += f" until {finding.accepted_until} by {finding.accepted_by}"
    say(f"{finding.connection}: {finding.urgency}{state}: {finding.title} ({finding.code})")
    note = finding.note or finding.rule
    say_details(finding.cause, finding.effect, finding.link, f"Note: {note}" if note else None)
    for step in finding.steps:
        say_details(f"{step.text}: {step.command}" if step.command else step.text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"'{text}' isn't a date.", remedy="Enter a day, such as --until 2026-12-31"
        ) from None
