"""The address for assistants: only for users and tokens, and their organization's connections."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from crmdeck.model import TokenScope
from crmdeck.server.access import COOKIE, Desk, deck_of, desk_of
from crmdeck.workspace import Workspace

Answers = Callable[[Workspace, frozenset[str], str | None], ASGIApp]
"""Makes the application for one request: the user's workspace, the visible connections, and the
name under which the client may suggest mappings.
"""

_BEARER = "bearer "


class Assistants:
    """Admits a session token (cookie or `Authorization: Bearer`) and a service token that reads."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        header = request.headers.get("authorization", "")
        is_bearer = header.casefold().startswith(_BEARER)
        token = header[len(_BEARER) :] if is_bearer else request.cookies.get(COOKIE)

        def admit() -> tuple[Desk, frozenset[str]]:
            desk = desk_of(deck_of(request), token)
            desk.require(TokenScope.READ)
            return desk, frozenset(each.id for each in desk.connections())

        # Reading accounts and connections blocks, and would stop all other requests.
        desk, seen = await run_in_threadpool(admit)
        # A session is a user's: only a token says that its holder is an assistant.
        suggests = desk.role is None and TokenScope.SUGGEST in desk.scopes
        name = desk.workspace.actor if suggests else None
        await self._answers(desk.workspace, seen, name)(scope, receive, send)
