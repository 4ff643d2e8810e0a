"""The rights of a team's roles in its database."""

from __future__ import annotations

from crmdeck.errors import UsageError
from crmdeck.store import grants
from crmdeck.workspace.workspace import Workspace


def grants_sql(workspace: Workspace) -> str:
    """Return the SQL for readers, writers and servers of a team's database.

    Raises UsageError in a workspace that is a folder.
    """
    context = workspace.context
    if not context.shared:
        raise UsageError(
            "Only a PostgreSQL workspace has database roles.",
            cause="This workspace is a folder.",
            remedy="Enter the database: crmdeck team grants --home postgresql://...",
            code="NO_TEAM",
        )
    with context.store.read() as session:
        return grants.grants_sql(session.database)
