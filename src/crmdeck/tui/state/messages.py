"""The messages shown since the console opened, each with the command that does the same."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

MOST_MESSAGES = 500


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


class MessageLog:
    """The latest messages of a console; the oldest are dropped."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=MOST_MESSAGES)

    def add(self, message: Message) -> None:
        """Add a message."""
        self._messages.append(message)

    def latest_first(self) -> tuple[Message, ...]:
        """Return the messages, latest first."""
        return tuple(reversed(self._messages))
