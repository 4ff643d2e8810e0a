"""Every fault that can be ordered has a stated outcome, through hubspot-api-client."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crmdeck.errors import QuotaExceededError, ReauthRequiredError, SourceError
from crmdeck.sandbox import Fault, FaultKind, Sandbox
from tests.connectors.crm import QUICK, hubspot_to, run, sent

PORTAL = "acme-marketing"
GREEDY = replace(QUICK, reserve=0.0)


def test_an_expired_token_is_renewed_once_on_the_dated_path(sandbox: Sandbox) -> None:
    connector, purse = hubspot_to(sandbox, limits=GREEDY)
    sandbox.fault(PORTAL, Fault(FaultKind.EXPIRED_TOKEN))
    assert not run(connector).failed
    assert purse.events == ["token.refreshed"]
    assert sent(sandbox, oauth=True) == ["/oauth/2026-03/token"]


def test_expired_token_is_renewed_once_for_all_threads(sandbox: Sandbox) -> None:
    connector, purse = hubspot_to(sandbox, limits=GREEDY)
    sandbox.script(PORTAL, None, None, None, Fault(FaultKind.EXPIRED_TOKEN))
    assert not run(connector).failed
    assert purse.events == ["token.refreshed"]
    assert len(sent(sandbox, oauth=True)) == 1


def test_a_rotated_refresh_token_is_kept(sandbox: Sandbox) -> None:
    connector, purse = hubspot_to(sandbox, limits=GREEDY)
    sandbox.fault(PORTAL, Fault(FaultKind.ROTATED_REFRESH_TOKEN))
    before = purse.values["refresh_token"]
    for _ in range(2):
        sandbox.fault(PORTAL, Fault(FaultKind.EXPIRED_TOKEN))
        run(connector)
    assert purse.values["refresh_token"] != before


def test_a_revoked_app_means_reauthorize(sandbox: Sandbox) -> None:
    connector, purse = hubspot_to(sandbox, limits=GREEDY)
    sandbox.fault(PORTAL, Fault(FaultKind.REVOKED_REFRESH_TOKEN))
    for _ in range(2):
        with pytest.raises(ReauthRequiredError) as caught:
            run(connector)
    assert caught.value.code == "GRANT_REFUSED"
    assert purse.events == ["token.refresh_failed"]
    assert len(sent(sandbox, oauth=True)) == 1


def test_a_lasting_401_costs_two_requests_and_one_refresh(sandbox: Sandbox) -> None:
    connector, purse = hubspot_to(sandbox, limits=GREEDY)
    sandbox.fault(PORTAL, Fault(FaultKind.UNAUTHORIZED))
    with pytest.raises(ReauthRequiredError) as caught:
        run(connector)
    assert len(sent(sandbox, oauth=False)) == 2
    assert len(sent(sandbox, oauth=True)) == 1
    assert not any(secret in str(caught.value) for secret in purse.values.values())


def test_rejected_private_app_token_costs_one_request(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY, private=True)
    sandbox.fault(PORTAL, Fault(FaultKind.UNAUTHORIZED))
    with pytest.raises(ReauthRequiredError) as caught:
        run(connector)
    assert caught.value.code == "SESSION_EXPIRED"
    assert len(sandbox.requests) == 1


def test_429_waits_and_the_daily_limit_does_not(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY)
    sandbox.fault(PORTAL, Fault(FaultKind.THROTTLED, times=2, path="properties"))
    assert not run(connector).failed
    count = len(sandbox.requests)
    sandbox.fault(PORTAL, Fault(FaultKind.THROTTLED, code="DAILY"))
    with pytest.raises(QuotaExceededError) as caught:
        run(connector)
    assert caught.value.code == "DAILY_LIMIT"
    assert len(sandbox.requests) == count + 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(FaultKind.SERVER_ERROR), "SOURCE_ERROR"),
        (Fault(FaultKind.UNAVAILABLE), "SOURCE_UNAVAILABLE"),
        (Fault(FaultKind.TRUNCATED), "ANSWER_CUT_SHORT"),
        (Fault(FaultKind.HTML), "ANSWER_NOT_JSON"),
        (Fault(FaultKind.OVERSIZED, size=3_000_000), "ANSWER_TOO_LARGE"),
        (Fault(FaultKind.SLOW, seconds=4), "SOURCE_TIMEOUT"),
        (Fault(FaultKind.HANG, seconds=4), "SOURCE_TIMEOUT"),
    ],
)
@pytest.mark.parametrize("path", ["schemas", "properties/2026-09/deals"])
def test_nonsense_costs_the_connection_or_the_object(
    sandbox: Sandbox, fault: Fault, code: str, path: str
) -> None:
    late = fault.kind in (FaultKind.SLOW, FaultKind.HANG)
    limits = replace(
        GREEDY,
        read_timeout=1.0 if late else 10.0,
        max_bytes=1_000_000,
        max_bytes_alone=1_000_000,
    )
    connector, _ = hubspot_to(sandbox, limits=limits)
    sandbox.fault(PORTAL, replace(fault, path=path))
    if path == "schemas":
        with pytest.raises(SourceError) as caught:
            run(connector)
        assert caught.value.code == code
        return
    found = run(connector)
    assert set(found.failed) == {"deals"}
    assert found.failed["deals"].error.code == code
    assert found.discovered


def test_lost_pipelines_are_not_lost_stages(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY)
    sandbox.fault(PORTAL, Fault(FaultKind.SERVER_ERROR, path="pipelines"))
    assert "deals" in run(connector).failed


def test_unreachable_host_raises(sandbox: Sandbox) -> None:
    connector, _ = hubspot_to(sandbox, limits=GREEDY)
    sandbox.stop()
    with pytest.raises(SourceError) as caught:
        run(connector)
    assert caught.value.code == "SOURCE_UNREACHABLE"
