"""crmdeck match, sandbox, doctor, screenshots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, cast

import typer

from crmdeck.cli.options import DemoOption, EncoderOption, HomeOption, JsonOption
from crmdeck.cli.output import emit, emit_json, emit_table, say
from crmdeck.cli.session import failing, workspace
from crmdeck.errors import ExitCode


def match(
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="A schema file.")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="A schema file.")],
    left_object: Annotated[
        str | None, typer.Option("--left-object", help="Which object of a file of several.")
    ] = None,
    right_object: Annotated[str | None, typer.Option("--right-object", help="Likewise.")] = None,
    encoder: EncoderOption = "auto",
    format: Annotated[
        str, typer.Option("--format", help="table, json, csv or markdown.")
    ] = "table",
    as_json: JsonOption = False,
) -> None:
    """Rank the fields of one schema file against those of another; no connection needed.

    Files are Salesforce describes, HubSpot property lists, or CSV with the columns name, label,
    description, type, picklist.
    """
    from crmdeck.workspace import match_files, render_matches

    with failing(as_json):
        matches = match_files(
            left, right, left_object=left_object, right_object=right_object, encoder=encoder
        )
        if as_json or format == "json":
            emit_json(matches)
        elif format == "table":
            emit_table(
                ("left", "right", "confidence", "direction", "why"),
                [
                    (
                        s.partner_field,
                        s.crm_field or "-",
                        s.confidence,
                        s.direction,
                        "; ".join(reason.text for reason in s.reasons[:2]),
                    )
                    for s in matches.suggestions
                ],
            )
        else:
            emit(render_matches(matches, format))


def sandbox(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 0,
    latency: Annotated[
        float, typer.Option("--latency", min=0, help="Seconds that each answer takes.")
    ] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Start the built-in CRM on loopback, for anyone to try a client against."""
    from crmdeck.workspace import serve_sandbox

    with failing(as_json):
        serve_sandbox(port=port, latency=latency, ready=emit_json if as_json else _sandbox_ready)


def doctor(home: HomeOption = None, demo: DemoOption = False, as_json: JsonOption = False) -> None:
    """Check this machine and this workspace, and say what to do about what is not right."""
    from crmdeck.workspace import examine

    with failing(as_json):
        findings = examine(home, demo=demo)
        if as_json:
            emit_json(findings)
        else:
            emit_table(
                ("check", "ok", "found", "remedy"),
                [(f.check, f.ok, f.found, f.remedy) for f in findings],
            )
    if not all(finding.ok for finding in findings):
        raise typer.Exit(int(ExitCode.FAILED))


def screenshots(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where the pictures go.")
    ] = Path("screenshots"),
    check: Annotated[
        bool, typer.Option("--check", help="Compare with what is there, and change nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Draw one picture a pane from the running console over the demo."""
    from crmdeck.tui.screenshots import draw_screenshots

    with failing(as_json):
        drawn = draw_screenshots(folder, check=check)
        for path in drawn:
            say(str(path))


def keys(home: HomeOption = None, demo: DemoOption = False, as_json: JsonOption = False) -> None:
    """List the console's keys with the ids that a key map remaps."""
    from crmdeck.tui.keytable import key_records

    with workspace(home, demo, as_json) as ws:
        records = key_records(ws.settings.keys)
        if as_json:
            emit(json.dumps(records, indent=2))
            return
        emit_table(
            ("where", "keys", "what it does", "id"),
            [
                (r["scope"], " ".join(map(str, cast("list[str]", r["keys"]))), r["title"], r["id"])
                for r in records
            ],
        )


def _sandbox_ready(access: dict[str, object]) -> None:
    for name, value in access.items():
        told = " ".join(map(str, value.values())) if isinstance(value, dict) else value
        emit(f"{name}\t{told}")
    say("Ctrl+C ends it.")
