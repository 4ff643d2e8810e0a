"""The way of `e`: choose a format, name a file, write it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.prompt import Prompt
from crmdeck.tui.panes.base import ExportRequest

if TYPE_CHECKING:
    from crmdeck.tui.screens.main import MainScreen

PURPOSES = {
    "json": "the wire shape, for programs",
    "jsonl": "one record a line, for streams",
    "csv": "one record a line, for spreadsheets",
    "markdown": "a table for tickets and wikis",
    "html": "a page to send to somebody",
}
ENDINGS = {"markdown": "md"}


def ask_and_export(screen: MainScreen, request: ExportRequest, connection_id: str | None) -> None:
    """Ask for format and file, then export in a worker; says where the file is."""

    def named(format_: str, name: str | None) -> None:
        if name:
            write(format_, Path(name).expanduser().absolute())

    def chosen(format_: str | None) -> None:
        if format_ is not None:
            prompt = Prompt(
                "Export to which file?",
                value=f"crmdeck-{request.what}.{ENDINGS.get(format_, format_)}",
                check=_what_is_wrong,
            )
            screen.app.push_screen(prompt, lambda name: named(format_, name))

    def write(format_: str, path: Path) -> None:
        screen.load(
            "export",
            lambda _: screen.deck.workspace.export_file(
                path,
                request.what,
                None if request.everywhere else connection_id,
                format=format_,
                pair=request.pair,
                only=request.only,
            ),
            lambda _: screen.deck.say(f"Exported to {path}"),
            label=f"exporting {request.what}",
            cancellable=False,
        )

    from crmdeck.workspace import FORMATS

    formats = [Choice(name, name, PURPOSES.get(name, "")) for name in FORMATS]
    screen.app.push_screen(Choose(f"Export {request.what} as", formats), chosen)


def _what_is_wrong(name: str) -> str:
    path = Path(name).expanduser()
    if not name.strip():
        return "A file needs a name."
    if path.exists():
        return f"{path} is there already; choose another name."
    if not path.absolute().parent.is_dir():
        return f"There is no folder {path.absolute().parent}."
    return ""
