"""Sign in and out, and choose the organization."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response

from crmdeck.errors import ConflictError, NotFoundError
from crmdeck.server.access import COOKIE, DEVICE_COOKIE, Deck, DeckHere, VisitHere
from crmdeck.server.accounts import AccountBook, User
from crmdeck.server.answers import answer, failures
from crmdeck.server.errors import NotSignedInError
from crmdeck.server.passwords import password_fits
from crmdeck.server.sessions import DEVICE_LIFETIME, Session
from crmdeck.server.wire import (
    ChangePassword,
    OrganizationRole,
    SessionView,
    SignedInUser,
    SignedOut,
    SignIn,
    Success,
    SwitchOrganization,
)

_log = logging.getLogger(__name__)

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/sign-in/email", response_model=SessionView, responses=failures(401, 403, 413, 429))
def sign_in(deck: DeckHere, request: Request, body: SignIn) -> Response:
    """Sign in; the response sets the `session_token` cookie.

    If the user has one organization, it becomes active.
    """
    address = address_of(request)
    device = request.cookies.get(DEVICE_COOKIE)
    user, book = _proven(deck, body.email, body.password, address, device, body.admission)
    organizations = book.organizations_of(user)
    active = organizations[0].id if len(organizations) == 1 else None
    before = request.cookies.get(COOKIE)
    token, session = deck.sessions.start(user, active, address, instead_of=before)
    _log.info("Signed in %s from %s.", user.email, address)
    response = with_cookie(deck, answer(_view(session, user, book)), token, session)
    # A known device keeps its token: each sign-in would use up another of the user's devices.
    if deck.sessions.trusted(device, user.email) is None:
        _trust(deck, response, user)
    return response


@router.post("/sign-out", response_model=Success, responses=failures(401, 403))
def sign_out(deck: DeckHere, visit: VisitHere) -> Response:
    """End the session."""
    deck.sessions.end(visit.session)
    return _without_cookie(deck, answer(Success()))


@router.post("/sign-out-everywhere", response_model=SignedOut, responses=failures(401, 403))
def sign_out_everywhere(deck: DeckHere, visit: VisitHere) -> Response:
    """End all sessions of the user, including this one: an extension of crmdeck."""
    ended = deck.sessions.end_all(visit.user.email)
    _log.info("Signed out %s everywhere.", visit.user.email)
    return _without_cookie(deck, answer(SignedOut(ended=ended)))


@router.post("/password", response_model=SessionView, responses=failures(401, 403, 409, 413, 429))
def change_password(
    deck: DeckHere, visit: VisitHere, request: Request, body: ChangePassword
) -> Response:
    """Change the password, and end all other sessions of the user. An extension of crmdeck."""
    address = address_of(request)
    if visit.user.password_hash is None:
        raise ConflictError(
            "Your account has no password.",
            cause="The identity provider signs you in.",
            code="NO_PASSWORD",
        )
    try:
        device = request.cookies.get(DEVICE_COOKIE)
        _proven(deck, visit.user.email, body.current_password, address, device)
    # A 401 would make clients sign in again, although the session is valid.
    except NotSignedInError as error:
        raise ConflictError("The current password is wrong.", code=error.code) from None
    user = deck.accounts.change_user(visit.user.email, password=body.new_password)
    # Also this session: the new one gets a new cookie.
    deck.sessions.end_all(user.email)
    token, session = deck.sessions.start(user, visit.session.active_organization, address)
    _log.info("Changed the password of %s from %s.", user.email, address)
    view = _view(session, user, deck.accounts.book())
    response = with_cookie(deck, answer(view), token, session)
    _trust(deck, response, user)
    return response


@router.get("/session", response_model=SessionView, responses=failures(401))
def session(visit: VisitHere) -> Response:
    """Return the signed-in user, their organizations, and the active one."""
    return answer(_view(visit.session, visit.user, visit.book))


@router.post("/organization", response_model=SessionView, responses=failures(401, 403, 404, 413))
def switch_organization(deck: DeckHere, visit: VisitHere, body: SwitchOrganization) -> Response:
    """Make another of the user's organizations active in this session."""
    mine = [each.id for each in visit.book.organizations_of(visit.user)]
    if body.organization_id not in mine:
        raise NotFoundError(
            f"You have no organization '{body.organization_id}'.",
            remedy="List your organizations: GET /api/auth/session",
            code="ORGANISATION_NOT_FOUND",
        )
    changed = deck.sessions.switch(visit.session, body.organization_id)
    return answer(_view(changed, visit.user, visit.book))


def _proven(
    deck: Deck, email: str, password: str, address: str, *shown: str | None
) -> tuple[User, AccountBook]:
    """Return the user with that password; raises NotSignedInError, TooManyAttemptsError.

    `shown` may prove that the user signed in from this device before, or was admitted.
    """
    known_by = (deck.sessions.trusted(token, email) for token in shown)
    device = next((each for each in known_by if each is not None), None)
    known = deck.sessions.knows(email, address)
    deck.attempts.count(email, address, known=known, device=device)
    book = deck.accounts.book()
    user = book.user(email)
    # Also without a user, so that the time doesn't show who has an account.
    fits = password_fits(user.password_hash if user else None, password)
    if user is None or not fits:
        # People type passwords as addresses.
        who = user.email if user else "an unknown user"
        _log.warning("Rejected the sign-in of %s from %s.", who, address)
        raise NotSignedInError(
            "The email address or the password is wrong.", code="INVALID_CREDENTIALS"
        )
    deck.attempts.succeeded(email, address, device=device)
    return user, book


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


def with_cookie(deck: Deck, response: Response, token: str, session: Session) -> Response:
    """Return the response with the cookie of a session."""
    response.set_cookie(
        COOKIE,
        token,
        expires=session.expires_at,
        path="/api",
        secure=deck.secure,
        httponly=True,
        samesite="strict",
    )
    return response


def _trust(deck: Deck, response: Response, user: User) -> None:
    response.set_cookie(
        DEVICE_COOKIE,
        deck.sessions.trust(user),
        max_age=int(DEVICE_LIFETIME.total_seconds()),
        # Only signing in uses it.
        path="/api/auth",
        secure=deck.secure,
        httponly=True,
        samesite="strict",
    )


def _without_cookie(deck: Deck, response: Response) -> Response:
    response.delete_cookie(
        COOKIE, path="/api", secure=deck.secure, httponly=True, samesite="strict"
    )
    return response


def _view(session: Session, user: User, book: AccountBook) -> SessionView:
    roles = {each.id: user.roles[each.id] for each in book.organizations_of(user)}
    active = session.active_organization if session.active_organization in roles else None
    return SessionView(
        user=SignedInUser(email=user.email, role=roles[active] if active else None),
        organizations=tuple(OrganizationRole(id=name, role=roles[name]) for name in roles),
        active_organization_id=active,
        expires_at=session.expires_at,
    )
