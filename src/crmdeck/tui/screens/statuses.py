"""The statuses of the connections, and the open rows of their mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
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
    with workspace.hold():
        return Answer(head, workspace.health.statuses(), workspace.mappings.open_rows())
