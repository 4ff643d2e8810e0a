"""The REST API of a Salesforce org, for schemas and recent records."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from crmdeck.sandbox.faults import Fault, FaultKind
from crmdeck.sandbox.messages import Reply, Request, reply
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

MAX_SUBREQUESTS = 25

MESSAGES: Mapping[str, tuple[int, str]] = {
    "INVALID_SESSION_ID": (401, "Session expired or invalid"),
    "INVALID_AUTH_HEADER": (401, "INVALID_HEADER_TYPE"),
    "REQUEST_LIMIT_EXCEEDED": (403, "TotalRequests Limit exceeded."),
    "API_DISABLED_FOR_ORG": (403, "The REST API is not enabled for this Organization."),
    "API_CURRENTLY_DISABLED": (403, "API is currently disabled for this user"),
    "FUNCTIONALITY_NOT_ENABLED": (403, "This functionality isn't enabled for this org."),
    "INSUFFICIENT_ACCESS": (403, "insufficient access rights on entity"),
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": (403, "The client isn't accessible for this user."),
    "LOGIN_DURING_RESTRICTED_DOMAIN": (403, "cannot log in from current domain"),
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": (403, "The user's password has expired."),
    "ORG_LOCKED": (403, "The org is locked"),
    "TRIAL_EXPIRED": (403, "The trial has expired"),
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

    def handle(self, request: Request) -> Reply:
        if request.path.startswith("/services/oauth2"):
            return self.oauth.handle(request)
        if request.path == "/services/data":
            return reply([_version(each) for each in self._versions()])
        match = re.fullmatch(r"/services/data/v(\d+\.0)(/.*)?", request.path)
        if match is None or match[1] not in self._versions():
            return error("NOT_FOUND")
        self._tenant.settle()
        if not self._tenant.tokens.valid(request.bearer):
            return error("INVALID_SESSION_ID")
        if self._tenant.exhausted:
            return error("REQUEST_LIMIT_EXCEEDED")
        answer, cost = self._route(request, match[1], match[2] or "")
        self._tenant.count(cost)
        used = f"api-usage={self._tenant.used}/{self._tenant.org.daily_limit}"
        return replace(answer, headers={**answer.headers, "Sforce-Limit-Info": used})

    def fault(self, fault: Fault, request: Request) -> Reply:
        usual_status, usual_code = _USUAL[fault.kind]
        status = fault.status or usual_status
        if request.path.startswith("/services/oauth2"):
            return refuse(fault.code or "server_error", fault.message or "unknown_error", status)
        answer = error(fault.code or usual_code, fault.message, status)
        wait = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
        return replace(answer, headers=wait)

    def _versions(self) -> tuple[str, ...]:
        released = self._tenant.now >= self._tenant.anchor - _LAST_RELEASE
        return VERSIONS if released else VERSIONS[:-1]

    def _route(self, request: Request, version: str, path: str) -> tuple[Reply, int]:
        parts = [each for each in path.split("/") if each]
        if parts == ["composite", "batch"]:
            return self._batch(request, version)
        if parts in (["composite"], ["tooling", "composite"]):
            return self._composite(request, version), 1
        if parts == ["tooling", "jobs", "query"] and request.method == "POST":
            return self._start_job(request, version), 1
        return self._single(request, version, parts), 1

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
            case []:
                base = f"/services/data/v{version}"
                names = ("sobjects", "query", "tooling", "composite", "limits")
                return reply({name: f"{base}/{name}" for name in names})
            case ["limits"]:
                left = self._tenant.org.daily_limit - self._tenant.used
                return reply(
                    {
                        "DailyApiRequests": {
                            "Max": self._tenant.org.daily_limit,
                            "Remaining": left,
                        },
                        "DailyBulkApiBatches": {"Max": 15000, "Remaining": 15000},
                        "DataStorageMB": {"Max": 1073, "Remaining": 742},
                    }
                )
            case ["sobjects"]:
                return self._describe_global(request, version)
            case ["sobjects", name, "describe"]:
                return self._describe(request, version, name)
            case ["ui-api", "duplicates", name] if name in self._tenant.visible():
                return reply(duplicates(self._tenant.visible()[name]))
            case ["ui-api", "object-info", name, "picklist-values", record_type]:
                return self._picklist_values(name, record_type)
            case ["query"] | ["queryAll"]:
                return self._query(request.first("q"), version, tooling=False)
            case ["tooling", "query"]:
                return self._query(request.first("q"), version, tooling=True)
            case ["tooling", "jobs", "query", job]:
                known = job in self._jobs
                return reply(_job(job, version, "JobComplete")) if known else error("NOT_FOUND")
            case ["tooling", "jobs", "query", job, "results"]:
                return self._job_results(job)
        return error("NOT_FOUND")

    def _describe_global(self, request: Request, version: str) -> Reply:
        visible = self._tenant.visible()
        latest = max(map(self._tenant.modified, visible.values()), default=self._tenant.anchor)
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
        if target is not None and record_type == MASTER.id:
            return reply(picklist_values(target, MASTER))
        for each in RECORD_TYPES:
            if target is not None and (each.object_type, each.id) == (name, record_type):
                return reply(picklist_values(target, each))
        return error("NOT_FOUND")

    def _batch(self, request: Request, version: str) -> tuple[Reply, int]:
        """Answer `composite/batch`: each subrequest costs a call and has no headers."""
        entries = _entries(request, "batchRequests")
        if entries is None:
            return error("JSON_PARSER_ERROR", "batchRequests is missing or too long", 400), 1
        answers = [
            self._subrequest(
                each.get("method"),
                f"/services/data/{each.get('url', '')}",
                {},
                each.get("richInput"),
            )
            for each in entries
        ]
        failed = any(each.status >= 400 for each in answers)
        results = b",".join(
            b'{"statusCode":%d,"result":%s}' % (each.status, each.body or b"null")
            for each in answers
        )
        flag = b"true" if failed else b"false"
        body = b'{"hasErrors":%s,"results":[%s]}' % (flag, results)
        return Reply(200, body), len(entries)

    def _composite(self, request: Request, version: str) -> Reply:
        """Answer `composite`: one call for all subrequests, which can have headers."""
        if request.method == "GET":
            base = f"/services/data/v{version}/composite"
            return reply(
                {each: f"{base}/{each}" for each in ("tree", "batch", "sobjects", "graph")}
            )
        entries = _entries(request, "compositeRequest")
        if entries is None:
            return error("JSON_PARSER_ERROR", "compositeRequest is missing or too long", 400)
        results = []
        for each in entries:
            headers = each.get("httpHeaders")
            answer = self._subrequest(
                each.get("method"),
                str(each.get("url", "")),
                headers if isinstance(headers, Mapping) else {},
                each.get("body"),
            )
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

    def _subrequest(
        self, method: object, target: str, headers: Mapping[str, str], body: object
    ) -> Reply:
        content = b"" if body is None else json.dumps(body).encode()
        request = Request.parse(str(method or "GET").upper(), target, headers, content)
        path = urlsplit(target).path
        match = re.fullmatch(r"/services/data/v(\d+\.0)(/.*)?", path)
        if match is None or match[1] not in self._versions():
            return error("NOT_FOUND")
        return self._single(
            request, match[1], [each for each in (match[2] or "").split("/") if each]
        )

    def _start_job(self, request: Request, version: str) -> Reply:
        """Accept a query of Bulk API 2.0; it runs when the client requests the results."""
        try:
            query = str(request.json()["query"])
            parse(query)
        except (ValueError, KeyError, TypeError):
            return error("INVALIDJOB", "The job has no query.", 400)
        except SoqlError as problem:
            return error(problem.code, str(problem), 400)
        job = f"750{record_id('5g0', len(self._jobs))[3:]}"
        self._jobs[job] = query
        return reply(_job(job, version, "UploadComplete"))

    def _job_results(self, job: str) -> Reply:
        if job not in self._jobs:
            return error("NOT_FOUND")
        query = parse(self._jobs[job])
        rows = self._rows.tooling(query.source, bulk=True) or ()
        sheet = io.StringIO()
        writer = csv.writer(sheet, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(query.fields)
        for row in query.run(rows):
            writer.writerow([plain(follow(row, path)) for path in query.fields])
        return Reply(200, sheet.getvalue().encode(), {"Content-Type": "text/csv"})

    def _query(self, text: str, version: str, *, tooling: bool) -> Reply:
        try:
            query = parse(text)
            rows = self._rows.metadata(query.source, version)
            if rows is None:
                rows = (
                    self._rows.tooling(query.source) if tooling else self._rows.data(query.source)
                )
            if rows is None:
                raise SoqlError("INVALID_TYPE", f"sObject type '{query.source}' is not supported.")
            found = query.run(rows)
            if query.count:
                return reply({"totalSize": len(found), "done": True, "records": []})
            records = [
                {
                    "attributes": {
                        "type": query.source,
                        "url": f"/services/data/v{version}/sobjects/{query.source}/{row.get('Id')}",
                    },
                    **_selected(row, query.fields),
                }
                for row in found
            ]
        except SoqlError as problem:
            return error(problem.code, str(problem), 400)
        return reply({"totalSize": len(records), "done": True, "records": records})


_USUAL: Mapping[FaultKind, tuple[int, str]] = {
    FaultKind.UNAUTHORIZED: (401, "INVALID_SESSION_ID"),
    FaultKind.FORBIDDEN: (403, "INSUFFICIENT_ACCESS"),
    FaultKind.THROTTLED: (429, "REQUEST_LIMIT_EXCEEDED"),
    FaultKind.SERVER_ERROR: (500, "UNKNOWN_EXCEPTION"),
    FaultKind.UNAVAILABLE: (503, "SERVER_UNAVAILABLE"),
}


def _entries(request: Request, key: str) -> list[Mapping[str, object]] | None:
    try:
        entries = request.json()[key]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(entries, list) or len(entries) > MAX_SUBREQUESTS:
        return None
    return entries if all(isinstance(each, dict) for each in entries) else None


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


def _job(job: str, version: str, state: str) -> dict[str, object]:
    return {
        "id": job,
        "operation": "query",
        "object": "MetadataComponentDependency",
        "state": state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(version),
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }


def _unmodified(request: Request, modified: datetime) -> bool:
    since = request.headers.get("if-modified-since")
    if not since:
        return False
    try:
        return modified.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def _http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
