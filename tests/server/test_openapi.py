"""The description of the API is true: schemathesis sends what it allows and what it does not."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.schemas import OpenApiSchema

from crmdeck.server.accounts import User
from crmdeck.server.sessions import Sessions

from .conftest import House, build

ENDPOINTS = (
    "POST /auth/sign-in/email",
    "POST /auth/sign-out",
    "POST /auth/sign-out-everywhere",
    "POST /auth/password",
    "GET /auth/session",
    "POST /auth/organization",
    "GET /integrations",
    "GET /integrations/{integration_id}/status",
    "GET /integrations/{integration_id}/schema",
    "POST /integrations/{integration_id}/schema/refresh",
    "POST /integrations/{integration_id}/mapping/ai-suggest",
    "POST /integrations/{integration_id}/disconnect",
    "GET /integrations/{integration_id}/schemas",
    "GET /integrations/{integration_id}/drift",
    "POST /integrations/{integration_id}/drift/acknowledge",
    "POST /integrations/{integration_id}/drift/reopen",
    "GET /integrations/{integration_id}/mapping/decisions",
    "POST /integrations/{integration_id}/mapping/decisions",
    "POST /integrations/{integration_id}/mapping/undo",
    "GET /integrations/{integration_id}/audit",
    "GET /tokens",
    "POST /tokens",
    "DELETE /tokens/{name}",
)
EXAMPLES = 4


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "home").mkdir()
    # That is what schemathesis calls an application without an address.
    (folder / "home/settings.toml").write_text('server_hosts = ["testserver"]\n')
    house = build(folder / "home", folder / "export")
    house.workspace.refreshes.run("acme")
    return house


@functools.cache
def described(app: FastAPI) -> OpenApiSchema:
    """Return the description, which takes longer to read than an endpoint to try."""
    return schemathesis.openapi.from_asgi("/api/openapi.json", app)


def _is_sound(case: Any, place: ParameterLocation) -> bool:
    component = case.meta.components.get(place)
    return component is None or component.mode is not GenerationMode.NEGATIVE


def token_of(house: House, user: User) -> str:
    """Return the token of a new session."""
    return Sessions(house.workspace.home).start(user, "acme")[0]


def answered(case: Any, **more: Any) -> None:
    """Send a case and check the answer; one that is too large is refused in a documented way."""
    response = case.call(**more)
    if response.status_code != 413:
        case.validate_response(response, transport_kwargs=more)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_api_matches_its_description(fuzzed: House, endpoint: str, mode: GenerationMode) -> None:
    method, path = endpoint.split(" ")
    operation = described(fuzzed.app)[f"/api{path}"][method]
    user = fuzzed.app.state.deck.accounts.book().user("dana@acme.example")
    token = token_of(fuzzed, user)
    turn = itertools.count()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        names_one = "integration_id" in case.path_parameters
        if names_one and _is_sound(case, ParameterLocation.PATH) and next(turn) % 2:
            # Random ids lead nowhere; every other request is about one that there is.
            case.path_parameters["integration_id"] = fuzzed.ids["acme"]
        if not _is_sound(case, ParameterLocation.COOKIE):
            answered(case)  # it is the session that is missing or wrong here
            return
        session = token_of(fuzzed, user) if path.startswith("/auth/sign-out") else token
        answered(case, cookies={"session_token": session})

    check()


def test_the_description_names_each_endpoint_with_its_failures(fuzzed: House) -> None:
    description = fuzzed.app.openapi()
    operations = {
        f"{method.upper()} {path.removeprefix('/api')}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == set(ENDPOINTS)
    for endpoint, operation in operations.items():
        assert "422" not in operation["responses"]
        assert {"200", "400", "401", "500"} <= set(operation["responses"])
        assert bool(operation.get("security")) == (endpoint != "POST /auth/sign-in/email")
