"""Run the server: where it listens, what it rejects, and how it stops."""

from __future__ import annotations

import asyncio
import functools
import logging
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from crmdeck.errors import UsageError
from crmdeck.model import CancelToken
from crmdeck.server.accounts import Accounts
from crmdeck.server.addresses import is_loopback, is_network
from crmdeck.server.app import create_app
from crmdeck.server.assistants import Answers
from crmdeck.server.connections import (
    BACKLOG,
    BoundedProtocol,
    Crowd,
    RequestLimits,
    room_for_connections,
)
from crmdeck.server.operations import Operations
from crmdeck.text import split_url
from crmdeck.workspace import Workspace

_log = logging.getLogger(__name__)

GRACE = 20
HANDSHAKE = 10.0
SWITCH_INTERVAL = 0.001


@dataclass(frozen=True)
class Binding:
    """Where to listen, and the address that people use.

    With `certificate` and `key` (PEM files) the server speaks TLS itself; with `public_url`
    (https://...) a proxy in front does. With `metrics_port`, metrics are served there, without
    sign-in and TLS.
    """

    host: str = "127.0.0.1"
    port: int = 8475
    certificate: Path | None = None
    key: Path | None = None
    public_url: str | None = None
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None


class _Server(uvicorn.Server):
    """Stops in steps: not ready, then no new requests, then long work is canceled.

    It reports when it listens. `drain` is how many seconds it accepts requests after SIGTERM.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        operations: Operations,
        drain: float,
        stopping: CancelToken,
        ready: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._operations = operations
        self._drain = drain
        self._stopping = stopping
        self._ready = ready
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.config.is_ssl:
            # uvicorn has no option for it, and asyncio gives a silent client a whole minute.
            loop = asyncio.get_running_loop()
            patient = functools.partial(loop.create_server, ssl_handshake_timeout=HANDSHAKE)
            loop.create_server = patient  # type: ignore[method-assign]
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGTERM or self._loop is None or self._operations.stopping:
            super().handle_exit(sig, frame)
            return
        # Load balancers need a moment to see that the server is no longer ready.
        self._operations.stopping = True
        stop = functools.partial(super().handle_exit, sig, None)
        # A signal interrupts the loop anywhere, and only this call is safe then.
        self._loop.call_soon_threadsafe(self._loop.call_later, self._drain, stop)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(GRACE, self._stopping.cancel)
        await super().shutdown(sockets)


def serve(
    workspace: Workspace,
    binding: Binding,
    *,
    ready: Callable[[str], None],
    assistants: Answers | None = None,
) -> None:
    """Serve the Integrations API until SIGINT or SIGTERM; `assistants` answers /mcp.

    `ready` gets the base URL once the server accepts requests. After SIGTERM it isn't ready, and
    accepts requests for the seconds in the settings. Running requests get 20 seconds to
    finish; then refreshes are canceled, with nothing written. Raises UsageError if there are no
    users, if passwords would travel unencrypted, or for an unusable address or certificate.
    """
    if not Accounts(workspace).book().users and not workspace.settings.oidc_issuer:
        raise UsageError(
            "The server has no users, so no one can sign in.",
            remedy="Add a user: crmdeck serve users add YOU@EXAMPLE.COM",
            code="NO_USERS",
        )
    tls = _tls(binding)
    _require_privacy(binding, tls)
    proxies = _proxies(workspace.settings.trusted_proxies)
    if binding.public_url and not proxies:
        _log.warning("No trusted_proxies in the settings: all clients count as one address.")
    # Opened here and not by uvicorn, because the URL needs the port that 0 stands for.
    listener = _listen(binding.host, binding.port)
    scheme, port = "https" if tls else "http", listener.getsockname()[1]
    host = f"[{binding.host}]" if ":" in binding.host else binding.host
    public = binding.public_url or f"{scheme}://{host}:{port}"
    stopping = CancelToken()
    app = create_app(
        workspace, public_url=public.rstrip("/"), stopping=stopping, assistants=assistants
    )
    operations: Operations = app.state.operations
    config = server_config(
        app,
        RequestLimits(connections=room_for_connections()),
        proxies,
        ssl_certfile=binding.certificate if tls else None,
        ssl_keyfile=binding.key if tls else None,
    )
    # A refresh computes in this process, and other threads would wait for it at each query.
    sys.setswitchinterval(SWITCH_INTERVAL)
    drain = workspace.settings.drain_seconds
    server = _Server(config, operations, drain, stopping, lambda: ready(public))
    with listener, _serving_metrics(operations, binding):
        server.run(sockets=[listener])


@contextmanager
def _serving_metrics(operations: Operations, binding: Binding) -> Iterator[None]:
    if binding.metrics_port is None:
        yield
        return
    config = uvicorn.Config(
        operations.app(), lifespan="off", log_config=None, access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    with _listen(binding.metrics_host, binding.metrics_port) as listener:
        # A request for metrics that hangs must not keep the server from stopping.
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(GRACE)


def server_config(
    app: ASGIApp, limits: RequestLimits, proxies: Sequence[str] = (), **more: Any
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
        # uvicorn's own handlers would neither redact secrets nor bound the log.
        log_config=None,
        # uvicorn would log query strings.
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        # Canceled work has a moment to end.
        timeout_graceful_shutdown=GRACE + 5,
        **more,
    )


def _tls(binding: Binding) -> bool:
    if binding.certificate is None and binding.key is None:
        return False
    if binding.certificate is None or binding.key is None:
        raise UsageError(
            "A certificate needs its key, and a key its certificate.", code="BAD_CERTIFICATE"
        )
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # If a password is given, OpenSSL doesn't ask for one on the terminal.
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
        parts = split_url(binding.public_url)
        if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/"):
            raise UsageError(
                f"'{binding.public_url}' can't be the public URL.",
                remedy="The public URL is https:// and a host, without a path.",
                code="BAD_PUBLIC_URL",
            )
    elif not tls and not is_loopback(binding.host):
        raise UsageError(
            f"On {binding.host}, passwords would travel unencrypted.",
            remedy="Add --tls-certificate and --tls-key, or put a TLS proxy in front and set "
            "its URL with --public-url. To listen on this machine only, omit --host.",
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


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(
            f"Can't listen on {host}, port {port}.",
            cause=f"{error.strerror or type(error).__name__}.",
            remedy="Choose another --host or --port.",
            code="CANNOT_LISTEN",
        ) from None
