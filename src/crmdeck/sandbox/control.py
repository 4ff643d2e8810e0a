"""Ordering faults and moving time from outside: the sandbox's own small API.

====== =================== =====================================================================
GET    `/sandbox`           the organisations: how to get in, and when something changes
POST   `/sandbox/faults`    `{"org": ..., "kind": ..., ...}`: a fault from now on
POST   `/sandbox/script`    `{"org": ..., "steps": [fault or null, ...]}`
DELETE `/sandbox/faults`    everything works again; `?org=` for one organisation
POST   `/sandbox/now`       `{"moment": "2026-05-16T12:00:00Z" or null, "org": ...}`
====== =================== =====================================================================
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from crmdeck.model import Platform, UtcTime
from crmdeck.sandbox.faults import Fault
from crmdeck.sandbox.wire import Reply, Request, reply

if TYPE_CHECKING:
    from crmdeck.sandbox.server import Sandbox

_FAULT = TypeAdapter(Fault)
_STEPS = TypeAdapter(tuple[Fault | None, ...])
_MOMENT: TypeAdapter[Any] = TypeAdapter(UtcTime | None)


def control(sandbox: Sandbox, request: Request) -> Reply:
    """Answer a request to the sandbox itself."""
    try:
        return _control(sandbox, request)
    except KeyError as problem:
        return reply({"error": f"unknown organisation or missing key: {problem}"}, 404)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return reply({"error": f"{where}: {first['msg']}"}, 400)
    except (ValueError, TypeError, AttributeError) as problem:
        return reply({"error": str(problem)}, 400)


def _control(sandbox: Sandbox, request: Request) -> Reply:
    match request.method, request.path:
        case "GET", "/sandbox":
            return reply({"organisations": _organisations(sandbox)})
        case "POST", "/sandbox/faults":
            body = dict(request.json())
            org = body.pop("org")
            sandbox.fault(org, _FAULT.validate_python(body))
        case "POST", "/sandbox/script":
            body = request.json()
            sandbox.script(body["org"], *_STEPS.validate_python(body["steps"]))
        case "DELETE", "/sandbox/faults":
            sandbox.clear(request.first("org") or None)
        case "POST", "/sandbox/now":
            body = request.json()
            sandbox.set_now(_MOMENT.validate_python(body["moment"]), body.get("org"))
        case _:
            return reply({"error": "no such endpoint"}, 404)
    return reply({"success": True})


def _organisations(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for org in sandbox.world.organisations:
        salesforce = org.platform is Platform.SALESFORCE
        access = sandbox.salesforce(org.name) if salesforce else sandbox.hubspot(org.name)
        moments = [each.isoformat().replace("+00:00", "Z") for each in sandbox.moments(org.name)]
        found.append(
            {
                "name": org.name,
                "platform": org.platform.value,
                **asdict(access),
                "changes": moments,
            }
        )
    return found
