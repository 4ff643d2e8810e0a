"""A mark next to DuckDB's write-ahead log: the log's contents after the last write.

DuckDB takes a cut log for one whose last write never ended, and a file without its log for one that
was closed properly. So the last writes could disappear without an error.
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
    """The mark of the cache at `path`; it exists while writes are in the log only.

    It is removed before the log may be merged into the file, so that a killed process leaves a
    correct mark, or none.
    """

    def __init__(self, path: Path) -> None:
        self._cache = path
        self._log = wal_of(path)
        self.path = path.with_name(path.name + ".wal.mark")

    @contextmanager
    def moved(self) -> Iterator[None]:
        """Remove the mark during a write, and set it to the end of the log afterward."""
        ends = self._ends()
        self.take_away()
        try:
            yield
        finally:
            self._set(ends)

    def take_away(self) -> None:
        """Remove the mark, so that the log can be merged into the file."""
        with suppress(OSError):
            self.path.unlink()

    def check(self) -> None:
        """Raise CacheError if the log lacks committed writes; no one else may write."""
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
            cause = f"{self._log.name} is missing."
        raise CacheError(
            f"The cache at {self._cache} lacks its last writes. It was left untouched.",
            cause=cause,
            remedy=f"Put {self._log.name} back, or continue without it: crmdeck doctor --repair",
            code=LOG_LOST,
        )

    def proven(self) -> int | None:
        """Return the certainly right length of the log, up to a write's end; None if unknown.

        DuckDB's own checksums are sums of words: what repeats an even number of times can be
        altered without changing them.
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
        """Return the ends of writes, with the CRC-32 of the log up to there."""
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
            # A log that was started again is another log.
            kept = [end for end, there in zip(before, found, strict=False) if end[1] == there]
            checksum = found[-1]
            mark = json.dumps({"bytes": size, "crc32": checksum, "ends": [*kept, (size, checksum)]})
            draft = self.path.with_name(self.path.name + ".new")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(mark)
            draft.replace(self.path)


def _checksums(path: Path, sizes: Sequence[int]) -> list[int]:
    """Return the CRC-32 of the first bytes, for each size; of all bytes if there are fewer."""
    checksum = done = 0
    found = []
    with path.open("rb") as file:
        for size in sizes:
            while done < size and (piece := file.read(min(size - done, _PIECE))):
                checksum = zlib.crc32(piece, checksum)
                done += len(piece)
            found.append(checksum)
    return found
