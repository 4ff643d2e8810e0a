"""crmdeck sandbox."""

from __future__ import annotations

from crmdeck import workspace
from crmdeck.cli.output import emit, emit_json, say


def sandbox(port: int = 0, latency: float = 0.0, as_json: bool = False) -> None:
    """Start the built-in CRM on this machine, to try a client with."""
    workspace.serve_sandbox(port=port, latency=latency, ready=emit_json if as_json else _ready)


def _ready(access: dict[str, object]) -> None:
    for name, value in access.items():
        text = " ".join(map(str, value.values())) if isinstance(value, dict) else value
        emit(f"{name}\t{text}")
    say("Press Ctrl+C to stop.")
