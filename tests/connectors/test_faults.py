"""Each failure code of both vendors has its cause and its remedy: one case a row."""

from __future__ import annotations

from typing import Any

import pytest

from crmdeck.connectors.faults import Fault, FaultTable, load_faults, read_rows
from crmdeck.connectors.http import Response
from crmdeck.connectors.hubspot.client import explain as explain_hubspot
from crmdeck.connectors.salesforce.client import explain as explain_salesforce


def grant(error: str, description: str = "") -> dict[str, str]:
    return {"error": error, "error_description": description}


def api(code: str, message: str = "") -> list[dict[str, str]]:
    return [{"errorCode": code, "message": message}]


SALESFORCE: list[tuple[int, Any, str]] = [
    (400, grant("invalid_grant", "expired access/refresh token"), "REFRESH_TOKEN_EXPIRED"),
    (400, grant("invalid_grant", "inactive user"), "USER_INACTIVE"),
    (400, grant("invalid_grant", "ip restricted"), "IP_RESTRICTED"),
    (400, grant("invalid_grant", "user hasn't approved this consumer"), "APP_NOT_APPROVED"),
    (400, grant("invalid_grant", "Invalid app access"), "APP_ACCESS_DENIED"),
    (400, grant("invalid_grant", "no client credentials user enabled"), "FLOW_NOT_ENABLED"),
    (400, grant("invalid_grant", "Audience validation failed"), "ASSERTION_REFUSED"),
    (400, grant("invalid_grant", "invalid assertion"), "ASSERTION_REFUSED"),
    (400, grant("invalid_grant", "authentication failure"), "PASSWORD_CHANGED"),
    (400, grant("invalid_grant", "something new"), "GRANT_REFUSED"),
    (400, grant("invalid_client_id", "client identifier invalid"), "APP_UNKNOWN"),
    (401, grant("invalid_client", "invalid client credentials"), "APP_UNKNOWN"),
    (400, grant("OAUTH_EC_APP_NOT_FOUND"), "APP_UNKNOWN"),
    (400, grant("invalid_client", "app must be installed into org"), "APP_NOT_INSTALLED"),
    (400, grant("OAUTH_APPROVAL_ERROR_GENERIC", "An unexpected error"), "APP_NOT_INSTALLED"),
    (400, grant("access_denied", "end-user denied authorization"), "SIGN_IN_DENIED"),
    (400, grant("access-denied"), "SIGN_IN_DENIED"),
    (400, grant("OAUTH_APP_BLOCKED", "this app is blocked by admin"), "APP_BLOCKED"),
    (400, grant("OAUTH_APP_ACCESS_DENIED"), "APP_ACCESS_DENIED"),
    (400, grant("inactive_org", "organization is not active"), "ORG_LOCKED"),
    (403, api("ORG_LOCKED"), "ORG_LOCKED"),
    (403, api("TRIAL_EXPIRED"), "ORG_LOCKED"),
    (400, grant("rate_limit_exceeded", "login rate exceeded"), "LOGIN_RATE_EXCEEDED"),
    (401, api("INVALID_SESSION_ID", "Session expired or invalid"), "SESSION_EXPIRED"),
    (401, api("INVALID_AUTH_HEADER"), "SESSION_EXPIRED"),
    (403, "Bad_OAuth_Token", "SESSION_EXPIRED"),
    (403, api("INVALID_OPERATION_WITH_EXPIRED_PASSWORD"), "PASSWORD_CHANGED"),
    (403, api("LOGIN_DURING_RESTRICTED_DOMAIN"), "IP_RESTRICTED"),
    (403, api("LOGIN_DURING_RESTRICTED_TIME"), "IP_RESTRICTED"),
    (403, api("API_DISABLED_FOR_ORG", "The REST API is not enabled"), "API_DISABLED"),
    (403, api("API_CURRENTLY_DISABLED"), "API_DISABLED"),
    (403, api("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."), "CONCURRENT_LIMIT"),
    (403, api("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), "DAILY_LIMIT"),
    (403, api("INSUFFICIENT_ACCESS"), "MISSING_PERMISSION"),
    (403, api("INSUFFICIENT_ACCESS_OR_READONLY"), "MISSING_PERMISSION"),
    (403, api("FUNCTIONALITY_NOT_ENABLED"), "MISSING_PERMISSION"),
    (400, api("INVALID_TYPE"), "NOT_VISIBLE"),
    (404, api("NOT_FOUND"), "NOT_VISIBLE"),
    (400, api("UNSUPPORTED_API_VERSION"), "API_VERSION_GONE"),
    (503, api("SERVER_UNAVAILABLE"), "SOURCE_UNAVAILABLE"),
    (500, api("UNKNOWN_EXCEPTION"), "SOURCE_ERROR"),
    (302, None, "MY_DOMAIN_CHANGED"),
    (404, "<html><title>URL No Longer Exists</title></html>", "MY_DOMAIN_CHANGED"),
    (418, None, "SOURCE_FAILED"),
]
HUBSPOT: list[tuple[int, Any, str]] = [
    (400, {"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid"}, "GRANT_REFUSED"),
    (400, grant("invalid_grant"), "GRANT_REFUSED"),
    (400, {"status": "BAD_AUTH_CODE"}, "GRANT_REFUSED"),
    (400, grant("access_denied"), "SIGN_IN_DENIED"),
    *((status, None, "SOURCE_UNAVAILABLE") for status in range(521, 527)),
    (400, {"status": "BAD_CLIENT_ID"}, "APP_UNKNOWN"),
    (400, {"status": "BAD_CLIENT_SECRET"}, "APP_UNKNOWN"),
    (401, grant("invalid_client"), "APP_UNKNOWN"),
    (401, {"status": "error", "category": "EXPIRED_AUTHENTICATION"}, "SESSION_EXPIRED"),
    (401, {"status": "error", "category": "INVALID_AUTHENTICATION"}, "SESSION_EXPIRED"),
    (403, {"status": "error", "category": "MISSING_SCOPES"}, "MISSING_SCOPE"),
    (403, {"status": "error", "message": "This account is suspended."}, "PORTAL_SUSPENDED"),
    (403, {"status": "error", "message": "Your IP address is not allowed."}, "IP_RESTRICTED"),
    (402, {"status": "error"}, "EDITION_TOO_SMALL"),
    (429, {"category": "RATE_LIMITS", "policyName": "DAILY"}, "DAILY_LIMIT"),
    (429, {"errorType": "RATE_LIMIT", "policyName": "DAILY"}, "DAILY_LIMIT"),
    (429, {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}, "RATE_LIMITED"),
    (423, {"status": "error"}, "RATE_LIMITED"),
    (477, {"status": "error"}, "PORTAL_MOVING"),
    (404, {"status": "error", "category": "OBJECT_NOT_FOUND"}, "NOT_VISIBLE"),
    (401, {"status": "error"}, "SESSION_EXPIRED"),
    (403, {"status": "error"}, "FORBIDDEN"),
    (404, None, "NOT_VISIBLE"),
    (410, None, "API_VERSION_GONE"),
    (429, {"category": "RATE_LIMITS", "policyName": "TEN_SECONDLY_ROLLING"}, "RATE_LIMITED"),
    (500, None, "SOURCE_ERROR"),
    (502, None, "SOURCE_UNAVAILABLE"),
    (503, None, "SOURCE_UNAVAILABLE"),
    (504, None, "SOURCE_UNAVAILABLE"),
]
_hit: set[Fault] = set()


@pytest.mark.parametrize(("status", "body", "code"), SALESFORCE)
def test_salesforce_rejection_has_reason(status: int, body: Any, code: str) -> None:
    refusal = explain_salesforce(Response(status, body))
    _check(refusal.fault, refusal.error.code, code)
    assert isinstance(refusal.error, refusal.fault.error)


@pytest.mark.parametrize(("status", "body", "code"), HUBSPOT)
def test_hubspot_rejection_has_reason(status: int, body: Any, code: str) -> None:
    refusal = explain_hubspot(Response(status, body))
    _check(refusal.fault, refusal.error.code, code)
    assert isinstance(refusal.error, refusal.fault.error)


def _check(fault: Fault, code: str, expected: str) -> None:
    _hit.add(fault)
    assert code == expected
    assert fault.cause
    assert fault.remedy


def test_no_row_is_left_out_or_shadowed() -> None:
    rows = [*load_faults("salesforce", "Salesforce").rows, *load_faults("hubspot", "HubSpot").rows]
    hit = {(fault.code, fault.statuses, fault.says, fault.vendor_codes) for fault in _hit}
    assert {(row.code, row.statuses, row.says, row.vendor_codes) for row in rows} - hit == set()


def test_every_vendor_code_of_the_tables_is_tried() -> None:
    tried = {code for _, body, _ in SALESFORCE + HUBSPOT for code in _codes(body)}
    rows = [*read_rows("salesforce", "Salesforce"), *read_rows("hubspot", "HubSpot")]
    assert {code for row in rows for code in row.vendor_codes} <= tried


def _codes(body: Any) -> set[str]:
    first = body[0] if isinstance(body, list) else body
    return {first} if isinstance(first, str) else {str(each) for each in (first or {}).values()}


@pytest.mark.parametrize("vendor", ["salesforce", "hubspot"])
def test_a_code_concerns_either_the_connection_or_the_object(vendor: str) -> None:
    table: FaultTable = load_faults(vendor, "The CRM")
    whole = {row.code for row in table.rows if row.whole}
    assert not whole & {row.code for row in table.rows if not row.whole}


@pytest.mark.parametrize(
    ("body", "phrases"),
    [
        (grant("invalid_client", "app must be installed into org"), ("isn't installed", "install")),
        (grant("invalid_grant", "inactive user"), ("freezes users", "Leave any VPN", "unfreeze")),
        (grant("invalid_grant", "expired access/refresh token"), ("froze", "Leave any VPN")),
    ],
)
def test_blocks_by_salesforce_have_their_own_cause(
    body: dict[str, str], phrases: tuple[str, ...]
) -> None:
    text = str(explain_salesforce(Response(400, body)).error)
    assert all(phrase in text for phrase in phrases), text
    assert "key or secret" not in text
    assert not text.split("Leave")[0].count("An admin")


def test_missing_scopes_are_listed_without_hostile_text() -> None:
    body = {
        "category": "MISSING_SCOPES",
        "message": "\x1b[31mevil",
        "errors": [{"context": {"requiredGranularScopes": ["crm.schemas.deals.read"]}}],
    }
    error = explain_hubspot(Response(403, body)).error
    assert "crm.schemas.deals.read" in str(error)
    assert "evil" not in str(error)


@pytest.mark.parametrize(
    ("policy", "headers", "pause"),
    [
        ("TEN_SECONDLY_ROLLING", {}, 10.0),
        ("TEN_SECONDLY_ROLLING", {"x-hubspot-ratelimit-interval-milliseconds": "2500"}, 2.5),
        ("TEN_SECONDLY_ROLLING", {"Retry-After": "3"}, None),
        ("SECONDLY", {}, None),
    ],
)
def test_a_limit_of_ten_seconds_is_waited_for_in_full(
    policy: str, headers: dict[str, str], pause: float | None
) -> None:
    body = {"category": "RATE_LIMITS", "policyName": policy}
    assert explain_hubspot(Response(429, body, headers)).pause == pause
