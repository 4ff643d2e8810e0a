"""The server's log on stderr: bounded whatever a client sends, and without secrets."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from crmdeck.errors import one_line
from crmdeck.redaction import redact

_FORM = "%(asctime)s %(levelname)s %(name)s %(message)s"
LONGEST_LINE = 500
LONGEST_RECORD = 8000
MOST_ALIKE = 120
WINDOW = 60.0
_MOST_KINDS = 1000


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
            if len(self._seen) > _MOST_KINDS:
                self._seen.clear()
            since, count = self._seen.get(kind, (now, 0))
            left_out = 0
            if now - since >= self._window:
                left_out, since, count = max(0, count - self._most), now, 0
            self._seen[kind] = (since, count + 1)
        if left_out:
            record.msg = f"({left_out:,} similar records left out.) {record.getMessage()}"
            record.args = ()
        return count < self._most


class BoundedFormatter(logging.Formatter):
    """Formats each record as one short line, except what is needed to find an error."""

    def format(self, record: logging.LogRecord) -> str:
        text = redact(super().format(record))
        if not record.exc_info:
            return _cut(one_line(text), LONGEST_LINE)
        return _cut(text, LONGEST_RECORD)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}..."


def log_to_stderr() -> None:
    """Write the server's log to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(BoundedFormatter(_FORM))
    handler.addFilter(RepeatLimit())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
