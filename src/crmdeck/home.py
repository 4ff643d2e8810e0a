"""Where a workspace lives on this machine."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from crmdeck import __version__
from crmdeck.errors import UsageError

HOME_VARIABLE = "CRMDECK_HOME"


def resolve_home(home: Path | str | None = None) -> Path:
    """Return the workspace folder: `home`, else $CRMDECK_HOME, else the user's data folder.

    Where the workspace is a database, it is the folder of what stays with the person beside it:
    settings, a file of secrets, what the console remembers.
    """
    if home == "":
        raise UsageError(
            "The workspace has an empty name.",
            remedy="Name a folder: --home FOLDER. Without --home it is the default workspace.",
            code="NO_SUCH_PLACE",
        )
    chosen = home or os.environ.get(HOME_VARIABLE)
    if chosen and not is_database(chosen):
        return absolute_path(chosen)
    own = _folder("XDG_DATA_HOME", "~/.local/share")
    return own / "teams" / _folder_name(str(chosen)) if chosen else own


def absolute_path(path: Path | str) -> Path:
    """Return a path from the root on, with `~` as somebody's home.

    Raises UsageError where the folder that one stands in has vanished, or nobody has that name.
    """
    try:
        return Path(path).expanduser().absolute()
    except (OSError, RuntimeError) as error:
        raise UsageError(
            f"There is no way to {Path(path)}.",
            cause="The folder that this was started in is gone."
            if isinstance(error, OSError)
            else "Nobody of that name has a home here.",
            remedy="Go to a folder that is there, or name the whole path.",
            code="NO_SUCH_PLACE",
        ) from error


def resolve_database(home: Path | str | None = None) -> str | None:
    """Return the URL of the database that `home`, else $CRMDECK_HOME, names; None for a folder."""
    chosen = home or os.environ.get(HOME_VARIABLE)
    return str(chosen) if chosen and is_database(chosen) else None


def is_database(home: Path | str) -> bool:
    """Return whether a home is the URL of a database, right or wrong, and no folder."""
    return isinstance(home, str) and bool(re.match(r"\w+://", home))


def demo_home(folder: Path | None = None) -> Path:
    """Return where the demo of this version is kept: in `folder`, else in the user's cache."""
    return (folder or _cache_home()) / f"demo-{__version__}"


def _folder_name(url: str) -> str:
    """Return host and database as a name: no user, no password, no option."""
    place = url.split("://", 1)[1].split("?", 1)[0].rpartition("@")[2]
    return re.sub(r"[^\w.-]+", "-", place).strip("-.") or "local"


def _cache_home() -> Path:
    return _folder("XDG_CACHE_HOME", "~/.cache")


def _folder(variable: str, otherwise: str) -> Path:
    """Return a folder of this user for crmdeck; the names are those of the XDG specification."""
    if sys.platform == "linux" and "ANDROID_ROOT" not in os.environ:
        # What platformdirs answers here too, but to import it takes half of completing a word.
        own = os.environ.get(variable, "")
        return absolute_path(own if own.startswith("/") else otherwise) / "crmdeck"
    from platformdirs import user_cache_path, user_data_path

    find = user_cache_path if "CACHE" in variable else user_data_path
    return find("crmdeck", appauthor=False)
