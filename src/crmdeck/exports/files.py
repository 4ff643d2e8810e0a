"""Exports on disk: private to the user, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from crmdeck.errors import CrmdeckError, UsageError


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write bytes, or text as UTF-8, to `path`, readable by the user only (0600).

    What stood there before stays until the new file is complete. Raises UsageError where `path`
    is something other than a file, CrmdeckError where it can't be written.
    """
    if path.exists() and not path.is_file():
        raise UsageError(
            f"{path} is not a file.", remedy="Name a file to write to.", code="NOT_A_FILE"
        )
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".crmdeck-", suffix=".tmp")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(content, str):
                content = content.encode("utf-8", "backslashreplace")
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise CrmdeckError(
            f"{path} could not be written.",
            cause=error.strerror or str(error),
            remedy="Name a file in a folder that exists and that you may write to.",
            code="WRITE_FAILED",
        ) from error
    finally:
        if temporary is not None:
            with suppress(FileNotFoundError):
                temporary.unlink()
