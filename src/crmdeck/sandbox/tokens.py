"""OAuth tokens and codes of one organization: made up, and valid in the sandbox only."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from crmdeck.clock import Clock


@dataclass(frozen=True)
class Grant:
    """An access token's end; None where it lasts until it is revoked."""

    expires_at: datetime | None


@dataclass(frozen=True)
class Denial:
    """In which words a refresh token is refused, where they shall be other than usual."""

    error: str | None = None
    description: str | None = None


class TokenIssuer:
    """Issues, checks and ends the tokens of one organization. Thread-safe.

    Names of tokens count up, so that the same story gives the same tokens.
    `lifetime` is how long an access token lasts, None for until it is ended. `rotates` says
    whether a refresh token works only once, `denial` how a revoked one is refused.
    """

    def __init__(self, name: str, clock: Clock, lifetime: timedelta | None) -> None:
        self.client_id = f"{name}-client"
        self.client_secret = f"{name}-client-secret"
        self.static_token = f"{name}-private-app-token"
        self.rotates = False
        self.denial = Denial()
        self._name = name
        self._clock = clock
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._count = 0
        self._access: dict[str, Grant] = {}
        self._ended: dict[str, datetime] = {}
        self._codes: dict[str, str] = {}
        self._refresh = f"{name}-refresh-1"
        self._refresh_revoked = False
        self.first_access = self.issue()

    @property
    def refresh_token(self) -> str:
        """The refresh token that works, where one does."""
        with self._lock:
            return self._refresh

    def issue(self) -> str:
        """Return a new access token."""
        with self._lock:
            self._count += 1
            token = f"{self._name}-access-{self._count}"
            self._access[token] = Grant(self._end())
            return token

    def refresh(self, refresh_token: str) -> tuple[str, str] | None:
        """Return a new access token and the refresh token to go on with, or None if refused."""
        with self._lock:
            if self._refresh_revoked or refresh_token != self._refresh:
                return None
            if self.rotates:
                number = int(self._refresh.rpartition("-")[2]) + 1
                self._refresh = f"{self._name}-refresh-{number}"
            current = self._refresh
        return self.issue(), current

    def valid(self, token: str) -> bool:
        """Return whether an access token is good now."""
        if token == self.static_token:
            return True
        with self._lock:
            grant = self._access.get(token)
            return grant is not None and not (
                grant.expires_at and grant.expires_at <= self._clock()
            )

    def ended_at(self, token: str) -> datetime | None:
        """Return when an access token that was good once ended, None for a stranger."""
        with self._lock:
            grant = self._access.get(token)
            return self._ended.get(token) or (grant.expires_at if grant else None)

    def seconds_left(self, token: str) -> int:
        """Return how many seconds an access token has left, 0 where it has no end."""
        with self._lock:
            grant = self._access.get(token)
            if grant is None or grant.expires_at is None:
                return 0
            return max(0, round((grant.expires_at - self._clock()).total_seconds()))

    def expire_all(self) -> None:
        """End every access token issued so far."""
        with self._lock:
            now = self._clock()
            self._ended.update(dict.fromkeys(self._access, now))
            self._access.clear()

    def restore_first(self) -> None:
        """Let the token that everybody was told of work again."""
        with self._lock:
            self._ended.pop(self.first_access, None)
            self._access.setdefault(self.first_access, Grant(self._end()))

    def revoke_refresh(self, revoked: bool = True) -> None:
        """Refuse the refresh token from now on, or take it again."""
        with self._lock:
            self._refresh_revoked = revoked

    def _end(self) -> datetime | None:
        return self._clock() + self._lifetime if self._lifetime else None

    def authorize(self, challenge: str) -> str:
        """Return a code that `redeem` takes once, bound to a PKCE challenge (or "")."""
        with self._lock:
            code = f"{self._name}-code-{len(self._codes) + 1}"
            self._codes[code] = challenge
            return code

    def redeem(self, code: str, verifier: str) -> bool:
        """Return whether a code is good, with the verifier that its challenge asks for."""
        with self._lock:
            challenge = self._codes.get(code)
            if challenge is None:
                return False
            self._codes[code] = "spent"
            if challenge in {"", "spent"}:
                return challenge == ""
            digest = hashlib.sha256(verifier.encode()).digest()
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
