"""The sign-in with the browser, with httpx in the browser's place."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from crmdeck.errors import CanceledError, CrmdeckError
from crmdeck.model import CancelToken
from crmdeck.sandbox import Sandbox
from crmdeck.workspace import Workspace
from crmdeck.workspace.connections.signin import redirect
from tests.workspace.connections.signin.conftest import ORG, PORTAL, app, org_draft, portal_draft


def on_loopback(url: str) -> str:
    """Return the URL with the address that the server listens on: a name may be IPv6 first."""
    return url.replace("//localhost:", "//127.0.0.1:")


def browse(url: str) -> httpx.Response:
    """Follow the link to where the CRM sends the browser, and go there."""
    there = httpx.get(url, follow_redirects=False)
    return httpx.get(on_loopback(there.headers["Location"]))


def test_browser_sign_in_adds_the_connection(sandbox: Sandbox, ws: Workspace) -> None:
    draft = org_draft(sandbox)
    with ws.signin.begin_browser(draft, app(sandbox), port=0) as sign_in:
        asked = parse_qs(urlsplit(sign_in.url).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["scope"] == ["api refresh_token openid"]
        page = browse(sign_in.url)
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
        grant = sign_in.wait(timeout=5)
    ended = ws.signin.connect(draft, app(sandbox), grant=grant)
    assert ended.flow == "browser"
    assert ended.report is not None
    assert ended.report.user == "integration@acme.example"
    assert ended.connection.instance_url == sandbox.access(ORG).instance_url
    assert ws.connections.test("acme").user == "integration@acme.example"
    with pytest.raises(httpx.ConnectError):
        httpx.get(on_loopback(sign_in.redirect_uri))


def test_hubspot_dated_endpoint_accepts_the_code(sandbox: Sandbox, ws: Workspace) -> None:
    access = sandbox.access(PORTAL)
    secrets = {"client_id": access.client_id, "client_secret": access.client_secret}
    draft = portal_draft(sandbox)
    with ws.signin.begin_browser(draft, secrets, port=0) as sign_in:
        browse(sign_in.url)
        grant = sign_in.wait(timeout=5)
    ended = ws.signin.connect(draft, secrets, grant=grant)
    assert ended.connection.organization == str(access.portal_id)
    assert ended.report is not None
    assert ended.report.token_expires_at is not None
    paths = {request.path for request in sandbox.requests}
    assert "/oauth/2026-03/token" in paths
    assert not any("/v1/" in path for path in paths)


def test_a_pasted_url_ends_the_wait_of_another_thread(sandbox: Sandbox, ws: Workspace) -> None:
    with ws.signin.begin_browser(org_draft(sandbox), app(sandbox), listen=False) as sign_in:
        tokens: list[str] = []
        waiting = threading.Thread(
            target=lambda: tokens.append(sign_in.wait(timeout=5).access_token)
        )
        waiting.start()
        ended_at = httpx.get(sign_in.url).headers["Location"]
        with pytest.raises(CrmdeckError, match="doesn't belong to this sign-in"):
            sign_in.finish_with("https://localhost/callback?code=stolen&state=guessed")
        sign_in.finish_with(f"  {ended_at}\n")
        waiting.join()
    assert len(tokens) == 1


def test_wrong_state_is_rejected_and_right_one_accepted(sandbox: Sandbox, ws: Workspace) -> None:
    with ws.signin.begin_browser(org_draft(sandbox), app(sandbox), port=0) as sign_in:
        callback = on_loopback(sign_in.redirect_uri)
        for query in ("?code=injected&state=guessed", "?code=injected", "", "?state=\u00e9"):
            assert httpx.get(callback + query).status_code == 400
        assert httpx.get(callback.replace("callback", "other")).status_code == 404
        assert browse(sign_in.url).status_code == 200
        assert sign_in.wait(timeout=5).access_token


def test_denied_sign_in_is_reported_and_not_stored(sandbox: Sandbox, ws: Workspace) -> None:
    with ws.signin.begin_browser(org_draft(sandbox), app(sandbox), port=0) as sign_in:
        state = parse_qs(urlsplit(sign_in.url).query)["state"][0]
        refusal = {"error": "access_denied", "error_description": "end-user denied authorization"}
        httpx.get(on_loopback(sign_in.redirect_uri), params={**refusal, "state": state})
        with pytest.raises(CrmdeckError) as caught:
            sign_in.wait(timeout=5)
    assert caught.value.code == "SIGN_IN_DENIED"
    assert ws.connections.all() == ()


def test_pasted_error_page_reports_the_block(sandbox: Sandbox, ws: Workspace) -> None:
    page = "https://acme.my.salesforce.com/setup/secur/RemoteAccessErrorPage.apexp"
    query = "error=invalid_client&error_description=app+must+be+installed+into+org"
    with ws.signin.begin_browser(org_draft(sandbox), app(sandbox), listen=False) as sign_in:
        with pytest.raises(CrmdeckError):
            sign_in.finish_with(f"{page}?{query}&state=guessed")
        sign_in.finish_with(f"{page}?{query}")
        with pytest.raises(CrmdeckError) as caught:
            sign_in.wait(timeout=5)
    assert caught.value.code == "APP_NOT_INSTALLED"


def test_a_code_works_once_and_for_its_verifier_only(sandbox: Sandbox, ws: Workspace) -> None:
    draft = org_draft(sandbox)
    with (
        ws.signin.begin_browser(draft, app(sandbox), listen=False) as mine,
        ws.signin.begin_browser(draft, app(sandbox), listen=False) as theirs,
    ):
        code = parse_qs(urlsplit(httpx.get(theirs.url).headers["Location"]).query)["code"][0]
        state = parse_qs(urlsplit(mine.url).query)["state"][0]
        mine.finish_with(f"{mine.redirect_uri}?code={code}&state={state}")
        with pytest.raises(CrmdeckError) as caught:
            mine.wait(timeout=5)
    assert caught.value.code == "GRANT_REFUSED"
    assert code not in str(caught.value)


def test_sign_in_times_out_or_is_canceled(sandbox: Sandbox, ws: Workspace) -> None:
    with ws.signin.begin_browser(org_draft(sandbox), app(sandbox), port=0) as sign_in:
        with pytest.raises(CrmdeckError) as caught:
            sign_in.wait(timeout=0)
        cancel = CancelToken()
        cancel.cancel()
        with pytest.raises(CanceledError):
            sign_in.wait(cancel, timeout=30)
        assert browse(sign_in.url).status_code == 200
        assert sign_in.wait(timeout=5).access_token
    assert caught.value.code == "SIGN_IN_TIMEOUT"


def test_used_port_is_reported_with_remedy(sandbox: Sandbox, ws: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CrmdeckError) as caught:
            ws.signin.begin_browser(org_draft(sandbox), app(sandbox), port=port)
    assert caught.value.code == "PORT_IN_USE"
    assert str(port) in caught.value.message


def test_the_port_can_be_used_again_at_once(sandbox: Sandbox, ws: Workspace) -> None:
    with ws.signin.begin_browser(org_draft(sandbox), app(sandbox), port=0) as first:
        browse(first.url)
        first.wait(timeout=5)
        port = urlsplit(first.redirect_uri).port or 0
    with ws.signin.begin_browser(org_draft(sandbox), app(sandbox), port=port) as second:
        assert second.redirect_uri == first.redirect_uri


def test_a_sign_in_under_way_shows_no_secret(sandbox: Sandbox, ws: Workspace) -> None:
    with ws.signin.begin_browser(org_draft(sandbox), app(sandbox), listen=False) as sign_in:
        state = parse_qs(urlsplit(sign_in.url).query)["state"][0]
        assert state not in repr(sign_in)
        assert "verifier" not in sign_in.url


ADDRESSES = {socket.AF_INET6: ("::1", 0, 0, 0), socket.AF_INET: ("127.0.0.1", 0)}


def has_ipv6() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_the_listener_covers_every_address_of_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(each, 0, 0, "", address) for each, address in ADDRESSES.items()]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    server = redirect.RedirectServer(0, "/callback", lambda _: True)
    monkeypatch.undo()
    for host in ("127.0.0.1", "[::1]"):
        assert httpx.get(f"http://{host}:{server.port}/callback?code=1").status_code == 200
    server.close()
