"""Runs the sandbox alone, to try clients against it."""

from __future__ import annotations

import time
from collections.abc import Callable

from crmdeck.errors import UsageError
from crmdeck.sandbox import Sandbox, Scenario


def serve_sandbox(
    *,
    port: int = 0,
    latency: float = 0.0,
    ready: Callable[[dict[str, object]], None],
    forever: Callable[[], None] | None = None,
) -> None:
    """Run the sandbox until an interrupt; `ready` gets its addresses and tokens."""
    scenario = Scenario.demo()
    try:
        sandbox = Sandbox(scenario, port=port, latency=latency)
        sandbox.start()
    except OSError as error:
        raise UsageError(
            f"Can't listen on port {port}.",
            cause=f"{error.strerror}." if error.strerror else None,
            remedy="Use another port, or pick a free one: --port 0",
            code="PORT_IN_USE",
        ) from None
    try:
        access: dict[str, object] = {"url": sandbox.url}
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
    # On Windows, Ctrl+C interrupts a sleep, but not a wait for an event.
    while True:
        time.sleep(3600)
