"""One access token for however many threads, refreshed once and only once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from crmdeck.clock import Clock, utc_now
from crmdeck.connectors.base import Credentials, TokenListener
from crmdeck.connectors.http import seconds_from
from crmdeck.errors import CrmdeckError, PermissionDeniedError, ReauthRequiredError
from crmdeck.redaction import remember

_AHEAD = timedelta(seconds=60)


@dataclass(frozen=True, repr=False)
class Grant:
    """What a token endpoint gave; `expires_in` is in seconds, None where it does not say.

    `organization` is the id of the org or portal that the token is for, where that is told.
    """

    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    instance_url: str | None = None
    organization: str | None = None

    def __post_init__(self) -> None:
        remember(self.access_token)
        remember(self.refresh_token)


class TokenKeeper:
    """Keeps the access token of a connection and renews it through `grant`.

    However many threads find the token refused, one of them renews it and the others take the
    new one. A refusal is remembered: there is no second attempt with the same grant.
    """

    def __init__(
        self,
        credentials: Credentials,
        listener: TokenListener,
        grant: Callable[[], Grant] | None,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._credentials = credentials
        self._listener = listener
        self._grant = grant
        self._clock = clock
        self._lock = threading.Lock()
        self._token = credentials.get("access_token")
        self._unproven: str | None = None
        self._refused: CrmdeckError | None = None
        self.expires_at: datetime | None = None
        self.instance_url: str | None = None

    def token(self) -> str:
        """Return a token that should be good, renewed ahead of its end where that is known."""
        with self._lock:
            if self._token and not self._ends_soon():
                return self._token
            if self._grant is None and self._token:
                return self._token
            return self._renew()

    def renew(self, refused: str) -> str:
        """Return another token than the one that the CRM refused.

        Raises ReauthRequiredError where there is no way to get one, where the CRM refuses to
        give one, and where the refused one is itself fresh from a renewal.
        """
        with self._lock:
            if self._token and self._token != refused:
                return self._token
            stored = self._credentials.get("access_token")
            if stored and stored != refused:
                # Another process renewed it meanwhile.
                self._token = stored
                return stored
            if refused == self._unproven:
                raise _fresh_token_refused()
            return self._renew()

    def accepted(self, token: str) -> None:
        """Take note that the CRM took this token."""
        if self._unproven == token:
            self._unproven = None

    def _ends_soon(self) -> bool:
        return self.expires_at is not None and self._clock() + _AHEAD >= self.expires_at

    def _renew(self) -> str:
        if self._refused is not None:
            raise self._refused
        if self._grant is None:
            raise _no_way_to_renew(self._token is None)
        try:
            grant = self._grant()
        except (ReauthRequiredError, PermissionDeniedError) as error:
            stored = self._credentials.get("access_token")
            if stored and stored != self._token:
                # Another process was first, with a refresh token that works only once.
                self._token, self.expires_at = stored, None
                return stored
            self._refused = error
            self._listener("token.refresh_failed", f"{error.message} {error.cause or ''}".strip())
            raise
        values = {"access_token": grant.access_token}
        if grant.refresh_token:
            values["refresh_token"] = grant.refresh_token
        self._token = grant.access_token
        self._unproven = grant.access_token
        self.instance_url = grant.instance_url or self.instance_url
        if grant.expires_in is not None:
            self.expires_at = seconds_from(self._clock(), grant.expires_in)
        # A rotated refresh token is the only one that still works: store it before anything else.
        self._keep(values)
        self._listener("token.refreshed", "A new access token was given.")
        return grant.access_token

    def _keep(self, values: Mapping[str, str]) -> None:
        rotated = values.get("refresh_token") not in (None, self._credentials.get("refresh_token"))
        try:
            self._credentials.put(values)
        except CrmdeckError as error:
            # The token is good all the same; without the rotated one it ends with this process.
            if rotated:
                self._listener("token.not_stored", error.message)


def _fresh_token_refused() -> ReauthRequiredError:
    return ReauthRequiredError(
        "The CRM refuses even a fresh access token.",
        cause="It gives tokens and does not accept them: the session policy or the user's "
        "permissions have changed.",
        remedy="Sign in again; if it stays, check the app's policies in the CRM.",
        code="FRESH_TOKEN_REFUSED",
    )


def _no_way_to_renew(no_token: bool) -> ReauthRequiredError:
    if no_token:
        return ReauthRequiredError(
            "There are no credentials for this connection.",
            cause="Neither an access token nor a way to get one is stored.",
            remedy="Sign in.",
            code="NO_CREDENTIALS",
        )
    return ReauthRequiredError(
        "The CRM does not accept the access token.",
        cause="It has ended or was revoked, and there is no refresh token to renew it with.",
        remedy="Sign in again, or store the present token.",
        code="SESSION_EXPIRED",
    )
