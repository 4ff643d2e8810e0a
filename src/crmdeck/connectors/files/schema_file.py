"""One object type out of one file, for matching without a connection."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from crmdeck.connectors.files.catalog import build_entry
from crmdeck.connectors.files.folder import read_file, unreadable
from crmdeck.errors import NotFoundError, SourceError, UsageError
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import unpack
from crmdeck.model import ObjectSchema

_SHOWN = 8


def load_schema_file(path: Path, object_type: str | None = None) -> ObjectSchema:
    """Return the object type that the file `path` describes.

    `object_type` chooses among several, or names the one of a file that does not say (a HubSpot
    property list, a CSV dictionary without a column `object`), whose own name counts otherwise.
    Raises SourceError naming file and place, UsageError where the file holds several object
    types and none is chosen, NotFoundError where it is not there, or does not hold the chosen one.
    """
    try:
        there = path.exists() and not path.is_dir()
    except OSError as error:
        raise unreadable(path, error) from error
    if not there:
        raise NotFoundError(
            f"There is no file {path}.",
            remedy="Name a file that holds a schema: describe JSON, HubSpot properties, or CSV.",
            code="FILE_NOT_FOUND",
        )
    file = read_file(path, path.name)
    contents = read_contents(file, unpack(file))
    if not contents.entries:
        if contents.errors:
            raise contents.errors[0]
        raise SourceError(
            f"{path.name} describes no fields.",
            remedy="Name a file that holds a schema: describe JSON, HubSpot properties, or CSV.",
            code="NO_SCHEMA_FILES",
        )
    names = [entry.object_type for entry in contents.entries]
    if object_type is None and len(names) > 1:
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        raise UsageError(
            f"{path.name} holds {len(names):,} object types.",
            cause=f"They are {', '.join(sorted(names)[:_SHOWN])}{more}.",
            remedy="Say which one.",
            code="OBJECT_NOT_NAMED",
        )
    for entry in contents.entries:
        if object_type in (None, entry.object_type) or not entry.named:
            return build_entry(entry, object_type or entry.object_type)
    near = get_close_matches(object_type or "", names, _SHOWN) or sorted(names)[:_SHOWN]
    raise NotFoundError(
        f"{path.name} holds no object type {object_type}.",
        remedy=f"There are {', '.join(near)}.",
        code="OBJECT_NOT_FOUND",
    )
