"""Waits for a console by its event loop, not by the clock.

Textual's pilot sleeps 20 milliseconds or more around each key, until the process is idle: that
was more than half of what a test of the console took.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest
import textual.app
import textual.pilot

LONGEST = 10.0
"""Seconds after which a loop that never rests is left to what waits for it."""


async def idle(*_: Any) -> None:
    """Wait until the event loop has nothing to run: every message that was sent has arrived."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    ends = monotonic() + LONGEST
    await asyncio.sleep(0)
    # What a thread sends arrives in the loop's next turn.
    await asyncio.sleep(0)
    while ready and monotonic() < ends:
        await asyncio.sleep(0)


def wait_by_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pilots of a test wait for the event loop."""
    monkeypatch.setattr(textual.app, "wait_for_idle", idle)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", idle)
