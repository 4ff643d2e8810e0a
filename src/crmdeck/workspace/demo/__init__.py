"""The demo: an offline workspace over the sandbox, with ninety days of history.

The history is a backup in this package, HISTORY, which ends now once its times are moved. The demo
is in the user's cache folder, and is unpacked again after half a day, for another HISTORY, store or
DuckDB.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from crmdeck.clock import Clock, utc_now
from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CrmdeckError
from crmdeck.home import CACHE_FILE, demo_home
from crmdeck.model import to_utc
from crmdeck.settings import Settings
from crmdeck.store.backup import unpack_backup
from crmdeck.store.migrations import newest, shipped
from crmdeck.workspace.audit import EVENTS
from crmdeck.workspace.context import Context
from crmdeck.workspace.demo.link import SandboxLink
from crmdeck.workspace.workspace import Workspace

HISTORY = Path(__file__).with_name("history.zip")
ACTOR = "priya.raman"
FRESH_FOR = timedelta(hours=12)
STAMP = "built.json"
_SCRATCH = ".demo-"
_CHANGES = frozenset(
    each
    for each in EVENTS
    if each.startswith(("finding.", "mapping.", "policy."))
    or each in ("connection.added", "connection.disconnected", "connection.renamed",
                "connection.updated", "schema.drift_acknowledged", "schema.drift_reopened")
)  # fmt: skip


def open_demo(
    *,
    read_only: bool = False,
    folder: Path | None = None,
    at: datetime | None = None,
    later: bool = False,
) -> Workspace:
    """Return the demo workspace, and unpack it first unless a fresh one exists.

    Use it in a `with` statement, or call `close` at the end. `folder` is its place (default: the
    user's cache folder). With `at`, the demo's time stops at that moment, so that it looks the
    same every time; without a `folder`, that demo is deleted at the end. With `later`, the caller
    must call `prepare` on the workspace.
    """
    scratch = tempfile.TemporaryDirectory(prefix="crmdeck-")
    home = demo_home(Path(scratch.name) if folder is None and at is not None else folder)
    if folder is None and at is None:
        with suppress(OSError):
            home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A home on a read-only disk still gets a demo, for this run.
        if not os.access(home.parent, os.W_OK | os.X_OK):
            home = demo_home(Path(scratch.name))
    clock: Clock = (lambda: at) if at else utc_now
    link = SandboxLink(clock, at)
    context = Context(
        home,
        settings=Settings(actor=ACTOR),
        read_only=read_only,
        clock=clock,
        secrets=MemorySecrets(),
        connect=link,
    )

    def prepare() -> None:
        if link.anchor is None or at is not None:
            link.anchor = _ensure_built(home, at)

    def close() -> None:
        link.stop()
        scratch.cleanup()

    workspace = Workspace(context, prepare=prepare, close=close)
    if not later:
        try:
            workspace.prepare()
        except BaseException:
            # The caller gets no workspace to close.
            workspace.close()
            raise
    return workspace


def reset_demo() -> None:
    """Unpack the demo again, without the changes that users made."""
    _ensure_built(demo_home(), None, anew=True)


def demo_changed_at(workspace: Workspace) -> datetime | None:
    """Return the time of the last change that a user made to the demo, None without one."""
    anchor = _built_at(workspace.home, None)
    entries = workspace.audit.each(since=anchor, at_once=20) if anchor else ()
    found = (each.at for each in entries if each.event in _CHANGES and each.at != anchor)
    return next(found, None)


def _ensure_built(home: Path, at: datetime | None, *, anew: bool = False) -> datetime:
    """Return the end of the demo's history; unpack the demo first unless a fresh one exists.

    One process unpacks, and the others wait.
    """
    from filelock import FileLock

    anchor = None if anew else _built_at(home, at)
    if anchor is not None:
        return anchor
    try:
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(f"{home}.lock"):
            # Another process may have built it while this one waited.
            anchor = None if anew else _built_at(home, at)
            if anchor is not None:
                return anchor
            # Killed processes leave their folders behind.
            for leftover in home.parent.glob(f"{_SCRATCH}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            # The sandbox's dates have whole seconds.
            return _build(home, at or utc_now().replace(microsecond=0))
    except OSError as error:
        raise CrmdeckError(
            f"Can't build the demo in {home.parent}.",
            cause=f"{os.strerror(error.errno)}." if error.errno else str(error),
            remedy="Free disk space, or set another cache folder in XDG_CACHE_HOME.",
            code="DEMO_NOT_BUILT",
        ) from error


def _build(home: Path, anchor: datetime) -> datetime:
    # Built next to its place and renamed: a killed process leaves no half of a demo there.
    scratch = Path(tempfile.mkdtemp(dir=home.parent, prefix=_SCRATCH))
    try:
        unpack_backup(HISTORY, scratch / CACHE_FILE, anchor)
        stamp = {"at": anchor.isoformat(), **_origin()}
        (scratch / STAMP).write_text(json.dumps(stamp), encoding="ascii")
        if home.exists():
            shutil.rmtree(home)
        scratch.rename(home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return anchor


def _built_at(home: Path, at: datetime | None) -> datetime | None:
    try:
        stamp = json.loads((home / STAMP).read_text(encoding="ascii"))
        anchor = to_utc(datetime.fromisoformat(stamp.pop("at")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if stamp != _origin():
        return None
    if at is not None:
        return anchor if anchor == at else None
    return anchor if timedelta(0) <= utc_now() - anchor < FRESH_FOR else None


def _origin() -> dict[str, str]:
    """Return the identity of the demo's content, and of the DuckDB that writes its file."""
    # Imported here, because the console paints before it needs a database.
    import duckdb

    store = str(newest(shipped()))
    return {
        "store": store,
        "history": sha256(HISTORY.read_bytes()).hexdigest(),
        "duckdb": duckdb.__version__,
    }
