"""crmdeck check: what happened since the last one, and whether it fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmdeck.cli.options import DemoOption, HomeOption, JsonOption, NamesArgument
from crmdeck.cli.output import chosen_format, emit, say, write_file
from crmdeck.cli.session import ProgressLine, moment, workspace
from crmdeck.model import FailOn, IssueLevel

if TYPE_CHECKING:
    from crmdeck.model import CheckReport

SIGNS = {IssueLevel.FAIL: "FAIL", IssueLevel.REPORT: "note", IssueLevel.IGNORE: "skip"}
SHOWN = 20
_SUFFIXES = {".json": "json", ".md": "markdown", ".html": "html", ".xml": "junit"}

CheckFailOnOption = Annotated[
    FailOn,
    typer.Option(
        "--fail-on", help="Drift this bad or worse fails; mapped: risky drift on mapped fields."
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", help="A file of rules; without it policy.toml of the workspace."),
]


def check(
    names: NamesArgument = None,
    fail_on: CheckFailOnOption = FailOn.BREAKING,
    policy: PolicyOption = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Drift since then (7d), not since the last check."),
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh/--no-refresh", help="Read the schemas anew, or the cache.")
    ] = True,
    format: Annotated[
        str | None,
        typer.Option("--format", help="json, markdown, html, junit or github; else for people."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file in place of stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    home: HomeOption = None,
    demo: DemoOption = False,
    as_json: JsonOption = False,
) -> None:
    """Refresh, and tell what fails: drift, broken mappings, what can't be read, what ends soon.

    Exits with 0 where nothing fails, 4 for drift or a broken mapping, 3 where a connection
    needs a new sign-in, 6 where a part could not be read, 1 where nothing could.
    """
    with workspace(home, demo, as_json) as ws:
        wanted = chosen_format(format, output, _SUFFIXES, as_json=as_json, force=force)
        if wanted is not None:
            ws.checks.require_format(wanted)
        with ProgressLine() as line:
            report = ws.checks.run(
                names or (),
                since=moment(since, ws),
                fail_on=fail_on,
                policy=policy,
                refresh=refresh,
                progress=line,
            )
        if output is not None:
            write_file(output, ws.checks.render(report, wanted or "markdown"))
            show(report)
        elif wanted is not None:
            emit(ws.checks.render(report, wanted))
        else:
            show(report)
    raise typer.Exit(report.exit_code)


def show(report: CheckReport) -> None:
    """Tell a check on one screen, the worst first."""
    from crmdeck.workspace import check_summary, issue_text

    shown = [issue for issue in report.issues if issue.level is not IssueLevel.IGNORE]
    for issue in shown[:SHOWN]:
        severity = f" {issue.severity.value}" if issue.severity else ""
        emit(f"{SIGNS[issue.level]}{severity}  {issue.connection}  {issue_text(issue)}")
        if issue.remedy:
            say(f"      {issue.remedy}")
    if len(shown) > SHOWN:
        emit(f"and {len(shown) - SHOWN:,} more: crmdeck check --format markdown tells all")
    for rule in report.expired_rules:
        say(f"A rule of the policy has ended on {rule.until:%Y-%m-%d}: {rule.reason}")
    emit(check_summary(report))
