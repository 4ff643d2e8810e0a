"""The statuses of the connections, and the open rows of their mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crmdeck.model import ConnectionStatus
    from crmdeck.workspace import OpenRows, Workspace


class Answer(NamedTuple):
    """What all connections have at the `head` of the workspace's log."""

    head: int
    statuses: tuple[ConnectionStatus, ...]
    open_rows: dict[str, OpenRows]


def read_statuses(workspace: Workspace) -> Answer:
    """Read all statuses, and count the open rows of all mappings."""
    workspace.prepare()
    # Read before the rest: what another user writes in between counts as new then.
    head = workspace.head()
    with workspace.reading():
        return Answer(head, workspace.health.statuses(), workspace.mappings.open_rows())


def most_urgent(
    statuses: Sequence[ConnectionStatus], open_rows: Mapping[str, OpenRows]
) -> str | None:
    """Return the ID of the connection that a user without a choice sees first."""

    def urgency(status: ConnectionStatus) -> tuple[bool, ...]:
        rows = open_rows.get(status.id)
        broken, required = (rows.broken, rows.required) if rows is not None else (0, 0)
        failing = status.status in (Status.REAUTH_REQUIRED, Status.ERROR)
        return status.status is Status.DISCONNECTED, not broken, not required, not failing

    return min(statuses, key=urgency).id if statuses else None
