"""Find the style sheets: inside the package of a wheel, or next to `src` in a checkout."""

from __future__ import annotations

from pathlib import Path

FRAME = "crmdeck.tcss"
PARTS = "parts.tcss"

_PACKAGE = Path(__file__).resolve().parents[1]


def sheet_folder() -> Path:
    """Return the folder with the style sheets.

    Raises FileNotFoundError if they are missing.
    """
    for folder in (_PACKAGE / "tcss", _PACKAGE.parents[1] / "tcss"):
        if (folder / FRAME).is_file():
            return folder
    raise FileNotFoundError(f"The style sheet {FRAME} is missing from this installation.")


def sheets() -> list[Path]:
    """Return all style sheets: that of the frame, which needs no other, that of the parts of panes
    and dialogs, then one per pane.
    """
    files = sheet_folder().glob("*.tcss")
    return sorted(files, key=lambda path: (path.name != FRAME, path.name != PARTS, path.name))
