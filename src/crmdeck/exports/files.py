"""Exports on disk: private to the user, complete or not written."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.files import replacing

_log = logging.getLogger(__name__)


def write_atomically(path: Path, content: str | bytes | Iterable[str]) -> None:
    """Write bytes, or text as UTF-8, to `path`; an error leaves no new file.

    Raises UsageError and CrmdeckError as `file_in_place` does.
    """
    _log.debug("Writing %s", path)
    with file_in_place(path) as draft, draft.open("wb") as file:
        for piece in [content] if isinstance(content, str | bytes) else content:
            # A text of a CRM can contain half of a surrogate pair, which UTF-8 can't encode.
            file.write(
                piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace")
            )


@contextmanager
def file_in_place(path: Path) -> Iterator[Path]:
    """Yield an empty file, readable by the user only (0600), that replaces `path` at the end.

    Raises UsageError if `path` isn't a file, CrmdeckError if writing fails.
    """
    try:
        # Replacing a device, such as /dev/null, would break it for all programs.
        if path.exists() and not path.is_file():
            raise UsageError(
                f"{path} isn't a file.", remedy="Enter the name of a file.", code="NOT_A_FILE"
            )
        with replacing(path) as draft:
            yield draft
    except OSError as error:
        raise CrmdeckError(
            f"Can't write {path}.",
            cause=error.strerror or str(error),
            remedy="Enter a file in an existing folder that you can write to.",
            code="WRITE_FAILED",
        ) from error
