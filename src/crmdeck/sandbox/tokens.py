"""Made-up OAuth tokens and codes of one organization, valid in the sandbox only."""

from __future__ import annotations

import base64
import hashlib
import threading
from datetime import datetime, timedelta

from crmdeck.clock import Clock


class TokenIssuer:
    """Issues, checks and revokes the tokens of one organization. Thread-safe.

    Tokens are numbered, so that the same requests get the same tokens. `lifetime` is that of an
    access token, None for no expiry. `rotates` is True if a refresh token works only once. `denial`
    is the error and its description for a revoked one, None for the usual ones.
    """

    def __init__(self, name: str, clock: Clock, lifetime: timedelta | None) -> None:
        self.client_id = f"{name}-client"
        self.client_secret = f"{name}-client-secret"
        self.static_token = f"{name}-private-app-token"
        self.rotates = False
        self.denial: tuple[str | None, str | None] = (None, None)
        self._name = name
        self._clock = clock
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._count = 0
        # When each access token expires; None if it doesn't.
        self._access: dict[str, datetime | None] = {}
        self._ended: dict[str, datetime] = {}
        self._codes: dict[str, str] = {}
        self._refresh = f"{name}-refresh-1"
        self._refresh_revoked = False
        self.first_access = self.issue()

    @property
    def refresh_token(self) -> str:
        with self._lock:
            return self._refresh

    def issue(self) -> str:
        with self._lock:
            self._count += 1
            token = f"{self._name}-access-{self._count}"
            self._access[token] = self._end()
            return token

    def refresh(self, refresh_token: str) -> tuple[str, str] | None:
        """Return a new access token and the next refresh token; None if rejected."""
        with self._lock:
            if self._refresh_revoked or refresh_token != self._refresh:
                return None
            if self.rotates:
                number = int(self._refresh.rpartition("-")[2]) + 1
                self._refresh = f"{self._name}-refresh-{number}"
            current = self._refresh
        # Outside the lock, which `issue` takes as well.
        return self.issue(), current

    def valid(self, token: str) -> bool:
        if token == self.static_token:
            return True
        with self._lock:
            if token not in self._access:
                return False
            expires_at = self._access[token]
            return expires_at is None or expires_at > self._clock()

    def ended_at(self, token: str) -> datetime | None:
        """Return when an access token expired; None for an unknown one."""
        with self._lock:
            return self._ended.get(token) or self._access.get(token)

    def seconds_left(self, token: str) -> int:
        """Return the seconds until an access token expires; 0 if it doesn't."""
        with self._lock:
            expires_at = self._access.get(token)
            if expires_at is None:
                return 0
            return max(0, round((expires_at - self._clock()).total_seconds()))

    def expire_all(self) -> None:
        """Revoke all access tokens."""
        with self._lock:
            now = self._clock()
            # HubSpot's error for an expired token states when it expired.
            self._ended.update(dict.fromkeys(self._access, now))
            self._access.clear()

    def restore_first(self) -> None:
        with self._lock:
            self._ended.pop(self.first_access, None)
            self._access.setdefault(self.first_access, self._end())

    def revoke_refresh(self, revoked: bool = True) -> None:
        """Reject the refresh token from now on, or accept it again."""
        with self._lock:
            self._refresh_revoked = revoked

    def _end(self) -> datetime | None:
        return self._clock() + self._lifetime if self._lifetime else None

    def authorize(self, challenge: str) -> str:
        """Return a code that `redeem` accepts once, with a PKCE challenge (or "")."""
        with self._lock:
            code = f"{self._name}-code-{len(self._codes) + 1}"
            self._codes[code] = challenge
            return code

    def redeem(self, code: str, verifier: str) -> bool:
        """Return True if a code is valid, and the verifier matches its challenge."""
        with self._lock:
            challenge = self._codes.get(code)
            if challenge is None:
                return False
            # RFC 6749, section 4.1.2: a code must not be used more than once.
            self._codes[code] = "spent"
            if challenge in {"", "spent"}:
                return challenge == ""
            digest = hashlib.sha256(verifier.encode()).digest()
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
