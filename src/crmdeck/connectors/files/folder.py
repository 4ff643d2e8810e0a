"""Schema files on disk: which there are, and their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from crmdeck.errors import SourceError
from crmdeck.formats.document import SchemaFile, name_bytes, read_bounded

MAX_FILES = 10_000
SUFFIXES = (".json", ".json.gz", ".csv", ".csv.gz")


def find_files(path: Path) -> list[Path]:
    """Return `path`, or the schema files that lie in the folder `path`, in order of name.

    Schema files end in one of `SUFFIXES`; hidden files and what lies in sub-folders do not count.
    Raises SourceError where there are none.
    """
    try:
        if path.is_file():
            return [path]
        if not path.is_dir():
            raise SourceError(
                f"There is no file or folder {path}.",
                remedy="Point the connection to the exported schemas.",
                code="FILE_NOT_FOUND",
            )
        found = sorted(
            entry
            for entry in path.iterdir()
            if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith(".")
        )
    except OSError as error:
        raise unreadable(path, error) from error
    if not found:
        raise SourceError(
            f"There are no schema files in {path}.",
            cause=f"Schema files end in {', '.join(SUFFIXES)}; sub-folders are not searched.",
            remedy="Point the connection to the folder or file that holds the exported schemas.",
            code="NO_SCHEMA_FILES",
        )
    if len(found) > MAX_FILES:
        raise SourceError(
            f"There are {len(found):,} schema files in {path}, more than {MAX_FILES:,}.",
            remedy="Point the connection to a folder that holds the exported schemas only.",
            code="TOO_MANY_FILES",
        )
    return found


def read_file(file: Path, folder: Path | None = None) -> SchemaFile:
    """Return the content of `file`, or the error in its place.

    Where `folder` is given, a link that leads out of it is refused.
    """
    try:
        if folder is not None and not file.resolve().is_relative_to(folder.resolve()):
            raise SourceError(
                f"{file.name} is a link that leads out of its folder.",
                remedy="Put the file itself into the folder.",
                code="FILE_UNREADABLE",
            )
        if not file.is_file():
            raise SourceError(
                f"{file.name} is not a regular file.",
                remedy="Take it out of the folder.",
                code="FILE_UNREADABLE",
            )
        with file.open("rb") as stream:
            data = read_bounded(file.name, stream)
    except SourceError as error:
        return SchemaFile(file.name, error=error)
    except (OSError, RuntimeError) as error:
        return SchemaFile(file.name, error=unreadable(file, error))
    return SchemaFile(file.name, data)


def fingerprint(files: Sequence[SchemaFile], salt: str) -> str:
    """Return the SHA-256 (hex) over names and contents of `files`, and `salt`."""
    digest = hashlib.sha256(salt.encode())
    for file in files:
        for part in (name_bytes(file.name), file.data):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{path} could not be read.",
        cause=getattr(error, "strerror", None) or str(error),
        remedy="See that the file is there and that you may read it.",
        code="FILE_UNREADABLE",
    )
