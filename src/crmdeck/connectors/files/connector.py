"""A file or folder of exported schemas as a connection.

Each discovery reads all bytes. It parses nothing if they are the same as last time and all object
types are known. Otherwise it doesn't rebuild object types whose own raw content is the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple, Self

from crmdeck import __version__
from crmdeck.connectors.base import (
    Credentials,
    Discovered,
    Discovery,
    Failed,
    Known,
    Listing,
    Meter,
    Missing,
    TokenListener,
    Unchanged,
)
from crmdeck.connectors.files.catalog import Catalog, read_catalog
from crmdeck.connectors.files.folder import Found, find_files, fingerprint, unreadable
from crmdeck.connectors.limits import Limits
from crmdeck.errors import CrmdeckError, NotFoundError, SourceError, UsageError
from crmdeck.formats.contents import read_contents
from crmdeck.formats.document import SchemaFile, check_size, unpack
from crmdeck.formats.metadata_xml import is_metadata, read_metadata
from crmdeck.model import (
    CancelToken,
    Connection,
    GoneReason,
    Notice,
    ObjectSchema,
    Platform,
    ProbeReport,
    Scope,
    ScopeMode,
)
from crmdeck.text import count, first_few

_FORM = re.compile(r"sha256:([0-9a-f]{32})/(\d+)/([0-9a-f]+)/([0-9a-f]{32})")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SHOWN = 20


def open_connector(
    connection: Connection,
    credentials: Credentials,
    listener: TokenListener,
    limits: Limits,
) -> FilesConnector:
    """Return a connector to the files of `connection`; raises UsageError if it has no path."""
    return FilesConnector(connection)


def recognize(path: Path) -> Platform | None:
    """Return the CRM that the schema files at `path` come from, or None if no file shows it.

    Raises SourceError if there are no schema files.
    """
    found = find_files(path)
    for place in found.files:
        file = found.read(place)
        try:
            if is_metadata(file):
                contents = read_metadata([file], ())
            else:
                contents = read_contents(file, unpack(file))
        except CrmdeckError:
            continue
        if contents.platform is not None:
            return contents.platform
    return None


class FilesConnector:
    """Reads the files at the path of `connection`, and never writes.

    The default scope is everything in the files, because the user chose what to export.
    """

    def __init__(self, connection: Connection) -> None:
        if not connection.path:
            raise UsageError(
                f"{connection.name} has no path.",
                remedy=f"Set the path: crmdeck connections set {connection.name} --path FOLDER",
                code="NO_PATH",
            )
        self._path = Path(connection.path).expanduser()
        self._platform = connection.platform
        # Each file counts as one request.
        self.meter = Meter()

    def probe(self) -> ProbeReport:
        """Return the number and the size of the schema files, after reading the first usable one.

        Raises SourceError if there are none, or if a refresh could use none.
        """
        found = find_files(self._path)
        self._require_usable(found)
        try:
            size = sum(file.stat().st_size for file in found.files)
        except OSError as error:
            raise unreadable(self._path, error) from error
        summary = f"{self._path.name}: {count(len(found.files), 'file')}, {size / 1e6:,.1f} MB"
        if found.others:
            summary += f", {count(len(found.others), 'other')} skipped"
        return ProbeReport(organization=summary)

    def discover(
        self, scope: Scope, known: Mapping[str, Known], cancel: CancelToken
    ) -> Iterator[Discovery]:
        found = find_files(self._path)
        files = self._read(found, cancel)
        # Another version may read more from the same bytes.
        salt = f"{__version__}/{self._platform}"
        digest = fingerprint(files, salt)
        parsed = {name: Validator.parse(each.validator) for name, each in known.items()}
        validators = {name: each for name, each in parsed.items() if each is not None}
        current = {name for name, each in validators.items() if each.digest == digest}
        if current and len(current) == validators[min(current)].size:
            yield Listing(frozenset(current), _in_scope(scope, current))
            yield from _unknown_names(scope, current | known.keys())
            yield from (Unchanged(name) for name in _in_scope(scope, current))
            return
        catalog = read_catalog(files, self._platform, cancel, known.keys())
        if not catalog.entries.keys() - catalog.clashes.keys():
            raise self._nothing_usable(catalog)
        size = catalog.size
        origins = [(name, each.file_key) for name, each in validators.items()]
        failures = catalog.failures(origins)
        concerned = failures.keys() & (known.keys() | catalog.entries.keys())
        held = catalog.entries.keys() | concerned
        yield Listing(frozenset(held | catalog.listed), _in_scope(scope, held))
        if skipped := [*found.others, *catalog.skipped()]:
            yield Notice(
                code="FILES_PASSED_OVER",
                message=f"Skipped {count(len(skipped), 'file')}: {first_few(skipped, _SHOWN)}.",
                cause="The skipped files don't describe objects or fields.",
            )
        if found.destructive:
            yield Notice(
                code="DESTRUCTIVE_CHANGES",
                message=f"crmdeck doesn't apply {first_few(found.destructive, _SHOWN)}.",
                cause="The files list parts that a deployment removes from the org.",
                remedy="Refresh again after the parts are removed from the project.",
            )
        yield from _unknown_names(scope, held | known.keys())
        yield from (Failed(name, failures[name]) for name in sorted(failures.keys() - concerned))
        for name in _in_scope(scope, held):
            cancel.check()
            if name in failures:
                yield Failed(name, failures[name])
                continue
            key = catalog.entries[name].file.key
            validator = Validator(digest, size, key, catalog.digest(name, salt))
            earlier = validators.get(name)
            if earlier is not None and earlier.content == validator.content:
                catalog.entries.pop(name)
                yield Unchanged(name, str(validator))
            else:
                yield from _discovered(catalog, name, validator, is_known=name in known)

    def explain_missing(self, missing: Sequence[Missing]) -> Mapping[Missing, GoneReason]:
        # Files don't contain the reason why something is missing.
        return dict.fromkeys(missing, GoneReason.ABSENT)

    def _read(self, found: Found, cancel: CancelToken) -> list[SchemaFile]:
        files = []
        size = 0
        for path in found.files:
            cancel.check()
            file = found.read(path)
            self.meter.count(received=len(file.data), quota_spent=0)
            size += len(file.data)
            check_size(self._path.name, size)
            files.append(file)
        return files

    def _require_usable(self, found: Found) -> None:
        catalog = Catalog()
        for path in found.files:
            read = read_catalog([found.read(path)], self._platform, CancelToken())
            if read.entries:
                return
            catalog.listed |= read.listed
            catalog.troubles += read.troubles
        raise self._nothing_usable(catalog)

    def _nothing_usable(self, catalog: Catalog) -> CrmdeckError:
        troubles = catalog.troubles
        real = [each for each in troubles if not each.no_schema] or troubles
        errors = [*(each.error for each in real), *catalog.clashes.values()]
        if len(errors) == 1:
            return errors[0]
        if errors:
            return SourceError(
                f"Can't use any file in {self._path}.",
                cause=f"The first of {len(errors):,} errors: {errors[0]}",
                remedy="Export the schemas again, then refresh.",
                code="FILE_BROKEN",
            )
        return SourceError(
            f"{self._path} lists {len(catalog.listed):,} object types, but has no fields.",
            cause="A describeGlobal response contains no fields.",
            remedy="Add the describe responses of the object types to the folder.",
            code="NO_SCHEMA_FILES",
        )


def _in_scope(scope: Scope, names: AbstractSet[str]) -> tuple[str, ...]:
    wanted = names & set(scope.include) if scope.mode is ScopeMode.NAMED else names
    return tuple(sorted(wanted - set(scope.exclude)))


def _unknown_names(scope: Scope, names: AbstractSet[str]) -> Iterator[Failed]:
    """Yield a failure for each named object type that never existed in the files."""
    if scope.mode is ScopeMode.NAMED:
        for name in _in_scope(scope, set(scope.include) - names):
            error = NotFoundError(
                f"No object type named '{name}' in the files.",
                remedy="Check the spelling in the files, or change the scope.",
                code="OBJECT_NOT_FOUND",
            )
            yield Failed(name, error)


def _discovered(
    catalog: Catalog, name: str, validator: Validator, *, is_known: bool
) -> Iterator[Discovered | Failed | Notice]:
    entry = catalog.entries[name]
    try:
        schema = catalog.build(name)
    except CrmdeckError as error:
        yield Failed(name, error)
        return
    if entry.lacks and is_known:
        # Half a schema would look like drift.
        yield Failed(name, entry.lacks[0])
        return
    yield from (Notice.of(each, subject=name) for each in entry.lacks)
    if entry.repaired:
        yield from _repaired(entry.file.name, schema)
    yield from (Failed(f"{name}.{field}", why) for field, why in entry.unread.items())
    # If there is no validator, the next refresh reads the broken fields again.
    own = None if entry.unread else str(validator)
    yield Discovered(schema, own, frozenset(entry.unread))


def _repaired(file: str, schema: ObjectSchema) -> Iterator[Notice]:
    names = [field.name for field in schema.fields if _REPLACEMENT in field.to_json()]
    if names:
        yield Notice(
            subject=schema.object_type,
            code="TEXT_REPAIRED",
            message=f"{file} has broken characters in {schema.object_type}: "
            f"{first_few(names, _SHOWN)}.",
            cause="Half of a surrogate pair isn't a character. crmdeck replaced it with U+FFFD.",
            remedy="Correct the text in the CRM, or fix the program that wrote the file.",
        )


class Validator(NamedTuple):
    """The state of the files at the refresh of an object type: `sha256:DIGEST/SIZE/FILE/CONTENT`.

    `digest` covers all files, and `size` is the number of object types in them. `file_key` is the
    file of the object type, and `content` the digest of its own raw content.
    """

    digest: str
    size: int
    file_key: str
    content: str

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """Return the validator in `text`; None if it comes from another source."""
        match = _FORM.fullmatch(text or "")
        return cls(match[1], int(match[2]), match[3], match[4]) if match else None

    def __str__(self) -> str:
        return f"sha256:{self.digest}/{self.size}/{self.file_key}/{self.content}"
