"""The messages shown since the console opened, each with the command that does the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MOST_MESSAGES = 500
"""Messages kept; the oldest are dropped."""


@dataclass(frozen=True)
class Message:
    """One message, shown at a time in UTC.

    `severity` is that of a toast; `command` is empty if no command does the same.
    """

    at: datetime
    text: str
    title: str = ""
    severity: str = "information"
    command: str = ""

    @property
    def line(self) -> str:
        """The message on one line, with its title."""
        text = " ".join(self.text.split("\n"))
        return f"{self.title}: {text}" if self.title else text
