"""The server's log on stderr: bounded whatever a client sends, and without secrets."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from crmdeck.errors import one_line
from crmdeck.model import format_utc
from crmdeck.redaction import redact

_OF_REQUEST = ("method", "route", "status", "seconds", "client", "request_id", "user")
LONGEST_LINE = 500
LONGEST_RECORD = 8000
MOST_ALIKE = 120
WINDOW = 60.0
_MOST_KINDS = 1000


@dataclass
class RequestNote:
    """What a request is logged with: its ID, and the signed-in user or token once known."""

    id: str
    user: str | None = None


request_note: ContextVar[RequestNote | None] = ContextVar("request_note", default=None)
"""The note of the current request, also in the threads that work on it."""


class RepeatLimit(logging.Filter):
    """Writes a limited number of similar records per minute, and then how many it left out.

    Records are similar if logger, level and message template are the same.
    """

    def __init__(
        self,
        most: int = MOST_ALIKE,
        window: float = WINDOW,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._most = most
        self._window = window
        self._timer = timer
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}
        self._guard = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """True if a record is written. The first record after a gap reports the gap."""
        kind = (record.name, record.levelno, str(record.msg)[:LONGEST_LINE])
        now = self._timer()
        with self._guard:
            # Bounded, because another package can put a client's text into its templates.
            if len(self._seen) > _MOST_KINDS:
                self._seen.clear()
            since, count = self._seen.get(kind, (now, 0))
            left_out = 0
            if now - since >= self._window:
                left_out, since, count = max(0, count - self._most), now, 0
            self._seen[kind] = (since, count + 1)
        if left_out:
            record.msg = f"({left_out:,} similar records left out.) {record.getMessage()}"
            # The message is complete, and can contain percent signs.
            record.args = ()
        return count < self._most


class JsonFormatter(logging.Formatter):
    """Formats each record as one line of JSON: `time` (UTC), `level`, `logger` and `message`.

    A request also has `method`, `route`, `status`, `seconds`, `client` and `user`, an error
    `exception`. What is logged during a request has its `request_id`.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": format_utc(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": _cut(one_line(redact(record.getMessage())), LONGEST_LINE),
        }
        line |= {name: record.__dict__[name] for name in _OF_REQUEST if name in record.__dict__}
        if note := request_note.get():
            line.setdefault("request_id", note.id)
        if record.exc_info:
            exception = redact(self.formatException(record.exc_info))
            line["exception"] = _cut(exception, LONGEST_RECORD)
        return json.dumps(line)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


def log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RepeatLimit())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
