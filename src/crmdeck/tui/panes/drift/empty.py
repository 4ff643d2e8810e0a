"""What stands there while there is no drift. Pure."""

from __future__ import annotations

from crmdeck.model import ConnectionStatus


def nothing_yet(status: ConnectionStatus | None) -> str:
    """Return why there is nothing to see yet, and what to do for it."""
    if status is None or status.last_sync_at is None:
        return (
            "The schema has not been read yet.\n\n"
            "r reads it: that first look is the baseline. What is added, removed or changed in "
            "the CRM after it is told here, with how bad it is and which mappings it touches."
        )
    return (
        "Nothing has changed since the first look.\n\n"
        "Each refresh is compared with the one before: what differs is told here, with how bad "
        "it is and which mappings it touches. r refreshes now."
    )
