"""The demo: an offline workspace over the sandbox, with ninety days of history.

crmdeck builds it by replaying the sandbox's history through the real connectors, and keeps it in
the user's cache folder. It builds the demo again after half a day, and in a new version.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from crmdeck.clock import Clock, utc_now
from crmdeck.credentials import MemorySecrets
from crmdeck.errors import CrmdeckError
from crmdeck.home import demo_home
from crmdeck.model import ProgressCallback, to_utc
from crmdeck.settings import Settings
from crmdeck.workspace.context import Context
from crmdeck.workspace.demo.builder import Builder
from crmdeck.workspace.demo.link import SandboxLink
from crmdeck.workspace.demo.replay import ACTOR, Hands, build
from crmdeck.workspace.workspace import Workspace

FRESH_FOR = timedelta(hours=12)
STAMP = "built-at"
_SCRATCH = ".demo-"


class _Demo:
    """Builds the demo, and runs its sandbox."""

    def __init__(self, home: Path, at: datetime | None) -> None:
        self._home = home
        self._at = at
        self._builder: Builder | None = None
        self.clock: Clock = Hands(at) if at else utc_now
        self.link = SandboxLink(self.clock, at)

    def begin(self) -> None:
        """Start to build the demo in another process, unless a fresh one exists.

        The console imports and paints in the meantime. `prepare` waits for the process.
        """
        if _built_at(self._home, self._at) is None:
            self._builder = Builder(self._home)

    def prepare(self, progress: ProgressCallback) -> None:
        """Build the demo unless a fresh one exists, or wait for the process from `begin`."""
        if self.link.anchor is not None and self._at is None:
            return
        if self._builder is not None:
            self._builder.wait(progress)
        self.link.anchor = ensure_built(self._home, self._at, progress)

    def close(self) -> None:
        """Stop the sandbox and the building process."""
        if self._builder is not None:
            self._builder.stop()
        self.link.stop()


@contextmanager
def open_demo(
    *,
    read_only: bool = False,
    folder: Path | None = None,
    at: datetime | None = None,
    later: bool = False,
) -> Iterator[Workspace]:
    """Open the demo workspace, and build it first unless a fresh one exists.

    `folder` is its place (default: the user's cache folder). With `at`, the demo's time stops at
    that moment, so that it looks the same every time; without a `folder`, that demo is deleted at
    the end. With `later`, another process builds the demo, and the caller must call `prepare` on
    the workspace.
    """
    with tempfile.TemporaryDirectory(prefix="crmdeck-") as scratch:
        home = _home(folder, Path(scratch), kept=at is None)
        demo = _Demo(home, at)
        context = Context(
            home,
            settings=Settings(actor=ACTOR),
            read_only=read_only,
            clock=demo.clock,
            secrets=MemorySecrets(),
            connect=demo.link,
        )
        with Workspace(context, prepare=demo.prepare, close=demo.close) as workspace:
            if later:
                demo.begin()
            else:
                workspace.prepare()
            yield workspace


def _home(folder: Path | None, scratch: Path, *, kept: bool) -> Path:
    """Return the demo's folder: in `folder`, else in the cache folder if it is writable."""
    if folder is not None or not kept:
        return demo_home(folder or scratch)
    home = demo_home()
    with suppress(OSError):
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home if os.access(home.parent, os.W_OK | os.X_OK) else demo_home(scratch)


def ensure_built(home: Path, at: datetime | None, progress: ProgressCallback) -> datetime:
    """Return the end of the demo's history; build the demo first unless a fresh one exists.

    One process builds, and the others wait.
    """
    from filelock import FileLock

    anchor = _built_at(home, at)
    if anchor is not None:
        return anchor
    try:
        home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(f"{home}.lock"):
            anchor = _built_at(home, at)
            if anchor is not None:
                return anchor
            # Killed builds leave their folders behind.
            for leftover in home.parent.glob(f"{_SCRATCH}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            return _build(home, at or utc_now(), progress)
    except OSError as error:
        raise CrmdeckError(
            f"Can't build the demo in {home.parent}.",
            cause=f"{os.strerror(error.errno)}." if error.errno else str(error),
            remedy="Free disk space, or set another cache folder in XDG_CACHE_HOME.",
            code="DEMO_NOT_BUILT",
        ) from error


def _build(home: Path, anchor: datetime, progress: ProgressCallback) -> datetime:
    scratch = Path(tempfile.mkdtemp(dir=home.parent, prefix=_SCRATCH))
    try:
        build(scratch, anchor, progress)
        (scratch / STAMP).write_text(anchor.isoformat(), encoding="ascii")
        if home.exists():
            shutil.rmtree(home)
        scratch.rename(home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return anchor


def _built_at(home: Path, at: datetime | None) -> datetime | None:
    try:
        anchor = to_utc(datetime.fromisoformat((home / STAMP).read_text(encoding="ascii")))
    except (OSError, ValueError):
        return None
    if at is not None:
        return anchor if anchor == at else None
    return anchor if timedelta(0) <= utc_now() - anchor < FRESH_FOR else None
