"""Calls to one account through hubspot-api-client.

The client's `api_request` uses `requests` without a timeout, a retry, a pool or a `host`. Its
generated API clients support all of these. So crmdeck calls their `call_api` with its own paths,
and keeps the client's authentication, host, retry and pool. It reads the raw answers, because the
generated models drop unknown attributes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from typing import Any

import urllib3
from hubspot.crm.properties import ApiClient, Configuration
from hubspot.crm.properties.exceptions import ApiException

from crmdeck.connectors.base import Credentials, Meter, TokenListener
from crmdeck.connectors.bounded_pool import BoundedPool, proxy_for
from crmdeck.connectors.caller import NEVER, Caller, Refusal
from crmdeck.connectors.http import (
    Response,
    check_endpoint,
    not_json,
    split_json,
    unreachable,
)
from crmdeck.connectors.hubspot.faults import FAULTS, WHO
from crmdeck.connectors.hubspot.paths import OAUTH_VERSION, Paths
from crmdeck.connectors.hubspot.rate_limits import RateLimits, pause
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.tokens import Grant, TokenKeeper
from crmdeck.errors import CrmdeckError
from crmdeck.model import CancelToken, Connection

HOST = "https://api.hubapi.com"
TOKEN_PATH = f"/oauth/{OAUTH_VERSION}/token"
INTROSPECT_PATH = f"{TOKEN_PATH}/introspect"
_USER_AGENT = f"hubspot-api-client-python; {metadata.version('hubspot-api-client')}"
# The client repeats only failed connections. `Caller` waits for the rest, and can be canceled.
_RETRY = urllib3.Retry(
    total=2, connect=2, read=0, status=0, redirect=0, raise_on_status=False, backoff_factor=0.2
)


class HubSpotClient:
    """One account; safe to use from several threads, each with its own API object."""

    def __init__(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener,
        limits: Limits,
        meter: Meter,
    ) -> None:
        self._host = check_endpoint(connection.endpoint or HOST)
        self._stands_in = connection.endpoint is not None
        self._credentials = credentials
        self._limits = limits
        self._meter = meter
        self._local = threading.local()
        self.paths = Paths()
        self._running = 0
        self._lock = threading.Lock()
        grant = self._refresh if credentials.get("refresh_token") else None
        self.tokens = TokenKeeper(credentials, listener, grant, WHO)
        self.caller = Caller(WHO, self.tokens, meter, limits, explain)

    def get(
        self,
        family: str,
        rest: str,
        cancel: CancelToken = NEVER,
        *,
        query: Mapping[str, str] | None = None,
        reserve: bool = True,
    ) -> Response:
        """Return the response to GET `rest` of an API family, in the newest version that works.

        After a 404 it tries the next older version, and remembers the one that worked. Raises
        CrmdeckError.
        """
        return self._newest(family, rest, cancel, reserve, method="GET", query=query)

    def properties(self, path: str, sensitivity: str, cancel: CancelToken) -> Response:
        """Return the properties of an object type, each as JSON text. Raises CrmdeckError."""
        query = {"dataSensitivity": sensitivity} if sensitivity else None
        return self._newest("properties", path, cancel, True, method="GET", query=query, split=True)

    def post(self, family: str, rest: str, body: Mapping[str, object]) -> Response:
        """Return the response to a POST that only reads, like `get`. Raises CrmdeckError."""
        return self._newest(family, rest, NEVER, True, method="POST", body=body)

    def _newest(
        self, family: str, rest: str, cancel: CancelToken, reserve: bool, **request: Any
    ) -> Response:
        versions = self.paths.versions(family)
        for version in versions:
            path = self.paths.path(family, version, rest)
            last = version == versions[-1]
            reply = self.caller.call(
                partial(self._send, path=path, **request),
                cancel,
                accept=() if last else (404,),
                reserve=reserve,
            )
            if reply.status != 404:
                self.paths.remember(family, version)
                return reply
        raise AssertionError("the last version either answers or raises")

    def introspect(self) -> Mapping[str, object]:
        """Return the token endpoint's facts about the access token; {} without an OAuth app."""
        if not self._credentials.get("client_secret"):
            return {}

        def send(token: str) -> Response:
            form = [*self._app_form(), ("token", token), ("token_type_hint", "access_token")]
            return self._send(None, "POST", INTROSPECT_PATH, form=form)

        return self.caller.call(send, NEVER, reserve=False).fields

    def grant(self, form: Mapping[str, str]) -> Grant:
        """Return the tokens for `form` and the app's ID and secret. Raises CrmdeckError."""
        fields = [*form.items(), *self._app_form()]
        reply = self._send(None, "POST", TOKEN_PATH, form=fields)
        if reply.status >= 300:
            raise explain(reply).error
        body = reply.fields
        token = body.get("access_token")
        if not isinstance(token, str):
            raise not_json(WHO)
        refresh, expires = body.get("refresh_token"), body.get("expires_in")
        portal = body.get("hub_id")
        return Grant(
            access_token=token,
            refresh_token=refresh if isinstance(refresh, str) else None,
            expires_in=expires if isinstance(expires, int | float) else None,
            organization=str(portal) if isinstance(portal, int) else None,
        )

    def _refresh(self) -> Grant:
        return self.grant(
            {
                "grant_type": "refresh_token",
                "refresh_token": self._credentials.get("refresh_token") or "",
            }
        )

    def _app_form(self) -> list[tuple[str, str]]:
        names = ("client_id", "client_secret")
        return [(name, self._credentials.get(name) or "") for name in names]

    def _api_client(self, token: str | None) -> Any:
        client = getattr(self._local, "client", None)
        if client is None:
            # Without the client's `HubSpot` class, which searches the disk for its own version each
            # time: a refresh makes up to 60 of these.
            configuration = Configuration(host=self._host)
            configuration.retries = _RETRY
            # The proxies in the environment are for HubSpot's host, not for an endpoint.
            configuration.proxy = None if self._stands_in else proxy_for(self._host)
            client = self._local.client = ApiClient(configuration)
            client.user_agent = _USER_AGENT
            rest = client.rest_client
            rest.pool_manager = BoundedPool(rest.pool_manager, self._limits, WHO, self._count)
        # The client stays for its open connections, so each call sets its own token.
        client.configuration.access_token = token
        return client

    def _send(
        self,
        token: str | None,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        form: list[tuple[str, str]] | None = None,
        body: Mapping[str, object] | None = None,
        split: bool = False,
    ) -> Response:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if body is not None:
            headers["Content-Type"] = "application/json"
        with self._lock:
            self._running += 1
        client = self._api_client(token)
        try:
            raw = client.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params=headers,
                post_params=form,
                body=body,
                auth_settings=["oauth2"] if token else [],
                _preload_content=False,
                _request_timeout=(self._limits.connect_timeout, self._limits.read_timeout),
            )
        except ApiException as error:
            if not error.status:
                raise unreachable(WHO, error) from None
            data = error.body or ""
            return Response(error.status, _json(data), dict(error.headers or {}), len(data))
        finally:
            # The client of each thread would keep a body until its next call.
            client.last_response = None
            with self._lock:
                self._running -= 1
        parse = partial(split_json, key="results", limits=self._limits, who=WHO)
        answer = _json(raw.data, parse if split else json.loads)
        if answer is None and raw.data:
            raise not_json(WHO)
        return Response(raw.status, answer, raw.headers, len(raw.data))

    def _count(self, headers: Mapping[str, str], size: int, path: str) -> None:
        self._meter.count(received=size, quota_spent=0 if path.startswith("/oauth/") else 1)
        rates = RateLimits.of(headers)
        # The parallel calls are on their way already, so as many must remain.
        if rates.left is not None and rates.left < max(self._running, self._limits.threads):
            self.caller.pace.hold(rates.window)
        if rates.daily is not None:
            self._meter.observe(rates.daily)


def explain(reply: Response) -> Refusal:
    body = reply.fields
    # Most APIs name the error in `category`, some in `errorType`, OAuth in `error`.
    keys = ("category", "errorType", "error", "status")
    code = next((body[key] for key in keys if body.get(key)), "")
    message = f"{body.get('message') or ''} {body.get('policyName') or ''}"
    fault = FAULTS.find(str(code), message, reply.status)
    scopes = missing_scopes(body)
    detail = f"Missing scopes: {', '.join(scopes)}." if scopes else ""
    error: CrmdeckError = fault.to_error("" if code == "error" else str(code), detail)
    return Refusal(fault, error, pause(reply, str(body.get("policyName") or "")))


def missing_scopes(body: Mapping[str, object]) -> tuple[str, ...]:
    found: list[str] = []
    errors = body.get("errors")
    for each in errors if isinstance(errors, list) else ():
        context = each.get("context") if isinstance(each, Mapping) else None
        if not isinstance(context, Mapping):
            continue
        for name in ("requiredGranularScopes", "requiredScopes"):
            scopes = context.get(name)
            found += [str(scope)[:60] for scope in scopes] if isinstance(scopes, list) else []
    return tuple(dict.fromkeys(found))[:10]


def _json(data: Any, parse: Callable[[Any], object] = json.loads) -> object:
    try:
        return parse(data)
    except (ValueError, RecursionError):
        return None
