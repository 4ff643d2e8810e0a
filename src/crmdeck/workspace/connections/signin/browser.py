"""Sign-in with the browser: authorization code with PKCE.

Sources: RFC 7636 (PKCE), RFC 8252 (native apps), RFC 6749 section 4.1.2.1 (refusals).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import parse_qs, urlsplit

from crmdeck.connectors.tokens import Grant
from crmdeck.errors import CrmdeckError
from crmdeck.model import CancelToken
from crmdeck.redaction import redact, remember, vendor_code
from crmdeck.workspace.connections.signin.redirect import RedirectServer

DEFAULT_PORT = 17634
PATH = "/callback"
PATIENCE = 300.0
_LONGEST = 8192


class SignInError(CrmdeckError):
    """A failed sign-in; crmdeck stored nothing."""

    code = "SIGN_IN_FAILED"
    http_status = 400


class AuthorizeUrl(Protocol):
    """Builds the URL of the authorization page."""

    def __call__(self, *, redirect_uri: str, challenge: str, state: str) -> str:
        """Return the URL."""
        ...


class Redeem(Protocol):
    """Exchanges the code from the browser."""

    def __call__(self, *, code: str, verifier: str, redirect_uri: str) -> Grant:
        """Return the tokens; raises CrmdeckError."""
        ...


class BrowserSignIn:
    """One running sign-in. Open `url`, then call `wait`; close it, or use it in a `with`.

    Safe to use from several threads: one waits while another passes a pasted URL. With `listen`, a
    server on 127.0.0.1 receives the browser's answer (`port` 0 picks a free port). Without it, only
    `finish_with` does.
    """

    def __init__(
        self,
        authorize_url: AuthorizeUrl,
        redeem: Redeem,
        *,
        port: int = DEFAULT_PORT,
        listen: bool = True,
    ) -> None:
        self._redeem = redeem
        self._state = secrets.token_urlsafe(24)
        self._verifier = secrets.token_urlsafe(48)
        remember(self._state)
        remember(self._verifier)
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._answer: Mapping[str, str] = {}
        self._server = RedirectServer(port, PATH, self._take) if listen else None
        bound = self._server.port if self._server else port
        # The vendors accept plain http for the name localhost only.
        self.redirect_uri = f"http://localhost:{bound}{PATH}"
        digest = hashlib.sha256(self._verifier.encode()).digest()
        self.url = authorize_url(
            redirect_uri=self.redirect_uri,
            challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            state=self._state,
        )

    def __repr__(self) -> str:
        return f"BrowserSignIn({urlsplit(self.url).netloc!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def wait(self, cancel: CancelToken | None = None, timeout: float = PATIENCE) -> Grant:
        """Wait for the browser's answer or a pasted one, and exchange it for tokens.

        `timeout` is in seconds. Raises SignInError if the user refused or didn't answer,
        CanceledError, and the CRM's error for the code.
        """
        deadline = time.monotonic() + timeout
        while not self._answered.wait(0.1):
            if cancel is not None:
                cancel.check()
            if time.monotonic() >= deadline:
                raise SignInError(
                    "The sign-in timed out.",
                    cause=f"The browser didn't return within {timeout:.0f} seconds.",
                    remedy="Sign in again. If the browser is on another machine, paste its "
                    "last URL.",
                    code="SIGN_IN_TIMEOUT",
                )
        self.close()
        if "code" not in self._answer:
            raise _denied(self._answer)
        return self._redeem(
            code=self._answer["code"],
            verifier=self._verifier,
            redirect_uri=self.redirect_uri,
        )

    def finish_with(self, pasted_url: str) -> None:
        """Accept the last URL of the browser, so that `wait` returns immediately.

        Raises SignInError for a URL without the answer to this sign-in.
        """
        if len(pasted_url) > _LONGEST or not self._take(urlsplit(pasted_url.strip()).query):
            raise SignInError(
                "The pasted URL doesn't belong to this sign-in.",
                cause="The URL has no answer, or the answer to another sign-in.",
                remedy="Copy the whole address from the browser, starting with "
                f"{self.redirect_uri}",
                code="SIGN_IN_MISMATCH",
            )

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _take(self, query: str) -> bool:
        if len(query) > _LONGEST:
            return False
        answer = {name: values[0] for name, values in parse_qs(query).items()}
        if not secrets.compare_digest(answer.get("state", "").encode(), self._state.encode()):
            return False
        if "code" not in answer and "error" not in answer:
            return False
        with self._lock:
            if not self._answered.is_set():
                remember(answer.get("code"))
                self._answer = answer
                self._answered.set()
        return True


def _denied(answer: Mapping[str, str]) -> SignInError:
    error = answer.get("error", "")
    if error == "access_denied":
        return SignInError(
            "The CRM denied the sign-in.",
            cause="The user chose Deny, or isn't allowed to use the app.",
            remedy="Sign in again and choose Allow, or ask an admin for access to the app.",
            code="SIGN_IN_DENIED",
        )
    description = redact(answer.get("error_description", ""), foreign=True)[:200]
    return SignInError(
        "The CRM refused the app's sign-in.",
        cause=f"The CRM reported: {vendor_code(error)} {description}".strip(),
        remedy="Check the app's callback URLs, scopes and policies in the CRM, then sign in again.",
        code="SIGN_IN_REFUSED",
    )
