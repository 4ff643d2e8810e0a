"""What a failing or strange PartnerOS costs, one row each, over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from crmdeck.connectors.base import Discovered, Failed, Listing
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.partneros import open_connector
from crmdeck.errors import (
    ConflictError,
    CrmdeckError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SchemaNotDiscoveredError,
    SourceError,
    UsageError,
)
from crmdeck.model import (
    CancelToken,
    Connection,
    Direction,
    FieldType,
    Notice,
    ObjectPair,
    Scope,
    Source,
)

ID = "5b8f3c1e-0000-4000-8000-000000000001"
STATUS = {"id": ID, "platform": "hubspot", "status": "active"}
QUICK = Limits(
    connect_timeout=2, read_timeout=1, total_timeout=1, wait_budget=0.2, backoff=0.02, attempts=3,
    max_bytes=200_000,
)  # fmt: skip


@dataclass
class Script:
    """Answers requests in turn: (status, body, headers); the last one for ever."""

    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list)
    by_path: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def take(self, path: str) -> tuple[int, Any, dict[str, str]]:
        if path in self.by_path:
            return 200, self.by_path[path], {}
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        return None


@pytest.fixture
def script() -> Iterator[Script]:
    told = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.removeprefix(f"/api/integrations/{ID}")
            told.asked.append(f"{self.command} {path}")
            status, body, headers = told.take(path)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            if "Content-Length" in headers:
                self.close_connection = True

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            return None

    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


class Secrets:
    def __init__(self, **values: str) -> None:
        self.values = values

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def put(self, values: Any) -> None:
        self.values.update(values)


def connector(url: str, secrets: Secrets | None = None, limits: Limits = QUICK, **more: Any) -> Any:
    connection = Connection(
        id=ID.replace("1", "2"),
        name="acme",
        platform="hubspot",
        source=Source.PARTNEROS,
        endpoint=url,
        created_at=datetime(2026, 5, 16, tzinfo=UTC),
        **{"remote_id": ID, **more},
    )
    return open_connector(
        connection, secrets or Secrets(session_token="s3cret"), lambda *_: None, limits
    )


def body(code: str) -> dict[str, str]:
    return {"error": f"It is {code}.", "code": code}


ROWS: Sequence[tuple[int, Any, dict[str, str], type[CrmdeckError], str, int]] = [
    (400, body("NO_ACTIVE_ORGANIZATION"), {}, UsageError, "NO_ACTIVE_ORGANIZATION", 1),
    (400, body("ANYTHING"), {}, UsageError, "BAD_REQUEST", 1),
    (401, body("ANYTHING"), {}, ReauthRequiredError, "SESSION_EXPIRED", 1),
    (403, body("FORBIDDEN"), {}, PermissionDeniedError, "ROLE_FORBIDS", 1),
    (404, body("INTEGRATION_NOT_FOUND"), {}, NotFoundError, "INTEGRATION_NOT_FOUND", 1),
    (404, body("ANYTHING"), {}, NotFoundError, "NOT_FOUND", 1),
    (409, body("CRM_FIELD_TAKEN"), {}, ConflictError, "CRM_FIELD_TAKEN", 1),
    (409, body("SCHEMA_NOT_DISCOVERED"), {}, SchemaNotDiscoveredError, "SCHEMA_NOT_DISCOVERED", 1),
    (409, body("REAUTH_REQUIRED"), {}, ReauthRequiredError, "REMOTE_REAUTH_REQUIRED", 1),
    (409, body("DISCONNECTED"), {}, ConflictError, "REMOTE_DISCONNECTED", 1),
    (409, body("ANYTHING"), {}, ConflictError, "REMOTE_CONFLICT", 1),
    (402, body("PAYMENT"), {}, PermissionDeniedError, "PLAN_TOO_SMALL", 1),
    (400, {"error": "No active organization"}, {}, UsageError, "NO_ACTIVE_ORGANIZATION", 1),
    (429, body("SLOW_DOWN"), {"Retry-After": "0.05"}, QuotaExceededError, "RATE_LIMITED", 3),
    (429, body("SLOW_DOWN"), {"Retry-After": "9999"}, QuotaExceededError, "RATE_LIMITED", 1),
    (429, body("QUOTA_EXCEEDED"), {}, QuotaExceededError, "RATE_LIMITED", 1),
    (500, body("INTERNAL_ERROR"), {}, SourceError, "SOURCE_ERROR", 1),
    (502, body("SOURCE_FAILED"), {}, SourceError, "REMOTE_CRM_FAILED", 1),
    (503, body("CACHE_BUSY"), {}, SourceError, "SOURCE_UNAVAILABLE", 3),
    (504, b"<html>", {}, SourceError, "SOURCE_UNAVAILABLE", 3),
    (418, b"", {}, SourceError, "SOURCE_FAILED", 1),
    (302, b"", {"Location": "https://elsewhere.example/"}, SourceError, "ANSWER_NOT_JSON", 1),
    (200, b"<html>sign in</html>", {}, SourceError, "ANSWER_NOT_JSON", 1),
    (200, b"[" * 90_000, {}, SourceError, "ANSWER_NOT_JSON", 1),
    (200, ["a list"], {}, SourceError, "ANSWER_NOT_JSON", 1),
    (200, b"x" * 300_000, {}, SourceError, "ANSWER_TOO_LARGE", 1),
    (200, b'{"id"', {"Content-Length": "400"}, SourceError, "ANSWER_CUT_SHORT", 1),
]


@pytest.mark.parametrize(("status", "answer", "headers", "kind", "code", "requests"), ROWS)
def test_each_failure_has_its_own_error_and_price(
    script: Script,
    status: int,
    answer: Any,
    headers: dict[str, str],
    kind: type[CrmdeckError],
    code: str,
    requests: int,
) -> None:
    script.answers = [(status, answer, headers)]
    with pytest.raises(CrmdeckError) as caught:
        connector(script.url).probe()
    assert isinstance(caught.value, kind)
    assert caught.value.code == code
    assert caught.value.remedy
    assert len(script.asked) == requests
    assert "s3cret" not in str(caught.value)


def test_temporary_failures_are_awaited(script: Script) -> None:
    busy = (503, body("CACHE_BUSY"), {"Retry-After": "0.01"})
    script.answers = [busy, busy, (200, STATUS, {}), (404, body("NO_SUCH_ENDPOINT"), {})]
    report = connector(script.url).probe()
    assert report.platform == "hubspot"
    # What only a newer server knows is not asked for in vain.
    assert (report.user, report.organization) == (None, None)


def test_writing_request_is_not_repeated(script: Script) -> None:
    script.answers = [(503, body("ANYTHING"), {})]
    with pytest.raises(SourceError):
        connector(script.url).disconnect()
    assert script.asked == ["POST /disconnect"]


def test_rejected_password_is_tried_once(script: Script) -> None:
    script.answers = [(401, body("INVALID_EMAIL_OR_PASSWORD"), {})]
    opened = connector(script.url, Secrets(username="a@b.c", password="wr0ng"))
    for _ in range(3):
        with pytest.raises(ReauthRequiredError) as caught:
            opened.probe()
        assert caught.value.code == "BAD_CREDENTIALS"
        assert "wr0ng" not in str(caught.value)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("url", "more", "code"),
    [
        ("http://partneros.example", {}, "INSECURE_ENDPOINT"),
        ("partneros.example", {}, "BAD_ENDPOINT"),
        (None, {}, "BAD_ENDPOINT"),
        ("https://partneros.example", {"remote_id": None}, "NO_REMOTE_ID"),
    ],
)
def test_unsafe_endpoint_is_rejected(url: Any, more: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        connector(url, **more)
    assert caught.value.code == code


def test_hung_response_and_bad_certificate_are_reported(script: Script) -> None:
    script.answers = [(200, b"{", {"Content-Length": "400"})]
    with pytest.raises(SourceError):
        connector(script.url).probe()
    with pytest.raises(SourceError) as caught:
        connector(script.url.replace("http", "https")).probe()
    assert caught.value.code == "SOURCE_UNREACHABLE"


def test_other_spellings_are_understood_and_unknown_words_kept(script: Script) -> None:
    deals = {
        "object_type": "deals",
        "displayName": "Deals",
        "fields": [
            {
                "apiName": "dealstage",
                "displayName": "Stage",
                "fieldType": "picklist",
                "isRequired": True,
                "picklistValues": [{"value": "won", "label": "Won", "odd": 1}],
                "hubspotOnly": {"deep": [1]},
            },
            {"name": "amount", "type": "money", "length": "many", "label": None},
        ],
    }
    listing = {"objects": [{"objectName": "deals", "hash": "a"}, {"objectType": "broken"}], "x": 1}
    script.by_path = {
        "/status": STATUS,
        "/schema": listing,
        "/schema?objectType=deals": deals,
        "/schema?objectType=broken": {"fields": [{"label": "nameless"}]},
        "/schema/refresh": {"success": True},
    }
    found = list(connector(script.url).discover(Scope(), {}, CancelToken()))
    assert found[0] == Listing(frozenset({"deals", "broken"}), ("deals", "broken"))
    (failed,) = [each for each in found if isinstance(each, Failed)]
    assert (failed.object_type, failed.error.code) == ("broken", "MALFORMED_SCHEMA")
    (discovered,) = [each for each in found if isinstance(each, Discovered)]
    assert discovered.validator == "a"
    stage, amount = discovered.schema.fields
    assert (stage.name, stage.label, stage.type) == ("dealstage", "Stage", FieldType.PICKLIST)
    assert (stage.required, stage.picklist[0].value) == (True, "won")
    assert stage.native == {"hubspotOnly": {"deep": [1]}}
    assert (amount.type, amount.native_type, amount.length) == (FieldType.OTHER, "money", None)
    assert amount.native == {"length": "many"}


def test_suggestions_that_make_no_sense_are_left_out(script: Script) -> None:
    lines: list[Any] = [
        {"sourceField": "amount", "targetField": "Amount", "score": 87, "direction": "push"},
        {"partnerField": "name", "crmField": None, "confidence": 0.1},
        {"partnerField": "x", "crmField": "Y", "confidence": "high"},
        {"partnerField": "x", "crmField": "Y", "confidence": float("nan")},
        "nonsense",
    ]
    script.answers = [(200, {"suggestions": lines}, {})]
    (one,) = connector(script.url).suggest(ObjectPair.parse("deal_registration--deals"))
    assert (one.partner_field, one.crm_field, one.confidence) == ("amount", "Amount", 0.87)


def test_plain_server_shares_no_decisions(script: Script) -> None:
    script.answers = [(404, {"message": "Cannot GET"}, {})]
    assert connector(script.url).decisions() is None
    script.answers = [(404, body("INTEGRATION_NOT_FOUND"), {})]
    with pytest.raises(NotFoundError):
        connector(script.url).decisions()
    script.answers = [(200, [{"id": 1}], {})]
    with pytest.raises(SourceError) as caught:
        connector(script.url).decisions()
    assert caught.value.code == "MALFORMED_LOG"


def test_a_canceled_discovery_stops(script: Script) -> None:
    from crmdeck.errors import CanceledError

    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CanceledError):
        list(connector(script.url).discover(Scope(), {}, cancel))
    assert script.asked == []


ACCOUNT = {"objectType": "Account", "label": "Account", "schemaHash": "h1"}
FIELDS = {"objectType": "Account", "fields": [{"name": "Id", "type": "id", "nillable": False}]}


def told(script: Script, refreshed: Any, **summary: Any) -> list[Any]:
    """Discover with one object and that answer to the refresh."""
    script.by_path = {
        "/status": STATUS | {"lastSyncAt": "2026-05-01T00:00:00.000Z"},
        "/schema": {"objects": [ACCOUNT | summary]},
        "/schema?objectType=Account": FIELDS,
    }
    script.answers = [refreshed]
    return list(connector(script.url).discover(Scope(), {}, CancelToken()))


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("reauth_required", ReauthRequiredError, "REMOTE_REAUTH_REQUIRED"),
        ("disconnected", ConflictError, "REMOTE_DISCONNECTED"),
    ],
)
def test_the_status_there_is_the_status_here(
    script: Script, status: str, kind: type[CrmdeckError], code: str
) -> None:
    said = {"status": status, "lastErrorMessage": "The refresh token was revoked"}
    script.answers = [(200, STATUS | said, {})]
    with pytest.raises(kind) as caught:
        list(connector(script.url).discover(Scope(), {}, CancelToken()))
    assert caught.value.code == code
    assert "The refresh token was revoked." in str(caught.value)
    assert script.asked == ["GET /status"]


def test_remote_staleness_is_kept(script: Script) -> None:
    begun = datetime.now(UTC)
    done: Any = (200, {"success": True}, {})
    ends = "2026-05-02T00:00:00.000Z"
    listing, found = told(script, done, expiresAt=ends, lastDiscoveredAt="2026-05-01")
    one, two = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)
    assert listing.freshness == {"Account": (one, two)}
    assert isinstance(found, Discovered)
    assert found.schema.fields[0].nillable is False
    listing, _ = told(script, done, discoveredAt="2026-05-01")
    assert listing.freshness == {"Account": (one, two)}
    listing, _ = told(script, done, stale=True, expiresAt="2126-05-01")
    discovered_at, expires_at = listing.freshness["Account"]
    assert begun <= discovered_at <= expires_at <= datetime.now(UTC)
    listing, _ = told(script, done)
    assert listing.freshness == {}


def test_rejected_refresh_reports_schema_date(script: Script) -> None:
    refused: Any = (403, body("FORBIDDEN"), {})
    _, notice, _ = told(script, refused, discoveredAt="2026-05-01T12:30:00.000Z")
    assert isinstance(notice, Notice)
    assert notice.code == "REMOTE_NOT_REFRESHED"
    assert "from 2026-05-01 12:30 UTC" in notice.message
    assert "role" in (notice.cause or "")


def test_running_remote_refresh_is_awaited(script: Script) -> None:
    accepted: Any = (202, {}, {"Retry-After": "0.05"})
    _, notice, _ = told(script, accepted)
    assert "still refreshing" in (notice.cause or "")
    assert script.asked.count("GET /status") > 2

    first = script.by_path.pop("/status")
    done = first | {"lastSyncAt": "2026-05-03T00:00:00.000Z"}
    script.answers = [(200, first, {}), accepted, (200, first, {}), (200, done, {})]
    found = list(connector(script.url).discover(Scope(), {}, CancelToken()))
    assert [type(each) for each in found] == [Listing, Discovered]


def test_listing_without_objects_fails(script: Script) -> None:
    told(script, (200, {}, {}))
    script.by_path["/schema"] = {"items": []}
    with pytest.raises(SourceError, match="`objects` is missing"):
        list(
            connector(script.url.replace("127.0.0.1", "localhost")).discover(
                Scope(), {}, CancelToken()
            )
        )


def test_own_suggestions_are_ignored_and_directions_parsed(
    script: Script,
) -> None:
    line = {"partnerField": "a", "crmField": "b", "confidence": 0.9}
    words = [("recommendedDirection", "outbound"), ("direction", "two_way"), ("direction", "pull")]
    script.answers = [(200, {"suggestions": [line | {key: word} for key, word in words]}, {})]
    pair = ObjectPair.parse("deal_registration--Opportunity")
    found = connector(script.url).suggest(pair)
    assert [each.direction for each in found] == [
        Direction.PUSH,
        Direction.BIDIRECTIONAL,
        Direction.PULL,
    ]
    script.answers = [(200, {"encoder": "none", "suggestions": [line]}, {})]
    assert connector(script.url).suggest(pair) == ()


def test_id_comes_from_the_server(script: Script) -> None:
    script.answers = [(200, STATUS, {})]
    connector(script.url, remote_id="conn_8f3/..").probe()
    assert script.asked[0] == "GET /api/integrations/conn_8f3%2F../status"


def test_many_objects_arrive_in_one_response(script: Script) -> None:
    names = ["A", "B", "C", "D", "E"]
    script.by_path = {
        "/status": STATUS,
        "/schema": {"objects": [{"objectType": name, "schemaHash": name} for name in names]},
        "/schemas": [FIELDS | {"objectType": name} for name in names[:-1]],
        "/schema?objectType=E": FIELDS,
    }
    script.answers = [(200, {}, {})]
    found = list(connector(script.url).discover(Scope(), {}, CancelToken()))
    assert sorted(each.schema.object_type for each in found[1:]) == names
    assert script.asked == [
        "GET /status",
        "POST /schema/refresh",
        "GET /schema",
        "GET /schemas",
        "GET /schema?objectType=E",
    ]


DEALS = {"objectType": "deals", "schemaHash": "a"}
CHOICES = [{"name": "stage", "type": "picklist", "picklist": ["won", "lost"]}]


@pytest.mark.parametrize(
    ("listing", "answer"),
    [
        ({"objects": [DEALS]}, {"fields": CHOICES}),
        ([DEALS], {"fields": CHOICES}),
        ({"data": [DEALS]}, {"data": {"fields": CHOICES}}),
        ({"data": {"objects": [DEALS]}}, {"data": {"objectType": "deals", "fields": CHOICES}}),
        ({"objects": [{"name": "deals"}]}, {"fields": CHOICES}),
        ({"objects": [{"type": "deals", "fieldCount": 1}]}, {"fields": CHOICES}),
    ],
)
def test_each_form_of_a_listing_is_read(script: Script, listing: Any, answer: Any) -> None:
    script.by_path = {
        "/status": STATUS,
        "/schema": listing,
        "/schema?objectType=deals": answer,
        "/schema/refresh": {"success": True},
    }
    found = list(connector(script.url).discover(Scope(), {}, CancelToken()))
    (discovered,) = [each for each in found if isinstance(each, Discovered)]
    assert discovered.schema.object_type == "deals"
    assert [each.value for each in discovered.schema.fields[0].picklist] == ["won", "lost"]


@pytest.mark.parametrize("key", ["suggestions", "mappings", "data", None])
def test_each_form_of_suggestions_is_read(script: Script, key: str | None) -> None:
    lines = [{"partnerField": "amount", "crmField": "Amount", "confidence": 0.9}]
    script.answers = [(200, lines if key is None else {key: lines}, {})]
    (one,) = connector(script.url).suggest(ObjectPair.parse("deal_registration--deals"))
    assert one.crm_field == "Amount"


def test_success_false_is_a_failure_whatever_the_status(script: Script) -> None:
    script.by_path = {
        "/status": STATUS,
        "/schema": {"objects": [DEALS]},
        "/schema/refresh": {"success": False, "error": "The worker crashed"},
    }
    with pytest.raises(SourceError) as caught:
        list(connector(script.url).discover(Scope(), {}, CancelToken()))
    assert "PartnerOS" in caught.value.message
    assert "The worker crashed" in str(caught.value)
    assert script.asked.count("POST /schema/refresh") == 1


def test_an_object_that_is_unavailable_costs_that_object_only(script: Script) -> None:
    both = {"objects": [DEALS, {"objectType": "companies", "schemaHash": "b"}]}
    script.by_path = {
        "/status": STATUS,
        "/schema": both,
        "/schema?objectType=deals": {"fields": CHOICES},
        "/schema/refresh": {"success": True},
    }
    script.answers = [(503, body("UNAVAILABLE"), {})]
    found = list(connector(script.url).discover(Scope(), {}, CancelToken()))
    assert [each.object_type for each in found if isinstance(each, Failed)] == ["companies"]
    assert [each.schema.object_type for each in found if isinstance(each, Discovered)] == ["deals"]
