"""Run the server: where it listens, what it refuses, and how it stops."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from crmdeck.errors import UsageError
from crmdeck.model import CancelToken
from crmdeck.server.accounts import Accounts
from crmdeck.server.addresses import is_loopback, is_network
from crmdeck.server.app import create_app
from crmdeck.server.connections import (
    BACKLOG,
    BoundedProtocol,
    Crowd,
    RequestLimits,
    room_for_connections,
)
from crmdeck.workspace import Workspace

_log = logging.getLogger(__name__)

GRACE = 20
HANDSHAKE = 10.0


@dataclass(frozen=True)
class Binding:
    """Where to listen, and the address that people use.

    With `certificate` and `key` (PEM files) the server speaks TLS itself; with `public_url`
    (https://...) a proxy in front does.
    """

    host: str = "127.0.0.1"
    port: int = 8475
    certificate: Path | None = None
    key: Path | None = None
    public_url: str | None = None


class _Server(uvicorn.Server):
    """Lets requests finish for a while, then cancels long work; reports when it listens."""

    def __init__(
        self, config: uvicorn.Config, stopping: CancelToken, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.config.is_ssl:
            # uvicorn has no option for it, and asyncio gives a silent client a whole minute.
            loop = asyncio.get_running_loop()
            patient = functools.partial(loop.create_server, ssl_handshake_timeout=HANDSHAKE)
            loop.create_server = patient  # type: ignore[method-assign]
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(GRACE, self._stopping.cancel)
        await super().shutdown(sockets)


def serve(workspace: Workspace, binding: Binding, *, ready: Callable[[str], None]) -> None:
    """Serve the Integrations API until SIGINT or SIGTERM.

    `ready` gets the base URL once the server accepts requests. Running requests get 20 seconds to
    finish; then refreshes are canceled, with nothing written. Raises UsageError if there are no
    users, if passwords would travel unencrypted, or for an unusable address or certificate.
    """
    _require_users(workspace)
    tls = _tls(binding)
    _require_privacy(binding, tls)
    proxies = _proxies(workspace.settings.trusted_proxies)
    if binding.public_url and not proxies:
        _log.warning("No trusted_proxies in the settings: all clients count as one address.")
    listener = _listen(binding)
    scheme = "https" if tls else "http"
    public = binding.public_url or f"{scheme}://{_netloc(binding.host, listener)}"
    stopping = CancelToken()
    config = server_config(
        create_app(workspace, public_url=public.rstrip("/"), stopping=stopping),
        RequestLimits(connections=room_for_connections()),
        proxies,
        ssl_certfile=binding.certificate if tls else None,
        ssl_keyfile=binding.key if tls else None,
    )
    with listener:
        _Server(config, stopping, lambda: ready(public)).run(sockets=[listener])


def server_config(
    app: Callable[..., Any], limits: RequestLimits, proxies: Sequence[str] = (), **more: Any
) -> uvicorn.Config:
    """Return uvicorn's configuration with the limits; `more` is passed on.

    `proxies` are the addresses and networks whose X-Forwarded-For header is believed. From other
    clients the header is ignored.
    """
    protocol: Any = functools.partial(
        BoundedProtocol, limits=limits, crowd=Crowd(limits.connections)
    )
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        server_header=False,
        backlog=BACKLOG,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        timeout_graceful_shutdown=GRACE + 5,
        **more,
    )


def _require_users(workspace: Workspace) -> None:
    if not Accounts(workspace).book().users:
        raise UsageError(
            "The server has no users, so no one can sign in.",
            remedy="Add a user: crmdeck serve users add YOU@EXAMPLE.COM",
            code="NO_USERS",
        )


def _tls(binding: Binding) -> bool:
    if binding.certificate is None and binding.key is None:
        return False
    if binding.certificate is None or binding.key is None:
        raise UsageError("A certificate and its key go together.", code="BAD_CERTIFICATE")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(binding.certificate, binding.key, password="")
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            "Can't use the certificate or its key.",
            cause=f"{type(error).__name__}.",
            remedy="Use PEM files, and a key without passphrase.",
            code="BAD_CERTIFICATE",
        ) from None
    return True


def _require_privacy(binding: Binding, tls: bool) -> None:
    if binding.public_url is not None:
        parts = urlsplit(binding.public_url)
        if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/"):
            raise UsageError(
                f"'{binding.public_url}' can't be the public URL.",
                remedy="The public URL is https:// and a host, without a path.",
                code="BAD_PUBLIC_URL",
            )
    elif not tls and not is_loopback(binding.host):
        raise UsageError(
            f"On {binding.host}, passwords would travel unencrypted.",
            remedy="Add --tls-certificate and --tls-key, or put a TLS proxy in front and name "
            "its address with --public-url. To listen on this machine only, omit --host.",
            code="INSECURE_BINDING",
        )


def _proxies(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if not is_network(name):
            raise UsageError(
                f"'{name}' can't be a trusted proxy.",
                cause="trusted_proxies accepts IP addresses and networks, such as 10.0.0.0/8.",
                remedy=(
                    "Correct trusted_proxies in the settings. A trusted proxy can claim any "
                    "client address."
                ),
                code="BAD_TRUSTED_PROXY",
            )
    return tuple(names)


def _listen(binding: Binding) -> socket.socket:
    family = socket.AF_INET6 if ":" in binding.host else socket.AF_INET
    try:
        return socket.create_server((binding.host, binding.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(
            f"Can't listen on {binding.host}, port {binding.port}.",
            cause=f"{error.strerror or type(error).__name__}.",
            remedy="Choose another --host or --port.",
            code="CANNOT_LISTEN",
        ) from None


def _netloc(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
