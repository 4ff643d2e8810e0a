"""Files of the user to read, and files that are replaced as a whole."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def open_regular(path: Path) -> IO[bytes]:
    """Open a file to read; raises OSError, also for a pipe or a device, which may never end."""
    # Opening a pipe without a writer would wait for one.
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "Not a regular file")
    return os.fdopen(file, "rb")


def read_regular(path: Path, most: int) -> bytes:
    """Return the bytes of a file, at most `most`; raises OSError like `open_regular`."""
    with open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"The file is larger than {most:,} bytes")
    return data


def parse_json(text: str | bytes) -> object:
    """Return the value of a JSON text; raises ValueError, also for deep nesting."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


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
