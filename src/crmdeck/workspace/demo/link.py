"""Connects the demo's connections to the sandbox."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from crmdeck.clock import Clock
from crmdeck.connectors.base import Connector, Credentials, TokenListener
from crmdeck.connectors.limits import Limits
from crmdeck.connectors.registry import open_source
from crmdeck.model import Connection, Source

if TYPE_CHECKING:
    from crmdeck.sandbox import Sandbox


class SandboxLink:
    """Starts the sandbox for the first connector, and opens connectors to it.

    The sandbox's history ends at `anchor`.
    """

    def __init__(self, clock: Clock, anchor: datetime | None = None) -> None:
        self.anchor = anchor
        self._clock = clock
        self._sandbox: Sandbox | None = None
        self._guard = threading.Lock()

    def __call__(
        self,
        connection: Connection,
        credentials: Credentials,
        listener: TokenListener,
        limits: Limits,
    ) -> Connector:
        """Open a connector to the sandbox, or to the own source of an added connection."""
        if connection.source != Source.SANDBOX or connection.endpoint:
            return open_source(connection)(connection, credentials, listener, limits)
        # The demo's history is enough for most of it, so the sandbox waits for the first request.
        from crmdeck.sandbox import Sandbox, Scenario

        with self._guard:
            if self._sandbox is None:
                self._sandbox = Sandbox(Scenario.demo(), clock=self._clock, anchor=self.anchor)
                self._sandbox.start()
            access = self._sandbox.access(connection.name)
        reached = connection.model_copy(update={"endpoint": access.endpoint})
        # One call at a time, so that a replay always spends the same quota.
        single = replace(limits, threads=1)
        held = _Access(access.secrets, credentials)
        return open_source(connection)(reached, held, listener, single)

    def stop(self) -> None:
        with self._guard:
            if self._sandbox is not None:
                self._sandbox.stop()
                self._sandbox = None


class _Access:
    """The sandbox's secrets, until a connector renews them."""

    def __init__(self, secrets: Mapping[str, str], credentials: Credentials) -> None:
        self._secrets = secrets
        self._credentials = credentials

    def get(self, name: str) -> str | None:
        return self._credentials.get(name) or self._secrets.get(name)

    def put(self, values: Mapping[str, str]) -> None:
        self._credentials.put(values)
