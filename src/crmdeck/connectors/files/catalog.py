"""The contents of all files of a connection, by object type."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from crmdeck.connectors.registry import vendor_of
from crmdeck.errors import CrmdeckError, SourceError
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import SchemaFile, broken, check_size, unpack
from crmdeck.formats.entry import Contents, FileEntry, Pipelines
from crmdeck.formats.metadata_xml import is_metadata, read_metadata
from crmdeck.model import CancelToken, ObjectSchema, Platform

NO_SCHEMA = "UNKNOWN_FILE"


@dataclass(frozen=True)
class Trouble:
    """An error in a file, or in all of it (`whole`)."""

    file: SchemaFile
    error: CrmdeckError
    whole: bool

    @property
    def no_schema(self) -> bool:
        """True if the file isn't a schema file, so that the error doesn't matter."""
        return self.error.code == NO_SCHEMA


@dataclass
class Catalog:
    """The contents of the files.

    `clashes` are the errors of object types that are described more than once. `listed` are names
    of object types without fields.
    """

    entries: dict[str, FileEntry] = field(default_factory=dict)
    clashes: dict[str, CrmdeckError] = field(default_factory=dict)
    pipelines: dict[str, Pipelines] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The number of object types in the files, including unusable ones."""
        names = self.entries.keys() | self.listed
        return len(names) + sum(not trouble.no_schema for trouble in self.troubles)

    def failures(self, origins: Sequence[tuple[str, str]]) -> dict[str, CrmdeckError]:
        """Return the errors by object type, or by file if no known object type is affected.

        `origins` are the known object types, each with the `SchemaFile.key` of its file: an object
        type from a broken file failed, and isn't gone. A file that is named after an object type
        (`deals.pipelines.json`) fails that object type, because half a schema looks like drift.
        """
        failures = dict(self.clashes)
        known = {object_type for object_type, _ in origins}
        for trouble in self.troubles:
            affected = {
                object_type
                for object_type, key in origins
                if key == trouble.file.key and object_type not in self.entries
            }
            stem = trouble.file.stem
            if trouble.whole and (stem in known or stem in self.entries):
                affected.add(stem)
            if not affected and not trouble.no_schema:
                affected.add(trouble.file.name)
            for name in affected:
                failures.setdefault(name, trouble.error)
        return failures

    def skipped(self) -> list[str]:
        return [trouble.file.name for trouble in self.troubles if trouble.no_schema]

    def digest(self, object_type: str, salt: str) -> str:
        """Return a digest (hex) of the raw content of an object type, and `salt`."""
        entry, pipelines = self.entries[object_type], self.pipelines.get(object_type)
        digest = hashlib.sha256(salt.encode())
        digest.update(object_type.encode("utf-8", "surrogatepass") + entry.digest)
        digest.update(pipelines.digest if pipelines else b"")
        return digest.hexdigest()[:32]

    def build(self, object_type: str) -> ObjectSchema:
        """Return the schema of an object type in `entries`, and drop its raw content.

        Raises SourceError naming the file and the place in it.
        """
        return build_entry(
            self.entries.pop(object_type), object_type, self.pipelines.get(object_type)
        )


def build_entry(
    entry: FileEntry, object_type: str, pipelines: Pipelines | None = None
) -> ObjectSchema:
    """Return the schema in `entry`. Raises SourceError naming file and place."""
    try:
        schema = entry.build(object_type, pipelines.records if pipelines else ())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise broken(entry.file.name, entry.place, f"{first['loc']}: {first['msg']}") from error
    except CrmdeckError as error:
        if error.code == "FILE_BROKEN":
            raise
        raise broken(entry.file.name, entry.place, error.message) from error
    names = Counter(field.name for field in schema.fields)
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise broken(
            entry.file.name, entry.place, f"the field {object_type}.{twice[0]} appears twice"
        )
    return schema


def read_catalog(
    files: Sequence[SchemaFile],
    platform: Platform,
    cancel: CancelToken,
    known: Collection[str] = (),
) -> Catalog:
    """Return the contents of `files` for a CRM. `known` are the object types read before.

    An object type in two places is an error that names both, because crmdeck doesn't guess which
    one is current. The parts of an object's metadata belong together.
    """
    catalog = Catalog()
    entries: list[FileEntry] = []
    metadata = [file for file in files if is_metadata(file)]
    pipeline_files: dict[str, SchemaFile] = {}
    size = 0
    for file in files:
        cancel.check()
        try:
            if is_metadata(file):
                if file is not metadata[0]:
                    continue
                # Among other files, the object may have been in one of those.
                contents = read_metadata(metadata, known if len(metadata) == len(files) else ())
            else:
                data = unpack(file)
                size += len(data)
                check_size("The content of all files", size)
                contents = read_contents(file, data)
                # Many large files would otherwise be in memory twice.
                del data
            _check_platform(file, contents, platform)
        except CrmdeckError as error:
            catalog.troubles.append(Trouble(file, error, whole=True))
            continue
        catalog.listed |= contents.listed
        catalog.troubles += [Trouble(file, error, whole=False) for error in contents.errors]
        entries += contents.entries
        for name, pipelines in (contents.pipelines or {}).items():
            earlier = pipeline_files.setdefault(name, file)
            if earlier is file:
                catalog.pipelines[name] = pipelines
            else:
                clash = _clash(f"{name} (pipelines)", (earlier.name, file.name))
                catalog.troubles.append(Trouble(file, clash, whole=True))
    catalog.entries = {entry.object_type: entry for entry in entries}
    places: dict[str, list[str]] = {}
    for entry in entries:
        places.setdefault(entry.object_type, []).append(f"{entry.file.name} ({entry.place})")
    catalog.clashes = {name: _clash(name, each) for name, each in places.items() if len(each) > 1}
    for name, file in pipeline_files.items():
        if name not in catalog.entries:
            catalog.troubles.append(Trouble(file, _lone_pipelines(file, name), whole=True))
    return catalog


def _clash(what: str, places: Collection[str]) -> SourceError:
    return SourceError(
        f"{what} is described more than once: in {' and in '.join(places)}.",
        remedy="Keep the current file and remove the other.",
        code="DUPLICATE_OBJECT",
    )


def _lone_pipelines(file: SchemaFile, name: str) -> SourceError:
    return SourceError(
        f"{file.name} has the pipelines of {name}, but no file has its properties.",
        remedy=f"Add the properties to the folder, as {name}.properties.json.",
        code="LONE_PIPELINES",
    )


def _check_platform(file: SchemaFile, contents: Contents, platform: Platform) -> None:
    if contents.platform not in (None, platform):
        raise SourceError(
            f"{file.name} is a {vendor_of(contents.platform or '').title} export, but the "
            f"connection is for {vendor_of(platform).title}.",
            remedy=f"Add a connection with --platform {contents.platform} for the file.",
            code="WRONG_PLATFORM",
        )
