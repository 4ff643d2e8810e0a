"""One PartnerOS session for all threads of a connector, renewed once at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from crmdeck.connectors.base import Credentials, TokenListener
from crmdeck.credentials import NoKeyringError
from crmdeck.errors import CrmdeckError, ReauthRequiredError

SignIn = Callable[[str, str], str]


class SessionKeeper:
    """Keeps the session token of a connection, and signs in if it has email and password.

    A rejected sign-in isn't repeated, because that could lock the user out.
    """

    def __init__(self, credentials: Credentials, listener: TokenListener, sign_in: SignIn) -> None:
        self._credentials = credentials
        self._listener = listener
        self._sign_in = sign_in
        self._lock = threading.Lock()
        self._token = credentials.get("session_token")
        self._refused: CrmdeckError | None = None
        self.own = False
        """True if crmdeck signed in, so that it can change the session's organization."""

    def token(self) -> str:
        """Return the session token; raises ReauthRequiredError if crmdeck can't get one."""
        with self._lock:
            return self._token or self._renew()

    def renew(self, refused: str) -> str:
        """Return another token than the rejected one; raises ReauthRequiredError."""
        with self._lock:
            if self._token and self._token != refused:
                return self._token
            return self._renew()

    def _renew(self) -> str:
        if self._refused is not None:
            raise self._refused
        email, password = (self._credentials.get(name) for name in ("username", "password"))
        if not (email and password):
            raise _no_password(had_session=self._token is not None)
        try:
            token = self._sign_in(email, password)
        except ReauthRequiredError as error:
            self._refused = error
            self._listener("token.refresh_failed", f"{error.message} {error.cause or ''}".strip())
            raise
        self._token, self.own = token, True
        try:
            self._credentials.put({"session_token": token})
        except NoKeyringError:
            # The environment supplies email and password again next time.
            self._listener(
                "token.refreshed", "Signed in to PartnerOS, but couldn't store the session."
            )
        else:
            self._listener("token.refreshed", "Signed in to PartnerOS.")
        return token


def _no_password(*, had_session: bool) -> ReauthRequiredError:
    if had_session:
        return ReauthRequiredError(
            "The PartnerOS session is no longer valid.",
            cause="The session expired or the user signed out, and crmdeck has no password stored.",
            remedy="Sign in again.",
            code="SESSION_EXPIRED",
        )
    return ReauthRequiredError(
        "No PartnerOS credentials stored for this connection.",
        cause="crmdeck has no session, and no email address and password to start one.",
        remedy="Sign in: crmdeck connections sign-in NAME",
        code="NO_CREDENTIALS",
    )
