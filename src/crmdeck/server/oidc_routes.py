"""Sign in with a browser at the identity provider."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from crmdeck.errors import NotFoundError
from crmdeck.server.access import COOKIE, Deck, DeckHere
from crmdeck.server.auth_routes import address_of, with_cookie
from crmdeck.server.errors import RoleError
from crmdeck.server.oidc import OidcError, Provider

_log = logging.getLogger(__name__)

STATE_COOKIE = "oidc_state"
_PATH = "/api/auth/oidc"
# Seconds for signing in at the provider, a second factor included.
_PATIENCE = 600

router = APIRouter(prefix="/auth/oidc", include_in_schema=False)


@router.get("/sign-in")
def sign_in(deck: DeckHere) -> Response:
    """Send the browser to the identity provider."""
    url, cookie = _provider(deck).begin()
    response = RedirectResponse(url, 303)
    response.set_cookie(
        STATE_COOKIE,
        cookie,
        max_age=_PATIENCE,
        path=_PATH,
        secure=deck.secure,
        httponly=True,
        # The provider's redirect is a request that another site starts.
        samesite="lax",
    )
    return response


@router.get("/callback")
def callback(deck: DeckHere, request: Request) -> Response:
    """Sign in the user whom the identity provider names."""
    provider, address = _provider(deck), address_of(request)
    try:
        identity = provider.finish(request.cookies.get(STATE_COOKIE), request.query_params)
    except OidcError as error:
        _log.warning("Rejected a provider's sign-in from %s: %s.", address, error.code)
        raise
    known = {each.id for each in deck.accounts.book().organizations}
    roles = {name: role for name, role in provider.roles(identity.groups).items() if name in known}
    if not roles:
        _log.warning("Rejected the sign-in of %s from %s: no group.", identity.email, address)
        raise RoleError(
            "You have no role on this server.",
            cause="None of your groups at the identity provider gives you a role.",
            remedy="Ask the administrator of this server.",
            code="OIDC_NO_GROUP",
        )
    user = deck.accounts.admit(identity.issuer, identity.subject, identity.email, roles)
    active = next(iter(roles)) if len(roles) == 1 else None
    token, session = deck.sessions.start(
        user, active, address, deck.workspace.settings.oidc_session_hours,
        instead_of=request.cookies.get(COOKIE),
    )  # fmt: skip
    _log.info("Signed in %s from %s.", user.email, address)
    # A page: browsers send a strict cookie only after one of this site.
    page = PlainTextResponse(f"You are signed in as {user.email}. You can close this page.\n")
    response = with_cookie(deck, page, token, session)
    response.delete_cookie(STATE_COOKIE, path=_PATH, secure=deck.secure, httponly=True)
    return response


def _provider(deck: Deck) -> Provider:
    if deck.provider is None:
        raise NotFoundError(
            "This server has no identity provider.",
            remedy="Sign in: POST /api/auth/sign-in/email",
            code="OIDC_OFF",
        )
    return deck.provider
