"""Access: which user asks, in which organization, about which connection, in which role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request, Security
from fastapi.security import APIKeyCookie

from crmdeck.errors import NotFoundError
from crmdeck.model import CancelToken, Connection, Role
from crmdeck.server.accounts import AccountBook, Accounts, Organization, User
from crmdeck.server.attempts import Attempts
from crmdeck.server.errors import NoActiveOrganizationError, NotSignedInError, RoleError
from crmdeck.server.sessions import Session, Sessions
from crmdeck.workspace import Workspace

COOKIE = "session_token"
DEVICE_COOKIE = "known_device"

_cookie = APIKeyCookie(
    name=COOKIE, scheme_name="session", description="Set by signing in.", auto_error=False
)


@dataclass(frozen=True)
class Deck:
    """What the requests of one server share."""

    workspace: Workspace
    accounts: Accounts
    sessions: Sessions
    attempts: Attempts
    secure: bool
    stopping: CancelToken


@dataclass(frozen=True)
class Visit:
    """A request of a signed-in user."""

    session: Session
    user: User
    book: AccountBook


@dataclass(frozen=True)
class Desk:
    """The workspace, as the signed-in user works on it for the active organization."""

    workspace: Workspace
    organization: Organization
    role: Role

    def connections(self) -> tuple[Connection, ...]:
        """Return the connections of the organization, by name."""
        return tuple(
            each for each in self.workspace.connections.all() if self.organization.has(each.id)
        )

    def connection(self, integration_id: str) -> Connection:
        """Return one of them. Another organization's connection is as unknown as a missing one."""
        for each in self.connections():
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
    return Visit(found[0], found[1], book)


VisitHere = Annotated[Visit, Depends(signed_in)]


def at_desk(deck: DeckHere, visit: VisitHere) -> Desk:
    """Return the workspace for the active organization; raises NoActiveOrganizationError."""
    for organization in visit.book.organizations_of(visit.user):
        if organization.id == visit.session.active_organization:
            acting = deck.workspace.on_behalf_of(visit.user.email)
            return Desk(acting, organization, visit.user.role)
    raise NoActiveOrganizationError(
        "No organization is active.",
        remedy="Choose one that GET /api/auth/session lists: POST /api/auth/organization",
    )


DeskHere = Annotated[Desk, Depends(at_desk)]
IntegrationId = Annotated[
    str,
    Path(description="UUID of the integration.", json_schema_extra={"format": "uuid"}),
]


def to_look(desk: DeskHere, integration_id: IntegrationId) -> Integration:
    """Return the integration that a request reads."""
    return Integration(desk.workspace, desk.connection(integration_id), desk.organization)


def to_change(desk: DeskHere, integration_id: IntegrationId) -> Integration:
    """Return the integration that a request changes; raises RoleError."""
    connection = desk.connection(integration_id)
    if desk.role is not Role.MEMBER:
        raise RoleError(
            "Your role doesn't allow this.",
            cause="Viewers can read, but can't change anything.",
            remedy="Ask the administrator of this server for the role 'member'.",
        )
    return Integration(desk.workspace, connection, desk.organization)


ToLook = Annotated[Integration, Depends(to_look)]
ToChange = Annotated[Integration, Depends(to_change)]
