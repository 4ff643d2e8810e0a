"""Signing in and out, and choosing the organisation."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response

from crmdeck.errors import NotFoundError, one_line
from crmdeck.server.access import COOKIE, Deck, DeckHere, Visit, VisitHere
from crmdeck.server.accounts import AccountBook, User
from crmdeck.server.answers import answer, failures
from crmdeck.server.errors import NotSignedInError
from crmdeck.server.passwords import password_fits
from crmdeck.server.sessions import Session
from crmdeck.server.wire import (
    OrganisationName,
    SessionView,
    SignedInUser,
    SignIn,
    Success,
    SwitchOrganisation,
)

_log = logging.getLogger(__name__)

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/sign-in/email", response_model=SessionView, responses=failures(401, 403, 413, 429))
def sign_in(deck: DeckHere, request: Request, body: SignIn) -> Response:
    """Sign in; the answer sets the cookie `session_token`.

    Who belongs to one organisation has it as the active one at once.
    """
    address = request.client.host if request.client else ""
    deck.attempts.count(body.email, address)
    book = deck.accounts.book()
    user = book.user(body.email)
    fits = password_fits(user.password_hash if user else None, body.password)
    if user is None or not fits:
        _log.warning("Refused to sign in %s from %s.", one_line(body.email), address)
        raise NotSignedInError(
            "E-mail address or password are not right.", code="INVALID_CREDENTIALS"
        )
    deck.attempts.succeeded(body.email)
    organisations = book.organisations_of(user)
    active = organisations[0].id if len(organisations) == 1 else None
    token, session = deck.sessions.start(user, active)
    _log.info("Signed in %s from %s.", user.email, address)
    response = answer(_view(session, user, book))
    response.set_cookie(
        COOKIE,
        token,
        expires=session.expires_at,
        path="/api",
        secure=deck.secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.post("/sign-out", response_model=Success, responses=failures(401, 403))
def sign_out(deck: DeckHere, visit: VisitHere) -> Response:
    """End the session."""
    deck.sessions.end(visit.session)
    response = answer(Success())
    response.delete_cookie(COOKIE, path="/api", secure=deck.secure, httponly=True, samesite="lax")
    return response


@router.get("/session", response_model=SessionView, responses=failures(401))
def session(visit: VisitHere) -> Response:
    """Tell who is signed in, their organisations, and which is the active one."""
    return answer(_view(visit.session, visit.user, visit.book))


@router.post("/organisation", response_model=SessionView, responses=failures(401, 403, 404, 413))
def switch_organisation(deck: DeckHere, visit: VisitHere, body: SwitchOrganisation) -> Response:
    """Make another of the user's organisations the active one of this session."""
    return answer(_view(_switched(deck, visit, body.organisation_id), visit.user, visit.book))


def _switched(deck: Deck, visit: Visit, organisation_id: str) -> Session:
    mine = [each.id for each in visit.book.organisations_of(visit.user)]
    if organisation_id not in mine:
        raise NotFoundError(
            f"You have no organisation '{organisation_id}'.",
            remedy="GET /api/auth/session lists yours.",
            code="ORGANISATION_NOT_FOUND",
        )
    return deck.sessions.switch(visit.session, organisation_id)


def _view(session: Session, user: User, book: AccountBook) -> SessionView:
    organisations = tuple(OrganisationName(id=each.id) for each in book.organisations_of(user))
    known = {each.id for each in organisations}
    return SessionView(
        user=SignedInUser(email=user.email, role=user.role),
        organisations=organisations,
        active_organisation_id=(
            session.active_organisation if session.active_organisation in known else None
        ),
        expires_at=session.expires_at,
    )
