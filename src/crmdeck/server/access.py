"""Access: who asks, in which organization, about which connection, and what they may do."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from crmdeck.errors import NotFoundError
from crmdeck.model import CancelToken, Connection, Role, TokenScope
from crmdeck.server.accounts import AccountBook, Accounts, Organization, User
from crmdeck.server.attempts import Attempts
from crmdeck.server.errors import (
    NoActiveOrganizationError,
    NotSignedInError,
    RoleError,
    TooManyRequestsError,
)
from crmdeck.server.log import request_note
from crmdeck.server.oidc import Provider
from crmdeck.server.sessions import Session, Sessions
from crmdeck.server.tokens import PREFIX, Tokens
from crmdeck.workspace import Workspace

COOKIE = "session_token"
DEVICE_COOKIE = "known_device"
_AT_ONCE = 2
_MINUTE = 60.0
SUGGESTIONS = 60
"""The most rankings for a user or token in a minute."""

_cookie = APIKeyCookie(
    name=COOKIE, scheme_name="session", description="Set by signing in.", auto_error=False
)
_bearer = HTTPBearer(
    scheme_name="token", description="A service token, or the session token.", auto_error=False
)

# Managing tokens, which only admins do, isn't a scope: a token must not create tokens.
SCOPES = {
    Role.VIEWER: frozenset({TokenScope.READ}),
    Role.MEMBER: frozenset(TokenScope),
    Role.ADMIN: frozenset(TokenScope),
}

NEEDED = {
    "integrations": TokenScope.READ,
    "status": TokenScope.READ,
    "schema": TokenScope.READ,
    "schemas": TokenScope.READ,
    "refresh": TokenScope.REFRESH,
    "ai_suggest": TokenScope.READ,
    "disconnect": TokenScope.ADMIN,
    "drift": TokenScope.READ,
    "acknowledge": TokenScope.WRITE,
    "reopen": TokenScope.WRITE,
    "decisions": TokenScope.READ,
    "decide": TokenScope.WRITE,
    "undo": TokenScope.WRITE,
    "audit": TokenScope.READ,
}
"""The scope that each route under /integrations needs, by the route's name."""


@dataclass(frozen=True)
class Deck:
    """What the requests of one server share."""

    workspace: Workspace
    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    attempts: Attempts
    provider: Provider | None
    secure: bool
    stopping: CancelToken
    turns: defaultdict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(partial(asyncio.Semaphore, _AT_ONCE))
    )
    """Turns to read whole schemas or to rank, by user or token."""
    rankings: defaultdict[str, deque[float]] = field(
        default_factory=lambda: defaultdict(partial(deque, maxlen=SUGGESTIONS))
    )
    """The times of the last rankings in seconds, by user or token."""


@dataclass(frozen=True)
class Visit:
    """A request of a signed-in user."""

    session: Session
    user: User
    book: AccountBook


@dataclass(frozen=True)
class Desk:
    """The workspace, as a user or a token works on it for an organization.

    `role` is None for a token.
    """

    workspace: Workspace
    organization: Organization
    role: Role | None
    scopes: frozenset[TokenScope]

    def require(self, needed: TokenScope) -> None:
        """Raise RoleError if the user's role or the token's scopes don't include this one."""
        if needed in self.scopes:
            return
        if self.role is not None:
            raise RoleError(
                "Your role doesn't allow this.",
                cause="Viewers can read, but can't change anything.",
                remedy="Ask the administrator of this server for the 'member' role.",
            )
        had = ", ".join(scope for scope in TokenScope if scope in self.scopes)
        raise RoleError(
            "The token doesn't allow this.",
            cause=f"The request needs the {needed} scope. The token has: {had}.",
            remedy="Ask the administrator of this server for a token with that scope.",
            code="SCOPE_FORBIDS",
        )

    def connections(self) -> tuple[Connection, ...]:
        """Return the connections of the organization, by name."""
        return tuple(
            each for each in self.workspace.connections.all() if self.organization.has(each.id)
        )

    def connection(self, integration_id: str) -> Connection:
        """Return one of them. Another organization's connection is as unknown as a missing one."""
        for each in self.connections():
            # Stored UUIDs are in lower case, and a client may write them in upper case.
            if each.id == integration_id.lower():
                return each
        raise NotFoundError(
            f"No integration with ID '{integration_id}'.",
            remedy="List the integrations of the active organization: GET /api/integrations",
            code="INTEGRATION_NOT_FOUND",
        )


@dataclass(frozen=True)
class Integration:
    """A connection, and the workspace and organization in which the signed-in user works on it."""

    workspace: Workspace
    connection: Connection
    organization: Organization

    @property
    def id(self) -> str:
        return self.connection.id


def note_user(name: str) -> None:
    """Log the current request with the user or token that sent it."""
    if note := request_note.get():
        note.user = name


def deck_of(request: Request) -> Deck:
    deck: Deck = request.app.state.deck
    return deck


DeckHere = Annotated[Deck, Depends(deck_of)]


def signed_in(deck: DeckHere, token: Annotated[str | None, Security(_cookie)]) -> Visit:
    """Return the signed-in user; raises NotSignedInError."""
    book = deck.accounts.book()
    found = deck.sessions.find(token, book) if token else None
    if found is None:
        raise NotSignedInError(
            "You are not signed in.",
            cause="The session is missing or expired.",
            remedy="Sign in: POST /api/auth/sign-in/email",
        )
    note_user(found[1].email)
    return Visit(found[0], found[1], book)


VisitHere = Annotated[Visit, Depends(signed_in)]


def desk_of(deck: Deck, token: str | None) -> Desk:
    """Return the workspace as the owner of a service token or a session token works on it.

    Raises NotSignedInError, NoActiveOrganizationError.
    """
    if token is not None and token.startswith(PREFIX):
        return _desk_of_service(deck, token)
    return _desk_of_user(deck, signed_in(deck, token))


def _desk_of_user(deck: Deck, visit: Visit) -> Desk:
    # The user may have left the organization since the session chose it.
    for organization in visit.book.organizations_of(visit.user):
        if organization.id == visit.session.active_organization:
            acting = deck.workspace.on_behalf_of(visit.user.email)
            role = visit.user.roles[organization.id]
            return Desk(acting, organization, role, SCOPES[role])
    raise NoActiveOrganizationError(
        "No organization is active.",
        remedy="Choose one that GET /api/auth/session lists: POST /api/auth/organization",
    )


def _desk_of_service(deck: Deck, text: str) -> Desk:
    token = deck.tokens.find(text)
    organization = deck.accounts.book().organization(token.organization)
    if organization is None:
        raise NotSignedInError(
            "The server rejected the token.",
            cause=f"The organization {token.organization} was removed.",
            code="TOKEN_REJECTED",
        )
    name = f"token:{token.name}"
    note_user(name)
    acting = deck.workspace.on_behalf_of(name)
    return Desk(acting, organization, None, frozenset(token.scopes))


def at_desk(
    request: Request,
    deck: DeckHere,
    cookie: Annotated[str | None, Security(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Desk:
    """Return the workspace for the caller's organization, if the caller may use the route."""
    # A program that sends a token means it, whatever cookie it has.
    desk = desk_of(deck, bearer.credentials if bearer else cookie)
    desk.require(NEEDED[request.scope["route"].name])
    return desk


def as_admin(deck: DeckHere, visit: VisitHere) -> Desk:
    """Return the workspace for the caller's organization; raises RoleError unless an admin asks."""
    desk = _desk_of_user(deck, visit)
    if desk.role is not Role.ADMIN:
        raise RoleError(
            "Your role doesn't allow this.",
            cause="Only admins of the organization manage its tokens.",
            remedy="Ask the administrator of this server for the 'admin' role.",
        )
    return desk


AdminHere = Annotated[Desk, Depends(as_admin)]
DeskHere = Annotated[Desk, Depends(at_desk)]


async def wait_for_turn(deck: DeckHere, desk: DeskHere) -> AsyncIterator[None]:
    """Wait while the caller reads a few whole schemas already: others need the processor too."""
    async with deck.turns[desk.workspace.context.actor]:
        yield


async def limit_rankings(deck: DeckHere, desk: DeskHere) -> None:
    """Raise TooManyRequestsError if the caller asked for too many rankings in the last minute."""
    times, now = deck.rankings[desk.workspace.context.actor], time.monotonic()
    if len(times) == SUGGESTIONS and now - times[0] < _MINUTE:
        raise TooManyRequestsError(math.ceil(_MINUTE - (now - times[0])))
    times.append(now)


IntegrationId = Annotated[
    str,
    Path(description="UUID of the integration.", json_schema_extra={"format": "uuid"}),
]


def integration_of(desk: DeskHere, integration_id: IntegrationId) -> Integration:
    """Return the integration that a request is about."""
    return Integration(desk.workspace, desk.connection(integration_id), desk.organization)


Here = Annotated[Integration, Depends(integration_of)]
