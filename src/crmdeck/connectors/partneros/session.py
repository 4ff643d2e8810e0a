"""Being signed in to PartnerOS: one session for however many threads, renewed once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from crmdeck.connectors.base import Credentials, TokenListener
from crmdeck.credentials import NoKeyringError
from crmdeck.errors import CrmdeckError, ReauthRequiredError

SignIn = Callable[[str, str], str]


class SessionKeeper:
    """Keeps the session token of a connection; signs in where e-mail and password are known.

    A refusal is remembered: nobody is locked out by repeating a wrong password.
    """

    def __init__(self, credentials: Credentials, listener: TokenListener, sign_in: SignIn) -> None:
        self._credentials = credentials
        self._listener = listener
        self._sign_in = sign_in
        self._lock = threading.Lock()
        self._token = credentials.get("session_token")
        self._refused: CrmdeckError | None = None
        self.own = False
        """Whether the session was made here, so that its organization may be switched."""

    def token(self) -> str:
        """Return the session token; raises ReauthRequiredError where there is none to be had."""
        with self._lock:
            return self._token or self._renew()

    def renew(self, refused: str) -> str:
        """Return another token than the one that was refused; raises ReauthRequiredError."""
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
            # E-mail and password came from the environment and will again.
            self._listener("token.refreshed", "Signed in to PartnerOS; the session is not kept.")
        else:
            self._listener("token.refreshed", "Signed in to PartnerOS.")
        return token


def _no_password(*, had_session: bool) -> ReauthRequiredError:
    if had_session:
        return ReauthRequiredError(
            "The session with PartnerOS has ended.",
            cause="It expired, or somebody signed out, and no password is stored to sign in with.",
            remedy="Sign in again.",
            code="SESSION_EXPIRED",
        )
    return ReauthRequiredError(
        "There are no credentials for PartnerOS.",
        cause="Neither a session nor an e-mail address with a password is stored.",
        remedy="Sign in.",
        code="NO_CREDENTIALS",
    )
