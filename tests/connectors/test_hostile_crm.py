"""Whatever answers in a CRM's place: an error in words, in bounded time, memory and requests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from crmdeck.connectors import http, hubspot, partneros, salesforce
from crmdeck.connectors.base import Connector, Failed
from crmdeck.connectors.hubspot import discovery as hubspot_discovery
from crmdeck.connectors.limits import Limits
from crmdeck.errors import CrmdeckError, PermissionDeniedError
from crmdeck.model import CancelToken, Scope, ScopeMode
from tests.connectors.crm import Purse, connection_of
from tests.connectors.hostile import (
    ANSWERS,
    MEGABYTE,
    Answer,
    HostileServer,
    Visitor,
    continue_at_once,
    endless,
    fifty_megabytes,
    packed_by,
)

SHORT = Limits(
    connect_timeout=5,
    read_timeout=2,
    total_timeout=1,
    max_bytes=MEGABYTE,
    wait_budget=0.2,
    backoff=0.01,
    attempts=2,
    threads=2,
)
MOST_REQUESTS = 120
SOURCES = {
    "salesforce": (salesforce, "salesforce"),
    "hubspot": (hubspot, "hubspot"),
    "partneros": (partneros, "salesforce"),
}
SECRETS = {
    "access_token": "00D000000000001!access-token-of-the-test",
    "refresh_token": "refresh-token-of-the-test",
    "client_id": "client",
    "client_secret": "client-secret-of-the-test",
    "username": "dana@acme.example",
    "password": "password-of-the-test",
}


@pytest.fixture(scope="module", autouse=True)
def no_collection() -> Iterator[None]:
    """Let no collector run where the stack is nearly full: what it calls would fail there."""
    gc.disable()
    yield
    gc.enable()


def connector_to(source: str, url: str, limits: Limits = SHORT) -> tuple[Connector, Purse]:
    module, platform = SOURCES[source]
    purse = Purse(dict(SECRETS))
    connection = connection_of(
        platform,
        source=source,
        endpoint=url,
        instance_url="https://acme.my.salesforce.com" if source == "salesforce" else None,
        remote_id="00000000-0000-0000-0000-000000000002",
    )
    return module.open_connector(connection, purse, purse.note, limits), purse


def told_by(connector: Connector) -> list[CrmdeckError]:
    """Return the errors of looking at and discovering a source; anything else is raised."""
    errors = []
    try:
        connector.probe()
    except CrmdeckError as error:
        errors.append(error)
    try:
        for each in connector.discover(Scope(), {}, CancelToken()):
            if isinstance(each, Failed):
                errors.append(each.error)
    except CrmdeckError as error:
        errors.append(error)
    return errors


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("source", SOURCES)
def test_hostile_response_fails_in_time_with_message(source: str, answer: Answer) -> None:
    with HostileServer(answer) as server:
        connector, purse = connector_to(source, server.url)
        errors = told_by(connector)
    assert errors
    assert len(server.visitors) <= MOST_REQUESTS
    # What the systems' own buffers take in is sent and not read.
    assert max(each.sent for each in server.visitors) < 20 * MEGABYTE
    for error in errors:
        assert error.code
        assert not any(secret in str(error) for secret in purse.values.values())
        assert "evil.example/?t" not in str(error)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("br", "brotli"),
        ("zstd", "zstd"),
        ("gzip, br", "brotli"),
        ("ZSTD", "zstd"),
        ("x", "unknown"),
    ],
)
@pytest.mark.parametrize("source", SOURCES)
def test_unrequested_encoding_is_rejected(source: str, encoding: str, name: str) -> None:
    with HostileServer(packed_by(encoding)) as server:
        connector, _ = connector_to(source, server.url)
        with pytest.raises(CrmdeckError) as caught:
            connector.probe()
    assert caught.value.code == "ANSWER_ENCODING"
    assert name in str(caught.value)


@pytest.mark.parametrize("source", SOURCES)
def test_json_with_too_many_values_is_rejected_unparsed(source: str) -> None:
    with HostileServer(lambda to: to.json([[]] * 200_000)) as server:
        connector, _ = connector_to(source, server.url, replace(SHORT, max_memory=50 * MEGABYTE))
        with pytest.raises(CrmdeckError) as caught:
            connector.probe()
    assert caught.value.code == "ANSWER_TOO_LARGE"


@pytest.mark.parametrize("source", SOURCES)
def test_answers_in_between_end_before_the_time_is_over(source: str) -> None:
    with HostileServer(continue_at_once) as server:
        connector, _ = connector_to(source, server.url, replace(SHORT, total_timeout=20))
        with pytest.raises(CrmdeckError) as caught:
            connector.probe()
    assert caught.value.code == "ANSWER_CUT_SHORT"


@pytest.mark.parametrize("source", SOURCES)
def test_a_few_answers_in_between_are_passed_over(source: str) -> None:
    def hints(to: Visitor) -> None:
        to.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        to.json({"error": "no", "code": "X"}, status="403 Forbidden")

    with HostileServer(hints) as server:
        connector, _ = connector_to(source, server.url)
        with pytest.raises(PermissionDeniedError):
            connector.probe()


@pytest.mark.parametrize("source", SOURCES)
def test_redirect_is_reported_and_not_followed(source: str) -> None:
    with HostileServer(lambda to: to.json({})) as elsewhere:

        def away(to: Visitor) -> None:
            to.json({}, f"Location: {elsewhere.url}/", status="308 Permanent Redirect")

        with HostileServer(away) as server:
            connector, _ = connector_to(source, server.url)
            with pytest.raises(CrmdeckError) as caught:
                connector.probe()
    assert not elsewhere.visitors
    assert caught.value.code in ("ANSWER_NOT_JSON", "MY_DOMAIN_CHANGED")


def test_plain_http_on_loopback_has_the_same_limits() -> None:
    with HostileServer(fifty_megabytes) as server:
        connection = connection_of("salesforce", instance_url=server.url, api_version="66.0")
        purse = Purse(dict(SECRETS))
        connector = salesforce.open_connector(connection, purse, purse.note, SHORT)
        with pytest.raises(CrmdeckError) as caught:
            connector.probe()
    assert caught.value.code == "ANSWER_TOO_LARGE"
    assert max(each.sent for each in server.visitors) < 20 * MEGABYTE
    # Nothing listens there any longer.
    with pytest.raises(CrmdeckError) as caught:
        connector.probe()
    assert caught.value.code == "SOURCE_UNREACHABLE"
    assert "\n" not in str(caught.value)


def test_failures_keep_no_response_in_memory() -> None:
    def answer(to: Visitor) -> None:
        endless(to) if "/properties/" in to.path else to.json({"results": []})

    with HostileServer(answer) as server:
        connector, _ = connector_to("hubspot", server.url, replace(SHORT, total_timeout=20))
        found = list(connector.discover(Scope(mode=ScopeMode.ALL), {}, CancelToken()))
    failed = [each for each in found if isinstance(each, Failed)]
    assert len(failed) > 20
    assert {each.error.code for each in failed} == {"ANSWER_TOO_LARGE"}
    assert not any(each.error.__traceback__ or each.error.__context__ for each in failed)
    # Both turns for large bodies are free again.
    assert http._slots._value == 2


def test_all_lists_of_hubspot_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": "a", "label": "A" * 500, "type": "string"}]
    monkeypatch.setattr(hubspot_discovery, "_MOST_BYTES", 2000)
    with HostileServer(
        lambda to: to.json({"results": rows if "/prop" in to.path else []})
    ) as server:
        connector, _ = connector_to("hubspot", server.url)
        found = list(connector.discover(Scope(), {}, CancelToken()))
    codes = [each.error.code for each in found if isinstance(each, Failed)]
    assert "ANSWER_TOO_LARGE" in codes
