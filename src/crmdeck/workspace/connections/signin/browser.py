"""Sign-in with the browser: authorization code with PKCE.

Sources: RFC 7636 (PKCE), RFC 8252 (native apps), RFC 6749 section 4.1.2.1 (rejections).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Self
from urllib.parse import parse_qs, urlsplit

from crmdeck.connectors.faults import UNKNOWN, FaultTable
from crmdeck.connectors.tokens import Grant
from crmdeck.errors import CrmdeckError
from crmdeck.model import CancelToken
from crmdeck.redaction import redact, remember, vendor_code
from crmdeck.text import split_url
from crmdeck.workspace.connections.signin.redirect import RedirectServer

# Fixed, because a CRM compares the whole callback URL with that of the app, with its port.
DEFAULT_PORT = 17634
PATH = "/callback"
PATIENCE = 300.0
_LONGEST = 8192


class SignInError(CrmdeckError):
    """A failed sign-in; crmdeck stored nothing."""

    code = "SIGN_IN_FAILED"
    http_status = 400


class BrowserSignIn:
    """One running sign-in. Open `url`, then call `wait`; close it, or use it in a `with`.

    Safe to use from several threads: one waits while another passes a pasted URL. With `listen`, a
    server on 127.0.0.1 receives the browser's answer (`port` 0 picks a free port). Without it, only
    `finish_with` does. `authorize_url` takes `redirect_uri`, `challenge` and `state`, and `redeem`
    takes `code`, `verifier` and `redirect_uri`, as a CRM's OAuth module has them.
    """

    def __init__(
        self,
        authorize_url: Callable[..., str],
        redeem: Callable[..., Grant],
        faults: FaultTable,
        *,
        port: int = DEFAULT_PORT,
        listen: bool = True,
    ) -> None:
        self._redeem = redeem
        self._faults = faults
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

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, cancel: CancelToken | None = None, timeout: float = PATIENCE) -> Grant:
        """Wait for the browser's answer or a pasted one, and exchange it for tokens.

        `timeout` is in seconds. Raises SignInError if the user rejected or didn't answer,
        CanceledError, and the CRM's error for the code.
        """
        deadline = time.monotonic() + timeout
        # Short waits, because a cancel can end this one too.
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
            raise _denied(self._answer, self._faults)
        return self._redeem(
            code=self._answer["code"],
            verifier=self._verifier,
            redirect_uri=self.redirect_uri,
        )

    def finish_with(self, pasted_url: str) -> None:
        """Accept the last URL of the browser, so that `wait` returns immediately.

        Raises SignInError for a URL without the code of this sign-in.
        """
        if not self._take(split_url(pasted_url.strip()).query, pasted=True):
            raise SignInError(
                "The pasted URL doesn't belong to this sign-in.",
                cause="The URL has no sign-in code, or belongs to another sign-in.",
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

    def _take(self, query: str, *, pasted: bool = False) -> bool:
        if len(query) > _LONGEST:
            return False
        answer = {name: values[0] for name, values in parse_qs(query).items()}
        # As bytes: compare_digest raises TypeError for text that isn't ASCII.
        is_ours = secrets.compare_digest(answer.get("state", "").encode(), self._state.encode())
        # Salesforce keeps the browser on its own error page, whose address has no state. Accepting
        # it is safe: a rejection can only end the sign-in.
        refused = pasted and "error" in answer and not ("code" in answer or "state" in answer)
        if not refused and not (is_ours and ("code" in answer or "error" in answer)):
            return False
        with self._lock:
            # The first answer counts: a browser may reload the page while the user pastes its URL.
            if not self._answered.is_set():
                remember(answer.get("code"))
                self._answer = answer
                self._answered.set()
        return True


def _denied(answer: Mapping[str, str], faults: FaultTable) -> SignInError:
    error, said = answer.get("error", ""), answer.get("error_description", "")
    fault = faults.find(error, said, 0)
    if fault.code != UNKNOWN:
        return SignInError(fault.message, cause=fault.cause, remedy=fault.remedy, code=fault.code)
    return SignInError(
        "The CRM rejected the app's sign-in.",
        cause=f"The CRM reported: {vendor_code(error)} {redact(said, foreign=True)[:200]}".strip(),
        remedy="Check the app's callback URLs, scopes and policies in the CRM, then sign in again.",
        code="SIGN_IN_REFUSED",
    )
