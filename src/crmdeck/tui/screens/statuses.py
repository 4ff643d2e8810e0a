"""The statuses of the connections, with their findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from crmdeck.model import Status, Urgency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crmdeck.model import ConnectionStatus
    from crmdeck.workspace import Workspace


class Answer(NamedTuple):
    """The statuses of all connections at the `head` of the workspace's log.

    `is_changed_demo` is True for the demo if a user changed it.
    """

    head: int
    statuses: tuple[ConnectionStatus, ...]
    is_changed_demo: bool


def read_statuses(workspace: Workspace) -> Answer:
    """Read all statuses."""
    workspace.prepare()
    # Read before the rest: what another user writes in between counts as new then.
    head = workspace.head()
    # Only now: the first frame doesn't need the workspace.
    from crmdeck.workspace import demo_changed_at

    changed = demo_changed_at(workspace) is not None
    return Answer(head, workspace.health.statuses(), changed)


def most_urgent(statuses: Sequence[ConnectionStatus]) -> str | None:
    """Return the ID of the connection that a user without a choice sees first."""

    def urgency(status: ConnectionStatus) -> tuple[bool, int]:
        failing = [one for one in status.open_findings if one.urgency is Urgency.FAILING]
        return status.status is Status.DISCONNECTED, -len(failing)

    return min(statuses, key=urgency).id if statuses else None
