"""Every fault that can be ordered has a stated outcome, through simple-salesforce."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crmdeck.connectors.base import AddressReporter
from crmdeck.connectors.salesforce.client import _LIMIT_INFO
from crmdeck.errors import (
    CrmdeckError,
    PermissionDeniedError,
    QuotaExceededError,
    ReauthRequiredError,
    SourceError,
)
from crmdeck.model import CancelToken, Notice, Scope, ScopeMode
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from tests.connectors.crm import QUICK, run, salesforce_to, sent

ORG = "acme-prod"
NARROW = replace(QUICK, threads=4)


def test_an_expired_token_is_renewed_once(sandbox: Sandbox) -> None:
    connector, purse = salesforce_to(sandbox)
    sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))
    assert not run(connector).failed
    assert purse.events == ["token.refreshed"]
    assert len(sent(sandbox, oauth=True)) == 1


def test_expired_token_is_renewed_once_for_all_threads(sandbox: Sandbox) -> None:
    connector, purse = salesforce_to(sandbox, limits=NARROW)
    sandbox.script(ORG, None, None, Fault(FaultKind.EXPIRED_TOKEN))
    found = run(connector, scope=Scope(mode=ScopeMode.ALL))
    assert not found.failed
    assert len([path for path in sent(sandbox, oauth=False) if "/composite" in path]) > 2
    assert purse.events == ["token.refreshed"]
    assert len(sent(sandbox, oauth=True)) == 1


def test_a_rotated_refresh_token_is_kept(sandbox: Sandbox) -> None:
    connector, purse = salesforce_to(sandbox)
    sandbox.fault(ORG, Fault(FaultKind.ROTATED_REFRESH_TOKEN))
    before = purse.values["refresh_token"]
    for _ in range(2):
        sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))
        run(connector)
    assert purse.values["refresh_token"] != before
    assert purse.events == ["token.rotated", "token.rotated"]


def test_a_revoked_refresh_token_means_reauthorize(sandbox: Sandbox) -> None:
    connector, purse = salesforce_to(sandbox)
    sandbox.fault(ORG, Fault(FaultKind.REVOKED_REFRESH_TOKEN))
    for _ in range(2):
        with pytest.raises(ReauthRequiredError) as caught:
            run(connector)
    assert caught.value.code == "REFRESH_TOKEN_EXPIRED"
    assert caught.value.remedy
    assert purse.events == ["token.refresh_failed"]
    assert len(sent(sandbox, oauth=True)) == 1


def test_a_lasting_401_costs_two_requests_and_one_refresh(sandbox: Sandbox) -> None:
    connector, purse = salesforce_to(sandbox)
    sandbox.fault(ORG, Fault(FaultKind.UNAUTHORIZED, path="/sobjects"))
    with pytest.raises(ReauthRequiredError) as caught:
        run(connector)
    assert len([path for path in sent(sandbox, oauth=False) if "/sobjects" in path]) == 2
    assert len(sent(sandbox, oauth=True)) == 1
    assert not any(secret in str(caught.value) for secret in purse.values.values())


def test_without_a_refresh_token_a_401_costs_one_request(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox, secrets=["access_token"])
    sandbox.fault(ORG, Fault(FaultKind.UNAUTHORIZED, path="/sobjects"))
    with pytest.raises(ReauthRequiredError) as caught:
        run(connector)
    assert caught.value.code == "SESSION_EXPIRED"
    assert len([path for path in sent(sandbox, oauth=False) if "/sobjects" in path]) == 1


@pytest.mark.parametrize(
    ("vendor_code", "error", "code"),
    [
        ("API_DISABLED_FOR_ORG", PermissionDeniedError, "API_DISABLED"),
        ("REQUEST_LIMIT_EXCEEDED", QuotaExceededError, "DAILY_LIMIT"),
        ("INSUFFICIENT_ACCESS", PermissionDeniedError, "MISSING_PERMISSION"),
        ("LOGIN_DURING_RESTRICTED_DOMAIN", PermissionDeniedError, "IP_RESTRICTED"),
        ("SOMETHING_NEW", PermissionDeniedError, "FORBIDDEN"),
    ],
)
def test_403_by_the_vendors_code(
    sandbox: Sandbox, vendor_code: str, error: type[CrmdeckError], code: str
) -> None:
    connector, _ = salesforce_to(sandbox)
    sandbox.fault(ORG, Fault(FaultKind.FORBIDDEN, path="/sobjects", code=vendor_code))
    with pytest.raises(error) as caught:
        run(connector)
    assert caught.value.code == code
    assert vendor_code in str(caught.value)
    assert len([path for path in sent(sandbox, oauth=False) if "/sobjects" in path]) == 1


def test_the_daily_limit_in_the_middle_stops_everything(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    sandbox.fault(ORG, Fault(FaultKind.FORBIDDEN, path="/composite", code="REQUEST_LIMIT_EXCEEDED"))
    with pytest.raises(QuotaExceededError):
        run(connector)


def test_429_waits_within_the_budget(sandbox: Sandbox) -> None:
    throttled = Fault(FaultKind.THROTTLED, times=1, code="TOO_BUSY", retry_after=1, path="/sobj")
    connector, _ = salesforce_to(sandbox)
    sandbox.fault(ORG, throttled)
    assert not run(connector).failed
    impatient, _ = salesforce_to(sandbox, limits=replace(QUICK, wait_budget=0.5))
    sandbox.fault(ORG, throttled)
    with pytest.raises(QuotaExceededError) as caught:
        run(impatient)
    assert caught.value.code == "RATE_LIMITED"


def test_503_is_waited_for_and_then_given_up(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    sandbox.fault(ORG, Fault(FaultKind.UNAVAILABLE, path="/sobjects", times=2))
    assert not run(connector).failed
    sandbox.fault(ORG, Fault(FaultKind.UNAVAILABLE, path="/sobjects"))
    with pytest.raises(SourceError) as caught:
        run(connector)
    assert caught.value.code == "SOURCE_UNAVAILABLE"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(FaultKind.SERVER_ERROR), "SOURCE_ERROR"),
        (Fault(FaultKind.TRUNCATED), "ANSWER_CUT_SHORT"),
        (Fault(FaultKind.HTML), "ANSWER_NOT_JSON"),
        (Fault(FaultKind.SLOW, seconds=4), "SOURCE_TIMEOUT"),
        (Fault(FaultKind.HANG, seconds=4), "SOURCE_TIMEOUT"),
    ],
)
@pytest.mark.parametrize("path", ["/sobjects", "/composite"])
def test_malformed_response_fails_connection_or_object(
    sandbox: Sandbox, fault: Fault, code: str, path: str
) -> None:
    late = fault.kind in (FaultKind.SLOW, FaultKind.HANG)
    limits = replace(QUICK, read_timeout=1.0 if late else 10.0, max_bytes=1_000_000)
    connector, _ = salesforce_to(sandbox, limits=limits)
    sandbox.fault(ORG, replace(fault, path=path))
    if path == "/sobjects":
        with pytest.raises(SourceError) as caught:
            run(connector)
        assert caught.value.code == code
        return
    found = run(connector)
    assert set(found.failed) == set(found.listing.in_scope)
    assert {item.error.code for item in found.failed.values()} == {code}
    assert all(item.error.remedy for item in found.failed.values())


def test_a_batch_that_is_too_large_is_halved(sandbox: Sandbox) -> None:
    whole, _ = salesforce_to(sandbox)
    run(whole)
    largest = max(request.bytes_sent for request in sandbox.requests)
    connector, _ = salesforce_to(sandbox, limits=replace(QUICK, max_bytes=largest // 2))
    found = run(connector)
    assert not found.failed
    assert connector.meter.traffic.requests > whole.meter.traffic.requests


def test_one_lost_schema_is_that_objects_failure(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    first = run(connector)
    sandbox.fault(ORG, Fault(FaultKind.LOST_SCHEMA, object_type="Account"))
    fresh = run(connector)
    assert set(fresh.failed) == {"Account"}
    assert fresh.failed["Account"].error.code == "SOURCE_ERROR"
    sandbox.clear(ORG)
    # What failed keeps its older validator, so the listing no longer speaks for all.
    assert not run(connector, first.known | fresh.known).failed


def test_unreachable_host_raises(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox)
    sandbox.stop()
    with pytest.raises(SourceError) as caught:
        run(connector)
    assert caught.value.code == "SOURCE_UNREACHABLE"


def test_client_credentials_give_a_token(sandbox: Sandbox) -> None:
    connector, purse = salesforce_to(sandbox, secrets=["client_id", "client_secret"])
    assert connector.probe().user
    assert purse.events == ["token.refreshed"]
    assert purse.values["access_token"]


def test_a_signed_assertion_gives_a_token(sandbox: Sandbox) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    connector, purse = salesforce_to(sandbox, secrets=["client_id", "username"], private_key=pem)
    assert connector.probe().user
    assert purse.events == ["token.refreshed"]
    broken, _ = salesforce_to(sandbox, secrets=["client_id", "username"], private_key="no key")
    with pytest.raises(ReauthRequiredError) as caught:
        broken.probe()
    assert caught.value.code == "BAD_PRIVATE_KEY"
    assert "no key" not in str(caught.value)


@pytest.mark.parametrize("status", [302, 404])
def test_renamed_my_domain_reports_new_url_and_remedy(sandbox: Sandbox, status: int) -> None:
    connector, _ = salesforce_to(sandbox)
    host = "acme-new.my.salesforce.com"
    sandbox.fault(ORG, Fault(FaultKind.MOVED, path="/services/data", status=status, message=host))
    with pytest.raises(SourceError) as caught:
        run(connector)
    assert caught.value.code == "MY_DOMAIN_CHANGED"
    assert "--instance-url" in str(caught.value)
    assert (host in str(caught.value)) is (status == 302)


def test_new_instance_url_is_reported(sandbox: Sandbox) -> None:
    connector, _ = salesforce_to(sandbox, instance_url="https://old.my.salesforce.com")
    assert isinstance(connector, AddressReporter)
    assert connector.found_at() == "https://old.my.salesforce.com"
    sandbox.fault(ORG, Fault(FaultKind.EXPIRED_TOKEN))

    *_, last = connector.discover(Scope(), {}, CancelToken())

    assert isinstance(last, Notice)
    new = sandbox.access(ORG).instance_url
    assert connector.found_at() == new
    assert last.message == f"The org moved from https://old.my.salesforce.com to {new}."


@pytest.mark.parametrize(
    "header",
    [
        "api-usage=18/5000",
        "api-usage=18/5000; per-app-api-usage=17/250(appName=sample-app)",
        "per-app-api-usage=17/250(appName=sample-app), api-usage=18/5000",
    ],
)
def test_the_orgs_own_usage_is_found_in_any_order(header: str) -> None:
    found = _LIMIT_INFO.search(header)
    assert found is not None
    assert found.groups() == ("18", "5000")
