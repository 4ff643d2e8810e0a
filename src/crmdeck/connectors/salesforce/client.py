"""Calls to one org through simple-salesforce's `restful`, the one method that works reliably.

simple-salesforce refreshes a session by calling itself again. So it gets a token and no way to
refresh it; `Caller` decides what happens after a rejected token.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from crmdeck.clock import utc_now
from crmdeck.connectors.base import Credentials, Meter, TokenListener
from crmdeck.connectors.caller import NEVER, Caller, Refusal
from crmdeck.connectors.http import Response, check_endpoint, not_json, records_of, split_json
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.salesforce.oauth import PRODUCTION, SANDBOXES, expiry, grant_function
from crmdeck.connectors.salesforce.session import FAULTS, WHO, SalesforceSession
from crmdeck.connectors.salesforce.simple import Salesforce, SalesforceError
from crmdeck.connectors.tokens import TokenKeeper
from crmdeck.errors import SourceError, one_line
from crmdeck.model import CancelToken, Connection, Quota
from crmdeck.text import split_url

# The header of an app with its own limit has that limit before or after the org's.
_LIMIT_INFO = re.compile(r"(?<![\w-])api-usage=(\d{1,15})/(\d{1,15})(?!\d)", re.ASCII)
# Salesforce answers some errors with a web page, whose words the fault table knows.
_LONGEST_PAGE = 20_000
_VERSION = re.compile(r"\d+\.\d+")


class _Describer(Salesforce):
    """Leaves the fields of a describe unparsed."""

    def __init__(self, limits: Limits, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._limits = limits

    def parse_result_to_json(self, result: Any) -> object:
        return split_json(result.content, "fields", self._limits, WHO)


class SalesforceClient:
    """One org in one API version; safe to use from several threads."""

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener,
        limits: Limits,
        meter: Meter,
    ) -> None:
        endpoint = check_endpoint(connection.endpoint) if connection.endpoint else None
        self._instance_url = check_endpoint(connection.instance_url or PRODUCTION)
        self._session = SalesforceSession(endpoint, limits, meter)
        self._limits = limits
        self._meter = meter
        self._credentials = credentials
        self._version = connection.api_version
        self._lock = threading.Lock()
        grant = grant_function(credentials, self._session, self._instance_url)
        self.tokens = TokenKeeper(credentials, listener, grant, WHO)
        self.caller = Caller(WHO, self.tokens, meter, limits, explain)

    @property
    def instance_url(self) -> str:
        """The org's own URL, from the connection or from the token endpoint."""
        return (self.tokens.instance_url or self._instance_url).rstrip("/")

    @property
    def known_url(self) -> str | None:
        """The org's own URL from the connection; None if that is a sign-in host."""
        known = self._instance_url.rstrip("/")
        return None if known in (PRODUCTION, SANDBOXES) else known

    @property
    def org_url(self) -> str | None:
        """The org's own URL; None if only a shared sign-in host is known."""
        return None if self.instance_url in (PRODUCTION, SANDBOXES) else self.instance_url

    def version(self) -> str:
        """Return the API version in use: the pinned one, else the newest that the org supports."""
        with self._lock:
            # Within the lock, so that parallel calls ask only once.
            if self._version is None:
                self._version = self.versions()[-1]
            return self._version

    def version_in_use(self) -> str | None:
        """Return the pinned or chosen API version, without a request."""
        with self._lock:
            return self._version

    def use_version(self, version: str) -> None:
        with self._lock:
            self._version = self._version or version

    def versions(self) -> tuple[str, ...]:
        """Return the API versions that the org supports, oldest first. Uses no quota."""
        reply = self.caller.call(lambda _token: self._plain("/services/data"), NEVER, reserve=False)
        rows = records_of({"versions": reply.body}, "versions", "version")
        versions = {str(row["version"]) for row in rows}
        if not versions or not all(map(_VERSION.fullmatch, versions)):
            raise not_json(WHO)
        # As text, 100.0 would come before 99.0.
        return tuple(sorted(versions, key=float))

    def get(
        self,
        path: str,
        cancel: CancelToken = NEVER,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
        reserve: bool = True,
    ) -> Response:
        """Return the response to GET `path` under `/services/data/vXX.0/`. Raises CrmdeckError."""
        return self._call(
            "GET", path, cancel, accept, reserve, params=params, headers=dict(headers or {})
        )

    def describe(self, name: str, since: str | None, cancel: CancelToken) -> Response:
        """Return the description of an object type, in which each field is JSON text.

        With the HTTP date `since` the status may be 304. Raises CrmdeckError.
        """
        return self._call(
            "GET",
            f"sobjects/{quote(name, safe='')}/describe",
            cancel,
            (304,) if since else (),
            True,
            headers={"If-Modified-Since": since} if since else {},
            client=partial(_Describer, self._limits),
        )

    def get_text(self, path: str, cancel: CancelToken) -> str:
        """Return the response to GET `path` as text, for CSV."""

        def send(token: str) -> Response:
            return self._ask(f"/services/data/v{self.version()}/{path}", token)

        body = self.caller.call(send, cancel).body
        return body if isinstance(body, str) else ""

    def post(self, path: str, body: object, cancel: CancelToken) -> Response:
        """Return the response to POST `path` with a JSON body. Raises CrmdeckError."""
        return self._call("POST", path, cancel, (), True, json=body, headers={})

    def user_info(self, cancel: CancelToken = NEVER) -> Mapping[str, object]:
        """Return the user of the token. Raises CrmdeckError."""

        def send(token: str) -> Response:
            return self._plain("/services/oauth2/userinfo", token)

        return self.caller.call(send, cancel, reserve=False).fields

    def token_ends_at(self) -> datetime | None:
        """Return when the access token expires; None if Salesforce doesn't report it."""
        return expiry(self._credentials, self._session, self.instance_url, self.tokens.token())

    def _call(
        self,
        method: str,
        path: str,
        cancel: CancelToken,
        accept: Collection[int],
        reserve: bool,
        *,
        headers: dict[str, str],
        client: Callable[..., Salesforce] = Salesforce,
        **kwargs: Any,
    ) -> Response:
        def send(token: str) -> Response:
            # A client per call, for its token; the session has the connections.
            salesforce = client(
                session_id=token,
                instance_url=self.instance_url,
                version=self.version(),
                session=self._session,
                # Its default, an OrderedDict, takes more memory and time.
                object_pairs_hook=None,
            )
            return self._restful(salesforce, path, method=method, headers=headers, **kwargs)

        return self.caller.call(send, cancel, accept=accept, reserve=reserve)

    def _restful(self, salesforce: Salesforce, path: str, **kwargs: Any) -> Response:
        # `restful` returns the body of a success without its status.
        status = 200
        try:
            body = salesforce.restful(path, allow_redirects=False, **kwargs)
        except SalesforceError as error:
            status, body = error.status, error.content
        except (ValueError, RecursionError, TypeError):
            # simple-salesforce raises TypeError for a response of `null` or a number.
            raise not_json(WHO) from None
        sent, size = self._session.last
        if found := _LIMIT_INFO.search(sent.get("Sforce-Limit-Info", "")):
            used, limit = int(found[1]), int(found[2])
            self._meter.observe(Quota(used=used, limit=limit, observed_at=utc_now()))
        return Response(status, body, sent, size)

    def _plain(self, path: str, token: str | None = None) -> Response:
        reply = self._ask(path, token)
        if reply.status < 300 and isinstance(reply.body, str):
            raise not_json(WHO)
        return reply

    def _ask(self, path: str, token: str | None = None) -> Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = self._session.get(
            self.instance_url + path, headers=headers, allow_redirects=False
        )
        try:
            body = response.json()
        except (ValueError, RecursionError):
            body = response.text
        return Response(response.status_code, body, response.headers, len(response.content))


def explain(reply: Response) -> Refusal:
    body = reply.body
    first = body[0] if isinstance(body, list) and body else body
    code = message = ""
    if isinstance(first, Mapping):
        code = str(first.get("errorCode") or first.get("error") or "")
        message = str(first.get("message") or first.get("error_description") or "")
    elif isinstance(first, str):
        code = first if re.fullmatch(r"\w{1,60}", first) else ""
        message = first[:_LONGEST_PAGE]
    fault = FAULTS.find(code, message, reply.status)
    moved_to = split_url(reply.header("Location") or "").hostname if reply.status < 400 else None
    detail = f"The redirect leads to {one_line(moved_to)[:200]}." if moved_to else ""
    return Refusal(fault, fault.to_error(code, detail))


def answer_incomplete(object_type: str) -> SourceError:
    """Return the error for an object type that is missing or wrong in a response."""
    return SourceError(
        f"Salesforce sent no description of {object_type}.",
        cause="The response to a composite call lacks the object, or describes another object.",
        remedy="Refresh again: crmdeck refresh NAME",
        code="ANSWER_INCOMPLETE",
    )
