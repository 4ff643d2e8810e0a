"""Who gets in, from where, and that nobody sees what is another organization's."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from crmdeck.errors import UsageError
from crmdeck.model import AuditEntry
from crmdeck.server import Accounts, create_app
from crmdeck.server.addresses import host_of
from crmdeck.server.run import Binding, serve
from crmdeck.server.sessions import Sessions
from crmdeck.workspace import Workspace
from tests.cli.shell import Shell

from .conftest import OPPORTUNITY, PAIR, PASSWORD, House, serving, text_field
from .test_access import code

NEW = "another good password"
WRONG = {"email": "dana@acme.example", "password": "wrong"}
RIGHT = {"email": "dana@acme.example", "password": PASSWORD}


@contextmanager
def through(house: House, *proxies: str, **more: Any) -> Iterator[httpx.Client]:
    """Yield a client of the server, which trusts these proxies."""
    app = create_app(house.workspace, **more)
    with (
        serving(app, proxies=proxies) as url,
        httpx.Client(base_url=f"{url}/api", timeout=120) as client,
    ):
        yield client


def sign_in(client: httpx.Client, body: dict[str, str], **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/auth/sign-in/email", json=body, headers=named).status_code


def test_client_cannot_choose_its_address(house: House) -> None:
    with through(house) as client:
        answers = [sign_in(client, WRONG, X_Forwarded_For=f"203.0.113.{n}") for n in range(11)]
        assert answers == [401] * 10 + [429]


def test_trusted_proxy_sets_the_client_address(house: House) -> None:
    with through(house, "127.0.0.0/8") as client:
        claimed = [f"198.51.100.{n}, 203.0.113.7" for n in range(11)]
        answers = [sign_in(client, WRONG, X_Forwarded_For=each) for each in claimed]
        assert answers == [401] * 10 + [429]
        assert sign_in(client, RIGHT, X_Forwarded_For="203.0.113.8") == 200
        assert Sessions(house.workspace.home).knows("dana@acme.example", "203.0.113.8")


def test_a_proxy_is_trusted_by_its_address_only(house: House) -> None:
    settings = house.workspace.home / "settings.toml"
    for name in ("*", "proxy.example", "10.0.0.1/8", ""):
        settings.write_text(f'trusted_proxies = ["{name}"]\n')
        with Workspace.open(house.workspace.home) as workspace, pytest.raises(UsageError) as caught:
            serve(workspace, Binding(port=0), ready=lambda _: None)
        assert caught.value.code == "BAD_TRUSTED_PROXY", name


def test_a_name_that_was_made_to_lead_here_is_not_answered(house: House) -> None:
    (house.workspace.home / "settings.toml").write_text('server_hosts = ["Deck.internal"]\n')
    with Workspace.open(house.workspace.home) as workspace:
        app = create_app(workspace, public_url="https://deck.example")
        with serving(app) as url, httpx.Client(base_url=f"{url}/api", timeout=120) as client:
            for host in (
                "evil.example",
                "evil.example:8475",
                "deck.example.evil",
                "",
                "127.0.0.1:8475.evil.example",
                "127.0.0.1:x.evil.example",
                "[::1]:80.evil.example",
                "[::1].evil.example",
                "a@[::1",
                "[::1",
            ):
                answer = client.get("/openapi.json", headers={"Host": host})
                assert code(answer) == (421, "WRONG_HOST")
                rebound = {"Host": host, "Origin": f"http://{host}"}
                answer = client.post("/auth/sign-in/email", json=RIGHT, headers=rebound)
                assert code(answer) == (421, "WRONG_HOST")
            for host in ("deck.example", "DECK.example.:443", "deck.internal", "localhost:1"):
                assert client.get("/openapi.json", headers={"Host": host}).status_code == 200
            for host in ("127.0.0.1:8475", "[::1]:8475", "192.0.2.7"):
                assert client.get("/openapi.json", headers={"Host": host}).status_code == 200


def test_hosts_are_read_with_and_without_ports() -> None:
    assert [host_of(each) for each in ("[::1]:80", "[::1]", "A.b:80", "a.b.")] == [
        "::1",
        "::1",
        "a.b",
        "a.b",
    ]


FROM_ANOTHER_SITE = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


def test_page_of_another_site_is_rejected(served: House) -> None:
    with served.client() as dana:
        described = served.app.openapi()
        posts = [path for path, methods in described["paths"].items() if "post" in methods]
        assert len(posts) >= 12
        for path, headers in itertools.product(posts, FROM_ANOTHER_SITE):
            at = path.removeprefix("/api").format(integration_id=served.ids["acme"])
            assert code(dana.post(at, json={}, headers=headers)) == (403, "CROSS_ORIGIN"), headers


def test_signing_out_everywhere_ends_each_session(served: House) -> None:
    with served.client() as here, served.client() as there, served.client("rob@rival.example") as r:
        assert here.post("/auth/sign-out-everywhere").json() == {"ended": 2}
        for client in (here, there):
            assert code(client.get("/auth/session")) == (401, "UNAUTHENTICATED")
        assert r.get("/auth/session").status_code == 200


def test_a_new_password_ends_all_other_sessions(served: House) -> None:
    with served.client() as here, served.client() as there:
        there_token = there.cookies["session_token"]
        for body, expected in (
            ({"currentPassword": "wrong", "newPassword": NEW}, (409, "INVALID_CREDENTIALS")),
            ({"currentPassword": PASSWORD, "newPassword": "short"}, (400, "BAD_REQUEST")),
        ):
            assert code(here.post("/auth/password", json=body)) == expected
        assert there.get("/auth/session").status_code == 200
        before = here.cookies["session_token"]
        changed = here.post(
            "/auth/password", json={"currentPassword": PASSWORD, "newPassword": NEW}
        )
        assert changed.json()["activeOrganizationId"] == "acme"
        assert here.cookies["session_token"] != before
        assert here.get("/auth/session").status_code == 200
        for old in (there_token, before):
            with httpx.Client(base_url=here.base_url, cookies={"session_token": old}) as stale:
                assert code(stale.get("/auth/session")) == (401, "UNAUTHENTICATED")
    with served.client(None) as client:
        assert sign_in(client, RIGHT) == 401
        assert sign_in(client, {**RIGHT, "password": NEW}) == 200


def test_known_device_keeps_its_attempts(
    served: House,
) -> None:
    def attempt(email: str, password: str, device: str | None = None) -> httpx.Response:
        cookies = None if device is None else {"known_device": device}
        with httpx.Client(timeout=120, cookies=cookies) as client:
            body = {"email": f"{email}@acme.example", "password": password}
            return client.post(f"{served.url}/api/auth/sign-in/email", json=body)

    first = attempt("dana", PASSWORD)
    device = first.cookies["known_device"]
    with httpx.Client(base_url=f"{served.url}/api", cookies=first.cookies) as dana:
        assert dana.post("/auth/sign-out").status_code == 200
    assert [attempt("dana", "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    for other in (None, "", "x" * 5000, device[:-1]):
        assert attempt("dana", PASSWORD, other).status_code == 429
    # It is worth something for her only, and gives no more guesses than anybody has.
    assert [attempt("vera", "wrong").status_code for _ in range(5)] == [401] * 5
    assert attempt("vera", PASSWORD, device).status_code == 429
    assert [attempt("dana", "wrong", device).status_code for _ in range(4)] == [401] * 4
    again = attempt("dana", PASSWORD, device)
    assert again.status_code == 200
    assert "known_device" not in again.cookies
    # Signing out everywhere forgets it.
    with httpx.Client(base_url=f"{served.url}/api", cookies=again.cookies) as dana:
        assert dana.post("/auth/sign-out-everywhere").status_code == 200
    assert attempt("dana", PASSWORD, device).status_code == 429


WEAK = ("password1234", "1q2w3e4r5t6y", "aaaaaaaaaaaa", "dana@acme.example", "crmdeckcrmdeck")


def test_weak_password_is_rejected(served: House) -> None:
    with served.client() as dana, served.client() as elsewhere:
        for weak in WEAK:
            body = {"currentPassword": PASSWORD, "newPassword": weak}
            assert code(dana.post("/auth/password", json=body)) == (400, "WEAK_PASSWORD")
            assert elsewhere.get("/auth/session").status_code == 200
            with pytest.raises(UsageError) as caught:
                Accounts(served.workspace.home).change_user("dana@acme.example", password=weak)
            assert caught.value.code == "WEAK_PASSWORD"
            assert weak not in str(caught.value)


def test_idle_session_expires(served: House) -> None:
    with served.client() as dana:
        for number in range(1, 5):
            served.clock.offset = timedelta(hours=30 * number)
            assert dana.get("/auth/session").status_code == 200
        served.clock.offset += timedelta(hours=49)
        assert code(dana.get("/auth/session")) == (401, "UNAUTHENTICATED")


def test_password_changes_share_the_sign_in_limit(served: House) -> None:
    with served.client() as dana:
        body = {"currentPassword": "wrong", "newPassword": NEW}
        codes = [dana.post("/auth/password", json=body).status_code for _ in range(6)]
        assert codes == [409] * 5 + [429]


def test_a_user_is_changed_and_signed_out_from_the_command_line(house: House) -> None:
    home = house.workspace.home
    accounts = Accounts(home)
    user = accounts.book().user("vera@acme.example")
    assert user is not None
    token, _ = Sessions(home).start(user, "acme")

    def run(*arguments: str) -> Any:
        words = ("serve", "users", *arguments, "--json")
        done = Shell(home).attempt(*words, env={"CRMDECK_SERVE_PASSWORD": NEW})
        return json.loads(done.stdout or done.stderr)

    assert run("set", "vera@acme.example", "--role", "member")["roles"] == {"acme": "member"}
    assert Sessions(home).find(token, accounts.book()) is not None
    assert run("sign-out", "VERA@acme.example") == {"ended": 1}
    assert run("let-in", "nobody@acme.example")["code"] == "USER_NOT_FOUND"
    admission = run("let-in", "VERA@acme.example")["admission"]
    assert run("set", "vera@acme.example", "--password")["email"] == "vera@acme.example"
    assert run("set", "vera@acme.example")["code"] == "BAD_REQUEST"
    assert run("set", "nobody@acme.example", "--password")["code"] == "USER_NOT_FOUND"
    with serving(house.app) as url, httpx.Client(base_url=f"{url}/api", timeout=120) as client:
        vera = {"email": "vera@acme.example", "password": NEW}
        answer = client.post("/auth/sign-in/email", json=vera)
        assert answer.json()["user"]["role"] == "member"
        client.post("/auth/sign-out")
        client.cookies.clear()
        guesses = [sign_in(client, {**vera, "password": "wrong"}) for _ in range(11)]
        assert guesses[-1] == sign_in(client, vera) == 429
        # Who guesses behind the same address keeps out nobody who was let in, and gains nothing.
        assert sign_in(client, {**vera, "admission": "x" * 43}) == 429
        assert sign_in(client, {**WRONG, "admission": admission}) == 401
        assert sign_in(client, {**vera, "password": "wrong", "admission": admission}) == 401
        assert sign_in(client, {**vera, "admission": admission}) == 200
        client.cookies.clear()
        house.clock.offset = timedelta(hours=2)
        expired = Sessions(home, clock=house.clock).trusted(admission, "vera@acme.example")
        assert expired is None


BODIES: dict[str, dict[str, Any]] = {
    "/schema/refresh": {},
    "/disconnect": {},
    "/mapping/ai-suggest": {"objectPair": PAIR},
    "/mapping/decisions": {
        "objectPair": PAIR,
        "choices": [{"partnerField": "estimatedValue", "state": "accepted", "crmField": "Amount"}],
    },
    "/mapping/undo": {"objectPair": PAIR},
    "/drift/acknowledge": {"eventIds": ["x"]},
    "/drift/reopen": {"eventIds": ["x"]},
}
LOOKING = ("/mapping/ai-suggest",)


def operations(house: House) -> list[tuple[str, str]]:
    """Return method and path of every endpoint about one integration, from the description."""
    found = [
        (method.upper(), path.removeprefix("/api"))
        for path, methods in house.app.openapi()["paths"].items()
        for method in methods
        if "{integration_id}" in path
    ]
    assert len(found) >= 13
    return found


def same_but_ids(response: httpx.Response, integration: str) -> str:
    """Return a response without the IDs of its request and of the integration."""
    text = response.text.replace(response.headers["x-request-id"], "")
    return text.replace(integration[:8], "0" * 8)


def send(client: httpx.Client, method: str, path: str, integration: str) -> httpx.Response:
    rest = path.partition("{integration_id}")[2]
    body = BODIES[rest] if method == "POST" else None
    return client.request(method, path.format(integration_id=integration), json=body)


def state(house: House, name: str) -> list[Any]:
    """Return all that could have changed of a connection, but what its own people did."""
    entries: tuple[AuditEntry, ...] = house.workspace.audit.entries(name)
    return [
        entries,
        house.workspace.connections.get(name),
        house.workspace.drift.report(name).events,
        house.workspace.mappings.decisions(name),
    ]


def test_endpoints_require_session_role_organization(
    served: House,
) -> None:
    house = served
    for name in ("acme", "other"):
        house.workspace.refreshes.run(name)
    house.export({**OPPORTUNITY, "fields": [*OPPORTUNITY["fields"], text_field("Secret__c")]})
    house.workspace.refreshes.run("other")
    theirs = house.ids["other"]
    events = [event.id for event in house.workspace.drift.report("other").events]
    assert events
    before = state(house, "other")
    forms = (theirs, theirs.upper(), theirs.replace("-", ""), f"{theirs}%00", f"{theirs}.", "other")
    requests = 0
    with (
        house.client() as dana,
        house.client("vera@acme.example") as vera,
        house.client("mona@acme.example") as mona,
        house.client(None) as nobody,
    ):
        mona.post("/auth/organization", json={"organizationId": "acme"})
        forged = httpx.Client(base_url=nobody.base_url, cookies={"session_token": "x" * 43})
        for method, path in operations(house):
            unknown = send(dana, method, path, f"{'0' * 8}{theirs[8:]}")
            # A viewer's role is checked first.
            may = method == "GET" or path.endswith(LOOKING)
            asked = [(dana, form) for form in forms]
            asked += [(client, theirs) for client in ((vera, mona) if may else (mona,))]
            for client, form in asked:
                answer = send(client, method, path, form)
                requests += 1
                assert code(answer) == code(unknown) == (404, "INTEGRATION_NOT_FOUND")
                if form == theirs:
                    assert same_but_ids(answer, theirs) == same_but_ids(unknown, theirs)
            for client in (nobody, forged):
                assert code(send(client, method, path, theirs)) == (401, "UNAUTHENTICATED")
                assert code(send(client, method, path, house.ids["acme"]))[0] == 401
                requests += 2
        forged.close()
        # What others' things are called helps nobody either.
        base = f"/integrations/{house.ids['acme']}"
        noted = dana.post(f"{base}/drift/acknowledge", json={"eventIds": events})
        assert noted.json() == {"acknowledged": 0}
        assert dana.post(f"{base}/drift/reopen", json={"eventIds": events}).json()["reopened"] == 0
        everything = "".join(
            send(dana, method, path, house.ids["acme"]).text
            for method, path in operations(house)
            if method == "GET"
        )
        assert "Amount" in everything
        assert theirs not in everything + dana.get("/integrations").text
        assert "Secret__c" not in everything
    assert requests >= 13 * 11
    assert state(house, "other") == before
