"""The partneros source: one integration through the Integrations API."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from pydantic import ValidationError

from crmdeck.clock import utc_now
from crmdeck.connectors.base import (
    ConnectorFactory,
    Credentials,
    Discovered,
    Discovery,
    Failed,
    Known,
    Listing,
    Meter,
    Missing,
    TokenListener,
    Unchanged,
)
from crmdeck.connectors.caller import NEVER
from crmdeck.connectors.http import (
    AnswerTooLargeError,
    Response,
    moment,
    not_json,
    one_large_answer,
    retry_after,
)
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.partneros import answers
from crmdeck.connectors.partneros.answers import Gone, Summary
from crmdeck.connectors.partneros.client import PartnerOSClient, unknown_endpoint
from crmdeck.connectors.partneros.transport import FAULTS, WHO, explain
from crmdeck.connectors.pool import in_parallel
from crmdeck.errors import CrmdeckError, SourceError
from crmdeck.model import (
    AuditEntry,
    CancelToken,
    ChangeGroup,
    Connection,
    Decision,
    DriftEvent,
    DriftReport,
    Freshness,
    GoneReason,
    Notice,
    ObjectPair,
    ProbeReport,
    Quota,
    Scope,
    ScopeMode,
    Status,
    Suggestion,
    WireModel,
)
from crmdeck.redaction import redact

HISTORY = 500
# From this number on, one response with all object types costs less than one for each.
_WORTH_ONE_ANSWER = 4
VIEWER = "refreshing, deciding and disconnecting (your role is viewer)"


class PartnerOSConnector:
    """The connection to one integration, `connection.remote_id` at `connection.endpoint`.

    Safe to call from any thread. It reads `session_token` (the cookie), or `username` (the email
    address) and `password`, and stores the cookie of a sign-in, never the password. Makes no
    request before the first call. Raises UsageError for an endpoint or a remote ID that it can't
    use.
    """

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener,
        limits: Limits,
    ) -> None:
        self.meter = Meter()
        self._connection_id = connection.id
        self._lifetime = timedelta(hours=connection.ttl_hours)
        self._limits = limits
        self._client = PartnerOSClient(connection, credentials, listener, limits, self.meter)
        self._gone: Gone = {}

    def probe(self) -> ProbeReport:
        status = self._status(NEVER)
        reply = self._client.call("GET", "/auth/session", NEVER, accept=(404, 405))
        session = reply.fields if reply.status == 200 else {}
        user = session.get("user")
        user = user if isinstance(user, Mapping) else {}
        objects = None
        # PartnerOS has no schema before its first refresh.
        with contextlib.suppress(CrmdeckError):
            objects = tuple(s.object_type for s in answers.summaries(self._read("/schema", NEVER)))
        return ProbeReport(
            user=_text(user.get("email")),
            organization=_text(session.get("activeOrganizationId")),
            platform=_text(status.get("platform")),
            instance_url=_text(status.get("instanceUrl")),
            api_version=_text(status.get("apiVersion")),
            quota=self.meter.quota,
            token_expires_at=moment(session.get("expiresAt")),
            objects=objects,
            missing_permissions=(VIEWER,) if user.get("role") == "viewer" else (),
        )

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        """Refresh the integration in PartnerOS, then yield its schemas.

        If the user's role can't refresh, yields the schemas that PartnerOS has, and a Notice. Reads
        only object types whose hash has changed. Raises ReauthRequiredError if PartnerOS itself
        must sign in to the CRM again.
        """
        status = self._status(cancel)
        _check_status(status)
        failed, refused = self._refresh(status, cancel)
        listed = {s.object_type: s for s in answers.summaries(self._read("/schema", cancel))}
        scope = scope.spelled_as(listed)
        # PartnerOS caches only the object types in its own scope.
        wanted = scope.include if scope.mode is ScopeMode.NAMED else tuple(listed)
        names = tuple(each for each in wanted if each not in scope.exclude)
        in_scope = [listed[name] for name in names if name in listed]
        freshness = {each.object_type: valid for each in in_scope if (valid := self._fresh(each))}
        yield Listing(frozenset(listed), names, freshness)
        if refused is not None:
            yield _not_refreshed(refused, in_scope, status)
        changed: list[Summary] = []
        for object_type in names:
            summary = listed.get(object_type)
            before = known.get(object_type)
            if object_type in failed:
                yield Failed(object_type, failed[object_type])
            elif summary is None:
                error = SourceError(
                    f"PartnerOS has no object type '{object_type}'.",
                    remedy="Check the name in the scope, or widen the scope in PartnerOS.",
                    code="NOT_VISIBLE",
                )
                yield Failed(object_type, error)
            elif before and summary.validator and before.validator == summary.validator:
                yield Unchanged(object_type, summary.validator)
            else:
                changed.append(summary)
        if len(changed) >= _WORTH_ONE_ANSWER:
            whole = self._pull_all(cancel)
            for summary in (each for each in changed if each.object_type in whole):
                yield self._read_object(summary, whole[summary.object_type])
            changed = [each for each in changed if each.object_type not in whole]
        waiting = iter(changed)

        def take() -> Callable[[CancelToken], Discovery] | None:
            summary = next(waiting, None)
            return None if summary is None else lambda stop: self._pull(summary, stop)

        threads = min(self._limits.threads, len(changed))
        yield from in_parallel(take, threads, cancel, "partneros")

    def explain_missing(self, missing: Sequence[Missing]) -> Mapping[Missing, GoneReason]:
        things = {each: (each.object_type, each.field_name) for each in missing}
        if any(thing not in self._gone for thing in things.values()):
            with contextlib.suppress(SourceError):
                reply = self._client.get("/drift", accept=(404, 405))
                if reply.status == 200:
                    self._gone = {**answers.gone(reply.fields.get("events")), **self._gone}
        return {each: self._gone[thing] for each, thing in things.items() if thing in self._gone}

    def suggest(self, pair: ObjectPair) -> tuple[Suggestion, ...]:
        body = {"objectPair": str(pair)}
        reply = self._client.post("/mapping/ai-suggest", body=body, patient=True)
        if "encoder" in reply.fields:
            # A crmdeck server uses the same ranker, so its suggestions add nothing.
            return ()
        return answers.suggestions(reply.body)

    def disconnect(self) -> None:
        self._client.post("/disconnect")

    def decisions(self) -> tuple[Decision, ...] | None:
        reply = self._client.get("/mapping/decisions", accept=(404, 405))
        if reply.status != 200:
            if not unknown_endpoint(reply):
                raise explain(reply).error
            return None
        return answers.records(Decision, reply.body, self._connection_id)

    def history(self) -> tuple[AuditEntry, ...]:
        query = {"limit": str(HISTORY)}
        reply = self._client.get("/audit", query=query, accept=(404, 405))
        if reply.status != 200:
            return ()
        return answers.records(AuditEntry, reply.body, self._connection_id)

    def drift(self) -> DriftReport | None:
        reply = self._client.get("/drift", accept=(404, 405))
        if reply.status != 200 or not isinstance(reply.body, Mapping):
            return None
        return DriftReport(
            events=answers.records(DriftEvent, reply.body.get("events"), self._connection_id),
            stories=answers.records(ChangeGroup, reply.body.get("stories"), self._connection_id),
        )

    def acknowledge(self, event_ids: Sequence[str], note: str) -> bool:
        return self._note("acknowledge", {"eventIds": list(event_ids), "note": note})

    def reopen(self, event_ids: Sequence[str]) -> bool:
        return self._note("reopen", {"eventIds": list(event_ids)})

    def _note(self, what: str, body: Mapping[str, object]) -> bool:
        reply = self._client.post(f"/drift/{what}", body=body, accept=(404, 405))
        if reply.status >= 300 and not unknown_endpoint(reply):
            raise explain(reply).error
        return reply.status < 300

    def decide(self, pair: str, choices: Sequence[WireModel]) -> tuple[Decision, ...]:
        body = {"objectPair": pair, "choices": [choice.to_wire() for choice in choices]}
        reply = self._client.post("/mapping/decisions", body=body)
        return answers.records(Decision, reply.body, self._connection_id)

    def undo(self, pair: str, decision_id: str | None) -> Decision:
        body = {"objectPair": pair, "decisionId": decision_id}
        reply = self._client.post("/mapping/undo", body=body)
        return answers.records(Decision, [reply.body], self._connection_id)[0]

    def _fresh(self, summary: Summary) -> Freshness | None:
        """Return when PartnerOS discovered an object type, and when that expires.

        Missing times count from now. A schema that PartnerOS calls stale has expired.
        """
        now = utc_now()
        if (summary.discovered_at, summary.expires_at, summary.is_stale) == (None, None, None):
            return None
        discovered_at = summary.discovered_at or now
        expires_at = summary.expires_at or discovered_at + self._lifetime
        return Freshness(discovered_at, min(expires_at, now) if summary.is_stale else expires_at)

    def _status(self, cancel: CancelToken) -> Mapping[str, object]:
        body = self._read("/status", cancel)
        if not isinstance(body, Mapping):
            raise not_json(WHO)
        with contextlib.suppress(ValidationError):
            if body.get("quota") is not None:
                self.meter.observe(Quota.from_wire(body["quota"]))
        return body

    def _refresh(
        self, status: Mapping[str, object], cancel: CancelToken
    ) -> tuple[dict[str, CrmdeckError], str | None]:
        """Refresh in PartnerOS; return the failed objects, and the reason if it didn't refresh."""
        reply = self._client.post("/schema/refresh", cancel, accept=(403,), patient=True)
        if reply.status == 403:
            return {}, explain(reply).error.message
        if reply.status == 202 and not self._wait_for(reply, status, cancel):
            return {}, "PartnerOS is still refreshing the schema."
        is_error = not reply.fields.get("success") and {"error", "message"} & reply.fields.keys()
        if reply.status == 200 and (is_error or isinstance(reply.body, list)):
            raise explain(reply).error
        self._gone = answers.gone(reply.fields.get("driftEvents"))
        return {
            each.object_type: SourceError(each.message, remedy=each.remedy, code=each.code)
            for each in answers.failures(reply.body)
        }, None

    def _wait_for(self, reply: Response, before: Mapping[str, object], cancel: CancelToken) -> bool:
        """Return True after a refresh in PartnerOS finishes; False if the budget is used up."""
        # A 202 names no job: only the times in the status show that it has ended.
        pause = self._limits.backoff
        while self._client.wait(retry_after(reply) or pause, cancel):
            pause *= 2
            now = self._status(cancel)
            _check_status(now)
            if any(now.get(key) != before.get(key) for key in ("lastSyncAt", "lastErrorAt")):
                return True
        return False

    def _pull(self, summary: Summary, cancel: CancelToken) -> Discovery:
        query = {"objectType": summary.object_type}
        try:
            with one_large_answer():
                body = self._read("/schema", cancel, query)
                return self._read_object(summary, body)
        except CrmdeckError as error:
            # A server that fails for one object may answer for the others.
            if FAULTS.concerns_connection(error) and error.code != "SOURCE_UNAVAILABLE":
                raise
            return Failed(summary.object_type, error)

    def _pull_all(self, cancel: CancelToken) -> Mapping[str, object]:
        """Return all schemas from one response; none if the server lacks that endpoint."""
        try:
            reply = self._client.get("/schemas", cancel, accept=(404, 405))
        except AnswerTooLargeError:
            return {}
        return answers.by_object_type(reply.body) if reply.status == 200 else {}

    @staticmethod
    def _read_object(summary: Summary, body: object) -> Discovered | Failed:
        try:
            schema = answers.object_schema(summary, body)
        except SourceError as error:
            return Failed(summary.object_type, error)
        return Discovered(schema, summary.validator or None)

    def _read(
        self, path: str, cancel: CancelToken, query: Mapping[str, str] | None = None
    ) -> object:
        body: object = self._client.get(path, cancel, query).body
        return body


open_connector: ConnectorFactory = PartnerOSConnector


def _check_status(status: Mapping[str, object]) -> None:
    """Raise the integration's own error if it is disconnected or must sign in again."""
    detail = " ".join(
        part.rstrip(".") + "."
        for part in (_text(status.get("lastErrorMessage")), _text(status.get("lastErrorRemedy")))
        if part
    )
    if status.get("status") in (Status.REAUTH_REQUIRED, Status.DISCONNECTED):
        raise FAULTS.find(str(status["status"]), "", 409).to_error(detail=detail)


def _not_refreshed(why: str, summaries: Sequence[Summary], status: Mapping[str, object]) -> Notice:
    read = [each.discovered_at for each in summaries if each.discovered_at is not None]
    when = f" from {min(read):%Y-%m-%d %H:%M} UTC" if read else ""
    failure = _text(status.get("lastErrorMessage"))
    return Notice(
        code="REMOTE_NOT_REFRESHED",
        message=f"PartnerOS didn't refresh the integration, and sent its schema{when}.",
        cause=redact(" ".join(part for part in (why, failure) if part), foreign=True),
        remedy="Ask a user whose role allows refreshes, or wait for PartnerOS's next refresh.",
    )


def _text(value: object) -> str | None:
    return redact(value) if isinstance(value, str) and value else None
