"""Small records that several servers read and change: in private files, or in a team's database."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from filelock import FileLock, Timeout
from pydantic import ValidationError

from crmdeck.errors import CrmdeckError
from crmdeck.files import replace_text
from crmdeck.model import WireModel
from crmdeck.workspace import Workspace

M = TypeVar("M", bound=WireModel)

_WAIT = 10.0


class DocumentError(CrmdeckError):
    """Can't read or write a file of the server."""

    code = "SERVER_FILE_UNUSABLE"


class Document(Protocol[M]):
    """A record that others may change too."""

    def read(self) -> M:
        """Return the current record."""

    def change(self, update: Callable[[M], M]) -> M:
        """Replace the record by what `update` returns for it, and return that.

        No one else changes it in the meantime. Raises what `update` raises.
        """


def document(place: Path | Workspace, name: str, empty: M) -> Document[M]:
    """Return the record with that name, of a workspace or of the folder of one."""
    if isinstance(place, Workspace):
        if place.shared:
            return SharedDocument(place, name, empty)
        place = place.home
    return FileDocument(place / name, empty)


class SharedDocument(Generic[M]):
    """A record in the database of a workspace, shared by any number of servers."""

    def __init__(self, workspace: Workspace, name: str, empty: M) -> None:
        self._documents = workspace.documents
        self._name = name
        self._empty = empty
        self._seen: tuple[str | None, M] = (None, empty)

    def read(self) -> M:
        return self._parsed(self._documents.read(self._name))

    def change(self, update: Callable[[M], M]) -> M:
        text = self._documents.change(
            self._name, lambda known: update(self._parsed(known)).to_json()
        )
        return self._parsed(text)

    def _parsed(self, text: str | None) -> M:
        # One tuple, assigned at once: threads see the old or the new one.
        seen, record = self._seen
        if text != seen:
            record = self._empty if text is None else type(self._empty).model_validate_json(text)
            self._seen = (text, record)
        return record


class FileDocument(Generic[M]):
    """A record in the file at `path`, which only its owner can read.

    It is read again when another process has changed it, and replaced as a whole. Without a file
    the record is `empty`. Methods raise DocumentError.
    """

    def __init__(self, path: Path, empty: M) -> None:
        self.path = path
        self._empty = empty
        self._guard = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._record = empty

    def read(self) -> M:
        with self._guard:
            return self._current()

    def change(self, update: Callable[[M], M]) -> M:
        # The guard is for threads of this process, the lock for other processes.
        with self._guard, self._alone():
            changed = update(self._current())
            try:
                replace_text(self.path, changed.to_json())
            except OSError as error:
                raise self._unusable("write", error) from None
            return changed

    def _current(self) -> M:
        try:
            stat = self.path.stat()
            # A replaced file has another inode, even within the resolution of its time.
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                text = self.path.read_text(encoding="utf-8")
                self._record = type(self._empty).model_validate_json(text)
                self._seen = seen
        except FileNotFoundError:
            self._record, self._seen = self._empty, None
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise self._unusable("read", error) from None
        return self._record

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # The file itself is replaced by each change, so another one is locked.
            lock = FileLock(f"{self.path}.lock", mode=0o600, timeout=_WAIT)
            lock.acquire()
        except (OSError, Timeout) as error:
            raise self._unusable("change", error) from None
        try:
            yield
        finally:
            lock.release()

    def _unusable(self, what: str, error: Exception) -> DocumentError:
        return DocumentError(
            f"Can't {what} {self.path}.",
            cause=f"{error.strerror if isinstance(error, OSError) else type(error).__name__}.",
            remedy=(
                "Check the permissions of the file and its folder, or restore the file from "
                "a backup."
            ),
        )
