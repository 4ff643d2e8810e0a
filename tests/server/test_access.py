from __future__ import annotations

import json
import stat
from datetime import timedelta
from typing import Any

import httpx
import pytest

from crmdeck.errors import ConflictError, NotFoundError, UsageError
from crmdeck.model import Choice, DecisionState
from crmdeck.server import Accounts, create_app
from crmdeck.server.accounts import ACCOUNTS_FILE, AccountBook, Organization
from crmdeck.server.documents import document
from crmdeck.server.run import Binding, serve
from crmdeck.server.sessions import MOST_PER_USER, Sessions
from crmdeck.workspace.findings.health import Health
from crmdeck.workspace.refresh.service import Refreshes

from .conftest import PAIR, PASSWORD, House, serving


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a failure, which has the documented body."""
    body = response.json()
    assert {"error", "code"} <= set(body) <= {"error", "code", "cause", "remedy", "requestId"}
    assert body["requestId"] == response.headers["x-request-id"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    return response.status_code, body["code"]


def test_session_cookie_is_http_only_and_same_site(served: House) -> None:
    body = {"email": " Dana@ACME.example", "password": PASSWORD}
    with served.client(None) as client:
        answer = client.post("/auth/sign-in/email", json=body)
        cookie, device = answer.headers.get_list("set-cookie")
        assert device.startswith("known_device=")
        assert {"HttpOnly", "SameSite=strict", "Path=/api/auth"} <= set(device.split("; "))
        assert cookie.startswith("session_token=")
        assert {"HttpOnly", "SameSite=strict", "Path=/api"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert answer.json()["user"] == {"email": "dana@acme.example", "role": "member"}
        assert answer.json()["activeOrganizationId"] == "acme"
        assert client.get("/auth/session").json() == answer.json()
        assert client.post("/auth/sign-out").json() == {"success": True}
        client.cookies.set("session_token", cookie[14:].split(";")[0])
        assert code(client.get("/auth/session")) == (401, "UNAUTHENTICATED")


def test_tls_cookie_is_secure_and_origin_public(house: House) -> None:
    app = create_app(house.workspace, public_url="https://deck.example")
    with serving(app) as url, httpx.Client(base_url=f"{url}/api") as client:
        body = {"email": "dana@acme.example", "password": PASSWORD}
        answer = client.post(
            "/auth/sign-in/email", json=body, headers={"Origin": "https://deck.example"}
        )
        assert "Secure" in answer.headers["set-cookie"]
        assert "strict-transport-security" in answer.headers


def test_integrations_are_paged(served: House) -> None:
    acme, rival = served.app.state.deck.accounts.book().organizations
    both = acme.model_copy(update={"connections": tuple(served.ids.values())})
    document(served.workspace, ACCOUNTS_FILE, AccountBook()).change(
        lambda book: book.model_copy(update={"organizations": (both, rival)})
    )
    with served.client() as dana:
        first = dana.get("/integrations", params={"limit": 1})
        assert [each["name"] for each in first.json()] == ["acme"]
        second = dana.get(first.links["next"]["url"].removeprefix("/api"))
        assert [each["name"] for each in second.json()] == ["other"]
        assert "next" not in second.links
        unknown = dana.get("/integrations", params={"cursor": "0" * 8})
        assert code(unknown) == (404, "INTEGRATION_NOT_FOUND")
    with served.client("rob@rival.example") as rob:
        foreign = rob.get("/integrations", params={"cursor": served.ids["acme"]})
        assert code(foreign) == (404, "INTEGRATION_NOT_FOUND")


def test_other_organizations_connections_stay_hidden(served: House) -> None:
    mine, others = served.ids["acme"], served.ids["other"]
    with served.client() as dana, served.client("rob@rival.example") as rob:
        assert [each["name"] for each in dana.get("/integrations").json()] == ["acme"]
        assert [each["name"] for each in rob.get("/integrations").json()] == ["other"]
        assert dana.get(f"/integrations/{mine.upper()}/status").json()["id"] == mine
        for path in ("status", "schema", "drift", "audit", "mapping/decisions"):
            theirs = dana.get(f"/integrations/{others}/{path}")
            nobody = dana.get(f"/integrations/{'0' * 8}{others[8:]}/{path}")
            assert code(theirs) == code(nobody) == (404, "INTEGRATION_NOT_FOUND")
            id_ = theirs.json()["requestId"]
            same = theirs.text.replace(others[:8], "0" * 8).replace(id_, nobody.json()["requestId"])
            assert same == nobody.text
        assert code(dana.get("/integrations/acme/status"))[0] == 404
        for path in ("schema/refresh", "disconnect"):
            assert code(dana.post(f"/integrations/{others}/{path}"))[0] == 404


def test_a_connection_given_to_another_organization_leaves_main() -> None:
    main, acme = Organization(id="main"), Organization(id="acme", connections=("a",))
    book = AccountBook(organizations=(main, acme, Organization(id="auditors")))
    for name, mine in (("main", "bc"), ("acme", "a"), ("auditors", "abc")):
        organization = book.organization(name)
        assert organization
        assert [key for key in "abc" if organization.has(key)] == list(mine)
    assert AccountBook.model_validate_json(book.to_json()) == book


def test_suggestions_do_not_learn_from_another_organization(served: House) -> None:
    for name in ("acme", "other"):
        served.workspace.refreshes.run(name)
    base, body = f"/integrations/{served.ids['acme']}", {"objectPair": PAIR}
    with served.client() as dana:
        before = dana.post(f"{base}/mapping/ai-suggest", json=body).json()
        choice = Choice(
            partner_field="contactTitle", state=DecisionState.ACCEPTED, crm_field="Name"
        )
        served.workspace.mappings.record_decisions("other", PAIR, [choice])
        assert dana.post(f"{base}/mapping/ai-suggest", json=body).json() == before
    assert "accepted in other" in str(served.workspace.mappings.suggest("acme", PAIR))


def test_the_active_organization_is_chosen_and_switched(served: House) -> None:
    with served.client("mona@acme.example") as mona:
        assert mona.get("/auth/session").json()["activeOrganizationId"] is None
        assert code(mona.get("/integrations")) == (400, "NO_ACTIVE_ORGANIZATION")
        for organization, name in (("acme", "acme"), ("rival", "other")):
            body = {"organizationId": organization}
            assert mona.post("/auth/organization", json=body).json()["activeOrganizationId"]
            assert [each["name"] for each in mona.get("/integrations").json()] == [name]
        refused = mona.post("/auth/organization", json={"organizationId": "nope"})
        assert code(refused) == (404, "ORGANISATION_NOT_FOUND")


FAILURES: tuple[tuple[str, str, dict[str, Any], tuple[int, str]], ...] = (
    ("GET", "/nothing", {}, (404, "NO_SUCH_ENDPOINT")),
    ("GET", "/integrations/", {}, (404, "NO_SUCH_ENDPOINT")),
    ("PUT", "/integrations", {}, (405, "METHOD_NOT_ALLOWED")),
    ("GET", "/integrations/{id}/audit?limit=0", {}, (400, "BAD_REQUEST")),
    ("GET", "/integrations/{id}/drift?since=soon", {}, (400, "BAD_REQUEST")),
    (
        "GET",
        "/integrations/{id}/drift?since=0001-01-01T00%2B23",
        {},
        (400, "BAD_REQUEST"),
    ),
    ("GET", "/integrations/{id}/schema", {}, (409, "SCHEMA_NOT_DISCOVERED")),
    ("POST", "/integrations/{id}/mapping/ai-suggest", {}, (400, "BAD_REQUEST")),
    (
        "POST",
        "/integrations/{id}/mapping/ai-suggest",
        {"json": {"objectPair": PAIR}},
        (409, "SCHEMA_NOT_DISCOVERED"),
    ),
    (
        "POST",
        "/auth/organization",
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        (400, "BAD_REQUEST"),
    ),
    (
        "POST",
        "/auth/organization",
        {"content": b'{"organizationId": "acme"}', "headers": {"Content-Type": "text/plain"}},
        (400, "BAD_REQUEST"),
    ),
    ("POST", "/auth/organization", {"content": b"x" * 2_000_000}, (413, "BODY_TOO_LARGE")),
    (
        "POST",
        "/auth/organization",
        {
            "content": iter([b"x" * 600_000] * 3),
            "headers": {"Content-Type": "application/json"},
        },
        (413, "BODY_TOO_LARGE"),
    ),
    (
        "POST",
        "/integrations/{id}/disconnect",
        {"headers": {"Origin": "https://evil.example"}},
        (403, "CROSS_ORIGIN"),
    ),
    ("POST", "/auth/sign-out", {"headers": {"Origin": "null"}}, (403, "CROSS_ORIGIN")),
)


def test_every_failure_has_the_documented_body(served: House) -> None:
    with served.client() as client:
        for method, path, more, expected in FAILURES:
            at = path.format(id=served.ids["acme"])
            answer = client.send(client.build_request(method, at, **more))
            assert code(answer) == expected, (method, path)


def test_bug_is_reported_without_internals(served: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the insides")

    monkeypatch.setattr(Health, "statuses", fail)
    with served.client() as client:
        broken = client.get("/integrations")
        assert code(broken) == (500, "INTERNAL_ERROR")
        assert "insides" not in broken.text


def test_duplicate_parameter_is_rejected(served: House) -> None:
    at = f"/integrations/{served.ids['acme']}/schema"
    with served.client() as client:
        assert client.post(f"{at}/refresh").status_code == 200
        assert client.get(f"{at}?objectType=Account").status_code == 200
        assert client.get(f"{at}?objectType=\x84%ff").status_code == 404
        for twice in ("objectType=Lead&objectType=Account", "objectType&object%54ype=Account"):
            assert code(client.get(f"{at}?{twice}")) == (400, "BAD_REQUEST")


def test_unusable_cache_is_reported_without_its_path(
    served: House, caplog: pytest.LogCaptureFixture
) -> None:
    home = served.workspace.home
    with served.client() as client:
        (home / "crmdeck.duckdb").rename(home / "elsewhere")
        missing = client.get(f"/integrations/{served.ids['acme']}/status")
        (home / "elsewhere").rename(home / "crmdeck.duckdb")
        (home / "users.json").write_text("{")
        unreadable = client.get("/auth/session")
    assert code(missing) == (503, "CACHE_GONE")
    assert code(unreadable) == (500, "SERVER_FILE_UNUSABLE")
    for answer in (missing, unreadable):
        assert str(home) not in answer.text
        assert "cause" not in answer.json()
    assert str(home / "crmdeck.duckdb") in caplog.text
    assert str(home / "users.json") in caplog.text


def test_crm_rejection_keeps_the_callers_session(
    served: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmdeck.errors import PermissionDeniedError, QuotaExceededError, ReauthRequiredError

    told = {
        ReauthRequiredError("ended", code="SESSION_EXPIRED"): (409, "SESSION_EXPIRED"),
        PermissionDeniedError("no"): (502, "FORBIDDEN"),
        QuotaExceededError("used up"): (429, "QUOTA_EXCEEDED"),
    }
    with served.client() as client:
        for error, expected in told.items():

            def fail(*_: object, error: Exception = error, **__: object) -> None:
                raise error

            monkeypatch.setattr(Refreshes, "run", fail)
            answer = client.post(f"/integrations/{served.ids['acme']}/schema/refresh")
            assert code(answer) == expected


def test_unknown_users_have_sign_in_limits_too(served: House) -> None:
    with served.client(None) as client:
        for email in ("dana@acme.example", "nobody@acme.example"):
            body = {"email": email, "password": "wrong"}
            for _ in range(5):
                refused = client.post("/auth/sign-in/email", json=body)
                assert code(refused) == (401, "INVALID_CREDENTIALS")
            right = client.post("/auth/sign-in/email", json={**body, "password": PASSWORD})
            assert code(right) == (429, "TOO_MANY_ATTEMPTS")
            assert 0 < int(right.headers["retry-after"]) <= 300


def test_sessions_survive_restart_and_expire(served: House) -> None:
    home = served.workspace.home
    with served.client() as client:
        token = client.cookies["session_token"]
        book = Accounts(home).book()
        found = Sessions(home).find(token, book)
        assert found is not None
        assert found[1].email == "dana@acme.example"
        for name in ("users.json", "sessions.json"):
            text = (home / name).read_text()
            assert PASSWORD not in text
            assert token not in text
            assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
        served.clock.offset = timedelta(days=8)
        assert code(client.get("/auth/session")) == (401, "UNAUTHENTICATED")
        served.clock.offset = None
        assert client.get("/auth/session").status_code == 200
        Accounts(home).remove_user("dana@acme.example")
        assert code(client.get("/auth/session")) == (401, "UNAUTHENTICATED")
        Accounts(home).add_user("dana@acme.example", "another password", organizations=("acme",))
        assert code(client.get("/auth/session")) == (401, "UNAUTHENTICATED")


def test_one_user_has_so_many_sessions_and_the_oldest_end(house: House) -> None:
    sessions = Sessions(house.workspace.home)
    book = Accounts(house.workspace.home).book()
    dana, rob = book.user("dana@acme.example"), book.user("rob@rival.example")
    assert dana is not None
    assert rob is not None
    other, _ = sessions.start(rob, None)
    tokens = [sessions.start(dana, None)[0] for _ in range(MOST_PER_USER + 2)]
    assert [sessions.find(token, book) is None for token in tokens[:3]] == [True, True, False]
    assert sessions.find(other, book) is not None


def test_old_role_becomes_role_in_each_organization() -> None:
    book = AccountBook.model_validate_json(
        """{"organisations": [{"id": "main"}, {"id": "acme"}], "users": [
        {"email": "a@x", "passwordHash": "", "role": "member"},
        {"email": "b@x", "passwordHash": "", "role": "viewer",
        "organisations": ["main", "acme"]}]}"""
    )
    assert [user.roles for user in book.users] == [
        {"main": "admin"},
        {"main": "viewer", "acme": "viewer"},
    ]
    assert AccountBook.model_validate_json(book.to_json()) == book


def test_accounts_reject_invalid_input(house: House) -> None:
    accounts = Accounts(house.workspace.home)
    with pytest.raises(ConflictError):
        accounts.add_user("DANA@acme.example", PASSWORD)
    with pytest.raises(NotFoundError):
        accounts.add_user("new@acme.example", PASSWORD, organizations=("nope",))
    for email, password in (("new", PASSWORD), ("a b@c", PASSWORD), ("new@acme.example", "short")):
        with pytest.raises(UsageError):
            accounts.add_user(email, password)
    with pytest.raises(ConflictError):
        accounts.remove_organization("acme")
    with pytest.raises(UsageError):
        accounts.set_organization("../x", None)


def test_removed_user_is_not_removed_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts, other = Accounts(house.workspace.home), Accounts(house.workspace.home)
    monkeypatch.setattr(accounts, "user", lambda email: other.remove_user(email))
    with pytest.raises(NotFoundError):
        accounts.remove_user("dana@acme.example")


def test_unsafe_binding_is_rejected(house: House) -> None:
    for binding, expected in (
        (Binding(host="0.0.0.0"), "INSECURE_BINDING"),
        (Binding(host="crm.example"), "INSECURE_BINDING"),
        (Binding(public_url="http://crm.example"), "BAD_PUBLIC_URL"),
        (Binding(public_url="https://crm.example/api"), "BAD_PUBLIC_URL"),
        (Binding(host="192.0.2.1", public_url="https://crm.example"), "CANNOT_LISTEN"),
    ):
        with pytest.raises(UsageError) as caught:
            serve(house.workspace, binding, ready=lambda _: None)
        assert caught.value.code == expected
        assert caught.value.remedy


def test_server_without_users_does_not_start(house: House) -> None:
    users = house.workspace.home / "users.json"
    book = json.loads(users.read_text())
    users.write_text(json.dumps({**book, "users": []}))
    with pytest.raises(UsageError, match="has no users") as caught:
        serve(house.workspace, Binding(), ready=lambda _: None)
    assert "crmdeck serve users add" in (caught.value.remedy or "")
