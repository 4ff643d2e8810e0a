"""Load the matching data: the files in the package, then the user's own.

The user's files are `<home>/knowledge/matching/*.toml` and `<home>/catalog/*.toml`, read in the
order of their names, and again when they change.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

from crmdeck import __version__
from crmdeck.errors import UsageError
from crmdeck.matching.knowledge import Knowledge
from crmdeck.matching.knowledge_files import parse_knowledge
from crmdeck.matching.lexicon import field_words
from crmdeck.matching.partner_catalog import CatalogFile, combine, parse_catalog
from crmdeck.matching.values import parse_codes
from crmdeck.model import Field, PartnerObject

MATCHING_FOLDER = "knowledge/matching"
CATALOG_FOLDER = "catalog"
CODES_FOLDER = "knowledge/codes"

Stamp = tuple[Path, int, int]
T = TypeVar("T")


def load_knowledge(home: Path | None) -> Knowledge:
    """Return the package's knowledge, extended by the files in `<home>/knowledge/matching`.

    Raises UsageError with the file and the line of an invalid entry.
    """
    return _knowledge(_stamps(home, MATCHING_FOLDER))


@cache
def load_codes() -> tuple[Mapping[str, str], ...]:
    """Return the tables of codes and names, such as those of countries, by the key of each name."""
    return tuple(
        parse_codes(file.read_text("utf-8"))
        for file in sorted(resources.files("crmdeck").joinpath(CODES_FOLDER).iterdir(), key=str)
        if file.name.endswith(".tsv")
    )


def load_catalog(home: Path | None) -> dict[str, PartnerObject]:
    """Return the PartnerOS objects by name, extended by the files in `<home>/catalog`.

    Raises UsageError with the file and the line of an invalid entry.
    """
    return dict(_catalog(_stamps(home, CATALOG_FOLDER)))


def matching_version(home: Path | None) -> str:
    """Return a text that changes with crmdeck, and with the user's own matching data."""
    stamps = (*_stamps(home, MATCHING_FOLDER), *_stamps(home, CATALOG_FOLDER))
    return _version(stamps) if stamps else __version__


@lru_cache(maxsize=8)
def _version(stamps: tuple[Stamp, ...]) -> str:
    # Compare the content: the copies on a team's machines have different times.
    digest = sha256("".join(_read(path) for path, _, _ in stamps).encode())
    return f"{__version__}-{digest.hexdigest()[:16]}"


def read_field_words(
    home: Path | None, fields: Sequence[Field]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the words of each field's name and label in the form that rename detection compares.

    Raises UsageError with the file and the line of an invalid entry in a user's file.
    """
    heads = _rename_words()
    return [
        (tuple(heads.get(w, w) for w in name), tuple(heads.get(w, w) for w in label))
        for name, label in field_words(fields, load_knowledge(home))
    ]


# A server asks for this with each ranking: only a file with another time or size is parsed again.
@lru_cache(maxsize=8)
def _knowledge(stamps: tuple[Stamp, ...]) -> Knowledge:
    knowledge = _shipped_knowledge()
    for path, _, _ in stamps:
        knowledge = knowledge.extend(parse_knowledge(_read(path), str(path)))
    return knowledge


@lru_cache(maxsize=8)
def _catalog(stamps: tuple[Stamp, ...]) -> dict[str, PartnerObject]:
    users = (parse_catalog(_read(path), str(path)) for path, _, _ in stamps)
    return combine((*_shipped_catalog(), *users))


@cache
def _shipped_knowledge() -> Knowledge:
    knowledge = Knowledge()
    for part in (
        *_shipped(MATCHING_FOLDER, parse_knowledge),
        *_shipped(f"{MATCHING_FOLDER}/languages", parse_knowledge),
    ):
        knowledge = knowledge.extend(part)
    return knowledge


@cache
def _rename_words() -> dict[str, str]:
    file = resources.files("crmdeck").joinpath("knowledge/renames/words.toml")
    groups = tomllib.loads(file.read_text("utf-8"))["words"]
    return {word: head for head, others in groups.items() for word in others}


@cache
def _shipped_catalog() -> tuple[CatalogFile, ...]:
    return _shipped("knowledge/partneros", parse_catalog)


def _shipped(folder: str, parse: Callable[[str, str], T]) -> tuple[T, ...]:
    files: list[Traversable] = [
        file
        for file in resources.files("crmdeck").joinpath(folder).iterdir()
        if file.name.endswith(".toml")
    ]
    # Sorted: later files extend earlier ones, and folders have no order of their own.
    return tuple(
        parse(file.read_text("utf-8"), file.name) for file in sorted(files, key=lambda f: f.name)
    )


def _stamps(home: Path | None, folder: str) -> tuple[Stamp, ...]:
    if home is None:
        return ()
    stamps = []
    for path in sorted((home / folder).glob("*.toml")):
        try:
            status = path.stat()
        except OSError as error:
            raise _unreadable(path, error.strerror or str(error)) from None
        stamps.append((path, status.st_mtime_ns, status.st_size))
    return tuple(stamps)


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from None
    try:
        # Editors on Windows put a mark at the start that no TOML parser accepts.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"Can't use {path}, line {line}.",
            cause="The file isn't UTF-8 text.",
            remedy="Save the file as UTF-8.",
            code="BAD_KNOWLEDGE_FILE",
        ) from None


def _unreadable(path: Path, cause: str) -> UsageError:
    return UsageError(
        f"Can't read {path}.",
        cause=cause,
        remedy="Correct the file's permissions, or move the file out of the folder.",
        code="BAD_KNOWLEDGE_FILE",
    )
