"""Liveness, readiness and metrics, for load balancers and Prometheus."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmdeck.errors import CrmdeckError
from crmdeck.model import AuditHead, ConnectionStatus, Status, SyncOutcome
from crmdeck.server.errors import error_response
from crmdeck.server.log import RequestNote, request_note
from crmdeck.workspace import LeaseFigures, Workspace

_log = logging.getLogger(__name__)
_requests_log = logging.getLogger("crmdeck.requests")

READY_WITHIN = 2.0
_METRICS_WITHIN = 5.0
_PROBES = ("/livez", "/readyz", "/metrics")
_SIGN_INS = ("/auth/sign-in/email", "/auth/oidc/callback")
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600)

T = TypeVar("T")


class NotReadyError(CrmdeckError):
    """The server can't answer requests now."""

    code = "NOT_READY"
    http_status = 503


class _Patient(Generic[T]):
    """Runs a call that may hang: in a thread of its own, and never twice at the same time."""

    def __init__(self, call: Callable[[], T], seconds: float) -> None:
        self._call = call
        self._seconds = seconds
        self._running: Future[T] | None = None

    async def __call__(self) -> T:
        """Return the result, or that of a call in progress; raises TimeoutError."""
        if self._running is None or self._running.done():
            self._running = Future()
            # A thread that hangs must not keep the process from ending.
            threading.Thread(target=self._work, args=(self._running,), daemon=True).start()
        result = asyncio.wrap_future(self._running)
        # A failure after the deadline would be reported as never retrieved.
        result.add_done_callback(lambda done: done.cancelled() or done.exception())
        # The deadline ends the wait, not the call: the next request joins it.
        return await asyncio.wait_for(asyncio.shield(result), self._seconds)

    def _work(self, future: Future[T]) -> None:
        try:
            future.set_result(self._call())
        except Exception as error:  # noqa: BLE001  # whoever waits gets it
            future.set_exception(error)


class Operations:
    """The state of a server, and the figures of its requests."""

    def __init__(self, workspace: Workspace) -> None:
        self.stopping = False
        """True from the signal to stop on: the server is no longer ready."""
        self._workspace = workspace
        self._probe = _Patient(workspace.probe, READY_WITHIN)
        statuses = partial(workspace.health.statuses, with_findings=False)
        self._statuses = _Patient(statuses, _METRICS_WITHIN)
        self._fleet = _Patient(workspace.fleet.figures, _METRICS_WITHIN)
        self._audit_head = _Patient(workspace.audit.head, _METRICS_WITHIN)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        counter = partial(Counter, registry=self._registry)
        gauge = partial(Gauge, registry=self._registry)
        seconds = partial(Histogram, buckets=_SECONDS, registry=self._registry)
        route = ("method", "route")
        self._running = gauge("crmdeck_requests_running", "Requests in progress.")
        self._requests = counter("crmdeck_requests", "Completed requests.", (*route, "status"))
        self._seconds = seconds("crmdeck_request_seconds", "Seconds to answer a request.", route)
        self._rejected = counter("crmdeck_sign_ins_rejected", "Rejected sign-ins.")
        waits = seconds("crmdeck_write_wait_seconds", "Seconds that writes waited for their turn.")
        workspace.context.store.waited = waits.observe
        in_use = gauge("crmdeck_database_connections", "Connections to the database in use.")
        in_use.set_function(lambda: workspace.context.store.in_use)
        self._last_run: int | None = None
        self._count_runs = _Patient(self._count_refreshes, _METRICS_WITHIN)
        self._refreshes = counter("crmdeck_refreshes", "Refreshes on all machines.", ("outcome",))
        self._refresh_seconds = seconds(
            "crmdeck_refresh_seconds", "Seconds of refreshes on all machines."
        )
        # Each series begins at zero: Prometheus sees no increase in one that begins at one.
        for outcome in SyncOutcome:
            self._refreshes.labels(outcome.value)

    @property
    def routes(self) -> list[Route]:
        return [Route("/livez", self._live), Route("/readyz", self._ready)]

    def app(self) -> Starlette:
        """Return the application for an address of its own, with the metrics."""
        return Starlette(routes=[*self.routes, Route("/metrics", self._metrics)])

    def watched(self, app: ASGIApp) -> ASGIApp:
        """Return `app` with each request counted, timed and logged, by its route.

        Addresses and query strings are neither counted nor logged.
        """

        async def watch(scope: Scope, receive: Receive, send: Send) -> None:
            # Probes come every few seconds, and would hide the requests of users.
            if scope["type"] != "http" or scope["path"] in _PROBES:
                await app(scope, receive, send)
                return
            status, began = 500, time.perf_counter()
            note = RequestNote(uuid.uuid4().hex)
            request_note.set(note)

            async def send_noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    MutableHeaders(scope=message)["X-Request-ID"] = note.id
                await send(message)

            self._running.inc()
            try:
                await app(scope, receive, send_noting)
            finally:
                self._running.dec()
                self._record(scope, note, status, time.perf_counter() - began)

        return watch

    def _record(self, scope: Scope, note: RequestNote, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        # Clients can invent methods, and each one would be a series.
        method = scope["method"] if route != "none" else "any"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)
        if route in _SIGN_INS and 400 <= status < 500:
            self._rejected.inc()
        client = scope.get("client")
        _requests_log.info(
            # Few similar records are logged, so those of each route count apart.
            f"Answered {method} {route} with %s.",
            status,
            extra={
                "method": method,
                "route": route,
                "status": status,
                "seconds": round(seconds, 4),
                "client": client[0] if client else None,
                "request_id": note.id,
                "user": note.user,
            },
        )

    async def _live(self, _: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _ready(self, _: Request) -> Response:
        if self.stopping:
            return error_response(
                NotReadyError("The server isn't ready.", cause="The server is stopping.")
            )
        try:
            await self._probe()
        except Exception as error:  # noqa: BLE001  # any failure means that it isn't ready
            code = error.code if isinstance(error, CrmdeckError) else type(error).__name__
            _log.warning("Not ready: %s.", code)
            return error_response(
                NotReadyError(
                    "The server isn't ready.",
                    cause=f"The workspace didn't answer within {READY_WITHIN:g} s.",
                )
            )
        return PlainTextResponse("ok\n")

    async def _metrics(self, _: Request) -> Response:
        # What could be read before a failure is still reported.
        up, head, audit, leases = True, None, None, None
        statuses: Sequence[ConnectionStatus] = ()
        try:
            statuses = await self._statuses()
            head = self._workspace.head()
            audit = await self._audit_head()
            leases = await self._fleet()
            await self._count_runs()
        except Exception as error:  # noqa: BLE001  # the figures of requests are still of use
            _log.warning("Can't read the workspace for metrics: %s.", type(error).__name__)
            up = False
        history = CollectorRegistry()
        history.register(_Figures(_figures(up, statuses, head, audit)))
        if leases is not None:
            history.register(_Figures(_of_leases(leases, self._workspace.now)))
        body = generate_latest(self._registry) + generate_latest(history)
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    def _count_refreshes(self) -> None:
        """Count the refreshes since the last call; the first call counts none."""
        with self._workspace.context.store.read() as session:
            self._last_run, runs = session.runs.after(self._last_run)
        for run in runs:
            self._refreshes.labels(run.outcome.value).inc()
            self._refresh_seconds.observe((run.finished_at - run.started_at).total_seconds())


class _Figures(Collector):
    def __init__(self, families: Iterator[Metric]) -> None:
        self._families = tuple(families)

    def collect(self) -> Sequence[Metric]:
        return self._families


def _figures(
    up: bool, statuses: Sequence[ConnectionStatus], head: int | None, audit: AuditHead | None
) -> Iterator[Metric]:
    yield GaugeMetricFamily("crmdeck_history_up", "1 if the history can be read.", value=up)
    if not up:
        return
    yield GaugeMetricFamily(
        "crmdeck_history_head", "A number that changes with each write.", value=head
    )
    if audit is not None:
        # Its hash as a label would be a new series for each entry.
        yield GaugeMetricFamily(
            "crmdeck_audit_head", "Number of the last audit entry.", value=audit.number
        )
    counted = GaugeMetricFamily("crmdeck_connections", "Connections by status.", labels=("status",))
    for status in Status:
        counted.add_metric((status.value,), sum(each.status is status for each in statuses))
    yield counted
    synced, failed, expires, quota = (
        GaugeMetricFamily(f"crmdeck_{name}", documentation, labels=("connection",))
        for name, documentation in (
            ("last_refresh_timestamp_seconds", "Time of the last successful refresh."),
            ("last_error_timestamp_seconds", "Time of the last failed refresh."),
            ("token_expiry_timestamp_seconds", "When a token that crmdeck can't renew expires."),
            ("api_calls_left", "API calls left in the CRM's allowance."),
        )
    )
    changes = GaugeMetricFamily(
        "crmdeck_open_changes", "Open change groups.", labels=("connection", "severity")
    )
    for each in statuses:
        name = (each.name,)
        if each.last_sync_at:
            synced.add_metric(name, each.last_sync_at.timestamp())
        if each.last_error_at:
            failed.add_metric(name, each.last_error_at.timestamp())
        if each.token_expires_at and not each.token_renewed:
            expires.add_metric(name, each.token_expires_at.timestamp())
        if each.quota:
            quota.add_metric(name, each.quota.limit - each.quota.used)
        changes.add_metric((each.name, "breaking"), each.open_changes.breaking)
        changes.add_metric((each.name, "risky"), each.open_changes.risky)
    yield from (synced, failed, expires, quota, changes)


def _of_leases(leases: LeaseFigures, now: datetime) -> Iterator[Metric]:
    held = GaugeMetricFamily(
        "crmdeck_leases_held", "Work that runs on all machines, by kind.", labels=("kind",)
    )
    held.add_metric(("refresh",), leases.refreshing)
    held.add_metric(("check",), leases.checking)
    yield held
    yield GaugeMetricFamily(
        "crmdeck_leases_expired",
        "Leases of processes that died, not taken over yet.",
        value=leases.expired,
    )
    yield GaugeMetricFamily(
        "crmdeck_fleet_due", "Checks of a fleet that are due and not running.", value=leases.due
    )
    yield GaugeMetricFamily(
        "crmdeck_fleet_wait_seconds",
        "Seconds since the oldest of them became due.",
        value=(now - leases.due_since).total_seconds() if leases.due_since else 0,
    )
