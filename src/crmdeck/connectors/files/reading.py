"""Schema files on disk: which there are, and their bytes and text, bounded in size."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crmdeck.errors import SourceError

# Full descriptions of 1,300 objects come to some 100 MB.
MAX_BYTES = 1024 * 1024 * 1024
MAX_FILES = 10_000
SUFFIXES = (".json", ".json.gz", ".csv", ".csv.gz")

_CHUNK = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class SchemaFile:
    """The bytes of one file as they are on disk, or why they could not be read."""

    name: str
    data: bytes = b""
    error: SourceError | None = None

    @property
    def stem(self) -> str:
        """Return the file's name up to its first dot: the object type, if the content has none."""
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        """Return a short plain token that stands for the file's name."""
        return hashlib.sha256(_name_bytes(self.name)).hexdigest()[:12]


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
            data = _read_bounded(file.name, stream)
    except SourceError as error:
        return SchemaFile(file.name, error=error)
    except (OSError, RuntimeError) as error:
        return SchemaFile(file.name, error=unreadable(file, error))
    return SchemaFile(file.name, data)


def fingerprint(files: Sequence[SchemaFile], salt: str) -> str:
    """Return the SHA-256 (hex) over names and contents of `files`, and `salt`."""
    digest = hashlib.sha256(salt.encode())
    for file in files:
        for part in (_name_bytes(file.name), file.data):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def decode(file: SchemaFile) -> str:
    """Return the text of `file`, unpacked where it is gzipped, without a byte order mark.

    UTF-8 and UTF-16 are read. Raises SourceError naming file and place where it is neither,
    too large, or a broken archive.
    """
    data = _unpack(file)
    mark, encoding = next(
        (pair for pair in _BYTE_ORDER_MARKS if data.startswith(pair[0])), (b"", "utf-8")
    )
    data = data.removeprefix(mark)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise broken(
            file.name,
            f"line {line}",
            f"byte {error.start + 1} is not {encoding.upper()} text",
            remedy="Save the file as UTF-8.",
        ) from error


def broken(
    file: str, place: str, why: str, *, remedy: str = "Export it again, or repair it."
) -> SourceError:
    """Return the error for a file that can't be read at `place`.

    `why` stands in the message, since lists of failures show no more than that.
    """
    return SourceError(
        f"{file} is broken at {place}: {why.rstrip('.')}.", remedy=remedy, code="FILE_BROKEN"
    )


def _name_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _unpack(file: SchemaFile) -> bytes:
    if not file.data.startswith(_GZIP_MAGIC):
        return file.data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(file.data)) as stream:
            return _read_bounded(file.name, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise broken(file.name, "its gzip archive", str(error)) from error


def _read_bounded(name: str, stream: IO[bytes] | gzip.GzipFile) -> bytes:
    chunks = []
    size = 0
    while chunk := stream.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        check_size(name, size)
    return b"".join(chunks)


def check_size(name: str, size: int) -> None:
    """Raise SourceError where `size`, in bytes, is more than a source may hold."""
    if size > MAX_BYTES:
        raise SourceError(
            f"{name} holds more than {MAX_BYTES // 1024**2:,} MB.",
            cause="No export of schemas is that large.",
            remedy="See what it is, and point the connection to schemas only.",
            code="FILE_TOO_LARGE",
        )


def unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"{path} could not be read.",
        cause=getattr(error, "strerror", None) or str(error),
        remedy="See that the file is there and that you may read it.",
        code="FILE_UNREADABLE",
    )
