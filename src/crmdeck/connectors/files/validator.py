"""The validator of the source `files`: `sha256:DIGEST/SIZE/FILE`."""

from __future__ import annotations

import re
from typing import NamedTuple, Self

_FORM = re.compile(r"sha256:([0-9a-f]{64})/(\d+)/([0-9a-f]+)")


class Validator(NamedTuple):
    """What the files were when an object type was read.

    `digest` is that of all files, `size` how many things they held, and `file_key` stands for
    the file that the object type came from.
    """

    digest: str
    size: int
    file_key: str

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return the validator that `text` says, or None where it is of another source."""
        match = _FORM.fullmatch(text or "")
        return cls(match[1], int(match[2]), match[3]) if match else None

    def __str__(self) -> str:
        return f"sha256:{self.digest}/{self.size}/{self.file_key}"
