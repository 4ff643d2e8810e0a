"""Health: the status, alerts, and runs of each connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from crmdeck.connectors.registry import flows_of, vendor_of
from crmdeck.errors import CrmdeckError, NotFoundError, UsageError
from crmdeck.model import (
    Alert,
    Connection,
    ConnectionStatus,
    ObjectFailure,
    OpenChanges,
    Quota,
    SchemaStats,
    Source,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store import Session
from crmdeck.store.dismissed import Dismissal
from crmdeck.workspace.connections.alerts import (
    LOW_QUOTA,
    Vitals,
    alerts,
    is_same_alert,
    quota_level,
    token_level,
)
from crmdeck.workspace.connections.retirements import (
    Concern,
    Retirement,
    concerns,
    load_retirements,
)
from crmdeck.workspace.connections.signin.flows import EXPIRING
from crmdeck.workspace.connections.status import BAD, COMPLETED, GOOD, derive_status
from crmdeck.workspace.connections.survival import connection_ends
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.open_changes import (
    OpenOnMapped,
    count_judged,
    judge_changes,
    open_on_mapped,
    policy_error,
)


class Health:
    """The health of connections."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def status(self, ref: str) -> ConnectionStatus:
        """Return the status of a connection, without a request to the CRM."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            records = _Records.of(session, self._context, (connection,), connection.id)
        return self._status(connection, records)

    def statuses(self) -> tuple[ConnectionStatus, ...]:
        """Return the statuses of all connections, by name, without requests to the CRMs."""
        with self._context.store.read() as session:
            connections = session.connections.all()
            records = _Records.of(session, self._context, connections)
        return tuple(self._status(connection, records) for connection in connections)

    def sync_history(self, ref: str, limit: int = 200) -> tuple[SyncRun, ...]:
        """Return the refreshes and tests of a connection, newest first."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.runs.history(connection.id, limit)

    def failures(self, ref: str) -> tuple[ObjectFailure, ...]:
        """Return the object types that failed in the last refresh, with their errors."""
        with self._context.store.read() as session:
            connection = find_connection(session, ref)
            return session.runs.failures(connection.id)

    def dismiss(self, ref: str, alert_id: str, *, until: date | None = None) -> Alert:
        """Dismiss an alert of a connection for every user, and return it.

        `alert_id` can be its code, if no other alert of the connection has it. The alert stays
        dismissed until it gets worse, ends and comes back, or `until` has passed. Statuses still
        contain it, and gates count it. Raises NotFoundError for an unknown alert, and UsageError
        for a code of several alerts or a day that has passed.
        """
        if until is not None and until < self._context.now.date():
            raise UsageError(
                f"{until} has passed.",
                remedy="Enter a later date, such as 2026-12-31",
                code="PAST_DATE",
            )
        return self._dismiss(ref, alert_id, reopened=False, until=until)

    def reopen(self, ref: str, alert_id: str) -> Alert:
        """Reopen a dismissed alert; raises NotFoundError like `dismiss`."""
        return self._dismiss(ref, alert_id, reopened=True)

    def _dismiss(
        self, ref: str, alert_id: str, *, reopened: bool, until: date | None = None
    ) -> Alert:
        self._context.require_writable()
        status = self.status(ref)
        alert = _find_alert(status, alert_id)
        if (alert.dismissed_at is None) is reopened and (reopened or until is None):
            return alert
        at, by = self._context.now, self._context.actor
        entry = self._context.entry(
            "connection.alert_reopened" if reopened else "connection.alert_dismissed",
            f"{'Reopened' if reopened else 'Dismissed'}: {alert.message}",
            connection_id=status.id,
            details={"alert": alert.id, "code": alert.code}
            | ({"until": until.isoformat()} if until else {}),
        )
        dismissal = Dismissal(at, until, alert.level)
        with self._context.store.write() as session:
            # The alert may have been dismissed at other counts.
            for known in session.dismissed.standing(by).get(status.id, {}):
                if is_same_alert(known, alert.id):
                    session.dismissed.add(status.id, known, by, dismissal, taken_back=True)
            if not reopened:
                session.dismissed.add(status.id, alert.id, by, dismissal)
            session.audit.add(entry)
        return alert.model_copy(
            update={"dismissed_at": None if reopened else at, "dismissed_until": until}
        )

    def retirements(self) -> tuple[Retirement, ...]:
        """Return the vendor retirements, with the changes from the user's file."""
        return load_retirements(self._context.home)

    def _status(self, connection: Connection, records: _Records) -> ConnectionStatus:
        vitals = self._vitals(connection, records)
        good, bad = vitals.good, vitals.bad
        vendor = vendor_of(connection.platform)
        return ConnectionStatus(
            id=connection.id,
            name=connection.name,
            platform=connection.platform,
            source=connection.source,
            status=vitals.status,
            instance_url=connection.instance_url if vendor.own_url_example else None,
            last_sync_at=good.finished_at if good else None,
            last_error_at=bad.finished_at if bad else None,
            last_error_message=bad.error_message if bad else None,
            last_error_code=bad.error_code if bad else None,
            last_error_remedy=bad.error_remedy if bad else None,
            created_at=connection.created_at,
            api_version=connection.api_version,
            token_expires_at=connection.token_expires_at,
            token_renewed=_is_renewed(connection),
            token_level=token_level(vitals),
            token_used_at=vitals.token_used,
            token_rotated_at=records.rotated.get(connection.id),
            endings=vitals.endings,
            schema_stats=vitals.stats,
            quota=vitals.quota,
            quota_level=quota_level(vitals.quota),
            alerts=alerts(vitals),
            open_changes=records.open_changes.get(connection.id, OpenChanges()),
        )

    def _vitals(self, connection: Connection, records: _Records) -> Vitals:
        key = connection.id
        last = records.last.get(key)
        drift = records.drifted.get(key)
        now = self._context.now
        used = records.token_used.get(key)
        vendor = vendor_of(connection.platform)
        return Vitals(
            connection=connection,
            status=derive_status(connection, last),
            now=now,
            signed_in=records.signed_in.get(key),
            stats=records.stats.get(key, SchemaStats()),
            last=last,
            good=records.good.get(key),
            whole=records.whole.get(key),
            bad=records.bad.get(key),
            failing_since=records.failing_since.get(key),
            quota=records.quotas.get(key),
            failures=records.failures.get(key, ()),
            drifted=drift.total if drift else 0,
            breaking=drift.breaking if drift else 0,
            broken=drift.broken if drift else 0,
            drifted_since=drift.earliest if drift else None,
            drifted_at=drift.latest if drift else None,
            concerns=self._concerns(connection, now),
            lost=records.lost.get(key, ()),
            token_used=used,
            endings=connection_ends(connection, vendor, _flow_in_use(connection), used),
            dismissed=records.dismissed.get(key, {}),
            policy_error=records.policy_error,
            quota_recovered=records.quota_recovered.get(key),
        )

    def _concerns(self, connection: Connection, now: datetime) -> tuple[Concern, ...]:
        if not connection.is_direct:
            return ()
        return concerns(connection, self.retirements(), now.date())


def _find_alert(status: ConnectionStatus, wanted: str) -> Alert:
    """Return the alert with an ID, or the only one with a code."""
    found = [each for each in status.alerts if wanted in (each.id, each.code)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{status.name} has {len(found)} alerts {wanted}.",
            cause=" ".join(f"{each.id}: {each.message}" for each in found),
            remedy="Enter the ID of one of them.",
            code="ALERT_NOT_UNIQUE",
        )
    raise NotFoundError(
        f"{status.name} has no alert '{wanted}'.",
        cause="crmdeck removes an alert when its reason is gone.",
        remedy=f"List its alerts: crmdeck status {status.name}",
        code="ALERT_NOT_FOUND",
    )


def _flow_in_use(connection: Connection) -> str | None:
    if connection.source == Source.SANDBOX and connection.sign_in is None:
        # The demo signs in by itself, in the usual way of each CRM.
        return next((flow.name for flow in flows_of(connection)), None)
    return connection.sign_in


def _is_renewed(connection: Connection) -> bool:
    flow = _flow_in_use(connection)
    return flow is not None and flow not in EXPIRING


@dataclass(frozen=True)
class _Records:
    """The cached health data by connection, from a few queries for all."""

    last: dict[str, SyncRun]
    good: dict[str, SyncRun]
    whole: dict[str, SyncRun]
    bad: dict[str, SyncRun]
    failing_since: dict[str, datetime | None]
    stats: dict[str, SchemaStats]
    quotas: dict[str, Quota]
    drifted: Mapping[str, OpenOnMapped]
    signed_in: dict[str, datetime]
    token_used: dict[str, datetime]
    rotated: dict[str, datetime]
    failures: dict[str, tuple[ObjectFailure, ...]]
    open_changes: Mapping[str, OpenChanges]
    lost: dict[str, tuple[str, ...]]
    dismissed: dict[str, dict[str, Dismissal]]
    policy_error: CrmdeckError | None
    quota_recovered: dict[str, datetime]

    @classmethod
    def of(
        cls,
        session: Session,
        context: Context,
        connections: Sequence[Connection],
        only: str | None = None,
    ) -> _Records:
        """Read the data of all connections, or of `only`."""
        stats = (
            {only: session.snapshots.stats(only, context.now)}
            if only
            else session.snapshots.stats_by_connection(context.now)
        )
        runs = session.runs.newest(only)
        judged = judge_changes(context, session, only)
        ending = any(connection.token_expires_at for connection in connections)
        # The runs are in order, so the last one of each connection wins.
        last = {run.connection_id: run for run in runs if run.outcome in COMPLETED}
        good = {
            run.connection_id: run for run in runs if run.outcome in GOOD and run.kind == "refresh"
        }
        return cls(
            last=last,
            good=good,
            whole={
                run.connection_id: run
                for run in runs
                if run.outcome is SyncOutcome.OK and run.kind == "refresh"
            },
            bad={run.connection_id: run for run in runs if run.outcome in BAD},
            failing_since={
                key: session.runs.first_after(
                    key, good[key].finished_at if key in good else None, BAD
                )
                for key, run in last.items()
                if run.outcome in BAD
            },
            stats=stats,
            quotas=session.runs.quota_by_connection(),
            drifted=open_on_mapped(session, judged),
            signed_in=session.audit.latest_by_connection("token.stored") if ending else {},
            token_used=session.audit.latest_by_connection(
                "token.stored", "token.refreshed", "token.rotated"
            ),
            rotated=session.audit.latest_by_connection("token.rotated"),
            failures={
                key: session.runs.failures(key)
                for key, found in stats.items()
                if found.failed_object_count
            },
            open_changes={key: count_judged(mine) for key, mine in judged.items()},
            lost=session.snapshots.incomplete(only),
            dismissed=session.dismissed.standing(context.actor),
            policy_error=policy_error(context, session),
            quota_recovered=session.runs.quota_recovered(LOW_QUOTA),
        )
