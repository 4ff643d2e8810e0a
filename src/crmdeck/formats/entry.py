"""The contents of a file, before crmdeck builds schemas from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from crmdeck.errors import SourceError, docs_link
from crmdeck.formats.document import SchemaFile
from crmdeck.model import ObjectSchema, Platform

Build: TypeAlias = Callable[[str, Sequence[Mapping[str, object]]], ObjectSchema]


@dataclass(frozen=True)
class Pipelines:
    """The pipelines of one HubSpot object type, and the digest of their raw content."""

    records: Sequence[Mapping[str, object]]
    digest: bytes


@dataclass(frozen=True)
class FileEntry:
    """One object type in a file, and its place there.

    `digest` covers the raw content: if it is the same, crmdeck doesn't build the schema again.
    `build` makes the schema from the object type and its pipelines, and raises SourceError.
    `named` is True if the content names the object type; otherwise the file name does. `repaired`
    is True if U+FFFD replaced halves of surrogate pairs in the raw content. `lacks` are the errors
    of parts that the schema is missing, `unread` those of single fields, known after `build`.
    """

    object_type: str
    file: SchemaFile
    place: str
    digest: bytes
    build: Build
    named: bool = True
    repaired: bool = False
    lacks: list[SourceError] = field(default_factory=list, compare=False)
    unread: dict[str, SourceError] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Contents:
    """The contents of one file, and the platform if they show it.

    `pipelines` are by object type. `listed` are object types without fields. `errors` are broken
    parts of unknown object types.
    """

    platform: Platform | None = None
    entries: tuple[FileEntry, ...] = ()
    pipelines: Mapping[str, Pipelines] | None = None
    listed: frozenset[str] = frozenset()
    errors: tuple[SourceError, ...] = ()


def unknown(file: SchemaFile, why: str) -> SourceError:
    """Return the error for a file that isn't a schema, marked by its code. `why` is a sentence."""
    return SourceError(
        f"{file.name} doesn't describe objects or fields.",
        cause=why,
        remedy="Remove the file, or export it as a Salesforce describe, HubSpot properties, CSV or "
        f"Excel: {docs_link('inputs')}",
        code="UNKNOWN_FILE",
    )
