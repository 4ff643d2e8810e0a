"""The service tokens of the active organization, for its admins."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Response

from crmdeck.server.access import AdminHere, DeckHere
from crmdeck.server.answers import answer, answer_list, failures
from crmdeck.server.tokens import Tokens, TokenView
from crmdeck.server.wire import CreatedToken, CreateToken, Success

router = APIRouter(prefix="/tokens", tags=["tokens"])


@router.get("", response_model=list[TokenView], responses=failures(401, 403))
def tokens(deck: DeckHere, admin: AdminHere) -> Response:
    """List the service tokens of the active organization: an extension of crmdeck."""
    mine = [each for each in deck.tokens.all() if each.organization == admin.organization.id]
    return answer_list(each.view() for each in mine)


@router.post("", response_model=CreatedToken, responses=failures(401, 403, 409, 413))
def create_token(admin: AdminHere, body: CreateToken) -> Response:
    """Create a service token. Only this answer has it. An extension of crmdeck."""
    expires_at = admin.workspace.now + timedelta(days=body.days)
    text, token = Tokens(admin.workspace).create(
        body.name, admin.organization.id, body.scopes, expires_at
    )
    return answer(CreatedToken(token=text, **token.view().model_dump()))


@router.delete("/{name}", response_model=Success, responses=failures(401, 403, 404))
def revoke_token(admin: AdminHere, name: str) -> Response:
    """Revoke a service token on all servers immediately: an extension of crmdeck."""
    # This excludes the server's own tokens: the workspace's audit log shows the admin.
    Tokens(admin.workspace).revoke(name, admin.organization.id)
    return answer(Success())
