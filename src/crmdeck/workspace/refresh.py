"""Refresh: ask the source, find what changed, write all of it or nothing."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

from crmdeck.connectors.base import Connector, Discovered, Discovery, Failed, Listing
from crmdeck.errors import CancelledError, CrmdeckError, ReauthRequiredError, SourceError
from crmdeck.model import (
    AuditEntry,
    CancelToken,
    Connection,
    ObjectFailure,
    Progress,
    ProgressCallback,
    RefreshedObject,
    RefreshResult,
    Scope,
    SyncOutcome,
    SyncRun,
)
from crmdeck.store import Session
from crmdeck.workspace.attributing import attributed
from crmdeck.workspace.base import UseCases
from crmdeck.workspace.comparing import Answer, Cached, Compared, compare, load_cached, load_known
from crmdeck.workspace.learned import learned_on_the_way, remember
from crmdeck.workspace.runs import failed_run, started_run, write_quota, write_run
from crmdeck.workspace.sharing import take_over
from crmdeck.workspace.telling import Telling


class Refreshing(UseCases):
    """The refresh of a connection's schema."""

    def refresh(
        self,
        ref: str,
        *,
        scope: Scope | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
    ) -> RefreshResult:
        """Discover the schema of a connection and record what changed.

        One transaction holds snapshots, drift and audit entries. An object type that fails
        keeps its last snapshot and is listed in `failures`. Who asks while a refresh of the
        same connection runs in this process gets that one's result. Raises ConflictError for
        a disconnected connection, ReauthRequiredError, SourceError where nothing could be
        read (the failure is recorded), CancelledError (only the attempt is recorded).
        """
        self._require_writable()
        connection = self.connection(ref)
        mine: Future[RefreshResult] = Future()
        with self._guard:
            running = self._refreshing.setdefault(connection.id, mine)
        if running is not mine:
            return running.result()
        try:
            result = self._refresh(
                connection,
                scope or connection.scope,
                Telling(progress),
                cancel or CancelToken(),
            )
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(result)
            return result
        finally:
            with self._guard:
                self._refreshing.pop(connection.id, None)

    def _refresh(
        self,
        connection: Connection,
        scope: Scope,
        telling: Telling,
        cancel: CancelToken,
    ) -> RefreshResult:
        run = started_run(connection.id, "refresh", self.now)
        connector: Connector | None = None
        try:
            connector = self._open_connector(connection)
            telling.listen_to(connector.meter)
            answer = self._discover(connector, connection, scope, telling, cancel)
            self._learn(connection, connector)
            take_over(self._store, connector, connection.id)
            if answer.failed and not (answer.discovered or answer.unchanged):
                raise _all_failed(answer.failed)
            return self._record(connection, connector, run, scope, answer, cancel)
        except CrmdeckError as error:
            error.connection = connection.name
            self._record_failure(connection, connector, run, error)
            raise

    def _discover(
        self,
        connector: Connector,
        connection: Connection,
        scope: Scope,
        progress: ProgressCallback,
        cancel: CancelToken,
    ) -> Answer:
        with self._store.read() as session:
            known = load_known(session, connection.id)
        answer = Answer()
        for item in connector.discover(scope, known, cancel):
            cancel.check()
            answer.add(item)
            total = len(answer.listing.in_scope) or None
            progress(Progress(answer.seen, total, _label(item)))
        return answer

    def _learn(self, connection: Connection, connector: Connector) -> None:
        news = learned_on_the_way(connection, connector, self._credentials(connection))
        if news:
            with self._store.write() as session:
                remember(session, connection.id, news, self.now, self.actor)

    def _record(
        self,
        connection: Connection,
        connector: Connector,
        run: SyncRun,
        scope: Scope,
        answer: Answer,
        cancel: CancelToken,
    ) -> RefreshResult:
        while True:
            with self._store.read() as session:
                cached = load_cached(session, connection.id, answer)
            compared = compare(connection, connector, scope, answer, cached, self.now)
            compared = self._attributed(compared, connection, connector, cached)
            cancel.check()
            with self._store.write() as session:
                if session.snapshots.latest_refresh(connection.id) != cached.refresh_id:
                    continue  # another process refreshed meanwhile: compare with what it wrote
                return self._write(
                    session, connection, connector, run, scope, answer, cached, compared
                )

    def _attributed(
        self, compared: Compared, connection: Connection, connector: Connector, cached: Cached
    ) -> Compared:
        looks = {name: info.discovered_at for name, info in cached.current.items()}
        events = attributed(compared.report.events, connection, connector, looks)
        report = compared.report.model_copy(update={"events": events})
        return replace(compared, report=report)

    def _write(
        self,
        session: Session,
        connection: Connection,
        connector: Connector,
        run: SyncRun,
        scope: Scope,
        answer: Answer,
        cached: Cached,
        compared: Compared,
    ) -> RefreshResult:
        report = compared.report
        failures = tuple(_failure(item) for item in answer.failed)
        sizes = _sizes(answer, cached)
        run = run.model_copy(
            update={
                "outcome": SyncOutcome.PARTIAL if failures else SyncOutcome.OK,
                "finished_at": self.now,
                "objects": len(sizes),
                "fields": sum(sizes.values()),
                "drift_events": len(report.events),
            }
        )
        write_run(session, connection, run, self._recovered_entry(connection))
        session.runs.add_failures(run.id, connection.id, failures)
        write_quota(session, connector, run)
        count = session.snapshots.record(
            run,
            scope,
            discovered=[(item.schema, item.validator) for item in answer.discovered],
            unchanged=[(item.object_type, item.validator) for item in answer.unchanged],
            gone=compared.gone,
            expires_at=run.started_at + timedelta(hours=connection.ttl_hours),
        )
        session.drift.add(report.events, report.stories)
        session.audit.add(*self._entries(connection, run, compared, len(failures)))
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
            baseline=cached.refresh_id is None,
            new_definitions=count.new_definitions,
            unchanged_objects=len(answer.unchanged),
            traffic=connector.meter.traffic,
            elapsed_ms=round(elapsed.total_seconds() * 1000),
        )

    def _entries(
        self, connection: Connection, run: SyncRun, compared: Compared, failures: int
    ) -> list[AuditEntry]:
        events = compared.report.events
        entries = [
            self._entry(
                "schema.refreshed",
                f"Refreshed {connection.name}: {run.objects} objects, {run.fields} fields",
                connection_id=connection.id,
                details={"objects": run.objects, "fields": run.fields, "failed": failures},
            )
        ]
        if events:
            entries.append(
                self._entry(
                    "schema.drift_detected",
                    f"Drift in {connection.name}: {len(events)} changes",
                    connection_id=connection.id,
                    details={"events": len(events), "stories": len(compared.report.stories)},
                )
            )
        return entries

    def _record_failure(
        self,
        connection: Connection,
        connector: Connector | None,
        run: SyncRun,
        error: CrmdeckError,
    ) -> None:
        if connector is None and not isinstance(error, ReauthRequiredError):
            return  # refused before anything was asked of the source
        cancelled = isinstance(error, CancelledError)
        with self._store.write() as session:
            failed = failed_run(run, error, self.now)
            write_run(session, connection, failed, self._recovered_entry(connection))
            if connector is not None:
                write_quota(session, connector, failed)
            entry = self._entry(
                "schema.refresh_cancelled" if cancelled else "schema.refresh_failed",
                f"{connection.name}: {error.message}",
                connection_id=connection.id,
                details={"code": error.code},
            )
            session.audit.add(entry)


def _sizes(answer: Answer, cached: Cached) -> dict[str, int]:
    sizes = {item.schema.object_type: len(item.schema.fields) for item in answer.discovered}
    for item in answer.unchanged:
        sizes[item.object_type] = cached.current[item.object_type].field_count
    return sizes


def _failure(item: Failed) -> ObjectFailure:
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
        f"None of {len(failed)} object types could be read.",
        cause=f"{first.message} {first.cause or ''}".strip(),
        remedy=first.remedy,
        code=first.code,
    )


def _label(item: Discovery) -> str:
    match item:
        case Listing():
            return ""
        case Discovered():
            return item.schema.object_type
        case _:
            return item.object_type
