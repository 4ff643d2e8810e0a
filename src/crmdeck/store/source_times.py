"""When a source that passes schemas on had read what a refresh took from it.

These times come with each refresh, so they are packed: each time once, with the object types that
share it, and the largest group without names.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache

from crmdeck.model import Freshness


class SourceTimes:
    """The times of the object types that one refresh read."""

    def __init__(self, named: Mapping[str, Freshness], others: Freshness) -> None:
        self._named = named
        self._others = others

    def of(self, object_type: str) -> Freshness:
        """Return when an object type of the refresh was read by its source."""
        return self._named.get(object_type, self._others)

    def counts(self, read: int) -> dict[Freshness, int]:
        """Return the number of `read` object types for each time."""
        found = {self._others: read - len(self._named)}
        for freshness in self._named.values():
            found[freshness] = found.get(freshness, 0) + 1
        return found


def pack(
    times: Mapping[str, Freshness], read: Collection[str], otherwise: Freshness
) -> bytes | None:
    """Return the times of the object types that were `read`; None if all are the same."""
    groups: dict[Freshness, list[str]] = {}
    for name in sorted(read):
        groups.setdefault(times.get(name, otherwise), []).append(name)
    if not groups.keys() - {otherwise}:
        return None
    largest = max(groups, key=lambda each: len(groups[each]))
    lines = [
        [*(moment.isoformat() for moment in freshness), [] if freshness is largest else names]
        for freshness, names in groups.items()
    ]
    return zlib.compress(json.dumps(lines, separators=(",", ":")).encode())


@lru_cache(maxsize=64)
def unpack(packed: bytes) -> SourceTimes:
    named: dict[str, Freshness] = {}
    others = Freshness(datetime.min, datetime.min)
    for discovered_at, expires_at, names in json.loads(zlib.decompress(packed)):
        freshness = Freshness(
            datetime.fromisoformat(discovered_at), datetime.fromisoformat(expires_at)
        )
        others = others if names else freshness
        named.update(dict.fromkeys(names, freshness))
    return SourceTimes(named, others)
