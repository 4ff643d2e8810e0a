"""The files of a connection taken together: which object types there are, and from where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from crmdeck.errors import CrmdeckError, SourceError
from crmdeck.formats.contents import Contents, Entry, Pipelines, read_contents
from crmdeck.formats.document import SchemaFile, broken
from crmdeck.model import CancelToken, ObjectSchema, Platform


@dataclass(frozen=True)
class Trouble:
    """A file of which all (`whole`) or some part can't be used."""

    file: SchemaFile
    error: CrmdeckError
    whole: bool


@dataclass
class Catalogue:
    """What the files hold.

    `clashes` are the errors of entries that are described more than once, `listed` names without
    fields.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    clashes: dict[str, CrmdeckError] = field(default_factory=dict)
    pipelines: dict[str, Pipelines] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Return how many things the files hold, those that can't be used included."""
        names = self.entries.keys() | self.listed
        return len(names) + len(self.troubles)

    def failures(self, origins: Sequence[tuple[str, str]]) -> dict[str, CrmdeckError]:
        """Return the errors by object type, or by file where no object type is known to suffer.

        `origins` are the object types known from before, each with the `SchemaFile.key` of the
        file that it came from: what came from a file in trouble is not gone, it failed. A file
        whose name stands for an object type (`deals.pipelines.json`) fails that object type,
        since half of it would look like drift.
        """
        failures = dict(self.clashes)
        known = {object_type for object_type, _ in origins}
        for trouble in self.troubles:
            suffer = {
                object_type
                for object_type, key in origins
                if key == trouble.file.key and object_type not in self.entries
            }
            stem = trouble.file.stem
            if trouble.whole and (stem in known or stem in self.entries):
                suffer.add(stem)
            for name in suffer or {trouble.file.name}:
                failures.setdefault(name, trouble.error)
        return failures

    def build(self, object_type: str) -> ObjectSchema:
        """Return the schema of an object type in `entries`, and forget its raw form.

        Raises SourceError naming the file and the place in it.
        """
        entry = self.entries.pop(object_type)
        return build_entry(entry, object_type, self.pipelines.get(object_type, ()))


def build_entry(entry: Entry, object_type: str, pipelines: Pipelines = ()) -> ObjectSchema:
    """Return the schema that `entry` holds. Raises SourceError naming file and place."""
    try:
        schema = entry.build(object_type, pipelines)
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
            entry.file.name, entry.place, f"the field {object_type}.{twice[0]} stands there twice"
        )
    return schema


def read_catalogue(
    files: Sequence[SchemaFile], platform: Platform, cancel: CancelToken
) -> Catalogue:
    """Return what `files` hold for a CRM of `platform`.

    An object type that two places describe is an error naming both: which of them holds is not
    for us to guess.
    """
    catalogue = Catalogue()
    entries: list[Entry] = []
    pipeline_files: dict[str, SchemaFile] = {}
    for file in files:
        cancel.check()
        try:
            contents = read_contents(file)
            _check_platform(file, contents, platform)
        except CrmdeckError as error:
            catalogue.troubles.append(Trouble(file, error, whole=True))
            continue
        catalogue.listed |= contents.listed
        catalogue.troubles += [Trouble(file, error, whole=False) for error in contents.errors]
        entries += contents.entries
        if contents.pipelines is not None:
            earlier = pipeline_files.setdefault(file.stem, file)
            if earlier is file:
                catalogue.pipelines[file.stem] = contents.pipelines
            else:
                clash = _clash(f"{file.stem} (pipelines)", (earlier.name, file.name))
                catalogue.troubles.append(Trouble(file, clash, whole=True))
    catalogue.entries = {entry.object_type: entry for entry in entries}
    catalogue.clashes = _clashes(entries)
    for stem, file in pipeline_files.items():
        if stem not in catalogue.entries:
            catalogue.troubles.append(Trouble(file, _lone_pipelines(file), whole=True))
    return catalogue


def _clashes(entries: Sequence[Entry]) -> dict[str, CrmdeckError]:
    places: dict[str, list[str]] = {}
    for entry in entries:
        places.setdefault(entry.object_type, []).append(f"{entry.file.name} ({entry.place})")
    return {name: _clash(name, found) for name, found in places.items() if len(found) > 1}


def _clash(what: str, places: Collection[str]) -> SourceError:
    return SourceError(
        f"{what} is described more than once: in {' and in '.join(places)}.",
        remedy="Keep the one that holds, and take the other out of the folder.",
        code="DUPLICATE_OBJECT",
    )


def _lone_pipelines(file: SchemaFile) -> SourceError:
    return SourceError(
        f"{file.name} holds the pipelines of {file.stem}, and no file holds its properties.",
        remedy=f"Put the properties beside it, as {file.stem}.properties.json.",
        code="LONE_PIPELINES",
    )


def _check_platform(file: SchemaFile, contents: Contents, platform: Platform) -> None:
    if contents.platform not in (None, platform):
        raise SourceError(
            f"{file.name} is an export of {contents.platform}, and this is a connection "
            f"to {platform}.",
            remedy="Point a connection of that platform to it.",
            code="WRONG_PLATFORM",
        )
