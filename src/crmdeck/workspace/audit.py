"""The audit log: who did what, when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypedDict, Unpack

from crmdeck.errors import UsageError
from crmdeck.model import AuditEntry, AuditHead
from crmdeck.text import did_you_mean, nearest
from crmdeck.workspace.context import Context, find_connection

EVENTS = (
    "access.token_created",
    "access.token_revoked",
    "access.user_added",
    "access.user_changed",
    "access.user_removed",
    "cache.repaired",
    "connection.added",
    "connection.disconnected",
    "connection.moved",
    "connection.reconnected",
    "connection.recovered",
    "connection.renamed",
    "connection.signed_in",
    "connection.updated",
    "errors.explained",
    "finding.accepted",
    "finding.reopened",
    "finding.snoozed",
    "mapping.accepted",
    "mapping.filled_elsewhere",
    "mapping.pending",
    "mapping.rejected",
    "mapping.suggested",
    "mapping.undone",
    "notice.failed",
    "notice.sent",
    "policy.set",
    "schema.checked",
    "schema.drift_acknowledged",
    "schema.drift_detected",
    "schema.drift_kept_here",
    "schema.drift_reopened",
    "schema.refresh_cancelled",
    "schema.refresh_failed",
    "schema.refreshed",
    "schema.sampled",
    "secrets.key_rotated",
    "secrets.moved",
    "token.not_stored",
    "token.refresh_failed",
    "token.refreshed",
    "token.rotated",
    "token.stored",
)
"""The events of the audit log."""


class AuditFilters(TypedDict, total=False):
    """The entries to return; `since` and `until` are both included."""

    event: str | None
    actor: str | None
    since: datetime | None
    until: datetime | None


class Audit:
    """Read the audit log."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def record(self, event: str, summary: str, details: Mapping[str, object]) -> None:
        """Add an entry of the acting user to the audit log."""
        entry = self._context.entry(event, summary, details=details)
        with self._context.store.write() as session:
            session.audit.add(entry)

    def count(self, ref: str | None = None) -> int:
        """Return the number of entries, of one connection or of all; raises NotFoundError."""
        with self._context.store.read() as session:
            return session.audit.count(None if ref is None else find_connection(session, ref).id)

    def entries(
        self,
        ref: str | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
        **only: Unpack[AuditFilters],
    ) -> tuple[AuditEntry, ...]:
        """Return audit entries, newest first; `event` is one of `EVENTS`, or a prefix and `*`.

        At most `limit`, from the one that follows the ID `after`. Raises NotFoundError, and
        UsageError for an unknown event.
        """
        with self._context.store.read() as session:
            key = None if ref is None else find_connection(session, ref).id
            found = session.audit.entries(connection_id=key, after=after, limit=limit, **only)
        event = only.get("event")
        # PartnerOS's own log can contain events that crmdeck never writes.
        if event is None or event in EVENTS or found:
            return found
        if not event.endswith("*") or not any(each.startswith(event[:-1]) for each in EVENTS):
            near = nearest(event.rstrip("*."), EVENTS, most=1)
            raise UsageError(
                f"No audit event named '{event}'.",
                cause=did_you_mean(near) if near else None,
                remedy=f"Use one of: {', '.join(EVENTS)}",
                code="BAD_EVENT",
            )
        return found

    def each(
        self, ref: str | None = None, *, at_once: int = 1000, **only: Unpack[AuditFilters]
    ) -> Iterator[AuditEntry]:
        """Yield audit entries, newest first, with `at_once` of them in memory."""
        after: str | None = None
        while True:
            # One more than wanted shows whether another page follows.
            found = self.entries(ref, after=after, limit=at_once + 1, **only)
            yield from found[:at_once]
            if len(found) <= at_once:
                return
            after = found[at_once - 1].id

    def head(self) -> AuditHead | None:
        """Return the end of the audit log, to keep elsewhere; None for an empty log."""
        with self._context.store.read() as session:
            return session.audit.head()
