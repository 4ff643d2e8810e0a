"""One access token for all threads of a connector, renewed once at a time."""

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

# A token that expires on the way costs a second call.
_AHEAD = timedelta(seconds=60)


@dataclass(frozen=True, repr=False)
class Grant:
    """The response of a token endpoint; `expires_in` is in seconds.

    `organization` is the ID of the org or account that the token belongs to.
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
    """Keeps the access token of a connection to `who`, and renews it with `grant`.

    If several threads find the token rejected, one renews it and the others use the new one. A
    rejected renewal isn't repeated.
    """

    def __init__(
        self,
        credentials: Credentials,
        listener: TokenListener,
        grant: Callable[[], Grant] | None,
        who: str,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._credentials = credentials
        self._listener = listener
        self._grant = grant
        self._who = who
        self._clock = clock
        self._lock = threading.Lock()
        self._token = credentials.get("access_token")
        self._unproven: str | None = None
        self._refused: CrmdeckError | None = None
        self.expires_at: datetime | None = None
        self.instance_url: str | None = None

    def token(self) -> str:
        """Return a token that should be valid, renewed before its expiry if that is known."""
        with self._lock:
            expires = self.expires_at
            ends_soon = expires is not None and self._clock() + _AHEAD >= expires
            if self._token and (self._grant is None or not ends_soon):
                return self._token
            return self._renew()

    def renew(self, refused: str) -> str:
        """Return another token than the one that the CRM rejected.

        Raises ReauthRequiredError without the secrets for a new token, if the CRM doesn't issue
        one, and if the rejected token was just renewed.
        """
        with self._lock:
            if self._token and self._token != refused:
                return self._token
            stored = self._credentials.get("access_token")
            if stored and stored != refused:
                # Another process has renewed the token.
                self._token = stored
                return stored
            if refused == self._unproven:
                raise ReauthRequiredError(
                    f"{self._who} rejected a new access token.",
                    cause="The session policy or the user's permissions have changed.",
                    remedy="Sign in again. If it happens again, check the app's policies in "
                    f"{self._who}.",
                    code="FRESH_TOKEN_REFUSED",
                )
            return self._renew()

    def accepted(self, token: str) -> None:
        """Record that the CRM accepted this token."""
        if self._unproven == token:
            self._unproven = None

    def _renew(self) -> str:
        if self._refused is not None:
            raise self._refused
        if self._grant is None:
            raise _no_way_to_renew(self._who, no_token=self._token is None)
        try:
            grant = self._grant()
        except (ReauthRequiredError, PermissionDeniedError) as error:
            stored = self._credentials.get("access_token")
            if stored and stored != self._token:
                # Another process used the refresh token first, and it works only once.
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
        # After rotation only the new refresh token works: store it before anything else.
        rotated = values.get("refresh_token") not in (None, self._credentials.get("refresh_token"))
        self._keep(values, rotated=rotated)
        if rotated:
            self._listener("token.rotated", "Got a new access token and a new refresh token.")
        else:
            self._listener("token.refreshed", "Got a new access token.")
        return grant.access_token

    def _keep(self, values: Mapping[str, str], *, rotated: bool) -> None:
        try:
            self._credentials.put(values)
        except CrmdeckError as error:
            # The access token is valid, but the rotated refresh token is lost with this process.
            if rotated:
                self._listener("token.not_stored", error.message)


def _no_way_to_renew(who: str, *, no_token: bool) -> ReauthRequiredError:
    if no_token:
        return ReauthRequiredError(
            f"No {who} credentials stored for this connection.",
            cause="crmdeck has neither an access token nor the secrets to get one.",
            remedy="Sign in: crmdeck connections sign-in NAME",
            code="NO_CREDENTIALS",
        )
    return ReauthRequiredError(
        f"{who} rejected the access token.",
        cause="The token expired or was revoked, and crmdeck has no refresh token to renew it.",
        remedy="Sign in again, or store the current token: crmdeck connections sign-in NAME",
        code="SESSION_EXPIRED",
    )
