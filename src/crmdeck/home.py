"""Where a workspace lives on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from crmdeck import __version__

HOME_VARIABLE = "CRMDECK_HOME"


def resolve_home(home: Path | str | None = None) -> Path:
    """Return the workspace folder: `home`, else $CRMDECK_HOME, else the user's data folder."""
    chosen = home or os.environ.get(HOME_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("crmdeck", appauthor=False)


def demo_home(folder: Path | None = None) -> Path:
    """Return where the demo of this version is kept: in `folder`, else in the user's cache."""
    return (folder or _cache_home()) / f"demo-{__version__}"


def _cache_home() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("crmdeck", appauthor=False)
