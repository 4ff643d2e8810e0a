"""Exports on disk: private to the user, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crmdeck.errors import CrmdeckError, UsageError
from crmdeck.files import replacing


def write_atomically(path: Path, content: str | bytes | Iterable[str]) -> None:
    """Write bytes, or text as UTF-8, to `path`; raises what `file_in_place` does.

    Text may come piece by piece; what goes wrong while it is made leaves no file behind.
    """
    with file_in_place(path) as draft, draft.open("wb") as file:
        for piece in [content] if isinstance(content, str | bytes) else content:
            file.write(
                piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace")
            )


@contextmanager
def file_in_place(path: Path) -> Iterator[Path]:
    """Yield an empty file to fill, readable by the user only (0600), which then becomes `path`.

    What stood there before stays until the new file is complete. Raises UsageError where `path`
    is something other than a file, CrmdeckError where it can't be written.
    """
    try:
        if path.exists() and not path.is_file():
            raise UsageError(
                f"{path} is not a file.", remedy="Name a file to write to.", code="NOT_A_FILE"
            )
        with replacing(path) as draft:
            yield draft
    except OSError as error:
        raise CrmdeckError(
            f"{path} could not be written.",
            cause=error.strerror or str(error),
            remedy="Name a file in a folder that exists and that you may write to.",
            code="WRITE_FAILED",
        ) from error
