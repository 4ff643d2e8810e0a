"""Calls to the Integrations API, with session, waits, cached answers and organization."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import replace
from threading import Lock
from urllib.parse import quote

from crmdeck.connectors.base import Credentials, Meter, TokenListener, Wait
from crmdeck.connectors.caller import NEVER, Patience
from crmdeck.connectors.http import Response, retry_after
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.partneros.answers import organization_ids
from crmdeck.connectors.partneros.session import SessionKeeper
from crmdeck.connectors.partneros.transport import (
    NO_ACTIVE_ORGANIZATION,
    WHO,
    Transport,
    explain,
    remote_code,
)
from crmdeck.errors import SourceError, UsageError
from crmdeck.model import CancelToken, Connection

_MAX_AGE = re.compile(r"(?:^|,)\s*max-age=(\d{1,9})")
_KEPT = 64
_MOST_ORGANIZATIONS = 20


class FreshAnswers:
    """Answers that can be reused for as long as their Cache-Control allows."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], tuple[float, Response]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, ...]) -> Response | None:
        """Return the cached answer to a request while it is fresh."""
        with self._lock:
            until, reply = self._kept.get(key, (0.0, None))
        return reply if time.monotonic() < until else None

    def put(self, key: tuple[str, ...], reply: Response) -> None:
        """Store a response if its Cache-Control allows that."""
        control = (reply.header("Cache-Control") or "").lower()
        age = _MAX_AGE.search(control)
        if reply.status != 200 or age is None or "no-store" in control or "no-cache" in control:
            return
        with self._lock:
            self._kept[key] = (time.monotonic() + int(age[1]), reply)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def forget(self, base: str, integration_id: str) -> None:
        """Drop the cached answers of an integration after a change."""
        with self._lock:
            for key in [key for key in self._kept if key[:2] == (base, integration_id)]:
                del self._kept[key]


# A connector lives for one command, but PartnerOS allows its responses for 60 seconds.
_FRESH = FreshAnswers()


class PartnerOSClient:
    """Calls to one integration; safe to use from any thread."""

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener,
        limits: Limits,
        meter: Meter,
    ) -> None:
        if not connection.remote_id:
            raise UsageError(
                f"{connection.name} has no remote ID.",
                cause="The partneros source needs the ID of the integration in PartnerOS.",
                remedy=f"Set it: crmdeck connections set {connection.name} --remote-id ID",
                code="NO_REMOTE_ID",
            )
        self.integration_id = connection.remote_id
        self._transport = Transport(connection.endpoint, limits, meter)
        self._session = SessionKeeper(credentials, listener, self._sign_in)
        self._limits = limits
        self._meter = meter
        self._patience = Patience(limits.wait_budget)

    def get(
        self,
        path: str,
        cancel: CancelToken = NEVER,
        query: Mapping[str, str] | None = None,
        *,
        accept: Collection[int] = (),
    ) -> Response:
        """Return the response to GET `path` of the integration, from the cache if it is fresh."""
        parameters = [part for item in sorted((query or {}).items()) for part in item]
        # The key contains the token, so that no other user in this process gets these responses.
        identity = (self._transport.base, self.integration_id, self._session.token())
        key = (*identity, path, *parameters)
        kept = _FRESH.get(key)
        if kept is not None:
            return kept
        reply = self.call("GET", self._of(path), cancel, query=query, accept=accept)
        # A larger answer, of one very large object, would only fill the memory.
        if reply.size <= self._limits.max_bytes:
            _FRESH.put(key, reply)
        return reply

    def post(
        self,
        path: str,
        cancel: CancelToken = NEVER,
        body: Mapping[str, object] | None = None,
        *,
        accept: Collection[int] = (),
        patient: bool = False,
    ) -> Response:
        """Return the response to POST `path`, and drop the integration's cached answers.

        They stay if the server rejects with a status in `accept`, because nothing has changed.
        """
        unchanged = False
        try:
            reply = self.call(
                "POST", self._of(path), cancel, body=body, accept=accept, patient=patient
            )
            unchanged = reply.status >= 300
        finally:
            if not unchanged:
                _FRESH.forget(self._transport.base, self.integration_id)
        return reply

    def call(
        self,
        method: str,
        path: str,
        cancel: CancelToken,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        accept: Collection[int] = (),
        patient: bool = False,
    ) -> Response:
        """Return the response to a request: a success, or a status in `accept`.

        Renews an expired session once if there is a password. If crmdeck's own session has no
        active organization, chooses the organization of the integration. Waits after a 429, and
        while the server is unavailable, within the wait budget. Repeats a request that changes
        something only if the server rejected it. Raises CrmdeckError.
        """
        renewed = chosen = False
        pauses = 0
        while True:
            cancel.check()
            token = self._session.token()
            reply = self._transport.send(
                method, path, token=token, query=query, body=body, patient=patient
            )
            if reply.status < 300 and reply.fields.get("success") is False:
                # The API documents `success` beside status 200, so false is a failure.
                reply = replace(reply, status=500)
            elif reply.status < 300 or reply.status in accept:
                return reply
            refusal = explain(reply)
            if refusal.fault.renew and not renewed:
                renewed = True
                self._session.renew(token)
                continue
            if refusal.fault.code == NO_ACTIVE_ORGANIZATION and self._session.own and not chosen:
                chosen = True
                if self._choose_organization(token, cancel):
                    continue
            seconds = self._pause_for(method, reply, pauses) if refusal.fault.wait else None
            if seconds is None or not self._patience.take(seconds):
                raise refusal.error
            pauses += 1
            asked = retry_after(reply) is not None
            with self._meter.pause(Wait(WHO, seconds, asked)):
                cancel.wait(seconds)

    def wait(self, seconds: float, cancel: CancelToken) -> bool:
        """Wait, and return True; return False if the wait budget is used up."""
        if not self._patience.take(seconds):
            return False
        with self._meter.pause(Wait(WHO, seconds, asked=True)):
            cancel.wait(seconds)
        return True

    def _pause_for(self, method: str, reply: Response, pauses: int) -> float | None:
        if pauses + 1 >= self._limits.attempts:
            return None
        asked = retry_after(reply)
        if asked is not None:
            return asked
        # A 429 without a time means that the CRM's own quota is used up: a wait doesn't help.
        if reply.status == 429 or method != "GET":
            return None
        return self._limits.backoff * 2.0**pauses

    def _sign_in(self, email: str, password: str) -> str:
        body = {"email": email, "password": password}
        answer = self._transport.send("POST", "/auth/sign-in/email", body=body)
        if answer.status == 401:
            # A 401 to a sign-in always means wrong credentials, whatever its code.
            raise explain(Response(401, {"code": "INVALID_CREDENTIALS"})).error
        if answer.status >= 300:
            raise explain(answer).error
        if not answer.session_token:
            raise SourceError(
                f"{WHO} accepted the sign-in, but sent no session.",
                cause="The response has no 'session_token' cookie. Another server may be at the "
                "endpoint.",
                remedy="Check the endpoint: crmdeck connections set NAME --endpoint https://HOST",
                code="NO_SESSION_COOKIE",
            )
        return answer.session_token

    def _choose_organization(self, token: str, cancel: CancelToken) -> bool:
        session = self._transport.send("GET", "/auth/session", token=token)
        for organization_id in organization_ids(session.body)[:_MOST_ORGANIZATIONS]:
            cancel.check()
            body = {"organizationId": organization_id}
            self._transport.send("POST", "/auth/organization", token=token, body=body)
            found = self._transport.send("GET", self._of("/status"), token=token)
            if found.status == 200:
                return True
        return False

    def _of(self, path: str) -> str:
        return f"/integrations/{quote(self.integration_id, safe='')}{path}"


def unknown_endpoint(reply: Response) -> bool:
    """Return True if a 404 or 405 means that the server lacks the endpoint."""
    known = ("INTEGRATION_NOT_FOUND", "CONNECTION_NOT_FOUND")
    return reply.status == 405 or (reply.status == 404 and remote_code(reply) not in known)
