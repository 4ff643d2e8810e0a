"""One schema file: its bytes, of limited size, and errors that name the place in it."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from typing import IO

from crmdeck.errors import SourceError
from crmdeck.redaction import redact

# The full describes of 1,300 objects have about 100 MB.
MAX_BYTES = 512 * 1024 * 1024
# As rows in memory, a table takes ten times its size.
MAX_TABLE = 64 * 1024 * 1024
# Schemas compress to a twentieth or a hundredth; more is a decompression bomb.
MAX_RATIO = 250
RATIO_COUNTS_FROM = 16 * 1024 * 1024

ZIP_MAGIC = b"PK\x03\x04"
_CHUNK = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class SchemaFile:
    """The bytes of one file, or the error from reading it.

    `name` is the path relative to the folder of the source, with slashes.
    """

    name: str
    data: bytes = b""
    error: SourceError | None = None

    @property
    def base(self) -> str:
        """The name without the folders."""
        return self.name.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The base up to its first dot: the object type, if the content doesn't contain it."""
        return self.base.partition(".")[0]

    @property
    def key(self) -> str:
        """A short hash of the file's name."""
        return hashlib.sha256(name_bytes(self.name)).hexdigest()[:12]


def unpack(file: SchemaFile) -> bytes:
    """Return the content of `file`, decompressed if it is gzipped.

    Raises SourceError if the archive is broken or too large.
    """
    if file.error is not None:
        raise file.error
    if not file.data.startswith(_GZIP_MAGIC):
        return file.data
    try:
        packed = io.BytesIO(file.data)
        with gzip.GzipFile(fileobj=packed) as stream:
            return read_bounded(file.name, stream, packed)
    except (OSError, EOFError, zlib.error) as error:
        raise broken(file.name, "its gzip archive", str(error)) from error


def to_utf8(file: SchemaFile, data: bytes) -> bytes:
    """Return UTF-8 or UTF-16 `data` as UTF-8 without a byte order mark. Doesn't check UTF-8.

    Raises SourceError naming file and place for broken UTF-16.
    """
    mark, encoding = _encoding(data)
    if encoding == "utf-8":
        return data.removeprefix(mark)
    try:
        # UTF-16 can contain half of a surrogate pair, and UTF-8 can't.
        return data.removeprefix(mark).decode(encoding, "surrogatepass").encode("utf-8", "replace")
    except UnicodeDecodeError as error:
        raise not_text(file, error, data, encoding) from error


def to_text(file: SchemaFile, data: bytes) -> str:
    """Return UTF-8 or UTF-16 `data` as text without a byte order mark.

    Raises SourceError naming file and place if it is neither, or too large for a table.
    """
    if len(data) > MAX_TABLE:
        why = f"a table can have {MAX_TABLE // 1024**2} MB"
        raise broken(file.name, "its size", why, remedy="Split the file.")
    mark, encoding = _encoding(data)
    data = data.removeprefix(mark)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise not_text(file, error, data, encoding) from error


def not_text(
    file: SchemaFile, error: UnicodeDecodeError, data: bytes, encoding: str
) -> SourceError:
    line = data.count(b"\n", 0, error.start) + 1
    return broken(
        file.name,
        f"line {line}",
        f"byte {error.start + 1} isn't {encoding.upper()} text",
        remedy="Save the file as UTF-8.",
    )


def read_bounded(
    name: str, stream: IO[bytes] | gzip.GzipFile, packed: IO[bytes] | None = None
) -> bytes:
    """Return all bytes of `stream`; `packed` is the compressed stream, if any.

    Raises SourceError as soon as the size or the compression ratio exceeds its limit.
    """
    data = io.BytesIO()
    while chunk := stream.read(_CHUNK):
        # After each chunk: a decompression bomb shows in its first megabytes.
        check_size(name, data.tell() + len(chunk), packed.tell() if packed else 0)
        data.write(chunk)
    # BytesIO returns its own buffer; a bytearray would be copied.
    return data.getvalue()


def check_size(name: str, size: int, packed: int = 0) -> None:
    """Raise SourceError if `size` bytes are too many, or too many for `packed` compressed ones."""
    if size > MAX_BYTES:
        raise SourceError(
            f"{name} has more than {MAX_BYTES // 1024**2:,} MB.",
            cause="Exports of schemas are much smaller.",
            remedy="Use a file or folder with only the exported schemas: "
            "crmdeck connections set NAME --path FOLDER",
            code="FILE_TOO_LARGE",
        )
    if packed and size > max(RATIO_COUNTS_FROM, packed * MAX_RATIO):
        raise SourceError(
            f"{name} decompresses to more than {MAX_RATIO} times its size.",
            cause="The file looks like a decompression bomb.",
            remedy="Check the file's origin and remove it.",
            code="FILE_TOO_LARGE",
        )


def broken(
    file: str, place: str, why: str, *, remedy: str = "Export the file again, then refresh."
) -> SourceError:
    """Return the error for a file that can't be read at `place`.

    `why` is part of the message, because lists of failures show only the message.
    """
    return SourceError(
        f"{file} is broken at {place}: {redact(why, foreign=True).rstrip('.')}.",
        remedy=remedy,
        code="FILE_BROKEN",
    )


def name_bytes(name: str) -> bytes:
    """Return a file name as its bytes on disk."""
    return name.encode("utf-8", "surrogateescape")


def _encoding(data: bytes) -> tuple[bytes, str]:
    return next((pair for pair in _BYTE_ORDER_MARKS if data.startswith(pair[0])), (b"", "utf-8"))
