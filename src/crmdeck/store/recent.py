"""What was found lately: schemas, by the refresh that left them so, and that nothing is lost."""

from __future__ import annotations

import threading
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from crmdeck.model import SnapshotInfo

# A snapshot takes some two kilobytes.
_MOST_SNAPSHOTS = 10_000

WHOLE_FOR = 60.0
"""Seconds for which a log that lacked no definition is not looked through again.

What crmdeck writes comes with its definitions; only damage from outside takes one away, which is
also found wherever it is loaded.
"""


class RefreshKey(NamedTuple):
    """What tells a recorded refresh from all others, also from those of a restored log."""

    connection_id: str
    run_id: str
    seq: int


class RecentSnapshots:
    """The snapshots of whole connections, for all threads of a process; the oldest go first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[RefreshKey, tuple[SnapshotInfo, ...]] = OrderedDict()
        self._count = 0
        self._whole_until = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether nothing lacked a definition when that was looked at, a while ago at most."""
        return monotonic() < self._whole_until

    def note_whole(self) -> None:
        """Note that nothing lacks a definition."""
        self._whole_until = monotonic() + WHOLE_FOR

    def get(self, key: RefreshKey) -> tuple[SnapshotInfo, ...] | None:
        """Return what the refresh left, None where it was not read lately."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: RefreshKey, infos: tuple[SnapshotInfo, ...]) -> None:
        """Keep what the refresh left."""
        with self._lock:
            self._count += len(infos) - len(self._kept.pop(key, ()))
            self._kept[key] = infos
            while self._count > _MOST_SNAPSHOTS:
                self._count -= len(self._kept.popitem(last=False)[1])
