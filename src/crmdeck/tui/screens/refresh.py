"""Refresh a connection, and report what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmdeck.tui.host import Host
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.errors import CrmdeckError
    from crmdeck.model import RefreshResult


def refresh_connection(host: Host, connection_id: str, name: str) -> None:
    """Refresh the schema of a connection. The pane and Health show an error."""
    workspace = host.workspace

    def work(job: Job) -> RefreshResult:
        return workspace.refreshes.run(connection_id, progress=job.progress, cancel=job.cancel)

    def done(result: RefreshResult) -> None:
        parts = [count(len(result.objects), "object"), count(result.total_fields, "field")]
        parts.append("baseline" if result.baseline else count(len(result.drift_events), "change"))
        if result.failures:
            parts.append(f"{len(result.failures)} failed")
        host.say(
            f"{name}: {', '.join(parts)}",
            severity="warning" if result.failures else "information",
            command=workspace.command_line("refresh", name),
        )
        host.reload()

    def failed(error: CrmdeckError) -> None:
        # A failed refresh is recorded, so the status of the connection differs now.
        host.reload()
        host.loader.failed(error)

    host.loader.load("refresh", work, done, label=f"refreshing {name}", failed=failed)
