"""The sandbox CRM on its own, for anyone to try a client against."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from crmdeck.errors import UsageError


def serve_sandbox(
    *,
    port: int = 0,
    latency: float = 0.0,
    ready: Callable[[dict[str, Any]], None],
    forever: Callable[[], None] | None = None,
) -> None:
    """Run the sandbox until interrupted; `ready` is told where it is and how to get in."""
    from crmdeck.sandbox import Sandbox, Scenario

    scenario = Scenario.demo()
    try:
        sandbox = Sandbox(scenario, port=port, latency=latency)
        sandbox.start()
    except OSError as error:
        raise UsageError(
            f"Port {port} can't be used.",
            cause=error.strerror,
            remedy="Choose another --port, or 0 for a free one.",
            code="PORT_IN_USE",
        ) from None
    try:
        access: dict[str, Any] = {"url": sandbox.url}
        for organization in scenario.organizations:
            reached = sandbox.access(organization.name)
            access[organization.name] = {
                "endpoint": reached.endpoint,
                "accessToken": reached.secrets["access_token"],
            }
        ready(access)
        (forever or _sleep_forever)()
    except KeyboardInterrupt:
        pass
    finally:
        sandbox.stop()


def _sleep_forever() -> None:
    while True:
        time.sleep(3600)
