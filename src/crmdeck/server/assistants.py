"""The address for assistants: only for users and tokens, and their organization's connections."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from crmdeck.model import TokenScope
from crmdeck.server.access import COOKIE, deck_of, desk_of
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

        def admit() -> ASGIApp:
            desk = desk_of(deck_of(request), token)
            desk.require(TokenScope.READ)
            seen = frozenset(each.id for each in desk.connections())
            # A session is a user's: only a token says that its holder is an assistant.
            suggests = desk.role is None and TokenScope.SUGGEST in desk.scopes
            return self._answers(desk.workspace, seen, desk.workspace.actor if suggests else None)

        # Reading accounts and connections blocks, and would stop all other requests.
        answer = await run_in_threadpool(admit)
        await answer(scope, receive, send)
