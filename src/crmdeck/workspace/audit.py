"""The audit log: who did what, when."""

from __future__ import annotations

from datetime import datetime

from crmdeck.model import AuditEntry
from crmdeck.workspace.context import Context, find_connection


class Audit:
    """Read the audit log."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def entries(
        self,
        ref: str | None = None,
        *,
        event: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> tuple[AuditEntry, ...]:
        """Return audit entries, newest first; `event` may end in `*`."""
        with self._context.store.read() as session:
            connection_id = None
            if ref is not None:
                connection_id = find_connection(session, ref).id
            return session.audit.entries(
                connection_id=connection_id,
                event=event,
                actor=actor,
                since=since,
                until=until,
                limit=limit,
            )
