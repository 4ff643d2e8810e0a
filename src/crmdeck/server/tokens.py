"""Service tokens: how CI and assistants use a server without a user's password.

Only the SHA-256 of each token is stored; a token has 256 random bits, so that is enough.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from crmdeck.errors import ConflictError, NotFoundError, UsageError
from crmdeck.model import TokenScope, UtcTime, WireModel
from crmdeck.server.accounts import Accounts
from crmdeck.server.documents import document
from crmdeck.server.errors import NotSignedInError
from crmdeck.server.sessions import digest
from crmdeck.workspace import Workspace

TOKENS_FILE = "tokens.json"
PREFIX = "crmdeck_"
LONGEST_LIFETIME = timedelta(days=366)
# A token that expired gets a response that says so for this long.
_KEPT = timedelta(days=30)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class TokenView(WireModel):
    """A service token, without the token itself."""

    name: str
    organization: str
    scopes: tuple[TokenScope, ...]
    created_by: str
    created_at: UtcTime
    expires_at: UtcTime


class ServiceToken(TokenView):
    """A token that a program sends as `Authorization: Bearer`."""

    token_hash: str

    def view(self) -> TokenView:
        """Return the parts that can be shown."""
        return TokenView(**self.model_dump(exclude={"token_hash"}))


class _TokenBook(WireModel):
    tokens: tuple[ServiceToken, ...] = ()


class Tokens:
    """The service tokens of a workspace, in `tokens.json` in its folder or in its database."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._document = document(workspace, TOKENS_FILE, _TokenBook())

    def all(self) -> tuple[ServiceToken, ...]:
        """Return the tokens, by name."""
        return tuple(sorted(self._document.read().tokens, key=lambda token: token.name))

    def create(
        self,
        name: str,
        organization: str,
        scopes: Collection[TokenScope],
        expires_at: datetime,
    ) -> tuple[str, ServiceToken]:
        """Return a new token as text, which isn't stored, and its record.

        Raises UsageError for an invalid name, expiry or no scope, NotFoundError for an unknown
        organization, ConflictError for a name in use.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"'{name}' can't be the name of a token.",
                remedy="Use up to 64 lower-case letters, digits, '.', '-' and '_'.",
                code="BAD_NAME",
            )
        now = self._workspace.now
        if not now < expires_at <= now + LONGEST_LIFETIME:
            raise UsageError(
                f"A token can't expire on {expires_at:%Y-%m-%d}.",
                remedy=f"Choose a future time within {LONGEST_LIFETIME.days} days.",
                code="BAD_EXPIRY",
            )
        if not scopes:
            raise UsageError("A token needs a scope.", remedy=f"Use: {', '.join(TokenScope)}")
        # Raises NotFoundError.
        Accounts(self._workspace).organization(organization)
        text = PREFIX + secrets.token_urlsafe(32)
        token = ServiceToken(
            name=name,
            token_hash=digest(text),
            organization=organization,
            scopes=tuple(scope for scope in TokenScope if scope in scopes),
            created_by=self._workspace.actor,
            created_at=now,
            expires_at=expires_at,
        )

        def mine(other: ServiceToken) -> bool:
            return (other.name, other.organization) == (name, organization)

        def update(book: _TokenBook) -> _TokenBook:
            if any(mine(each) and each.expires_at > now for each in book.tokens):
                raise ConflictError(
                    f"A token named '{name}' already exists.",
                    remedy="Choose another name, or revoke that token first.",
                    code="TOKEN_EXISTS",
                )
            kept = [
                each for each in book.tokens if not mine(each) and each.expires_at + _KEPT > now
            ]
            return _TokenBook(tokens=(*kept, token))

        self._document.change(update)
        self._record("access.token_created", f"Created the token {name}.", token)
        return text, token

    def revoke(self, name: str, organization: str) -> ServiceToken:
        """Remove a token of an organization; raises NotFoundError."""
        revoked: list[ServiceToken] = []

        def update(book: _TokenBook) -> _TokenBook:
            for each in book.tokens:
                if (each.name, each.organization) == (name, organization):
                    revoked.append(each)
            if not revoked:
                raise NotFoundError(f"No token named '{name}'.", code="TOKEN_NOT_FOUND")
            return _TokenBook(tokens=tuple(each for each in book.tokens if each not in revoked))

        self._document.change(update)
        self._record("access.token_revoked", f"Revoked the token {name}.", revoked[0])
        return revoked[0]

    def find(self, text: str) -> ServiceToken:
        """Return the record of a token; raises NotSignedInError if it isn't valid."""
        wanted = digest(text)
        now = self._workspace.now
        for token in self._document.read().tokens:
            if token.token_hash == wanted:
                if token.expires_at > now:
                    return token
                raise NotSignedInError(
                    f"The token {token.name} expired on {token.expires_at:%Y-%m-%d}.",
                    remedy="Ask the administrator of this server for a new token.",
                    code="TOKEN_EXPIRED",
                )
        raise NotSignedInError(
            "The server rejected the token.",
            cause="The token is unknown or was revoked.",
            remedy="Ask the administrator of this server for a new token.",
            code="TOKEN_REJECTED",
        )

    def _record(self, event: str, summary: str, token: ServiceToken) -> None:
        details = token.model_dump(
            mode="json", include={"name", "organization", "scopes", "expires_at"}, by_alias=True
        )
        self._workspace.audit.record(event, summary, details)
