"""One refresh: read the source, find the changes, write all of it or nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from crmdeck.clock import later
from crmdeck.connectors.barrier import fault_barrier
from crmdeck.connectors.base import Connector, Discovered, Failed, Unchanged
from crmdeck.connectors.http import free_memory
from crmdeck.connectors.registry import vendor_of
from crmdeck.credentials import SecretsKeyError
from crmdeck.errors import CanceledError, CrmdeckError, ReauthRequiredError, SourceError
from crmdeck.model import (
    RULE_WORDS,
    AuditEntry,
    CancelToken,
    Connection,
    DriftReport,
    GoneReason,
    Notice,
    ObjectFailure,
    Progress,
    ProgressCallback,
    RefreshedObject,
    RefreshResult,
    Scope,
    Source,
    SyncOutcome,
    SyncRun,
)
from crmdeck.model.delivery import DeliveryReading
from crmdeck.store import Session
from crmdeck.store.leases import Lease
from crmdeck.text import count
from crmdeck.workspace.connections.runs import failed_run, started_run, write_quota, write_run
from crmdeck.workspace.connections.service import learned_on_the_way, remember
from crmdeck.workspace.context import Context
from crmdeck.workspace.knowledge import read_field_words
from crmdeck.workspace.progress import ProgressReporter
from crmdeck.workspace.refresh.access import AccessReading, access_events, read_access
from crmdeck.workspace.refresh.attribution import attributed
from crmdeck.workspace.refresh.compare import (
    Cached,
    Compared,
    Refreshed,
    compare,
    load_cached,
    load_known,
    with_unread_fields,
)
from crmdeck.workspace.refresh.delivery import read_delivery
from crmdeck.workspace.refresh.remote_log import take_over
from crmdeck.workspace.refresh.suspect import (
    Removal,
    SuspectRefreshError,
    is_confirmed,
    suspect_removal,
)
from crmdeck.workspace.verdicts import keep_verdicts

REFRESHED_BY_OTHERS = ("REFRESH_RUNNING", "REFRESH_TAKEN_OVER")
"""The codes of errors of a refresh that another process does."""

# The attributes of a connection that say where its schema comes from.
_OTHER_SOURCE = frozenset({"path", "endpoint", "instance_url", "remote_id"})
# Objects that a notice names.
_NAMED = 5


def refresh(
    context: Context,
    connection: Connection,
    scope: Scope,
    progress: ProgressCallback,
    cancel: CancelToken,
    *,
    accept_suspect: bool = False,
    patient: bool = False,
) -> RefreshResult:
    """Refresh a connection and record the outcome; raises as `Refreshes.run` does."""
    run = started_run(connection.id, "refresh", context.now)
    connector: Connector | None = None
    try:
        # Over DuckDB others may refresh too: `run` then compares with what they recorded.
        patience = cancel if patient else None
        with (
            fault_barrier(connection),
            context.store.alone(connection.id, context.actor, patience) as lease,
        ):
            connector = context.open_connector(connection)
            reporter = ProgressReporter(progress)
            reporter.listen_to(connector.meter)
            one = Refresh(context, connection, connector, run, scope, reporter, cancel, lease)
            return one.run(accept_suspect=accept_suspect)
    except CrmdeckError as error:
        error.connection = connection.name
        # Another process does the refresh, or this machine lacks the key: not the CRM's failure.
        if error.code in REFRESHED_BY_OTHERS or isinstance(error, SecretsKeyError):
            raise
        if context.shared and error.code == "NO_CREDENTIALS":
            raise _refreshed_elsewhere(context, connection) from error
        # A refresh that failed before it asked the source is not an attempt.
        if connector is not None or isinstance(error, ReauthRequiredError):
            _record_failure(context, connection, connector, run, error)
        raise


def _refreshed_elsewhere(context: Context, connection: Connection) -> CrmdeckError:
    with context.store.read() as session:
        entries = session.audit.entries(
            connection_id=connection.id, event="schema.refreshed", limit=1
        )
    last = "".join(
        f" {entry.actor} refreshed it last on {entry.at:%Y-%m-%d %H:%M} UTC." for entry in entries
    )
    error = ReauthRequiredError(
        f"Can't refresh {connection.name} from this machine.",
        cause=f"The credentials are on another machine.{last}",
        remedy="Refresh it on that machine, or move its credentials from there to the workspace: "
        f"crmdeck secrets move {connection.name}",
        code="SECRETS_ELSEWHERE",
    )
    error.connection = connection.name
    return error


@dataclass
class Refresh:
    context: Context
    connection: Connection
    connector: Connector
    started: SyncRun
    scope: Scope
    progress: ProgressReporter
    cancel: CancelToken
    lease: Lease | None
    answer: Refreshed = field(init=False)
    reading: AccessReading = field(default_factory=AccessReading)
    delivery: DeliveryReading | None = None

    def run(self, *, accept_suspect: bool = False) -> RefreshResult:
        """Read the source, compare, record, and return the result.

        Raises SuspectRefreshError if much would be removed, unless the caller accepts that.
        """
        self.discover()
        self.learn()
        # Before the comparison, which asks the decisions which fields are mapped.
        take_over(self.context, self.connector, self.connection.id)
        self.reading = read_access(
            self.context.store, self.connector, self.connection, self.cancel, self.context.now
        )
        failed = self.answer.failed
        if failed and not (self.answer.discovered or self.answer.unchanged):
            raise _all_failed(failed)
        read_twice = False
        while True:
            compared = self.compare()
            self.cancel.check()
            if not accept_suspect and not self.answer.may_be_empty:
                self._require_mapped(compared)
            removal = None if accept_suspect else self._suspect(compared)
            if removal is not None and not read_twice:
                # The first answer may have been a partial one.
                read_twice = True
                self.discover()
                continue
            if removal is not None:
                raise SuspectRefreshError(self.connection, removal)
            compared = self._with_access(compared)
            if self.delivery is None:
                self.delivery = read_delivery(
                    self.context,
                    self.connector,
                    self.connection,
                    compared.report.events,
                    self.cancel,
                )
            # The compared schemas are gone by now; writing needs room of its own.
            free_memory()
            with self.context.store.write() as session:
                # Inside the transaction: until then, another machine can take the lease over.
                if self.lease is not None:
                    self.lease.require(session.database)
                if (
                    session.snapshots.latest_refresh(self.connection.id)
                    == compared.cached.refresh_id
                ):
                    return self.record(session, compared)
            # Another process has refreshed in the meantime: compare with its result.

    def discover(self) -> None:
        """Read the schema from the source, object by object."""
        # Exported metadata has only what an admin customized.
        may_be_empty = self.connection.source == Source.FILES
        vendor = vendor_of(self.connection.platform)
        with self.context.store.read() as session:
            known = load_known(session, self.connection.id, self.scope)
        spelling = {name.casefold(): name for name in known} if vendor.ignores_case else {}
        self.answer = Refreshed(vendor, may_be_empty, spelling)
        for item in self.connector.discover(self.scope, known, self.cancel):
            self.cancel.check()
            if isinstance(item, Discovered) and item.unread:
                item = with_unread_fields(self.context.store, self.connection.id, item)
            self.answer.add(item)
            total = len(self.answer.listing.in_scope) or None
            label = item.schema.object_type if isinstance(item, Discovered) else ""
            if isinstance(item, Unchanged | Failed):
                label = item.object_type
            self.progress(Progress(self.answer.seen, total, label))
        # Comparing needs as much memory as reading: parsed answers go first.
        self.answer.packer.forget()
        free_memory()
        if not self.answer.listing.in_scope and not self.answer.may_be_empty:
            listed = count(len(self.answer.listing.object_types), "object")
            raise self._scope_empty("any objects", f"The CRM lists {listed}, but none in scope.")

    def _scope_empty(self, what: str, cause: str) -> CrmdeckError:
        name = self.connection.name
        return SourceError(
            f"crmdeck can't see {what} of {name}.",
            cause=f"{cause} crmdeck keeps the cached schema.",
            remedy=f"Give crmdeck's own user {self.answer.vendor.read_access}. Then check what it "
            f"can read: crmdeck connections test {name}",
            code="SCOPE_EMPTY",
        )

    def _require_mapped(self, compared: Compared) -> None:
        """Raise SCOPE_EMPTY if no object with mappings can be seen any longer.

        An object that the CRM reports as removed, or that is out of scope, doesn't count.
        """
        current, gone = compared.cached.current, compared.gone
        mapped = {each.crm_object for each in compared.cached.accepted} & current.keys()
        reasons = {gone.get(name) for name in mapped}
        if reasons and reasons <= {GoneReason.ABSENT, GoneReason.HIDDEN}:
            names = ", ".join(sorted(mapped)[:_NAMED])
            raise self._scope_empty("any objects with mappings", f"It can't see {names}.")

    def _suspect(self, compared: Compared) -> Removal | None:
        """Return a removal that no one confirmed; only another source explains it."""
        removal = suspect_removal(compared.report.events, compared.cached.current)
        if removal is None:
            return None
        with self.context.store.read() as session:
            since = session.audit.entries(
                connection_id=self.connection.id,
                since=session.snapshots.refreshed_at(self.connection.id),
            )
        updates = [entry.details for entry in since if entry.event == "connection.updated"]
        # A new scope explains objects out of scope, and these aren't removals.
        if any(_OTHER_SOURCE & details.keys() for details in updates):
            return None
        failures = [entry for entry in since if entry.event == "schema.refresh_failed"]
        return None if is_confirmed(removal, failures, self.context.now) else removal

    def learn(self) -> None:
        """Store what the source reported about the connection itself."""
        context, connection = self.context, self.connection
        news = learned_on_the_way(connection, self.connector, context.credentials(connection))
        if news:
            with context.store.write() as session:
                remember(context, session, connection.id, news)

    def compare(self) -> Compared:
        """Compare the response with the current cache, and ask who made the changes.

        The first refresh is a baseline and has no drift.
        """
        connection, connector, answer = self.connection, self.connector, self.answer
        cached = load_cached(self.context.store, connection.id, answer)
        if cached.refresh_id is None:
            return Compared(cached, DriftReport(), {})
        compared = compare(
            connection,
            connector,
            answer,
            cached,
            scope=self.scope,
            at=self.context.now,
            field_words=partial(read_field_words, self.context.home),
        )
        read_at = {name: info.discovered_at for name, info in cached.current.items()}
        events = attributed(compared.report.events, connection, connector, read_at)
        report = compared.report.model_copy(update={"events": events})
        # The compared schemas are not needed again, and can be very large.
        return replace(compared, report=report, cached=replace(cached, before={}))

    def _with_access(self, compared: Compared) -> Compared:
        """Add what the sync user lost and gained to the changes."""
        reading, cached = self.reading, compared.cached
        if reading.before is None or reading.access is None:
            return compared
        changed = {(event.object_type, event.field_name) for event in compared.report.events}
        read = reading.access.fields or {}
        fields = {
            name: {
                each.name
                for each in (cached.present[name].fields if name in read else ())
                if (name, each.name) not in changed
            }
            for name in cached.present
        }
        events = access_events(
            reading, self.connector, self.connection, cached.accepted, fields, self.context.now
        )
        every = (*compared.report.events, *events)
        return replace(compared, report=compared.report.model_copy(update={"events": every}))

    def record(self, session: Session, compared: Compared) -> RefreshResult:
        """Write everything in the transaction of `session`."""
        answer, connection = self.answer, self.connection
        cached, report = compared.cached, compared.report
        kinds = [Failed(RULE_WORDS[kind], each) for kind, each in answer.failed_rules.items()]
        failures = tuple(failure_of(item) for item in (*answer.failed, *kinds))
        sizes = {
            item.packed.object_type: item.packed.definition.field_count
            for item in answer.discovered
        } | {
            item.object_type: cached.current[item.object_type].field_count
            for item in answer.unchanged
        }
        run = self.started.model_copy(
            update={
                "outcome": SyncOutcome.PARTIAL if failures else SyncOutcome.OK,
                "finished_at": self.context.now,
                "objects": len(sizes),
                "fields": sum(sizes.values()),
                "drift_events": len(report.events),
            }
        )
        write_run(self.context, session, connection, run)
        session.runs.add_failures(run.id, connection.id, failures)
        write_quota(session, connection.id, self.connector, run.finished_at)
        recorded = session.snapshots.record(
            run,
            self.scope,
            discovered=answer.discovered,
            unchanged=[(item.object_type, item.validator) for item in answer.unchanged],
            gone=compared.gone,
            expires_at=later(run.started_at, timedelta(hours=connection.ttl_hours)),
            freshness=answer.listing.freshness,
        )
        session.drift.add(report.events, report.stories)
        if self.reading.access is not None:
            session.access.put(connection.id, self.reading.access, run.finished_at)
        if self.delivery is not None:
            session.deliveries.put(connection.id, self.delivery, run.finished_at)
        keep_verdicts(self.context, session, connection)
        session.audit.add(*self._entries(run, compared, len(failures)))
        elapsed = run.finished_at - run.started_at
        return RefreshResult(
            success=True,
            objects=tuple(
                RefreshedObject(type=name, field_count=sizes[name]) for name in sorted(sizes)
            ),
            total_fields=run.fields,
            drift_events=report.events,
            stories=report.stories,
            failures=failures,
            notices=(
                *answer.notices,
                *([self.reading.notice] if self.reading.notice else []),
                *_unspecified(answer.not_checked),
                *_read_again(answer, cached),
            ),
            baseline=cached.refresh_id is None,
            new_definitions=recorded.new_definitions,
            unchanged_objects=len(answer.unchanged),
            traffic=self.connector.meter.traffic,
            rule_calls=dict(answer.rule_calls),
            elapsed_ms=round(elapsed.total_seconds() * 1000),
        )

    def _entries(self, run: SyncRun, compared: Compared, failures: int) -> list[AuditEntry]:
        connection = self.connection
        events = compared.report.events
        entries = [
            self.context.entry(
                "schema.refreshed",
                f"Refreshed {connection.name}: "
                f"{count(run.objects, 'object')}, {count(run.fields, 'field')}",
                connection_id=connection.id,
                details={"objects": run.objects, "fields": run.fields, "failed": failures},
            )
        ]
        if events:
            entries.append(
                self.context.entry(
                    "schema.drift_detected",
                    f"Drift in {connection.name}: {count(len(events), 'change')}",
                    connection_id=connection.id,
                    details={"events": len(events), "stories": len(compared.report.stories)},
                )
            )
        return entries


def _record_failure(
    context: Context,
    connection: Connection,
    connector: Connector | None,
    run: SyncRun,
    error: CrmdeckError,
) -> None:
    canceled = isinstance(error, CanceledError)
    details = {"code": error.code}
    if isinstance(error, SuspectRefreshError):
        details["removal"] = error.removal.key
    with context.store.write() as session:
        failed = failed_run(run, error, context.now)
        write_run(context, session, connection, failed)
        if connector is not None:
            write_quota(session, connection.id, connector, failed.finished_at)
        session.audit.add(
            context.entry(
                "schema.refresh_cancelled" if canceled else "schema.refresh_failed",
                f"{connection.name}: {error.message}",
                connection_id=connection.id,
                details=details,
            )
        )


def _unspecified(objects: Counter[str]) -> list[Notice]:
    if not objects:
        return []
    named = ", ".join(f"{name} (of {count(n, 'object')})" for name, n in objects.most_common())
    return [
        Notice(
            code="ATTRIBUTES_UNTOLD",
            message=f"The source doesn't specify: {named}.",
            cause="crmdeck can't detect changes of an attribute that the source leaves out.",
            remedy="Export full describe files, and global value sets, to compare these too.",
        )
    ]


def _read_again(answer: Refreshed, cached: Cached) -> list[Notice]:
    lost = sorted(cached.lost & {item.packed.object_type for item in answer.discovered})
    if not lost:
        return []
    named = ", ".join(lost[:_NAMED]) + (", ..." if len(lost) > _NAMED else "")
    return [
        Notice(
            code="DEFINITIONS_READ_ANEW",
            message=f"The cache had lost the definitions of {count(len(lost), 'object')}: {named}.",
            cause="This refresh read them again. Earlier changes in these objects are unknown.",
            remedy="Check for other damage: crmdeck doctor",
        )
    ]


def failure_of(item: Failed) -> ObjectFailure:
    """Return the record of an object that could not be read."""
    return ObjectFailure(
        object_type=item.object_type,
        code=item.error.code,
        message=item.error.message,
        cause=item.error.cause,
        remedy=item.error.remedy,
    )


def _all_failed(failed: list[Failed]) -> CrmdeckError:
    first = failed[0].error
    if len(failed) == 1:
        return first
    return SourceError(
        f"Can't read any of {len(failed)} objects.",
        cause=f"{first.message} {first.cause or ''}".strip(),
        remedy=first.remedy,
        code=first.code,
    )
