"""One file with schemas: its bytes and its text, bounded in size."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import IO

from crmdeck.errors import SourceError

# Full descriptions of 1,300 objects come to some 100 MB.
MAX_BYTES = 1024 * 1024 * 1024

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
        return hashlib.sha256(name_bytes(self.name)).hexdigest()[:12]


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


def read_bounded(name: str, stream: IO[bytes] | gzip.GzipFile) -> bytes:
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


def name_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _unpack(file: SchemaFile) -> bytes:
    if not file.data.startswith(_GZIP_MAGIC):
        return file.data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(file.data)) as stream:
            return read_bounded(file.name, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise broken(file.name, "its gzip archive", str(error)) from error
