"""What a file was found to hold, before anything of it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from crmdeck.errors import SourceError
from crmdeck.formats.document import SchemaFile
from crmdeck.model import ObjectSchema, Platform

Build: TypeAlias = Callable[[str, Sequence[Mapping[str, Any]]], ObjectSchema]


@dataclass(frozen=True)
class Pipelines:
    """The pipelines of one HubSpot object type, and the digest of their raw content."""

    records: Sequence[Mapping[str, Any]]
    digest: bytes


@dataclass(frozen=True)
class Entry:
    """One object type that a file holds, and where.

    `digest` is that of its raw content: where it is what it was, nothing needs to be built.
    `build` makes the schema, given the object type and its pipelines, and raises SourceError.
    `named` tells whether the content names the object type; else the file's name does.
    `repaired`: the raw content held halves of surrogate pairs, for which U+FFFD stands now.
    `lacks` are the errors of parts without which the rest could be built, known once it was.
    """

    object_type: str
    file: SchemaFile
    place: str
    digest: bytes
    build: Build
    named: bool = True
    repaired: bool = False
    lacks: list[SourceError] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class Contents:
    """What one file holds, and of which platform if that shows.

    `pipelines` are by object type, `listed` object types without fields, `errors` parts of which
    it no longer shows which object types they were.
    """

    platform: Platform | None = None
    entries: tuple[Entry, ...] = ()
    pipelines: Mapping[str, Pipelines] | None = None
    listed: frozenset[str] = frozenset()
    errors: tuple[SourceError, ...] = ()


def unknown(file: SchemaFile, why: str) -> SourceError:
    """Return the error for a file that is no schema, which others are told apart from by its code.

    `why` is a sentence.
    """
    return SourceError(
        f"{file.name} holds nothing that describes objects or fields.",
        cause=why,
        remedy="Take it away, or export it again; docs/inputs.md lists what is read.",
        code="UNKNOWN_FILE",
    )
