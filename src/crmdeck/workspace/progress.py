"""Progress of work at a source, and the pauses that the source asks for."""

from __future__ import annotations

import math
from dataclasses import replace

from crmdeck.connectors.base import Meter, Wait
from crmdeck.model import Progress, ProgressCallback

SHORTEST = 1.0
"""Minimum length in seconds of a pause that is reported."""


class ProgressReporter:
    """Passes progress on, with the current pause if there is one."""

    def __init__(self, callback: ProgressCallback | None) -> None:
        self._callback = callback
        self._last = Progress(0, None)
        self._waiting = ""

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        if self._callback is not None:
            self._callback(replace(progress, waiting=self._waiting))

    def listen_to(self, meter: Meter) -> None:
        """Report the pauses of a connector too."""
        meter.on_wait = self._waits

    def _waits(self, wait: Wait | None) -> None:
        self._waiting = in_words(wait) if wait is not None else ""
        self(self._last)


def in_words(wait: Wait) -> str:
    """Return `HubSpot asks to wait 8 s`, or an empty string for a short pause."""
    if wait.seconds < SHORTEST:
        return ""
    seconds = f"{math.ceil(wait.seconds)} s"
    if wait.asked:
        return f"{wait.who} asks to wait {seconds}"
    return f"{wait.who} is busy, trying again in {seconds}"
