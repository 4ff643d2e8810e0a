"""Health: the status, alerts, and runs of each connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from crmdeck.connectors.registry import flows_of, host_of, vendor_of
from crmdeck.credentials import host_error
from crmdeck.errors import NotFoundError, UsageError
from crmdeck.model import (
    Alert,
    Connection,
    ConnectionStatus,
    ObjectFailure,
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
    Retirement,
    concerns,
    load_retirements,
)
from crmdeck.workspace.connections.runs import failed_run, started_run
from crmdeck.workspace.connections.signin.flows import EXPIRING
from crmdeck.workspace.connections.status import BAD, COMPLETED, GOOD, derive_status
from crmdeck.workspace.connections.survival import connection_ends
from crmdeck.workspace.context import Context, find_connection
from crmdeck.workspace.open_changes import (
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
            (vitals,) = _read_vitals(self._context, session, (connection,), connection.id)
        return _status(vitals)

    def statuses(self) -> tuple[ConnectionStatus, ...]:
        """Return the statuses of all connections, by name, without requests to the CRMs."""
        with self._context.store.read() as session:
            every = _read_vitals(self._context, session, session.connections.all())
        return tuple(map(_status, every))

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
        # Nothing to change, unless a dismissed alert gets another day.
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
            for known in session.dismissed.standing().get(status.id, {}):
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


def _status(vitals: Vitals) -> ConnectionStatus:
    connection, good, bad = vitals.connection, vitals.good, vitals.bad
    flow = _flow_in_use(connection)
    return ConnectionStatus(
        id=connection.id,
        name=connection.name,
        platform=connection.platform,
        source=connection.source,
        status=vitals.status,
        instance_url=(
            connection.instance_url if vendor_of(connection.platform).own_url_example else None
        ),
        last_sync_at=good.finished_at if good else None,
        last_error_at=bad.finished_at if bad else None,
        last_error_message=bad.error_message if bad else None,
        last_error_code=bad.error_code if bad else None,
        last_error_remedy=bad.error_remedy if bad else None,
        created_at=connection.created_at,
        api_version=connection.api_version,
        token_expires_at=connection.token_expires_at,
        token_renewed=flow is not None and flow not in EXPIRING,
        token_level=token_level(vitals),
        token_used_at=vitals.token_used,
        token_rotated_at=vitals.token_rotated,
        endings=vitals.endings,
        schema_stats=vitals.stats,
        quota=vitals.quota,
        quota_level=quota_level(vitals.quota),
        alerts=alerts(vitals),
        open_changes=vitals.open_changes,
    )


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


def _read_vitals(
    context: Context, session: Session, connections: Sequence[Connection], only: str | None = None
) -> list[Vitals]:
    """Read the cached health of `connections` with a few queries for all; `only` is a single ID."""
    now = context.now
    stats = (
        {only: session.snapshots.stats(only, now)}
        if only
        else session.snapshots.stats_by_connection(now)
    )
    runs = session.runs.newest(only)
    refreshes = [run for run in runs if run.kind == "refresh"]
    # The runs are in order, so the last one of each connection wins.
    last = {run.connection_id: run for run in runs if run.outcome in COMPLETED}
    bad = {run.connection_id: run for run in runs if run.outcome in BAD}
    good = {run.connection_id: run for run in refreshes if run.outcome in GOOD}
    whole = {run.connection_id: run for run in refreshes if run.outcome is SyncOutcome.OK}
    judged = judge_changes(context, session, only)
    drift = open_on_mapped(session, judged)
    quotas = session.runs.quota_by_connection()
    quota_recovered = session.runs.quota_recovered(LOW_QUOTA)
    latest = session.audit.latest_by_connection
    expires = any(connection.token_expires_at for connection in connections)
    signed_in = latest("token.stored") if expires else {}
    token_used = latest("token.stored", "token.refreshed", "token.rotated")
    token_rotated = latest("token.rotated")
    lost = session.snapshots.incomplete(only)
    dismissed = session.dismissed.standing()
    error = policy_error(context, session)
    sign_ins = session.audit.sign_in_hosts()
    found = []
    for connection in connections:
        key = connection.id
        own_stats, own_last, own_good = stats.get(key, SchemaStats()), last.get(key), good.get(key)
        if key in sign_ins and (other := host_error(sign_ins[key], host_of(connection))):
            # Until a sign-in, the next run would end like this.
            at = own_last.finished_at if own_last else connection.created_at
            own_last = bad[key] = failed_run(started_run(key, "test", at), other, at)
        is_bad = own_last is not None and own_last.outcome in BAD
        since = own_good.finished_at if own_good else None
        vendor, flow = vendor_of(connection.platform), _flow_in_use(connection)
        # A broken file of the user doesn't concern connections that no vendor can retire.
        table = load_retirements(context.home) if connection.is_direct else ()
        found.append(
            Vitals(
                connection=connection,
                status=derive_status(connection, own_last),
                now=now,
                signed_in=signed_in.get(key),
                stats=own_stats,
                last=own_last,
                good=own_good,
                whole=whole.get(key),
                bad=bad.get(key),
                failing_since=session.runs.first_after(key, since, BAD) if is_bad else None,
                quota=quotas.get(key),
                quota_recovered=quota_recovered.get(key),
                failures=session.runs.failures(key) if own_stats.failed_object_count else (),
                open_changes=count_judged(judged.get(key, ())),
                drift=drift.get(key),
                concerns=concerns(connection, table, now.date()),
                lost=lost.get(key, ()),
                token_used=token_used.get(key),
                token_rotated=token_rotated.get(key),
                endings=connection_ends(connection, vendor, flow, token_used.get(key)),
                dismissed=dismissed.get(key, {}),
                policy_error=error,
            )
        )
    return found
