"""Schemas that were read recently, by refresh; and that no definition is missing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from crmdeck.model import SnapshotInfo

# A snapshot takes about two kilobytes.
_MOST_SNAPSHOTS = 10_000

WHOLE_FOR = 60.0
"""Seconds for which a complete history isn't checked again for missing definitions.

crmdeck writes rows with their definitions. Only damage from outside removes one, and loading it
finds that too.
"""


class RefreshKey(NamedTuple):
    """What identifies a refresh, also among those of a restored history."""

    connection_id: str
    run_id: str
    seq: int


class RecentSnapshots:
    """The snapshots of whole connections, for all threads of a process; the oldest are dropped
    first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[RefreshKey, tuple[SnapshotInfo, ...]] = OrderedDict()
        self._count = 0
        self._whole_until: dict[str | None, float] = {}

    def is_whole(self, connection_id: str | None) -> bool:
        """True if no definition of a connection was missing a short time ago; None: of all."""
        until = max(self._whole_until.get(each, 0.0) for each in (connection_id, None))
        return monotonic() < until

    def note_whole(self, connection_id: str | None) -> None:
        self._whole_until[connection_id] = monotonic() + WHOLE_FOR

    def get(self, key: RefreshKey) -> tuple[SnapshotInfo, ...] | None:
        """Return the result of the refresh; None if it wasn't read recently."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: RefreshKey, infos: tuple[SnapshotInfo, ...]) -> None:
        with self._lock:
            self._count += len(infos) - len(self._kept.pop(key, ()))
            self._kept[key] = infos
            while self._count > _MOST_SNAPSHOTS:
                self._count -= len(self._kept.popitem(last=False)[1])
