"""The sandbox server, for tests, the demo and `crmdeck sandbox`.

A small API of its own sets faults:

====== =================== =====================================================================
POST   `/sandbox/faults`    `{"org": ..., "kind": ..., ...}`: a fault from now on
POST   `/sandbox/script`    `{"org": ..., "steps": [fault or null, ...]}`
DELETE `/sandbox/faults`    removes all faults; `?org=` for one organization
====== =================== =====================================================================
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, Self
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from crmdeck.clock import Clock, utc_now
from crmdeck.sandbox.faults import ONCE, Fault, FaultKind
from crmdeck.sandbox.http import LoopbackServer
from crmdeck.sandbox.hubspot import HubSpotSite
from crmdeck.sandbox.messages import Reply, Request, reply
from crmdeck.sandbox.permissions import PermissionTables
from crmdeck.sandbox.salesforce import SalesforceSite
from crmdeck.sandbox.salesforce_oauth import SalesforceOAuth
from crmdeck.sandbox.scenario import Scenario
from crmdeck.sandbox.tenant import Tenant

_PREFIXES = {"salesforce": "sf", "hubspot": "hs"}
_PAGE = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>We are down for \
maintenance</h1></body></html>"

_GONE = b"<!DOCTYPE html><html><head><title>URL No Longer Exists</title></head><body>You have \
attempted to reach a URL that no longer exists on salesforce.com.</body></html>"

_FAULT = TypeAdapter(Fault)
_STEPS = TypeAdapter(tuple[Fault | None, ...])


@dataclass(frozen=True)
class Access:
    """Access to an org or an account of the sandbox.

    Only an org has `instance_url` and `username`. Only an account has `portal_id`, and
    `private_app_token`, which doesn't expire. Answers to it contain the daily quota, which those to
    the `access_token` of an OAuth app lack.
    """

    endpoint: str
    access_token: str
    refresh_token: str
    client_id: str
    client_secret: str
    instance_url: str = ""
    username: str = ""
    portal_id: int = 0
    private_app_token: str = ""

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets of a connection, by name."""
        if self.private_app_token:
            return {"access_token": self.private_app_token}
        names = ("access_token", "refresh_token", "client_id", "client_secret")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class LoggedRequest:
    """One request to the sandbox. `status` is 0 if the sandbox sent no answer."""

    org: str
    method: str
    path: str
    status: int
    bytes_sent: int


class _Site(Protocol):
    def handle(self, request: Request) -> Reply: ...

    def fault(self, fault: Fault, request: Request) -> Reply: ...


class Sandbox:
    """A CRM on loopback, as a context manager.

    `latency` in seconds delays every answer. The history ends at `anchor` (default: the time now,
    to the second), independent of `set_now`.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        port: int = 0,
        latency: float = 0.0,
        clock: Clock = utc_now,
        anchor: datetime | None = None,
    ) -> None:
        self.scenario = scenario or Scenario.demo()
        self.anchor = anchor or clock().replace(microsecond=0)
        self.latency = latency
        self.requests: list[LoggedRequest] = []
        self._port = port
        self._tenants: dict[tuple[str, str], Tenant] = {}
        self._sites: dict[tuple[str, str], _Site] = {}
        for org in self.scenario.organizations:
            key = (_PREFIXES[org.platform], org.name)
            hubspot = org.platform == "hubspot"
            # HubSpot's access tokens expire after 30 minutes; Salesforce names no time.
            lifetime = timedelta(minutes=30) if hubspot else None
            tenant = Tenant(self.scenario, org, clock, self.anchor, lifetime)
            self._tenants[key] = tenant
            self._sites[key] = HubSpotSite(tenant) if hubspot else SalesforceSite(tenant)
        self._server: LoopbackServer | None = None
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on loopback in other threads. Raises OSError if the port is in use."""
        if self._server is not None:
            return
        self._stopping.clear()
        self._server = LoopbackServer(self._port, self._answer)
        # With port 0 the system has chosen one, which a second start uses again.
        self._port = self._server.server_address[1]
        # The loop notices a shutdown only between two polls: with the usual half second, a
        # test would end up to half a second later.
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()

    def stop(self) -> None:
        """Close the server and all connections, if it is running."""
        if self._server is None:
            return
        # Wakes the threads that hang or answer slowly.
        self._stopping.set()
        self._server.shutdown()
        # Clients keep connections open, and a thread waits on each for the next request.
        self._server.close_connections()
        self._server.server_close()
        self._server = None

    @property
    def url(self) -> str:
        """The URL of the sandbox, valid after its start."""
        return f"http://127.0.0.1:{self._port}"

    def access(self, org: str) -> Access:
        """Return the access to an org or an account. Raises KeyError for an unknown one."""
        (tenant,) = self._chosen(org)
        tokens, platform = tenant.tokens, tenant.org.platform
        access = Access(
            endpoint=f"{self.url}/{_PREFIXES[platform]}/{org}",
            access_token=tokens.first_access,
            refresh_token=tokens.refresh_token,
            client_id=tokens.client_id,
            client_secret=tokens.client_secret,
        )
        if platform == "hubspot":
            portal_id, token = tenant.org.portal_id, tokens.static_token
            return replace(access, portal_id=portal_id, private_app_token=token)
        oauth = SalesforceOAuth(tenant)
        return replace(access, instance_url=oauth.instance_url, username=oauth.user["username"])

    def set_now(self, moment: datetime | None, org: str | None = None) -> None:
        """Move one organization, or all, to a time in the history; None: the present."""
        for tenant in self._chosen(org):
            tenant.set_now(moment)

    def moments(self, org: str) -> tuple[datetime, ...]:
        """Return the times of an organization's changes, oldest first."""
        (tenant,) = self._chosen(org)
        return tuple(self.anchor - each.before_now for each in tenant.org.changes)

    def permissions(self, org: str) -> PermissionTables:
        """Return the permission tables of a Salesforce org, for tests to change."""
        return next(
            site.permissions
            for (_, name), site in self._sites.items()
            if name == org and isinstance(site, SalesforceSite)
        )

    def fault(self, org: str, fault: Fault) -> None:
        for tenant in self._chosen(org):
            if fault.kind in ONCE:
                _strike(tenant, fault)
            else:
                tenant.faults.add(fault)

    def script(self, org: str, *steps: Fault | None) -> None:
        """Set a sequence of faults, each for its `times` requests; None lets one request pass."""
        for tenant in self._chosen(org):
            tenant.faults.script(steps)

    def clear(self, org: str | None = None) -> None:
        """Remove all faults, and accept the first tokens again."""
        for tenant in self._chosen(org):
            tenant.faults.clear()
            tenant.tokens.rotates = False
            # An org that the history has revoked by now stays revoked.
            tenant.tokens.revoke_refresh(tenant.state.revoked)
            if not tenant.state.revoked:
                tenant.tokens.restore_first()

    def _answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | None:
        _, prefix, name, rest = (*target.split("/", 3), "", "", "")[:4]
        if prefix.partition("?")[0] == "sandbox":
            return _control(self, Request.parse(method, target, headers, body))
        key = (prefix, name.partition("?")[0])
        if key not in self._sites:
            known = [f"/{prefix}/{name}" for prefix, name in self._sites]
            return reply({"error": "unknown organization", "known": known}, 404)
        request = Request.parse(method, f"/{rest}", headers, body)
        self._wait(self.latency)
        answer = self._with_faults(self._tenants[key], self._sites[key], request)
        status, size = (answer.status, len(answer.body)) if answer else (0, 0)
        self.requests.append(LoggedRequest(name, method, f"/{rest}", status, size))
        return answer

    def _with_faults(self, tenant: Tenant, site: _Site, request: Request) -> Reply | None:
        truncated = False
        values = " ".join(value for found in request.query.values() for value in found)
        if request.path.endswith("/composite"):
            values += unquote(request.body.decode("utf-8", "replace"))
        for fault in tenant.faults.take(request.path, values):
            match fault.kind:
                # A step of a script acts when its turn comes, before the request is answered.
                case kind if kind in ONCE:
                    _strike(tenant, fault)
                case FaultKind.HTML:
                    return Reply(200, _PAGE, content_type="text/html;charset=UTF-8")
                case FaultKind.BODY:
                    return Reply(200, (fault.message or "").encode())
                case FaultKind.MOVED if fault.status == 404:
                    return Reply(404, _GONE, content_type="text/html;charset=UTF-8")
                case FaultKind.MOVED:
                    host = fault.message or "renamed.my.salesforce.com"
                    return Reply(302, headers={"Location": f"https://{host}{request.path}"})
                case FaultKind.OVERSIZED:
                    return Reply(200, b'{"padding":"%s"}' % (b"x" * fault.size))
                case FaultKind.HANG:
                    self._wait(fault.seconds)
                    return None
                case FaultKind.SLOW:
                    self._wait(fault.seconds)
                case FaultKind.TRUNCATED:
                    truncated = True
                case _:
                    return site.fault(fault, request)
        answer = site.handle(request)
        if not truncated:
            return answer
        # The promised length stays that of the whole body, so that a client can notice the cut.
        half = answer.body[: len(answer.body) // 2]
        return replace(answer, body=half, promised=len(answer.body))

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._stopping.wait(seconds)

    def _chosen(self, name: str | None) -> list[Tenant]:
        chosen = [each for each in self._tenants.values() if name in {None, each.org.name}]
        if not chosen:
            raise KeyError(name)
        return chosen


def _strike(tenant: Tenant, fault: Fault) -> None:
    # A revocation in the history that is due comes first, or it would undo this fault later.
    tenant.settle()
    if fault.kind is FaultKind.ROTATED_REFRESH_TOKEN:
        tenant.tokens.rotates = True
        return
    tenant.tokens.expire_all()
    if fault.kind is FaultKind.REVOKED_REFRESH_TOKEN:
        tenant.tokens.revoke_refresh()
        tenant.tokens.denial = (fault.code, fault.message)


def _control(sandbox: Sandbox, request: Request) -> Reply:
    """Answer a request to the sandbox itself."""
    try:
        match request.method, request.path:
            case "POST", "/sandbox/faults":
                body = dict(request.json())
                org = body.pop("org")
                sandbox.fault(org, _FAULT.validate_python(body))
            case "POST", "/sandbox/script":
                body = request.json()
                sandbox.script(body["org"], *_STEPS.validate_python(body["steps"]))
            case "DELETE", "/sandbox/faults":
                sandbox.clear(request.first("org") or None)
            case _:
                return reply({"error": "no such endpoint"}, 404)
    except KeyError as problem:
        return reply({"error": f"unknown organization or missing key: {problem}"}, 404)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return reply({"error": f"{where}: {first['msg']}"}, 400)
    except (ValueError, TypeError, AttributeError) as problem:
        return reply({"error": str(problem)}, 400)
    return reply({"success": True})
