"""The place of a workspace on this machine."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from crmdeck import __version__
from crmdeck.errors import CrmdeckError, NotFoundError, UsageError
from crmdeck.text import nearest

HOME_VARIABLE = "CRMDECK_HOME"
CACHE_FILE = "crmdeck.duckdb"


def resolve_home(home: Path | str | None = None) -> Path:
    """Return the workspace folder: `home`, else $CRMDECK_HOME, else the user's data folder.

    If the workspace is a database, this folder holds what stays with the user: settings, a file of
    secrets, the console's state.
    """
    if home == "":
        raise UsageError(
            "The name of the workspace is empty.",
            remedy="Enter a folder: --home FOLDER, or leave out --home for the default workspace.",
            code="NO_SUCH_PLACE",
        )
    chosen = home or os.environ.get(HOME_VARIABLE)
    if chosen and not is_database(chosen):
        return absolute_path(chosen)
    own = _folder("XDG_DATA_HOME", "~/.local/share")
    if not chosen:
        return own
    # Host and database, without user, password and options: the name must show no secret.
    place = str(chosen).split("://", 1)[1].split("?", 1)[0].rpartition("@")[2]
    return own / "teams" / (re.sub(r"[^\w.-]+", "-", place).strip("-.") or "local")


def require_home(
    home: Path | str | None = None, *, demo: bool = False, creates: bool = False
) -> None:
    """Raise NotFoundError if `home`, else $CRMDECK_HOME, names a folder that doesn't exist.

    The remedy is a workspace next to it with a similar name, if any. A command that `creates` the
    workspace may name any folder. Raises UsageError for a `home` together with the demo.
    """
    if demo and home is not None:
        raise UsageError(
            "--home can't be combined with --demo.",
            remedy="Use only one of them.",
            code="BAD_ARGUMENTS",
        )
    chosen = home or os.environ.get(HOME_VARIABLE)
    if demo or creates or not chosen or is_database(chosen):
        return
    folder = absolute_path(chosen)
    # Opening the workspace reports all other reasons.
    with suppress(OSError, ValueError):
        try:
            folder.stat()
        except FileNotFoundError:
            raise _no_workspace(folder) from None


def _no_workspace(folder: Path) -> NotFoundError:
    beside: list[str] = []
    with suppress(OSError):
        beside = [each.parent.name for each in folder.parent.glob(f"*/{CACHE_FILE}")]
    near = nearest(folder.name, beside, most=1)
    add = f"crmdeck connections add NAME --source SOURCE --home {folder}"
    return NotFoundError(
        f"No workspace at {folder}.",
        remedy=f"Use the workspace with the most similar name: --home {folder.with_name(near[0])}"
        if near
        else f"Create it with its first connection: {add}",
        code="NO_SUCH_PLACE",
    )


def absolute_path(path: Path | str) -> Path:
    """Return an absolute path, with `~` expanded.

    Raises UsageError if the current folder was deleted, or no user has that name.
    """
    try:
        return Path(path).expanduser().absolute()
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"Can't resolve the path {Path(path)}.",
            cause="The current folder was deleted."
            if isinstance(error, OSError)
            else "No user with that name has a home folder here.",
            remedy="Change to an existing folder, or use an absolute path.",
            code="NO_SUCH_PLACE",
        ) from error


def resolve_database(home: Path | str | None = None) -> str | None:
    """Return the database URL in `home`, else in $CRMDECK_HOME; None for a folder."""
    chosen = home or os.environ.get(HOME_VARIABLE)
    return str(chosen) if chosen and is_database(chosen) else None


def is_database(home: Path | str) -> bool:
    """True if a home is a URL, valid or not, rather than a folder."""
    return isinstance(home, str) and bool(re.match(r"\w+://", home))


def demo_home(folder: Path | None = None) -> Path:
    """Return the folder of this version's demo: in `folder`, else in the user's cache."""
    return (folder or cache_home()) / f"demo-{__version__}"


def cache_home() -> Path:
    """Return the folder for what crmdeck can compute again."""
    return _folder("XDG_CACHE_HOME", "~/.cache")


def _folder(variable: str, otherwise: str) -> Path:
    if sys.platform == "linux" and "ANDROID_ROOT" not in os.environ:
        # Same answer as platformdirs, whose import takes half the time of completing a word.
        own = os.environ.get(variable, "")
        return absolute_path(own if own.startswith("/") else otherwise) / "crmdeck"
    from platformdirs import user_cache_path, user_data_path

    find = user_cache_path if "CACHE" in variable else user_data_path
    return find("crmdeck", appauthor=False)


def create_folder(path: Path) -> None:
    """Create a folder for output, and those above it; raises CrmdeckError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CrmdeckError(
            f"Can't create the folder {path}.",
            cause=f"{error.strerror}.",
            remedy="Choose a folder that you can write to.",
            code="WRITE_FAILED",
        ) from error
