"""crmdeck sandbox."""

from __future__ import annotations

from typing import Annotated

import typer

from crmdeck import workspace
from crmdeck.cli.options import JsonOption
from crmdeck.cli.output import emit, emit_json, say
from crmdeck.cli.session import failing


def sandbox(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port (0 picks a free one).")
    ] = 0,
    latency: Annotated[
        float, typer.Option("--latency", min=0, help="Seconds that each answer takes.")
    ] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Start the built-in CRM on this machine, to try a client with."""
    with failing(as_json):
        workspace.serve_sandbox(port=port, latency=latency, ready=emit_json if as_json else _ready)


def _ready(access: dict[str, object]) -> None:
    for name, value in access.items():
        text = " ".join(map(str, value.values())) if isinstance(value, dict) else value
        emit(f"{name}\t{text}")
    say("Press Ctrl+C to stop.")
