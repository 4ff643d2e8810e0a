"""A mark beside DuckDB's write-ahead log: what the log holds after the last write.

DuckDB takes a log that was cut for one whose last write never ended, and a file whose log is gone
for one that was closed in peace. So what was written last would be missing without a word.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from crmdeck.errors import CacheError
from crmdeck.store.duckdb_file import wal_of

LOG_LOST = "CACHE_LOG_LOST"
_PIECE = 1 << 20
# Writes whose ends are kept.
_MOST_ENDS = 200


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
        ends = self._ends()
        self.take_away()
        try:
            yield
        finally:
            self._set(ends)

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
            if _checksums(self._log, [size])[-1] == checksum:
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

    def proven(self) -> int | None:
        """Return up to where the log is what was written, at the end of a write; None unknown.

        DuckDB's own checksums are sums of words: what repeats an even number of times may be
        altered without any of them being another one.
        """
        ends = self._ends()
        if not ends:
            return None
        try:
            found = _checksums(self._log, [size for size, _ in ends])
        except OSError:
            return None
        right = [size for (size, crc), there in zip(ends, found, strict=True) if crc == there]
        return max(right, default=0)

    def _ends(self) -> list[tuple[int, int]]:
        """Return where writes ended, with the CRC-32 of the log up to there."""
        try:
            mark = json.loads(self.path.read_text("ascii"))
            return sorted((int(size), int(checksum)) for size, checksum in mark["ends"])
        except (OSError, ValueError, TypeError, KeyError):
            return []

    def _set(self, ends: list[tuple[int, int]]) -> None:
        with suppress(OSError):
            size = self._log.stat().st_size
            before = [end for end in ends[-_MOST_ENDS:] if end[0] < size]
            found = _checksums(self._log, [*(end[0] for end in before), size])
            # A log that was begun anew meanwhile is another one.
            kept = [end for end, there in zip(before, found, strict=False) if end[1] == there]
            checksum = found[-1]
            mark = json.dumps({"bytes": size, "crc32": checksum, "ends": [*kept, (size, checksum)]})
            draft = self.path.with_name(self.path.name + ".new")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(mark)
            draft.replace(self.path)


def _checksums(path: Path, sizes: Sequence[int]) -> list[int]:
    """Return the CRC-32 of the first bytes, so many and so many; of all where there are fewer."""
    checksum = done = 0
    found = []
    with path.open("rb") as file:
        for size in sizes:
            while done < size and (piece := file.read(min(size - done, _PIECE))):
                checksum = zlib.crc32(piece, checksum)
                done += len(piece)
            found.append(checksum)
    return found
