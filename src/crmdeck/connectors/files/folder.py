"""Schema files on disk: their names, the other files in the folder, and their bytes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crmdeck.errors import SourceError
from crmdeck.files import parse_json, read_regular
from crmdeck.formats.document import SchemaFile, broken, name_bytes, read_bounded

MAX_FILES = 50_000
SUFFIXES = tuple(
    f"{suffix}{packed}"
    for suffix in (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".xlsx", ".xls", ".xlsb", ".ods")
    for packed in ("", ".gz")
)
METADATA_SUFFIXES = (
    *(".object", ".object-meta.xml", ".field-meta.xml", ".recordtype-meta.xml"),
    *(".validationrule-meta.xml", ".globalvalueset", ".globalvalueset-meta.xml"),
    *(".standardvalueset", ".standardvalueset-meta.xml", ".fieldset-meta.xml"),
    # Read only to reject them by name.
    *(".wsdl", ".edmx"),
)
PROJECT = "sfdx-project.json"
_MOST_PROJECT = 1_000_000
_DESTRUCTIVE = re.compile(r"destructiveChanges(Pre|Post)?\.xml", re.IGNORECASE)
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__"})
# The Salesforce extensions of an editor store an org's metadata in this hidden folder.
_EDITORS_COPY = Path(".sfdx", "tools", "soqlMetadata")


@dataclass(frozen=True)
class Found:
    """The schema files in `root` and its subfolders, and the names of the other files.

    `destructive` are the manifests of what a deployment removes. `namespace` is that of an SFDX
    project, whose own names can have it in front or not.
    """

    root: Path
    files: tuple[Path, ...]
    others: tuple[str, ...] = ()
    destructive: tuple[str, ...] = ()
    namespace: str = ""

    def name_of(self, file: Path) -> str:
        """Return the path of a file relative to the root, with slashes."""
        return file.name if file == self.root else file.relative_to(self.root).as_posix()

    def read(self, file: Path) -> SchemaFile:
        """Return the content of a file, or the error."""
        read = read_file(file, self.name_of(file), None if file == self.root else self.root)
        if not self.namespace or read.error is not None:
            return read
        own = rf"(?<![A-Za-z0-9_]){self.namespace}__"
        data = re.sub(own.encode(), b"", read.data)
        return SchemaFile(re.sub(own, "", read.name), data)


def find_files(path: Path) -> Found:
    """Return `path`, or the schema files in `path` and its subfolders, sorted by name.

    Suffixes decide which files are schemas. Hidden files and folders don't count. If a folder has
    no other schemas, `.sfdx/tools/soqlMetadata` does, where an editor stores them. Links to folders
    aren't followed. Raises SourceError without schema files.
    """
    try:
        if path.is_file():
            return Found(path, (path,))
        if not path.is_dir():
            raise SourceError(
                f"{path} doesn't exist.",
                remedy="Set the path: crmdeck connections set NAME --path FOLDER",
                code="FILE_NOT_FOUND",
            )
        found = _search(path, path)
        if not found.files and (path / _EDITORS_COPY).is_dir():
            found = _search(path, path / _EDITORS_COPY)
        if (path / PROJECT).is_file():
            found = _of_project(found)
    except OSError as error:
        raise unreadable(path, error) from error
    if not found.files:
        # Reading these says what they are, such as OData metadata.
        xml = [name for name in found.others if name.lower().endswith(".xml")]
        found = Found(path, tuple(path / name for name in xml))
    if not found.files:
        raise SourceError(
            f"No schema files in {path} or its subfolders.",
            cause=f"Schema files end in {', '.join(SUFFIXES[::2])} or are Salesforce metadata.",
            remedy="Set the path: crmdeck connections set NAME --path FOLDER",
            code="NO_SCHEMA_FILES",
        )
    return found


def _search(root: Path, below: Path) -> Found:
    files: list[Path] = []
    others: list[str] = []

    def refuse(error: OSError) -> None:
        raise error

    # `onerror` is needed, or an unreadable folder would look empty.
    for folder, folders, names in os.walk(below, onerror=refuse):
        folders[:] = [
            each for each in folders if not each.startswith(".") and each not in _SKIPPED_FOLDERS
        ]
        for name in names:
            if name.lower().endswith(SUFFIXES + METADATA_SUFFIXES) and name[0] != ".":
                files.append(Path(folder, name))
            elif name[0] != ".":
                others.append(Path(folder, name).relative_to(root).as_posix())
        if len(files) + len(others) > MAX_FILES:
            raise SourceError(
                f"{root} contains more than {MAX_FILES:,} files.",
                remedy="Use a folder with only the exported schemas: "
                "crmdeck connections set NAME --path FOLDER",
                code="TOO_MANY_FILES",
            )
    destructive = sorted(each for each in others if _DESTRUCTIVE.fullmatch(Path(each).name))
    others = sorted(set(others) - set(destructive))
    return Found(root, tuple(sorted(files)), tuple(others), tuple(destructive))


def _of_project(found: Found) -> Found:
    """Return the files in the package directories of an SFDX project that it doesn't ignore."""
    path = found.root / PROJECT
    try:
        project = parse_json(read_regular(path, _MOST_PROJECT))
        folders = [f"{str(each['path']).strip('./')}/".lstrip("/")
                   for each in project["packageDirectories"]]  # type: ignore[index]  # fmt: skip
        namespace = project.get("namespace") or ""  # type: ignore[attr-defined]
        if not re.fullmatch(r"\w*", namespace, re.ASCII):
            raise ValueError("its namespace isn't a name")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error) or type(error).__name__
        raise broken(path.name, "its packageDirectories", why, remedy="Correct the file.") from None
    ignore = found.root / ".forceignore"
    rules = _ignore_rules(read_regular(ignore, _MOST_PROJECT).decode("utf-8", "replace")
                          if ignore.is_file() else "")  # fmt: skip
    files = []
    for file in found.files:
        name = found.name_of(file)
        last = next((keeps for keeps, rule in reversed(rules) if rule.fullmatch(name)), True)
        if last and any(name.startswith(folder) for folder in folders):
            files.append(file)
    return Found(found.root, tuple(files), (), found.destructive, namespace)


def _ignore_rules(text: str) -> list[tuple[bool, re.Pattern[str]]]:
    """Return the rules of a `.forceignore`, with the syntax of `.gitignore`; the last one wins."""
    rules = []
    for line in text.splitlines():
        pattern = line.strip()
        keeps, pattern = pattern.startswith("!"), pattern.lstrip("!")
        if not pattern or pattern.startswith("#"):
            continue
        # Without a slash inside, a pattern applies in every folder; it covers what is below.
        anywhere = "" if "/" in pattern.rstrip("/") else "(?:.*/)?"
        parts = re.split(r"(\*\*/|/\*\*|\*|\?)", pattern.strip("/"))
        meaning = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
        body = "".join(meaning.get(part) or re.escape(part) for part in parts)
        rules.append((keeps, re.compile(f"{anywhere}{body}(?:/.*)?")))
    return rules


def read_file(file: Path, name: str, folder: Path | None = None) -> SchemaFile:
    """Return the content of `file` under `name`, or the error.

    With `folder`, a link that leads out of it is an error.
    """
    try:
        # Otherwise an export from someone else could show any file of this user.
        if folder is not None and not file.resolve().is_relative_to(folder.resolve()):
            raise SourceError(
                f"{name} is a link to a file outside its folder.",
                remedy="Put the file itself into the folder.",
                code="FILE_UNREADABLE",
            )
        if not file.is_file():
            raise SourceError(
                f"{name} isn't a regular file.",
                remedy="Remove it from the folder.",
                code="FILE_UNREADABLE",
            )
        with file.open("rb") as stream:
            data = read_bounded(name, stream)
    except SourceError as error:
        return SchemaFile(name, error=error)
    except (OSError, RuntimeError) as error:
        return SchemaFile(name, error=unreadable(file, error))
    return SchemaFile(name, data)


def fingerprint(files: Sequence[SchemaFile], salt: str) -> str:
    """Return a digest (hex) of names and contents of `files`, and `salt`."""
    digest = hashlib.sha256(salt.encode())
    for file in files:
        for part in (name_bytes(file.name), file.data):
            # With its length, so that a name can't continue in the content.
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()[:32]


def unreadable(path: Path, error: Exception) -> SourceError:
    return SourceError(
        f"Can't read {path}.",
        cause=getattr(error, "strerror", None) or str(error),
        remedy="Check that the file exists and that you have permission to read it.",
        code="FILE_UNREADABLE",
    )
