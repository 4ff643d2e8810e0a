"""One object type from one file, for matching without a connection."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from crmdeck.connectors.files.catalog import build_entry
from crmdeck.connectors.files.folder import read_file, unreadable
from crmdeck.errors import NotFoundError, SourceError, UsageError
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import unpack
from crmdeck.model import ObjectSchema
from crmdeck.text import first_few

_SHOWN = 8


def load_schema_file(path: Path, object_type: str | None = None) -> ObjectSchema:
    """Return the object type that the file `path` describes.

    `object_type` selects one of several. It also names the object type of a file without a name in
    it (a HubSpot property list, a CSV dictionary without a column `object`); the default is the
    file name. Raises SourceError naming file and place, UsageError if the file has several object
    types and none is selected, and NotFoundError if the file or the object type doesn't exist.
    """
    try:
        there = path.exists() and not path.is_dir()
    except OSError as error:
        raise unreadable(path, error) from error
    if not there:
        raise NotFoundError(
            f"{path} doesn't exist.",
            remedy="Use a schema file: describe JSON, HubSpot properties, or CSV.",
            code="FILE_NOT_FOUND",
        )
    file = read_file(path, path.name)
    contents = read_contents(file, unpack(file))
    if not contents.entries:
        if contents.errors:
            raise contents.errors[0]
        raise SourceError(
            f"{path.name} has no fields.",
            remedy="Use a schema file: describe JSON, HubSpot properties, or CSV.",
            code="NO_SCHEMA_FILES",
        )
    names = [entry.object_type for entry in contents.entries]
    if object_type is None and len(names) > 1:
        raise UsageError(
            f"{path.name} contains {len(names):,} object types.",
            cause=f"Object types: {first_few(sorted(names), _SHOWN)}.",
            remedy="Select one object type.",
            code="OBJECT_NOT_NAMED",
        )
    for entry in contents.entries:
        if object_type in (None, entry.object_type) or not entry.named:
            return build_entry(entry, object_type or entry.object_type)
    near = get_close_matches(object_type or "", names, _SHOWN) or sorted(names)[:_SHOWN]
    raise NotFoundError(
        f"No object type named '{object_type}' in {path.name}.",
        remedy=f"Use {' or '.join(near)}.",
        code="OBJECT_NOT_FOUND",
    )
