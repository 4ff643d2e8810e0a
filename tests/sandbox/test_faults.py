"""Every fault on order, as a plain HTTP client meets it."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from crmdeck.sandbox import Fault, FaultKind, Sandbox, Scenario
from tests.sandbox.conftest import DATA, client

LIMITS = f"{DATA}/limits"
DESCRIBE = f"{DATA}/sobjects/Account/describe"
PROPERTIES = "/crm/properties/2026-09/deals"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault(FaultKind.UNAUTHORIZED), 401, "INVALID_SESSION_ID"),
        (Fault(FaultKind.FORBIDDEN, code="API_DISABLED_FOR_ORG"), 403, "API_DISABLED_FOR_ORG"),
        (Fault(FaultKind.FORBIDDEN, code="REQUEST_LIMIT_EXCEEDED"), 403, "REQUEST_LIMIT_EXCEEDED"),
        (Fault(FaultKind.THROTTLED), 429, "REQUEST_LIMIT_EXCEEDED"),
        (Fault(FaultKind.SERVER_ERROR), 500, "UNKNOWN_EXCEPTION"),
        (Fault(FaultKind.UNAVAILABLE), 503, "SERVER_UNAVAILABLE"),
    ],
)
def test_salesforce_faults(
    sandbox: Sandbox, salesforce: httpx.Client, fault: Fault, status: int, code: str
) -> None:
    sandbox.fault("acme-prod", fault)
    for _ in range(2):
        answer = salesforce.get(LIMITS)
        assert answer.status_code == status
        assert answer.json()[0].keys() == {"message", "errorCode"}
        assert answer.json()[0]["errorCode"] == code
    sandbox.clear("acme-prod")
    assert salesforce.get(LIMITS).status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "category"),
    [
        (Fault(FaultKind.UNAUTHORIZED), 401, "INVALID_AUTHENTICATION"),
        (Fault(FaultKind.FORBIDDEN), 403, "MISSING_SCOPES"),
        (Fault(FaultKind.FORBIDDEN, code="ACCOUNT_SUSPENDED"), 403, "ACCOUNT_SUSPENDED"),
        (Fault(FaultKind.THROTTLED, code="DAILY"), 429, "RATE_LIMIT"),
        (Fault(FaultKind.THROTTLED), 429, "RATE_LIMITS"),
        (Fault(FaultKind.FORBIDDEN, code="MIGRATION", status=477), 477, "MIGRATION"),
        (Fault(FaultKind.SERVER_ERROR), 500, "INTERNAL_ERROR"),
        (Fault(FaultKind.UNAVAILABLE), 503, "SERVICE_UNAVAILABLE"),
    ],
)
def test_hubspot_faults(
    sandbox: Sandbox, hubspot: httpx.Client, fault: Fault, status: int, category: str
) -> None:
    sandbox.fault("acme-marketing", fault)
    answer = hubspot.get(PROPERTIES)
    body = answer.json()
    assert (answer.status_code, body.get("category") or body["errorType"]) == (status, category)


def test_throttling_sends_retry_after_if_ordered(sandbox: Sandbox, hubspot: httpx.Client) -> None:
    sandbox.script(
        "acme-marketing",
        Fault(FaultKind.THROTTLED, retry_after=7, times=1),
        Fault(FaultKind.THROTTLED, code="TEN_SECONDLY_ROLLING", times=1),
    )
    first, second, third = (hubspot.get(PROPERTIES) for _ in range(3))
    assert first.headers["Retry-After"] == "7"
    assert "Retry-After" not in second.headers
    assert second.json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert third.status_code == 200


def test_expired_token_is_rejected_and_new_one_accepted(
    sandbox: Sandbox, salesforce: httpx.Client
) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.EXPIRED_TOKEN))
    assert salesforce.get(LIMITS).status_code == 401
    access = sandbox.access("acme-prod")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": access.refresh_token,
        "client_id": access.client_id,
    }
    token = salesforce.post("/services/oauth2/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert salesforce.get(LIMITS, headers=headers).status_code == 200


def test_revoked_refresh_token_has_ordered_message(
    sandbox: Sandbox, salesforce: httpx.Client
) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.REVOKED_REFRESH_TOKEN, message="inactive user"))
    access = sandbox.access("acme-prod")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": access.refresh_token,
        "client_id": access.client_id,
    }
    assert salesforce.get(LIMITS).status_code == 401
    answer = salesforce.post("/services/oauth2/token", data=form)
    assert answer.json() == {"error": "invalid_grant", "error_description": "inactive user"}
    sandbox.clear()
    assert salesforce.post("/services/oauth2/token", data=form).status_code == 200


def test_the_token_endpoint_can_fail_too(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    limited = Fault(FaultKind.THROTTLED, path="/oauth2/token", code="rate_limit_exceeded")
    sandbox.fault("acme-prod", limited)
    answer = salesforce.post("/services/oauth2/token", data={"grant_type": "refresh_token"})
    assert (answer.status_code, answer.json()["error"]) == (429, "rate_limit_exceeded")
    assert salesforce.get(LIMITS).status_code == 200


def test_a_body_cut_short(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.TRUNCATED, times=1))
    with pytest.raises(httpx.RemoteProtocolError):
        salesforce.get(DESCRIBE)
    assert salesforce.get(DESCRIBE).status_code == 200


def test_a_page_in_place_of_json(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.HTML))
    answer = salesforce.get(DESCRIBE)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


def test_oversized_response_is_sent(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.OVERSIZED, size=5_000_000))
    assert len(salesforce.get(DESCRIBE).content) > 5_000_000


def test_silence_ends_with_the_connection(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.HANG, seconds=0.05, times=1))
    with pytest.raises(httpx.RemoteProtocolError):
        salesforce.get(LIMITS)
    assert sandbox.requests[-1].status == 0


def test_a_hanging_answer_does_not_hold_up_the_stop(sandbox: Sandbox) -> None:
    access = sandbox.access("acme-prod")
    sandbox.fault("acme-prod", Fault(FaultKind.HANG, seconds=600))
    with httpx.Client(timeout=0.1) as impatient, pytest.raises(httpx.ReadTimeout):
        impatient.get(access.endpoint + LIMITS)
    sandbox.stop()


def test_slow_response_arrives(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.SLOW, seconds=0.02))
    assert salesforce.get(LIMITS).status_code == 200


def test_hidden_fields_and_lost_schemas(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    hidden = Fault(FaultKind.HIDDEN_FIELD, object_type="Account", field_name="Industry")
    sandbox.fault("acme-prod", hidden)
    sandbox.fault("acme-prod", Fault(FaultKind.LOST_SCHEMA, object_type="Contact"))
    urls = [f"{DATA}/sobjects/{name}/describe" for name in ("Account", "Contact", "Lead")]
    requests = [{"method": "GET", "url": url} for url in urls]
    answer = salesforce.post(f"{DATA}/composite", json={"compositeRequest": requests}).json()
    account, contact, lead = answer["compositeResponse"]
    assert "Industry" not in [each["name"] for each in account["body"]["fields"]]
    assert (contact["httpStatusCode"], lead["httpStatusCode"]) == (500, 200)


def test_a_fault_can_be_aimed_at_a_path(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.UNAVAILABLE, path="/Account/", times=1))
    assert salesforce.get(LIMITS).status_code == 200
    assert salesforce.get(DESCRIBE).status_code == 503
    assert salesforce.get(DESCRIBE).status_code == 200


def test_a_script_goes_from_one_state_to_the_next(
    sandbox: Sandbox, salesforce: httpx.Client
) -> None:
    sandbox.script(
        "acme-prod",
        None,
        Fault(FaultKind.SERVER_ERROR, times=2),
        Fault(FaultKind.THROTTLED, times=1),
        Fault(FaultKind.EXPIRED_TOKEN),
    )
    statuses = [salesforce.get(LIMITS).status_code for _ in range(6)]
    assert statuses == [200, 500, 500, 429, 401, 401]


def test_used_up_quota_rejects_requests() -> None:
    scenario = Scenario.demo()
    (org, *_) = scenario.organizations
    scarce = replace(org, daily_limit=org.first.daily_used + 1)
    with Sandbox(replace(scenario, organizations=(scarce,))) as sandbox:
        access = sandbox.access("acme-prod")
        with client(access.endpoint, access.access_token) as salesforce:
            assert salesforce.get(LIMITS).status_code == 200
            answer = salesforce.get(LIMITS)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")


def test_faults_can_be_ordered_from_outside(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    order = {"org": "acme-prod", "kind": "throttled", "retry_after": 3}
    assert httpx.post(f"{sandbox.url}/sandbox/faults", json=order).json() == {"success": True}
    assert salesforce.get(LIMITS).headers["Retry-After"] == "3"
    httpx.delete(f"{sandbox.url}/sandbox/faults")
    assert salesforce.get(LIMITS).status_code == 200
    steps = {"org": "acme-prod", "steps": [{"kind": "unavailable", "times": 1}, None]}
    httpx.post(f"{sandbox.url}/sandbox/script", json=steps)
    assert [salesforce.get(LIMITS).status_code for _ in range(2)] == [503, 200]
    assert (
        httpx.post(f"{sandbox.url}/sandbox/faults", json={"org": "no", "kind": "html"}).status_code
        == 404
    )
    bad = {"org": "acme-prod", "kind": "earthquake"}
    assert httpx.post(f"{sandbox.url}/sandbox/faults", json=bad).status_code == 400


def test_printed_tokens_work_after_faults_end(sandbox: Sandbox, salesforce: httpx.Client) -> None:
    sandbox.fault("acme-prod", Fault(FaultKind.EXPIRED_TOKEN))
    assert salesforce.get(f"{DATA}/limits").status_code == 401
    sandbox.clear("acme-prod")
    assert salesforce.get(f"{DATA}/limits").status_code == 200


def test_unknown_fault_word_is_rejected(sandbox: Sandbox) -> None:
    ordered = {"org": "acme-prod", "kind": "html", "tiems": 1}
    answer = httpx.post(f"{sandbox.url}/sandbox/faults", json=ordered)
    assert (answer.status_code, "tiems" in answer.text) == (400, True)
