"""Find the style sheets: inside the package of a wheel, or next to `src` in a checkout."""

from __future__ import annotations

from pathlib import Path

SHELL = "crmdeck.tcss"

_PACKAGE = Path(__file__).resolve().parents[1]


def sheet_folder() -> Path:
    """Return the folder with the style sheets.

    Raises FileNotFoundError if they are missing.
    """
    for folder in (_PACKAGE / "tcss", _PACKAGE.parents[1] / "tcss"):
        if (folder / SHELL).is_file():
            return folder
    raise FileNotFoundError(f"The style sheet {SHELL} is missing from this installation.")


def sheets() -> list[Path]:
    """Return all style sheets, then one per pane, by name.

    The first one is that of the frame, which needs no other.
    """
    return sorted(sheet_folder().glob("*.tcss"), key=lambda path: (path.name != SHELL, path.name))
