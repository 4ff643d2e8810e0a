"""Unfinished files of processes that died: drafts of a cache, a backup, or a note."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from crmdeck.store.duckdb_file import wal_of
from crmdeck.store.wal_mark import WalMark

_WITH_PROCESS = re.compile(r"(?:\..+\.(?P<backup>\d+)\.new|.+\.holder\.(?P<note>\d+))")


def is_gone(pid: int) -> bool:
    """True if a process of this machine is known to have ended."""
    # On Windows, signal 0 is Ctrl+C, which would end the process.
    if os.name == "nt":
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        # It belongs to another user.
        return False
    return False


def remove_leftovers(cache: Path, backups: Path) -> None:
    """Remove the files of processes that ended. Only the process in the turnstile may call it.

    Files that belong to a living process stay, and so do all others.
    """
    draft = cache.with_name(f"{cache.name}.new")
    mark = WalMark(cache).path
    leftovers = [draft, wal_of(draft), mark.with_name(f"{mark.name}.new")]
    with suppress(OSError):
        for path in cache.parent.iterdir():
            found = _WITH_PROCESS.fullmatch(path.name)
            if found and is_gone(int(found["backup"] or found["note"])):
                leftovers.append(path)
    leftovers += backups.glob("crmdeck-*.duckdb.new")
    for path in leftovers:
        with suppress(OSError):
            path.unlink(missing_ok=True)
