"""Health: what state each connection is in, and what there is to act on."""

from __future__ import annotations

from datetime import datetime, timedelta

from crmdeck.model import (
    Alert,
    AlertLevel,
    Connection,
    ConnectionStatus,
    DriftEvent,
    Platform,
    Quota,
    SchemaStats,
    Severity,
    Status,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store import Session
from crmdeck.workspace.base import UseCases, find_connection

LOW_QUOTA = 0.10
NOT_ADVANCING = timedelta(days=3)
GOOD = (SyncOutcome.OK, SyncOutcome.PARTIAL)
BAD = (SyncOutcome.FAILED, SyncOutcome.REAUTH, SyncOutcome.STOPPED)


class Health(UseCases):
    """How connections are doing."""

    def status(self, ref: str) -> ConnectionStatus:
        """Return how one connection is doing, from what is cached."""
        with self._store.read() as session:
            return self._status(session, find_connection(session.connections.all(), ref))

    def statuses(self) -> tuple[ConnectionStatus, ...]:
        """Return how all connections are doing, by name."""
        with self._store.read() as session:
            return tuple(self._status(session, c) for c in session.connections.all())

    def sync_history(self, ref: str, limit: int = 200) -> tuple[SyncRun, ...]:
        """Return the refreshes and tests of a connection, newest first."""
        with self._store.read() as session:
            connection = find_connection(session.connections.all(), ref)
            return session.runs.history(connection.id, limit)

    def _status(self, session: Session, connection: Connection) -> ConnectionStatus:
        history = session.runs.history(connection.id)
        good = next((r for r in history if r.kind == "refresh" and r.outcome in GOOD), None)
        bad = next((r for r in history if r.outcome in BAD), None)
        status = derive_status(connection, history)
        stats = session.snapshots.stats(connection.id, self.now)
        stats = stats.model_copy(
            update={"failed_object_count": len(session.runs.failures(connection.id))}
        )
        quota = session.runs.latest_quota(connection.id)
        events = session.drift.events(connection.id)
        return ConnectionStatus(
            id=connection.id,
            name=connection.name,
            platform=connection.platform,
            source=connection.source,
            status=status,
            instance_url=(
                None if connection.platform is Platform.HUBSPOT else connection.instance_url
            ),
            last_sync_at=good.finished_at if good else None,
            last_error_at=bad.finished_at if bad else None,
            last_error_message=bad.error_message if bad else None,
            last_error_code=bad.error_code if bad else None,
            last_error_remedy=bad.error_remedy if bad else None,
            created_at=connection.created_at,
            api_version=connection.api_version,
            schema_stats=stats,
            quota=quota,
            alerts=alerts(connection, status, bad, stats, quota, events, self.now),
        )


def derive_status(connection: Connection, history: tuple[SyncRun, ...]) -> Status:
    """Return the status that follows from what happened; `history` is newest first."""
    if connection.disconnected_at is not None:
        return Status.DISCONNECTED
    for run in history:
        if run.outcome is SyncOutcome.REAUTH:
            return Status.REAUTH_REQUIRED
        if run.outcome is SyncOutcome.FAILED:
            return Status.ERROR
        if run.outcome in (*GOOD, SyncOutcome.STOPPED):
            return Status.ACTIVE
    return Status.ACTIVE


def in_trouble(session: Session, connection: Connection) -> bool:
    """Return whether the last that is known of a connection is that it does not work."""
    status = derive_status(connection, session.runs.history(connection.id))
    return status in (Status.ERROR, Status.REAUTH_REQUIRED)


def alerts(
    connection: Connection,
    status: Status,
    last_error: SyncRun | None,
    stats: SchemaStats,
    quota: Quota | None,
    events: tuple[DriftEvent, ...],
    now: datetime,
) -> tuple[Alert, ...]:
    """Return what there is to act on for a connection, the most urgent first."""
    if status is Status.DISCONNECTED:
        return ()
    name = connection.name
    found: list[Alert] = []
    if last_error is not None and status in (Status.ERROR, Status.REAUTH_REQUIRED):
        found.append(
            Alert(
                level=AlertLevel.CRITICAL,
                code=last_error.error_code or "FAILED",
                message=last_error.error_message or "The last sync failed.",
                cause=last_error.error_cause,
                remedy=last_error.error_remedy,
            )
        )
    mapped = [e for e in events if e.affected_mappings and e.acknowledged_at is None]
    breaking = sum(event.severity is Severity.BREAKING for event in mapped)
    if mapped:
        found.append(
            Alert(
                level=AlertLevel.WARNING,
                code="DRIFT_ON_MAPPED_FIELDS",
                message=f"{len(mapped)} changes touch mapped fields, {breaking} of them breaking.",
                remedy=f"Look at them: crmdeck drift {name}",
            )
        )
    if quota is not None and quota.left <= LOW_QUOTA:
        found.append(
            Alert(
                level=AlertLevel.WARNING,
                code="QUOTA_LOW",
                message=f"{quota.left:.0%} of the API quota is left ({quota.used} of "
                f"{quota.limit} used this {quota.window}).",
                remedy="Refresh less often, or raise the limit with the vendor.",
            )
        )
    if stats.last_discovered_at is None:
        found.append(
            Alert(
                level=AlertLevel.INFO,
                code="NEVER_REFRESHED",
                message="The schema was never discovered.",
                remedy=f"Discover it: crmdeck refresh {name}",
            )
        )
    elif now - stats.last_discovered_at > NOT_ADVANCING:
        days = (now - stats.last_discovered_at).days
        found.append(
            Alert(
                level=AlertLevel.WARNING,
                code="SYNC_NOT_ADVANCING",
                message=f"The last sync was {days} days ago.",
                remedy=f"Refresh it: crmdeck refresh {name}",
            )
        )
    elif stats.stale_object_count:
        found.append(
            Alert(
                level=AlertLevel.INFO,
                code="SCHEMA_STALE",
                message=f"{stats.stale_object_count} of {stats.object_count} objects are stale.",
                remedy=f"Refresh them: crmdeck refresh {name}",
            )
        )
    if stats.failed_object_count:
        found.append(
            Alert(
                level=AlertLevel.WARNING,
                code="OBJECTS_FAILED",
                message=f"{stats.failed_object_count} objects could not be read last time.",
                remedy="Their last snapshots stand; see the audit log for the reasons.",
            )
        )
    order = list(AlertLevel)
    return tuple(sorted(found, key=lambda alert: order.index(alert.level)))
