"""Calls of the Integrations API: the session, waiting, freshness, the organization."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote

from crmdeck.connectors.base import Credentials, Meter, TokenListener, Wait
from crmdeck.connectors.caller import Patience
from crmdeck.connectors.http import Reply, retry_after
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
    """Answers that may be used again for as long as their Cache-Control says."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], tuple[float, Reply]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, ...]) -> Reply | None:
        """Return the answer to a request, while it is fresh."""
        with self._lock:
            until, reply = self._kept.get(key, (0.0, None))
        return reply if time.monotonic() < until else None

    def put(self, key: tuple[str, ...], reply: Reply) -> None:
        """Keep an answer, where it may be kept."""
        control = (reply.header("Cache-Control") or "").lower()
        age = _MAX_AGE.search(control)
        if reply.status != 200 or age is None or "no-store" in control or "no-cache" in control:
            return
        with self._lock:
            self._kept[key] = (time.monotonic() + int(age[1]), reply)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def forget(self, base: str, integration_id: str) -> None:
        """Forget what is kept of an integration: it has just been changed."""
        with self._lock:
            for key in [key for key in self._kept if key[:2] == (base, integration_id)]:
                del self._kept[key]


# A connector lives for one call; what PartnerOS allows to be used for 60 seconds outlives it.
_FRESH = FreshAnswers()


class PartnerOSClient:
    """Speaks to one integration; its methods may be called from any thread."""

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
                "The connection does not say which integration it is.",
                cause="The source partneros needs the id of the integration there.",
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
        cancel: CancelToken,
        query: Mapping[str, str] | None = None,
        *,
        accept: Collection[int] = (),
    ) -> Reply:
        """Return what is at `path` of the integration, a copy where it is still fresh."""
        key = self._key(path, query)
        kept = _FRESH.get(key)
        if kept is not None:
            return kept
        reply = self.call("GET", self._of(path), cancel, query=query, accept=accept)
        _FRESH.put(key, reply)
        return reply

    def post(
        self,
        path: str,
        cancel: CancelToken,
        body: Mapping[str, Any] | None = None,
        *,
        accept: Collection[int] = (),
        patient: bool = False,
    ) -> Reply:
        """Have something done to the integration; copies of what it was are dropped.

        They stay where it was refused with a status in `accept`: then nothing has changed.
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
        body: Mapping[str, Any] | None = None,
        accept: Collection[int] = (),
        patient: bool = False,
    ) -> Reply:
        """Return the answer to a request: a success, or one of the statuses in `accept`.

        An ended session is renewed once, where there is a password. Where a session made here
        has no active organization, the one that has the integration is chosen. A 429 is waited
        for as it says, what is merely not available with growing pauses, all within the budget;
        what changes something is not sent again unless it was refused. Raises CrmdeckError.
        """
        renewed = chosen = False
        pauses = 0
        while True:
            cancel.check()
            token = self._session.token()
            reply = self._transport.send(
                method, path, token=token, query=query, body=body, patient=patient
            )
            if reply.status < 300 or reply.status in accept:
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
            told = retry_after(reply) is not None
            with self._meter.pause(Wait(WHO, seconds, told)):
                cancel.wait(seconds)

    def wait(self, seconds: float, cancel: CancelToken) -> bool:
        """Wait for what goes on there; return whether there was patience left for it."""
        if not self._patience.take(seconds):
            return False
        with self._meter.pause(Wait(WHO, seconds, told=True)):
            cancel.wait(seconds)
        return True

    def _pause_for(self, method: str, reply: Reply, pauses: int) -> float | None:
        if pauses + 1 >= self._limits.attempts:
            return None
        told = retry_after(reply)
        if told is not None:
            return told
        # A 429 that names no time is the CRM's allowance: waiting here would not help.
        if reply.status == 429 or method != "GET":
            return None
        return self._limits.backoff * 2.0**pauses

    def _sign_in(self, email: str, password: str) -> str:
        body = {"email": email, "password": password}
        answer = self._transport.send("POST", "/auth/sign-in/email", body=body)
        if answer.status == 401:
            # Whatever it calls it: a 401 to a sign-in is about e-mail and password.
            raise explain(Reply(401, {"code": "INVALID_CREDENTIALS"})).error
        if answer.status >= 300:
            raise explain(answer).error
        if not answer.session_token:
            raise _no_cookie()
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

    def _key(self, path: str, query: Mapping[str, str] | None) -> tuple[str, ...]:
        asked = [part for item in sorted((query or {}).items()) for part in item]
        token = self._session.token()
        return (self._transport.base, self.integration_id, token, path, *asked)


def _no_cookie() -> SourceError:
    return SourceError(
        f"{WHO} took the sign-in and gave no session.",
        cause="The answer sets no cookie 'session_token'.",
        remedy="Check that the endpoint of the connection is PartnerOS.",
        code="NO_SESSION_COOKIE",
    )


def unknown_endpoint(reply: Reply) -> bool:
    """Return whether a 404 or 405 says that there is no such endpoint at all."""
    return reply.status == 405 or (reply.status == 404 and remote_code(reply) not in _KNOWN_THERE)


_KNOWN_THERE = ("INTEGRATION_NOT_FOUND", "CONNECTION_NOT_FOUND")
