"""Files that are replaced as a whole and that only their owner can read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty file next to `path` (mode 0600) to fill; at the end it replaces `path`.

    The old file stays until the new one is complete and on disk. On an error, nothing is left
    behind. Raises OSError, and what the block raises.
    """
    # Next to `path`, because a file is replaced as a whole only within one file system.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:32]}-", suffix=".tmp")
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with draft.open("rb+") as file:
            # Without this, a crash can leave an empty file under the name of the old one.
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Replace a file by `text` in UTF-8, as a whole or not at all. Raises OSError."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")
