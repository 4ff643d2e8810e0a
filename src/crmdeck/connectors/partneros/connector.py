"""The source `partneros`: one integration through the Integrations API."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from crmdeck.clock import utc_now
from crmdeck.connectors.base import (
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
from crmdeck.connectors.http import AnswerTooLargeError, Reply, not_json, retry_after
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
    Connection,
    Decision,
    DriftEvent,
    DriftReport,
    Freshness,
    GoneReason,
    Notice,
    ObjectPair,
    Platform,
    ProbeReport,
    Quota,
    Scope,
    ScopeMode,
    Status,
    Story,
    Suggestion,
    WireModel,
)
from crmdeck.redaction import redact

HISTORY = 500
# From so many object types on all of them in one answer cost less than each by itself.
_WORTH_ONE_ANSWER = 4
VIEWER = "refreshing, deciding and disconnecting (your role is to look)"


class PartnerOSConnector:
    """One way to one integration; its methods may be called from any thread."""

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener,
        limits: Limits,
    ) -> None:
        self._meter = Meter()
        self._connection_id = connection.id
        self._lifetime = timedelta(hours=connection.ttl_hours)
        self._limits = limits
        self._client = PartnerOSClient(connection, credentials, listener, limits, self._meter)
        self._gone: Gone = {}

    @property
    def meter(self) -> Meter:
        """Return what this connector has cost so far."""
        return self._meter

    def probe(self) -> ProbeReport:
        """Ask who we are, in which organization, and how the integration is doing there."""
        cancel = CancelToken()
        status = self._status(cancel)
        reply = self._client.call("GET", "/auth/session", cancel, accept=(404, 405))
        session = reply.body if reply.status == 200 and isinstance(reply.body, Mapping) else {}
        user = session.get("user")
        user = user if isinstance(user, Mapping) else {}
        return ProbeReport(
            user=_text(user.get("email")),
            organization=_text(session.get("activeOrganizationId")),
            platform=_platform(status.get("platform")),
            instance_url=_text(status.get("instanceUrl")),
            api_version=_text(status.get("apiVersion")),
            quota=self._meter.quota,
            token_expires_at=answers.moment(session.get("expiresAt")),
            missing_permissions=(VIEWER,) if user.get("role") == "viewer" else (),
        )

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        """Have the integration refreshed, then yield a Listing and what is in scope.

        A user whose role may not refresh gets what PartnerOS has, and is told so. Only object types
        whose hash has changed there are pulled. Raises ReauthRequiredError where it is there that
        somebody has to sign in to the CRM again.
        """
        status = self._status(cancel)
        _check_status(status)
        failed, refused = self._refresh(status, cancel)
        listed = {s.object_type: s for s in answers.summaries(self._read("/schema", cancel))}
        names = _in_scope(scope, tuple(listed))
        in_scope = [listed[name] for name in names if name in listed]
        freshness = {each.object_type: said for each in in_scope if (said := self._fresh(each))}
        yield Listing(frozenset(listed), names, freshness)
        if refused is not None:
            yield _as_it_was(refused, in_scope, status)
        changed: list[Summary] = []
        for object_type in names:
            summary = listed.get(object_type)
            before = known.get(object_type)
            if object_type in failed:
                yield Failed(object_type, failed[object_type])
            elif summary is None:
                yield Failed(object_type, _not_listed(object_type))
            elif before and summary.schema_hash and before.validator == summary.schema_hash:
                yield Unchanged(object_type, summary.schema_hash)
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
        """Say why things are gone, by the drift that PartnerOS recorded."""
        things = {each: (each.object_type, each.field_name) for each in missing}
        if any(thing not in self._gone for thing in things.values()):
            with contextlib.suppress(SourceError):
                reply = self._client.get("/drift", CancelToken(), accept=(404, 405))
                if reply.status == 200 and isinstance(reply.body, Mapping):
                    self._gone = {**answers.gone(reply.body.get("events")), **self._gone}
        return {each: self._gone[thing] for each, thing in things.items() if thing in self._gone}

    def suggest(self, pair: ObjectPair) -> tuple[Suggestion, ...]:
        """Return the AI suggestions of PartnerOS for an object pair."""
        body = {"objectPair": str(pair)}
        reply = self._client.post("/mapping/ai-suggest", CancelToken(), body, patient=True)
        if isinstance(reply.body, Mapping) and "encoder" in reply.body:
            # A crmdeck serves it, and ranks as we do: to count that again would prove nothing.
            return ()
        return answers.suggestions(reply.body)

    def disconnect(self) -> None:
        """Disconnect the integration in PartnerOS."""
        self._client.post("/disconnect", CancelToken())

    def decisions(self) -> tuple[Decision, ...] | None:
        """Return the decisions that are kept there; None where the server keeps none."""
        reply = self._client.get("/mapping/decisions", CancelToken(), accept=(404, 405))
        if reply.status != 200:
            if not unknown_endpoint(reply):
                raise explain(reply).error
            return None
        return answers.records(Decision, reply.body, self._connection_id)

    def history(self) -> tuple[AuditEntry, ...]:
        """Return the latest audit entries that are kept there, newest first."""
        query = {"limit": str(HISTORY)}
        reply = self._client.get("/audit", CancelToken(), query, accept=(404, 405))
        if reply.status != 200:
            return ()
        return answers.records(AuditEntry, reply.body, self._connection_id)

    def drift(self) -> DriftReport | None:
        """Return the drift that is recorded there; None where the server keeps none."""
        reply = self._client.get("/drift", CancelToken(), accept=(404, 405))
        if reply.status != 200 or not isinstance(reply.body, Mapping):
            return None
        return DriftReport(
            events=answers.records(DriftEvent, reply.body.get("events"), self._connection_id),
            stories=answers.records(Story, reply.body.get("stories"), self._connection_id),
        )

    def acknowledge(self, event_ids: Sequence[str], note: str) -> bool:
        """Acknowledge drift events there; False where the server does not know how."""
        return self._note("acknowledge", {"eventIds": list(event_ids), "note": note})

    def reopen(self, event_ids: Sequence[str]) -> bool:
        """Take acknowledgments back there; False where the server does not know how."""
        return self._note("reopen", {"eventIds": list(event_ids)})

    def _note(self, what: str, body: Mapping[str, Any]) -> bool:
        reply = self._client.post(f"/drift/{what}", CancelToken(), body, accept=(404, 405))
        if reply.status >= 300 and not unknown_endpoint(reply):
            raise explain(reply).error
        return reply.status < 300

    def decide(self, pair: str, choices: Sequence[WireModel]) -> tuple[Decision, ...]:
        """Make decisions in PartnerOS, all or none."""
        body = {"objectPair": pair, "choices": [choice.to_wire() for choice in choices]}
        reply = self._client.post("/mapping/decisions", CancelToken(), body)
        return answers.records(Decision, reply.body, self._connection_id)

    def undo(self, pair: str, decision_id: str | None) -> Decision:
        """Take a decision back in PartnerOS."""
        body = {"objectPair": pair, "decisionId": decision_id}
        reply = self._client.post("/mapping/undo", CancelToken(), body)
        return answers.records(Decision, [reply.body], self._connection_id)[0]

    def _fresh(self, said: Summary) -> Freshness | None:
        """Return since when and until when PartnerOS holds an object type to be good.

        What it leaves out is as if we had looked; what it calls stale has expired by now.
        """
        now = utc_now()
        if (said.discovered_at, said.expires_at, said.is_stale) == (None, None, None):
            return None
        discovered_at = said.discovered_at or now
        expires_at = said.expires_at or discovered_at + self._lifetime
        return Freshness(discovered_at, min(expires_at, now) if said.is_stale else expires_at)

    def _status(self, cancel: CancelToken) -> Mapping[str, Any]:
        body = self._read("/status", cancel)
        if not isinstance(body, Mapping):
            raise not_json(WHO)
        with contextlib.suppress(ValidationError):
            if body.get("quota") is not None:
                self._meter.observe(Quota.from_wire(body["quota"]))
        return body

    def _refresh(
        self, status: Mapping[str, Any], cancel: CancelToken
    ) -> tuple[dict[str, CrmdeckError], str | None]:
        """Have it refreshed; return the objects that failed, and why it was not refreshed."""
        reply = self._client.post("/schema/refresh", cancel, accept=(403,), patient=True)
        if reply.status == 403:
            return {}, explain(reply).error.message
        if reply.status == 202 and not self._wait_for(reply, status, cancel):
            return {}, "PartnerOS is still refreshing the schema."
        body = reply.body if isinstance(reply.body, Mapping) else {}
        self._gone = answers.gone(body.get("driftEvents"))
        return {
            each.object_type: SourceError(each.message, remedy=each.remedy, code=each.code)
            for each in answers.failures(body)
        }, None

    def _wait_for(self, reply: Reply, before: Mapping[str, Any], cancel: CancelToken) -> bool:
        """Return whether a refresh that goes on there has come to its end, within patience."""
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
            body = self._read("/schema", cancel, query)
        except CrmdeckError as error:
            if FAULTS.concerns_connection(error):
                raise
            return Failed(summary.object_type, error)
        return self._read_object(summary, body)

    def _pull_all(self, cancel: CancelToken) -> Mapping[str, object]:
        """Return the object types that one answer tells of; none where the server has no such."""
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
        return Discovered(schema, summary.schema_hash or None)

    def _read(
        self, path: str, cancel: CancelToken, query: Mapping[str, str] | None = None
    ) -> object:
        body: object = self._client.get(path, cancel, query).body
        return body


def _in_scope(scope: Scope, listed: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to pull: what PartnerOS has cached is in scope there already."""
    names = scope.include if scope.mode is ScopeMode.NAMED else listed
    return tuple(each for each in names if each not in scope.exclude)


def _not_listed(object_type: str) -> SourceError:
    return SourceError(
        f"PartnerOS has no object type '{object_type}'.",
        remedy="Check the name in the scope, or widen the scope in PartnerOS.",
        code="NOT_VISIBLE",
    )


def _check_status(status: Mapping[str, Any]) -> None:
    """Raise the error that the integration itself is in, where nothing can be had of it."""
    said = " ".join(
        part.rstrip(".") + "."
        for part in (_text(status.get("lastErrorMessage")), _text(status.get("lastErrorRemedy")))
        if part
    )
    if status.get("status") in (Status.REAUTH_REQUIRED, Status.DISCONNECTED):
        raise FAULTS.find(str(status["status"]), "", 409).to_error(detail=said)


def _as_it_was(why: str, summaries: Sequence[Summary], status: Mapping[str, Any]) -> Notice:
    read = [each.discovered_at for each in summaries if each.discovered_at is not None]
    when = f" of {min(read):%Y-%m-%d at %H:%M} UTC" if read else ""
    trouble = _text(status.get("lastErrorMessage"))
    return Notice(
        code="REMOTE_NOT_REFRESHED",
        message=f"It was not refreshed in PartnerOS: what is here is what it had{when}.",
        cause=redact(" ".join(part for part in (why, trouble) if part), foreign=True),
        remedy="Ask somebody whose role may refresh, or wait for PartnerOS to do so.",
    )


def _text(value: object) -> str | None:
    return redact(value) if isinstance(value, str) and value else None


def _platform(value: object) -> Platform | None:
    return value if isinstance(value, str) else None
