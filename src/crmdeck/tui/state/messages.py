"""What was said so far in this console, with the command line that does the same."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

MOST_MESSAGES = 500


@dataclass(frozen=True)
class Message:
    """One thing that was said, at a moment in UTC.

    `severity` is that of a toast; `command` is empty where no command does the same.
    """

    at: datetime
    text: str
    title: str = ""
    severity: str = "information"
    command: str = ""

    @property
    def line(self) -> str:
        """The message on one line, with its title."""
        told = " ".join(self.text.split("\n"))
        return f"{self.title}: {told}" if self.title else told


class MessageLog:
    """The messages of a console, the latest last; the oldest are forgotten."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=MOST_MESSAGES)

    def add(self, message: Message) -> None:
        """Keep a message."""
        self._messages.append(message)

    def latest_first(self) -> tuple[Message, ...]:
        """Return all that is kept, the latest first."""
        return tuple(reversed(self._messages))
