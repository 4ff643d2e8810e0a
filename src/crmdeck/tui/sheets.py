"""Where the style sheets are: in the wheel beside the package, in a checkout above `src`."""

from __future__ import annotations

from pathlib import Path

SHELL = "crmdeck.tcss"

_PACKAGE = Path(__file__).resolve().parents[1]


def sheet_folder() -> Path:
    """Return the folder with the style sheets.

    Raises FileNotFoundError where neither a wheel nor a checkout has them.
    """
    for folder in (_PACKAGE / "tcss", _PACKAGE.parents[1] / "tcss"):
        if (folder / SHELL).is_file():
            return folder
    raise FileNotFoundError(f"The style sheet {SHELL} is missing from this installation.")


def sheets() -> list[Path]:
    """Return all sheets, that of the shell first, then one a pane by name.

    The first is all that the frame needs.
    """
    return sorted(sheet_folder().glob("*.tcss"), key=lambda path: (path.name != SHELL, path.name))
