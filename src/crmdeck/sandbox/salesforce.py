"""The REST API of a Salesforce org, for schemas and recent records."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from crmdeck.sandbox.faults import Fault, FaultKind
from crmdeck.sandbox.messages import Reply, Request, reply
from crmdeck.sandbox.permissions import PermissionTables
from crmdeck.sandbox.salesforce_describe import describe_text, global_text, retired
from crmdeck.sandbox.salesforce_oauth import SalesforceOAuth, refuse
from crmdeck.sandbox.salesforce_rows import SalesforceRows
from crmdeck.sandbox.salesforce_writes import SalesforceWrites, plain
from crmdeck.sandbox.sample_records import record_id
from crmdeck.sandbox.soql import SoqlError, follow, parse
from crmdeck.sandbox.tenant import Tenant
from crmdeck.sandbox.write_rules import MASTER, RECORD_TYPES, duplicates, picklist_values

# Releases come in spring, summer and winter; 68.0 is Winter '27. 21.0 to 30.0 are retired.
_RELEASES = ("Spring", "Summer", "Winter")
VERSIONS = tuple(f"{number}.0" for number in range(31, 69))
# The last release is in the middle of the history.
_LAST_RELEASE = timedelta(days=38.4)

# "Composite", REST API Developer Guide.
MAX_SUBREQUESTS = 25
_MAX_QUERIES = 5
_PAGE = 2_000

MESSAGES: Mapping[str, tuple[int, str]] = {
    "INVALID_SESSION_ID": (401, "Session expired or invalid"),
    "REQUEST_LIMIT_EXCEEDED": (403, "TotalRequests Limit exceeded."),
    "INSUFFICIENT_ACCESS": (403, "insufficient access rights on entity"),
    "NOT_FOUND": (404, "The requested resource does not exist"),
    "METHOD_NOT_ALLOWED": (405, "HTTP method not allowed. Allowed are HEAD,GET"),
    "SERVER_UNAVAILABLE": (503, "Server is currently unavailable."),
    "UNKNOWN_EXCEPTION": (500, "An unexpected error occurred. Please include this ErrorId"),
}


def error(code: str, message: str | None = None, status: int | None = None) -> Reply:
    """Return an error in Salesforce's format: a list of `message` and `errorCode`."""
    known_status, known_message = MESSAGES.get(code, (403, code.replace("_", " ").capitalize()))
    return reply([{"message": message or known_message, "errorCode": code}], status or known_status)


class SalesforceSite:
    """Answers requests to one org. Thread-safe."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.oauth = SalesforceOAuth(tenant)
        self._rows = SalesforceRows(tenant)
        self._writes = SalesforceWrites(tenant, self._rows)
        self._texts: dict[tuple[int, str, frozenset[str]], bytes] = {}
        self._jobs: dict[str, str] = {}
        self._pages: dict[str, list[dict[str, Any]]] = {}

    @property
    def permissions(self) -> PermissionTables:
        return self._rows.permissions

    def handle(self, request: Request) -> Reply:
        if request.path.startswith("/services/oauth2"):
            return self.oauth.handle(request)
        # "Versions", REST API Developer Guide: needs no token and uses no quota.
        if request.path == "/services/data":
            return reply([_version(each) for each in self._versions()])
        version, parts = self._split(request.path)
        if version is None:
            return error("NOT_FOUND")
        self._tenant.settle()
        if not self._tenant.tokens.valid(request.bearer):
            return error("INVALID_SESSION_ID")
        if self._tenant.exhausted:
            return error("REQUEST_LIMIT_EXCEEDED")
        match request.method, parts:
            case "POST", ["composite"] | ["tooling", "composite"]:
                answer = self._composite(request)
            case "POST", ["tooling", "jobs", "query"]:
                answer = self._start_job(request)
            case _:
                answer = self._single(request, version, parts)
        self._tenant.count(1)
        used = f"api-usage={self._tenant.used}/{self._tenant.org.daily_limit}"
        return replace(answer, headers={**answer.headers, "Sforce-Limit-Info": used})

    def fault(self, fault: Fault, request: Request) -> Reply:
        usual_status, usual_code = _USUAL[fault.kind]
        status = fault.status or usual_status
        if request.path.startswith("/services/oauth2"):
            return refuse(fault.code or "server_error", fault.message or "unknown_error", status)
        return replace(
            error(fault.code or usual_code, fault.message, status), headers=fault.headers
        )

    def _versions(self) -> tuple[str, ...]:
        released = self._tenant.now >= self._tenant.anchor - _LAST_RELEASE
        return VERSIONS if released else VERSIONS[:-1]

    def _split(self, path: str) -> tuple[str | None, list[str]]:
        """Return the API version of a path, None for an unknown one, and the parts after it."""
        match = re.fullmatch(r"/services/data/v(\d+\.0)(/.*)?", path)
        if match is None or match[1] not in self._versions():
            return None, []
        return match[1], [each for each in (match[2] or "").split("/") if each]

    def _single(self, request: Request, version: str, parts: list[str]) -> Reply:
        match request.method, parts:
            case "POST", ["sobjects", name]:
                return self._writes.single(request, name, None)
            case "PATCH" | "GET", ["sobjects", name, key] if key != "describe":
                return self._writes.single(request, name, key)
            case "POST" | "PATCH", ["composite", "sobjects"]:
                return self._writes.collection(request)
        if request.method not in {"GET", "HEAD"}:
            return error("METHOD_NOT_ALLOWED")
        match parts:
            case ["limits"]:
                limit = self._tenant.org.daily_limit
                left = limit - self._tenant.used
                return reply({"DailyApiRequests": {"Max": limit, "Remaining": left}})
            case ["sobjects"]:
                return self._describe_global(request, version)
            case ["sobjects", name, "describe"]:
                return self._describe(request, version, name)
            case ["ui-api", "duplicates", name] if name in self._tenant.visible():
                return reply(duplicates(self._tenant.visible()[name]))
            case ["ui-api", "object-info", name, "picklist-values", record_type]:
                return self._picklist_values(name, record_type)
            case ["query"]:
                return self._query(request.first("q"), version, tooling=False)
            case ["tooling", "query"]:
                return self._query(request.first("q"), version, tooling=True)
            case ["query", locator] if locator in self._pages:
                return self._page(self._pages.pop(locator), version)
            case ["tooling", "sobjects", "ValidationRule", key]:
                rules = self._rows.tooling("ValidationRule") or ()
                found = next((rule for rule in rules if rule["Id"] == key), None)
                if found is not None:
                    return reply({name: plain(value) for name, value in found.items()})
            case ["tooling", "jobs", "query", job] if job in self._jobs:
                return reply({"id": job, "state": "JobComplete"})
            case ["tooling", "jobs", "query", job, "results"] if job in self._jobs:
                return self._job_results(self._jobs[job])
        return error("NOT_FOUND")

    def _describe_global(self, request: Request, version: str) -> Reply:
        visible = self._tenant.visible()
        latest = max(map(self._tenant.modified, visible.values()), default=self._tenant.anchor)
        # "Describe Global", REST API Developer Guide: a change of permissions counts as well.
        if _unmodified(request, latest) and not self._tenant.faults.views():
            return Reply(304)
        # Object types are immutable and live as long as the scenario: identity is enough.
        key = (hash(tuple(map(id, visible.values()))), version, frozenset[str]())
        if key not in self._texts:
            self._texts[key] = global_text(visible.values(), version).encode("utf-8")
        return Reply(200, self._texts[key], {"Last-Modified": _http_date(latest)})

    def _describe(self, request: Request, version: str, name: str) -> Reply:
        target = self._tenant.visible().get(name)
        if target is None:
            return error("NOT_FOUND")
        lost = self._tenant.lost(name)
        if lost is not None:
            return error(lost.code or "UNKNOWN_EXCEPTION", lost.message, lost.status or 500)
        modified = self._tenant.modified(target)
        hidden = self._tenant.hidden_fields(name)
        if _unmodified(request, modified) and not hidden:
            return Reply(304)
        key = (id(target), version, hidden)
        if key not in self._texts:
            gone = hidden | retired(name, version)
            self._texts[key] = describe_text(target, version, gone).encode("utf-8")
        return Reply(200, self._texts[key], {"Last-Modified": _http_date(modified)})

    def _picklist_values(self, name: str, record_type: str) -> Reply:
        target = self._tenant.visible().get(name)
        for each in (MASTER, *RECORD_TYPES):
            if target and each.id == record_type and each.object_type in ("", name):
                return reply(picklist_values(target, each))
        return error("NOT_FOUND")

    def _composite(self, request: Request) -> Reply:
        """Answer `composite`: one call for all subrequests, which can have headers."""
        entries = request.json()["compositeRequest"]
        if len(entries) > MAX_SUBREQUESTS:
            return error("JSON_PARSER_ERROR", "compositeRequest is too long", 400)
        # "Composite": up to 5 of the subrequests can be queries.
        if sum("/query" in each["url"].partition("?")[0] for each in entries) > _MAX_QUERIES:
            return error("LIMIT_EXCEEDED", "compositeRequest has too many queries", 400)
        results = []
        for each in entries:
            body = each.get("body")
            content = b"" if body is None else json.dumps(body).encode()
            headers = each.get("httpHeaders") or {}
            part = Request.parse(each.get("method", "GET"), each["url"], headers, content)
            version, parts = self._split(part.path)
            answer = self._single(part, version, parts) if version else error("NOT_FOUND")
            results.append(
                b'{"body":%s,"httpHeaders":%s,"httpStatusCode":%d,"referenceId":%s}'
                % (
                    answer.body or b"null",
                    json.dumps(dict(answer.headers)).encode(),
                    answer.status,
                    json.dumps(each.get("referenceId")).encode(),
                )
            )
        return Reply(200, b'{"compositeResponse":[%s]}' % b",".join(results))

    def _start_job(self, request: Request) -> Reply:
        """Accept a query of Bulk API 2.0; it runs when the client requests the results."""
        query = str(request.json()["query"])
        job = f"750{record_id('5g0', len(self._jobs))[3:]}"
        self._jobs[job] = query
        return reply({"id": job, "state": "UploadComplete"})

    def _job_results(self, text: str) -> Reply:
        query = parse(text)
        rows = self._rows.tooling(query.source, bulk=True) or ()
        sheet = io.StringIO()
        writer = csv.writer(sheet, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(query.fields)
        for row in query.run(rows):
            writer.writerow([plain(follow(row, path)) for path in query.fields])
        return Reply(200, sheet.getvalue().encode(), {"Content-Type": "text/csv"})

    def _query(self, text: str, version: str, *, tooling: bool) -> Reply:
        def rows_of(source: str) -> Iterable[Mapping[str, object]]:
            # Both APIs have the definitions, each also has types of its own.
            rows = self._rows.metadata(source, version)
            if rows is None:
                rows = self._rows.tooling(source) if tooling else self._rows.data(source)
            if rows is None:
                raise SoqlError("INVALID_TYPE", f"sObject type '{source}' is not supported.")
            return rows

        try:
            query = parse(text, rows_of)
            columns = tuple(each.rpartition(" ")[2] for each in query.fields)
            records = [
                {
                    "attributes": {
                        "type": query.source,
                        "url": f"/services/data/v{version}/sobjects/{query.source}/{row.get('Id')}",
                    },
                    **_selected(row, columns),
                }
                for row in query.run(rows_of(query.source))
            ]
        except SoqlError as problem:
            return error(problem.code, str(problem), 400)
        return self._page(records, version)

    def _page(self, records: list[dict[str, Any]], version: str) -> Reply:
        page: dict[str, Any] = {
            "totalSize": len(records), "done": len(records) <= _PAGE, "records": records[:_PAGE]
        }  # fmt: skip
        if not page["done"]:
            locator = f"01g{len(self._pages):012d}-{_PAGE}"
            self._pages[locator] = records[_PAGE:]
            page["nextRecordsUrl"] = f"/services/data/v{version}/query/{locator}"
        return reply(page)


_USUAL: Mapping[FaultKind, tuple[int, str]] = {
    FaultKind.UNAUTHORIZED: (401, "INVALID_SESSION_ID"),
    FaultKind.FORBIDDEN: (403, "INSUFFICIENT_ACCESS"),
    FaultKind.THROTTLED: (429, "REQUEST_LIMIT_EXCEEDED"),
    FaultKind.SERVER_ERROR: (500, "UNKNOWN_EXCEPTION"),
    FaultKind.UNAVAILABLE: (503, "SERVER_UNAVAILABLE"),
}


def _selected(row: Mapping[str, object], fields: tuple[str, ...]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for path in fields:
        value = plain(follow(row, path))
        *parents, last = path.split(".")
        place = record
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return record


def _version(number: str) -> dict[str, str]:
    index = int(number[:-2]) - 31
    year = 14 + (index + 1) // 3 + (1 if (index + 1) % 3 == 2 else 0)
    label = f"{_RELEASES[(index + 1) % 3]} '{year}"
    return {"label": label, "url": f"/services/data/v{number}", "version": number}


def _unmodified(request: Request, modified: datetime) -> bool:
    since = request.headers.get("if-modified-since")
    if not since:
        return False
    try:
        # An HTTP date has whole seconds.
        return modified.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
