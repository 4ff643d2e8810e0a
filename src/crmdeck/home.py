"""Where a workspace lives on this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

from crmdeck import __version__

HOME_VARIABLE = "CRMDECK_HOME"


def resolve_home(home: Path | str | None = None) -> Path:
    """Return the workspace folder: `home`, else $CRMDECK_HOME, else the user's data folder.

    Where the workspace is a database, it is the folder of what stays with the person beside it:
    settings, a file of secrets, what the console remembers.
    """
    chosen = home or os.environ.get(HOME_VARIABLE)
    if chosen and not is_database(chosen):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path

    own = user_data_path("crmdeck", appauthor=False)
    return own / "teams" / _folder_name(str(chosen)) if chosen else own


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
    from platformdirs import user_cache_path

    return user_cache_path("crmdeck", appauthor=False)
