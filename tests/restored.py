"""A folder that is made once, and is for each test as it was then."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path


class Restored:
    """What `make` puts into a folder below `root`, an empty one; the folder is always the same.

    Caches hold where their exports are, so that a copy has to be where the first one was.
    """

    def __init__(self, root: Path, make: Callable[[Path], object]) -> None:
        self._place, self._kept = root / "place", root / "kept"
        self._place.mkdir()
        make(self._place)
        shutil.copytree(self._place, self._kept)

    def anew(self) -> Path:
        """Return the folder, as it was made."""
        shutil.rmtree(self._place)
        shutil.copytree(self._kept, self._place)
        return self._place
