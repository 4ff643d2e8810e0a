"""The API of a HubSpot account, for schemas and recent records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from crmdeck.sandbox.faults import Fault, FaultKind
from crmdeck.sandbox.hubspot_errors import CORRELATION, error
from crmdeck.sandbox.hubspot_oauth import HubSpotOAuth
from crmdeck.sandbox.hubspot_shapes import HubSpotShapes, stamp
from crmdeck.sandbox.hubspot_writes import HubSpotWrites
from crmdeck.sandbox.messages import Reply, Request, reply
from crmdeck.sandbox.schema import ObjectDef
from crmdeck.sandbox.tenant import Tenant
from crmdeck.sandbox.write_rules import pipeline_rules

# "API usage guidelines and limits": calls in ten seconds of a Professional or Enterprise account.
_BURST = 190
_USUAL: Mapping[FaultKind, tuple[int, str]] = {
    FaultKind.UNAUTHORIZED: (401, "INVALID_AUTHENTICATION"),
    FaultKind.FORBIDDEN: (403, "MISSING_SCOPES"),
    FaultKind.SERVER_ERROR: (500, "INTERNAL_ERROR"),
    FaultKind.UNAVAILABLE: (503, "SERVICE_UNAVAILABLE"),
}
_PATHS = (
    # `/crm/properties/2026-09/deals` and the older `/crm/v3/properties/deals`, and so on.
    re.compile(
        r"/crm/(?P<what>properties|property-validations|pipelines|owners|objects)"
        r"/(?P<version>[\w-]+)(?:/(?P<rest>.*))?"
    ),
    re.compile(
        r"/crm/(?P<version>v3)/(?P<what>properties|property-validations|pipelines|owners|objects"
        r"|schemas)(?:/(?P<rest>.*))?"
    ),
    re.compile(r"/crm/(?P<what>pipelines-rules)/(?P<version>2026-09)(?:-beta)?/(?P<rest>.*)"),
    re.compile(r"/crm-object-schemas/(?P<version>[\w-]+)/(?P<what>schemas)(?:/(?P<rest>.*))?"),
    re.compile(r"/account-info/(?P<version>[\w-]+)/(?P<what>details|api-usage)(?:/(?P<rest>.*))?"),
)


class HubSpotSite:
    """Answers requests to one account. Thread-safe."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._shapes = HubSpotShapes(tenant)
        self._writes = HubSpotWrites(tenant, self._shapes)
        self._oauth = HubSpotOAuth(tenant)

    def handle(self, request: Request) -> Reply:
        self._tenant.settle()
        if request.path.startswith("/oauth/"):
            return self._oauth.handle(request)
        match = next((hit for each in _PATHS if (hit := each.fullmatch(request.path))), None)
        # An account has or lacks a dated version in all API families.
        if match is None or match["version"] not in self._tenant.org.versions:
            return error(404, "OBJECT_NOT_FOUND")
        token = request.bearer
        if not self._tenant.tokens.valid(token):
            return self._not_let_in(token)
        if self._tenant.exhausted:
            return _throttled("DAILY", {})
        if request.method != "GET" and match["what"] != "objects":
            return error(405, "VALIDATION_ERROR", "HTTP method not allowed")
        self._tenant.count(1)
        answer = self._route(request, match["what"], match["rest"] or "")
        return replace(answer, headers={**answer.headers, **self._quota(token)})

    def fault(self, fault: Fault, request: Request) -> Reply:
        if fault.kind is FaultKind.THROTTLED:
            policy = fault.code or "SECONDLY"
            return _throttled(policy, fault.headers, min(10.0, fault.seconds))
        status, category = _USUAL[fault.kind]
        category = fault.code or category
        if category == "MISSING_SCOPES":
            return self._missing_scopes()
        answer = error(fault.status or status, category, fault.message)
        return replace(answer, headers=fault.headers)

    def _route(self, request: Request, what: str, rest: str) -> Reply:
        parts = [each for each in rest.split("/") if each]
        match what, parts:
            case "details", []:
                return reply(self._shapes.details())
            case "api-usage", ["daily", "private-apps"] | ["daily"]:
                return reply(self._shapes.usage())
            case "owners", []:
                return reply({"results": self._shapes.owners()})
            case "schemas", []:
                # No custom object of the account was ever archived.
                archived = request.first("archived") == "true"
                custom = [] if archived else self._tenant.visible().values()
                return reply(
                    {"results": [self._shapes.schema(each) for each in custom if each.custom]}
                )
        target = self._find(parts[0]) if parts else None
        if target is None:
            return error(404, "OBJECT_NOT_FOUND", f"Unable to infer object type from: {rest}")
        return self._of_object(request, what, target, parts[1:])

    def _of_object(self, request: Request, what: str, target: ObjectDef, parts: list[str]) -> Reply:
        # Unlike Salesforce, HubSpot admits that a hidden object type exists.
        if target.name not in self._tenant.visible():
            return self._missing_scopes()
        lost = self._tenant.lost(target.name)
        if lost is not None and what == "properties":
            return error(lost.status or 500, lost.code or "INTERNAL_ERROR", lost.message)
        match what, parts:
            case "properties", []:
                archived = request.first("archived") == "true"
                asked = request.first("dataSensitivity", "non_sensitive")
                found = self._shapes.properties(target, archived)
                return reply({"results": [p for p in found if p["dataSensitivity"] == asked]})
            case "properties", [name] if name in target.fields:
                return reply(self._shapes.property(target, target.fields[name]))
            case "property-validations", []:
                return reply({"results": self._shapes.rules(target)})
            case "pipelines", []:
                return reply({"results": self._shapes.pipelines(target)})
            case "pipelines-rules", [name] if name in {each.id for each in target.pipelines}:
                return reply(pipeline_rules(target, name))
            case "objects", [] if request.method == "GET":
                return self._objects(request, target)
            case "objects", ["batch", "read"] if request.method == "POST":
                return self._batch_read(request, target)
            case "objects", [] if request.method == "POST":
                return self._writes.handle(request, target, None)
            case "objects", [key] if request.method in {"GET", "PATCH"}:
                return self._writes.handle(request, target, key)
            case "objects", _ if request.method != "GET":
                return error(405, "VALIDATION_ERROR", "HTTP method not allowed")
        return error(404, "OBJECT_NOT_FOUND")

    def _objects(self, request: Request, target: ObjectDef) -> Reply:
        asked = [name for each in request.query.get("properties", ()) for name in each.split(",")]
        limit, after = request.first("limit", "10"), request.first("after", "0")
        # "CRM objects": at most 100 records in a page.
        if not limit.isdigit() or not after.isdigit() or not 0 < int(limit) <= 100:
            return error(400, "VALIDATION_ERROR", "limit must be between 1 and 100")
        end = min(int(after) + int(limit), self._tenant.org.records)
        page: dict[str, object] = {
            "results": [
                self._shapes.record(target, number, asked) for number in range(int(after), end)
            ]
        }
        if end < self._tenant.org.records:
            page["paging"] = {"next": {"after": str(end)}}
        return reply(page)

    def _batch_read(self, request: Request, target: ObjectDef) -> Reply:
        asked = request.json()
        wanted = {str(each["id"]) for each in asked["inputs"]}
        key = str(asked.get("idProperty") or "hs_object_id")
        names = [str(each) for each in asked.get("properties") or ()]
        if len(wanted) > 100:
            return error(400, "VALIDATION_ERROR", "at most 100 inputs are allowed")
        records = (
            self._shapes.record(target, number, [key, *names])
            for number in range(self._tenant.org.records)
        )
        found = [
            each
            for each in records
            if (each["id"] if key == "hs_object_id" else each["properties"].get(key)) in wanted
        ]
        return reply({"status": "COMPLETE", "results": found})

    def _find(self, word: str) -> ObjectDef | None:
        """Return the object type for a name, singular or type ID in a path."""
        for target in self._tenant.state.objects.values():
            names = {target.name, target.prefix, target.label.lower().replace(" ", "_")}
            if target.custom:
                names |= {f"p_{target.name}", f"p{self._tenant.org.portal_id}_{target.name}"}
            if word.lower() in names:
                return target
        return None

    def _quota(self, token: str) -> dict[str, str]:
        """Return the quota headers; OAuth apps don't get the daily one."""
        headers = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(_BURST),
            "X-HubSpot-RateLimit-Remaining": str(_BURST - 1),
        }
        if token == self._tenant.tokens.static_token:
            left = self._tenant.org.daily_limit - self._tenant.used
            headers["X-HubSpot-RateLimit-Daily"] = str(self._tenant.org.daily_limit)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(left)
        return headers

    def _missing_scopes(self) -> Reply:
        detail = {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredGranularScopes": ["crm.schemas.custom.read"]},
        }
        links = {"scopes": "https://developers.hubspot.com/scopes"}
        return error(403, "MISSING_SCOPES", None, errors=[detail], links=links)

    def _not_let_in(self, token: str) -> Reply:
        ended = self._tenant.tokens.ended_at(token)
        if ended is None:
            return error(401, "INVALID_AUTHENTICATION")
        seconds = max(0, int((self._tenant.clock() - ended).total_seconds()))
        message = f"The OAuth token used to make this call expired {seconds} second(s) ago."
        return error(
            401, "EXPIRED_AUTHENTICATION", message, context={"expire time": [stamp(ended)]}
        )


def _throttled(policy: str, headers: Mapping[str, str], seconds: float = 10.0) -> Reply:
    words = {"DAILY": "daily", "SECONDLY": "secondly"}.get(policy, "ten_secondly_rolling")
    body = {
        "status": "error",
        "message": f"You have reached your {words} limit.",
        "correlationId": CORRELATION,
        "policyName": policy,
    }
    # Another part of HubSpot reports the daily limit, with other names.
    body |= {"errorType": "RATE_LIMIT"} if policy == "DAILY" else {"category": "RATE_LIMITS"}
    interval = {"X-HubSpot-RateLimit-Interval-Milliseconds": str(round(seconds * 1000))}
    return reply(body, 429, {**interval, **headers})
