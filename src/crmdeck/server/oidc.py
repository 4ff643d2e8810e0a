"""Sign-in by an identity provider: OpenID Connect, code flow with PKCE.

The provider's answer is believed only after the signature, issuer, audience, expiry and nonce of
its ID token were checked. A second factor is the provider's matter.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import httpx
import jwt

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.model import Role
from crmdeck.server.accounts import roles_of
from crmdeck.server.addresses import is_loopback
from crmdeck.server.passwords import TooBusyError
from crmdeck.text import split_url
from crmdeck.workspace import Settings

SECRET_VARIABLE = "CRMDECK_OIDC_CLIENT_SECRET"  # noqa: S105  the name of a variable
CALLBACK = "/api/auth/oidc/callback"
# Never `none`, and never one that takes the provider's public key for a shared secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
# Seconds: the clocks of provider and server can differ.
_LEEWAY = 60
_TIMEOUT = 10.0
_MOST_BYTES = 1_000_000
_FRESH = 3600.0
_SOON_AGAIN = 30.0
# The server's other threads are for users who are signed in.
_places = threading.BoundedSemaphore(8)


class OidcError(CrmdeckError):
    """A sign-in by the identity provider failed."""

    code = "OIDC_TOKEN"
    http_status = 401


@dataclass(frozen=True)
class Identity:
    """A user, as the identity provider knows them."""

    issuer: str
    subject: str
    email: str
    groups: tuple[str, ...]


class Provider:
    """An identity provider; its addresses and keys are fetched when needed."""

    def __init__(
        self, settings: Settings, public_url: str, timer: Callable[[], float] = time.monotonic
    ) -> None:
        if not settings.oidc_issuer or not settings.oidc_client_id:
            raise UsageError(
                "oidc_issuer and oidc_client_id belong together.",
                remedy="Set both in the settings, or neither.",
                code="BAD_OIDC",
            )
        self.issuer = settings.oidc_issuer
        _require_private(self.issuer)
        self._client_id = settings.oidc_client_id
        self._groups = {
            group: {name: role or Role.MEMBER for name, role in roles_of(text.split()).items()}
            for group, text in settings.oidc_groups.items()
        }
        self._claim = settings.oidc_groups_claim
        self._scope = settings.oidc_scope
        self._email_trusted = settings.oidc_email_trusted
        self._redirect = public_url + CALLBACK
        self._timer = timer
        self._guard = threading.Lock()
        self._found: tuple[float, dict[str, object]] | None = None
        self._keys: tuple[float, list[dict[str, object]]] | None = None

    def begin(self) -> tuple[str, str]:
        """Return the address to send the browser to, and the cookie that it must return.

        Raises OidcError if the provider can't be reached.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        # RFC 7636, section 4.2: base64url without padding.
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect,
            "scope": self._scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = self._endpoint("authorization_endpoint")
        joint = "&" if urlsplit(address).query else "?"
        # The browser keeps what finishing needs, so that any server of the team can finish.
        return address + joint + urlencode(query), f"{state}.{nonce}.{verifier}"

    def finish(self, cookie: str | None, answer: Mapping[str, str]) -> Identity:
        """Return who signed in, by the cookie and the query that the browser brought.

        Raises OidcError.
        """
        state, nonce, verifier = (*(cookie or "").split("."), "", "", "")[:3]
        if not verifier or not hmac.compare_digest(
            state.encode(), answer.get("state", "").encode()
        ):
            raise OidcError(
                "This sign-in wasn't started in this browser.",
                cause="The cookie of the sign-in is missing, or belongs to another sign-in.",
                remedy="Start again: GET /api/auth/oidc/sign-in",
                code="OIDC_STATE",
            )
        if "error" in answer or "code" not in answer:
            # The code of the error is the provider's, its other words anyone's.
            reason = "".join(c for c in answer.get("error", "") if c.isalnum() or c == "_")[:40]
            raise OidcError(
                "The identity provider rejected the sign-in.",
                cause=f"The identity provider returned: {reason}." if reason else None,
                code="OIDC_REFUSED",
            )
        # RFC 9207: a provider can name itself, against answers of another one.
        if answer.get("iss", self.issuer) != self.issuer:
            raise _distrust("The response is from another issuer.")
        return self._identity(*self._redeem(answer["code"], verifier), nonce)

    def roles(self, groups: tuple[str, ...]) -> dict[str, Role]:
        """Return the roles that groups give: for each organization, the highest."""
        order = list(Role)
        roles: dict[str, Role] = {}
        for group in groups:
            for name, role in self._groups.get(group, {}).items():
                roles[name] = max(role, roles.get(name, role), key=order.index)
        return roles

    def _redeem(self, code: str, verifier: str) -> tuple[str, object]:
        """Return the ID token and the access token of a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "client_id": self._client_id,
            "code_verifier": verifier,
        }
        secret = os.environ.get(SECRET_VARIABLE)
        if secret:
            form["client_secret"] = secret
        status, body = _fetch("POST", self._endpoint("token_endpoint"), form)
        if status in (400, 401, 403):
            raise OidcError(
                "The identity provider rejected the sign-in code.",
                cause="The code was used already, expired, or belongs to another sign-in; "
                "or the provider rejects this server's client secret.",
                remedy="Start again: GET /api/auth/oidc/sign-in",
                code="OIDC_CODE",
            )
        token = body.get("id_token") if status == 200 else None
        if not isinstance(token, str):
            raise _unreachable(f"The token endpoint returned {status}, without an ID token.")
        return token, body.get("access_token")

    def _identity(self, token: str, access_token: object, nonce: str) -> Identity:
        claims = self._verified(token)
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise _distrust("The ID token belongs to another sign-in.")
        audience = claims["aud"]
        # OpenID Connect Core, section 3.1.3.7: for several audiences, `azp` names the application.
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if several else self._client_id) != self._client_id:
            raise _distrust("The ID token is for several applications, or for another one.")
        # The address and whether it is verified come from one source.
        source = claims
        if "email" not in claims and isinstance(access_token, str):
            source = self._user_info(access_token, str(claims["sub"]))
        email = source.get("email")
        # Entra ID never sends the claim.
        verified = source.get("email_verified", self._email_trusted)
        if not isinstance(email, str) or verified is not True:
            raise OidcError(
                "The identity provider doesn't report a verified email address.",
                cause="The ID token or the provider's UserInfo needs the claims email and "
                "email_verified.",
                remedy="Ask the administrator of this server about oidc_scope and "
                "oidc_email_trusted.",
                code="OIDC_NO_EMAIL",
            )
        groups = claims.get(self._claim, source.get(self._claim, ()))
        return Identity(
            self.issuer,
            str(claims["sub"]),
            email,
            tuple(each for each in groups if isinstance(each, str))
            if isinstance(groups, list)
            else (),
        )

    def _user_info(self, access_token: str, subject: str) -> dict[str, object]:
        """Return the claims that a provider sends apart from the ID token; {} without any."""
        if not (address := self._endpoint("userinfo_endpoint", needed=False)):
            return {}
        bearer = {"Authorization": f"Bearer {access_token}"}
        status, body = _fetch("GET", address, headers=bearer)
        if status != 200:
            raise _unreachable(f"The UserInfo endpoint returned {status}.")
        # OpenID Connect Core, section 5.3.2: the access token could be another user's.
        if body.get("sub") != subject:
            raise _distrust("UserInfo is about another user than the ID token.")
        return body

    def _verified(self, token: str) -> dict[str, object]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in ALGORITHMS:
                raise _distrust("The ID token isn't signed by an accepted algorithm.")
            key = jwt.PyJWK.from_dict(self._key(header.get("kid")), algorithm=algorithm)
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._client_id,
                issuer=self.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
            )
        except jwt.ExpiredSignatureError:
            raise _distrust("The ID token expired.") from None
        except jwt.InvalidAudienceError:
            raise _distrust("The ID token is for another application.") from None
        except jwt.InvalidIssuerError:
            raise _distrust("The ID token is from another issuer.") from None
        except jwt.MissingRequiredClaimError as error:
            raise _distrust(f"The ID token lacks {error.claim}.") from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise _distrust("The signature or form of the ID token is wrong.") from None

    def _key(self, kid: object) -> dict[str, object]:
        for newest in (False, True):
            keys = [each for each in self._fetched_keys(newest) if each.get("use", "sig") == "sig"]
            named = [each for each in keys if each.get("kid") == kid]
            if kid is None and len(keys) == 1:
                named = keys
            if len(named) == 1:
                return named[0]
        raise _distrust("The ID token is signed with a key that isn't the identity provider's.")

    def _fetched_keys(self, newest: bool) -> list[dict[str, object]]:
        with self._guard:
            # Release the lock during the request: a slow provider would hold up all sign-ins.
            known = self._keys
        now = self._timer()
        # Forged tokens with invented keys don't make the server ask each time.
        if known is not None and now - known[0] < (_SOON_AGAIN if newest else _FRESH):
            return known[1]
        status, body = _fetch("GET", self._endpoint("jwks_uri"))
        keys = body.get("keys")
        if status != 200 or not isinstance(keys, list):
            raise _unreachable(f"The URL of the provider's keys returned {status}.")
        fetched = [each for each in keys if isinstance(each, dict)]
        with self._guard:
            self._keys = (now, fetched)
        return fetched

    def _endpoint(self, name: str, *, needed: bool = True) -> str:
        """Return an address of the provider's configuration, "" if it isn't needed and missing."""
        with self._guard:
            known = self._found
        now = self._timer()
        if known is None or now - known[0] >= _FRESH:
            address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            status, body = _fetch("GET", address)
            if status != 200 or body.get("issuer") != self.issuer:
                raise _unreachable(
                    f"{address} returned {status}"
                    + ("." if status != 200 else ", for another issuer.")
                )
            known = (now, body)
            with self._guard:
                self._found = known
        endpoint = known[1].get(name)
        if endpoint is None and not needed:
            return ""
        if not isinstance(endpoint, str):
            raise _unreachable(f"The configuration of the identity provider lacks {name}.")
        _require_private(endpoint)
        return endpoint


def _fetch(
    method: str,
    url: str,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, object]]:
    """Return status and JSON object of a response; raises OidcError, TooBusyError."""
    if not _places.acquire(blocking=False):
        raise TooBusyError
    try:
        received = bytearray()
        with (
            # A redirect would lead to an address that wasn't checked.
            httpx.Client(timeout=_TIMEOUT, follow_redirects=False) as client,
            client.stream(
                method, url, data=form, headers={"Accept": "application/json", **(headers or {})}
            ) as response,
        ):
            for part in response.iter_bytes():
                received += part
                if len(received) > _MOST_BYTES:
                    raise _unreachable("The identity provider's response is too large.")
        # A rejection can come without a body, and its status is enough.
        body = json.loads(bytes(received) or b"{}")
    except httpx.HTTPError as error:
        raise _unreachable(f"{urlsplit(url).hostname}: {type(error).__name__}.") from None
    except (ValueError, RecursionError):
        body = {}
    finally:
        _places.release()
    return response.status_code, body if isinstance(body, dict) else {}


def _require_private(url: str) -> None:
    parts = split_url(url)
    host = parts.hostname or ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise UsageError(
            "An address of the identity provider isn't encrypted.",
            cause="The address must begin with https://, or be on this machine.",
            remedy="Correct oidc_issuer in the settings.",
            code="BAD_OIDC",
        )


def _distrust(cause: str) -> OidcError:
    return OidcError(
        "This server can't trust the identity provider's response.",
        cause=cause,
        remedy="Start again: GET /api/auth/oidc/sign-in",
    )


def _unreachable(cause: str) -> OidcError:
    error = OidcError(
        "The identity provider can't be used right now.",
        cause=cause,
        remedy="Try again later, or sign in with a password.",
        code="OIDC_UNREACHABLE",
    )
    error.http_status = 502
    return error
