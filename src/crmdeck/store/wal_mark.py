"""A mark beside DuckDB's write-ahead log: what the log holds after the last write.

DuckDB takes a log that was cut for one whose last write never ended, and a file whose log is gone
for one that was closed in peace. So what was written last would be missing without a word.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from crmdeck.errors import CacheError
from crmdeck.store.duckdb_file import wal_of

LOG_LOST = "CACHE_LOG_LOST"
_PIECE = 1 << 20


class WalMark:
    """The mark of the cache at `path`; it is there while writes are in the log only.

    It is gone before the log may be folded into the file, so that a process that is killed leaves
    a mark that is true, or none.
    """

    def __init__(self, path: Path) -> None:
        self._cache = path
        self._log = wal_of(path)
        self.path = path.with_name(path.name + ".wal.mark")

    @contextmanager
    def moved(self) -> Iterator[None]:
        """Take the mark away for the time of a write, and set it where the log ends after it."""
        self.take_away()
        try:
            yield
        finally:
            self._set()

    def take_away(self) -> None:
        """Let the log be folded into the file."""
        with suppress(OSError):
            self.path.unlink()

    def check(self) -> None:
        """Raise CacheError where the log lacks something that was kept; nobody else may write."""
        try:
            mark = json.loads(self.path.read_text("ascii"))
            size, checksum = int(mark["bytes"]), int(mark["crc32"])
        except (OSError, ValueError, TypeError, KeyError):
            return
        try:
            if _checksum(self._log, size) == checksum:
                return
            cause = f"{self._log.name} was cut or altered."
        except FileNotFoundError:
            cause = f"{self._log.name} is gone."
        raise CacheError(
            f"The cache {self._cache} lacks what was written last. It was left untouched.",
            cause=cause,
            remedy=f"Put {self._log.name} back as it was, or go on without: "
            "crmdeck doctor --repair",
            code=LOG_LOST,
        )

    def _set(self) -> None:
        with suppress(OSError):
            size = self._log.stat().st_size
            mark = json.dumps({"bytes": size, "crc32": _checksum(self._log, size)})
            draft = self.path.with_name(self.path.name + ".new")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(mark)
            draft.replace(self.path)


def _checksum(path: Path, size: int) -> int:
    """Return the CRC-32 of the first `size` bytes, or of all where there are fewer."""
    checksum = 0
    with path.open("rb") as file:
        while size > 0 and (piece := file.read(min(size, _PIECE))):
            checksum = zlib.crc32(piece, checksum)
            size -= len(piece)
    return checksum
