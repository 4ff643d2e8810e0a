"""The way of `r`: refresh a connection and say what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.notifications import SeverityLevel

from crmdeck.errors import CrmdeckError
from crmdeck.model import RefreshResult
from crmdeck.tui.loading import Job
from crmdeck.tui.text import count

if TYPE_CHECKING:
    from crmdeck.tui.screens.main import MainScreen


def refresh_and_tell(screen: MainScreen, ref: str, name: str) -> None:
    """Refresh in a worker; what shows is read again whatever came of it."""
    workspace = screen.deck.workspace

    def work(job: Job) -> RefreshResult:
        return workspace.refresh(ref, progress=job.progress, cancel=job.cancel)

    def done(result: RefreshResult) -> None:
        severity: SeverityLevel = "warning" if result.failures else "information"
        screen.deck.say(f"{name}: {in_words(result)}", severity=severity)
        screen.action_reload()

    def failed(error: CrmdeckError) -> None:
        screen.action_reload()
        screen.show_error(error)

    screen.load("refresh", work, done, label=f"refreshing {name}", failed=failed)


def in_words(result: RefreshResult) -> str:
    """Return `1,019 objects, 47,404 fields, 3 changes`, and how many objects failed."""
    parts = [count(len(result.objects), "object"), count(result.total_fields, "field")]
    parts.append("first look" if result.baseline else count(len(result.drift_events), "change"))
    if result.failures:
        parts.append(f"{len(result.failures)} failed")
    return ", ".join(parts)
