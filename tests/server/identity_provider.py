"""A small OpenID Connect provider on loopback, which can be made to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "crmdeck"
Claims = dict[str, Any]


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class IdentityProvider:
    """Signs in `person` without a question. `sign` makes the ID token of its claims.

    `user_info` are the claims of the UserInfo endpoint, which doesn't exist without them.
    """

    def __init__(self) -> None:
        self.key, self.kid = new_key(), "k1"
        self.person: Claims = {}
        self.user_info: Claims | None = None
        self.sign: Callable[[Claims], str] = self.signed
        self.refuses = ""
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def signed(self, claims: Claims) -> str:
        """Return an honest token."""
        return jwt.encode(claims, self.key, "RS256", headers={"kid": self.kid})

    def configuration(self) -> Claims:
        ends = {"authorization": "authorize", "token": "token"}
        if self.user_info is not None:
            ends["userinfo"] = "userinfo"
        named = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in ends.items()}
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **named}

    def jwks(self) -> Claims:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.kid, "use": "sig"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """Return the address to send the browser back to."""
        answer = {"state": query["state"], "iss": self.issuer}
        if self.refuses:
            answer["error"] = self.refuses
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self._codes[answer["code"]] = query
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def redeem(self, form: dict[str, str]) -> Claims | None:
        """Return the tokens of a code, once, for whoever knows its verifier."""
        query = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if query is None or query["code_challenge"] != challenge:
            return None
        same = all(query[name] == form[name] for name in ("client_id", "redirect_uri"))
        if not same or form.get("client_secret") != "s3cret-of-the-server":
            return None
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300}
        token = self.sign({**claims, "nonce": query["nonce"], **self.person})
        return {"id_token": token, "access_token": "for-user-info", "token_type": "Bearer"}

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
                if path == "/authorize":
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(query))
                    self.end_headers()
                elif path == "/userinfo":
                    allowed = self.headers["Authorization"] == "Bearer for-user-info"
                    self._answer(200 if allowed else 401, provider.user_info or {})
                elif path == "/jwks":
                    self._answer(200, provider.jwks())
                else:
                    self._answer(200, provider.configuration())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                tokens = provider.redeem(form)
                self._answer(200 if tokens else 400, tokens or {"error": "invalid_grant"})

            def _answer(self, status: int, body: Claims) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
