"""Which rows are marked: single marks by key, and a range that grows with the cursor. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    """Marked row keys, and the screen position where an open range began."""

    keys: frozenset[Hashable] = frozenset()
    anchor: int | None = None

    def toggled(self, keys: Iterable[Hashable]) -> Marks:
        """Return the marks with `keys` marked, or unmarked where all of them were."""
        wanted = frozenset(keys)
        rest = self.keys - wanted if wanted <= self.keys else self.keys | wanted
        return Marks(rest, None)

    def range_from(self, position: int | None) -> Marks:
        """Return the marks with a range that begins at `position` (None: no range)."""
        return Marks(self.keys, position)

    def span(self, cursor: int) -> range:
        """Return the positions of the open range, from its anchor to `cursor`."""
        if self.anchor is None:
            return range(0)
        return range(min(self.anchor, cursor), max(self.anchor, cursor) + 1)
