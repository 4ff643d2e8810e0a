"""crmdeck man: the manual pages, drawn from the parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command

from crmdeck import __version__
from crmdeck.cli.examples import EXAMPLES
from crmdeck.cli.options import ForceOption
from crmdeck.cli.output import require_free, say, write_failed
from crmdeck.cli.session import failing
from crmdeck.home import create_folder

if TYPE_CHECKING:
    from typer import _click as click


def man(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder for the pages.")],
    force: ForceOption = False,
) -> None:
    """Write a manual page for each command, such as crmdeck-status.1.

    Install them in ~/.local/share/man/man1, then read: man crmdeck-status
    """
    from crmdeck.cli.app import app

    with failing():
        pages = dict(_pages("crmdeck", get_command(app)))
        create_folder(folder)
        try:
            for name in pages:
                require_free(folder / name, force=force)
            for name, text in pages.items():
                (folder / name).write_text(text, "utf-8")
        except OSError as error:
            raise write_failed(error) from None
        say(f"Wrote {len(pages)} pages to {folder}. Read one: man -l {folder}/crmdeck.1")


def _pages(path: str, command: click.Command) -> Iterator[tuple[str, str]]:
    inner = _inner(command)
    yield f"{path.replace(' ', '-')}.1", "\n".join(_page(path, command, inner)) + "\n"
    for name, each in inner.items():
        yield from _pages(f"{path} {name}", each)


def _inner(command: click.Command) -> dict[str, click.Command]:
    names: list[str] = getattr(command, "list_commands", lambda context: [])(None)
    found = {name: command.get_command(None, name) for name in names}  # type: ignore[attr-defined]
    return {name: each for name, each in found.items() if each is not None and not each.hidden}


def _page(path: str, command: click.Command, inner: dict[str, click.Command]) -> Iterator[str]:
    title = path.replace(" ", "-")
    context = command.context_class(command, info_name=path)
    summary, *more = re.split(r"\n\s*\n", (command.help or "").strip())
    # Without a date, so that a version draws the same pages on every day.
    yield f'.TH "{_escaped(title.upper())}" 1 "" "crmdeck {__version__}" "crmdeck manual"'
    yield from (".SH NAME", f"{_escaped(title)} \\- {_escaped(summary.rstrip('.'))}")
    pieces = " ".join(command.collect_usage_pieces(context))
    yield from (".SH SYNOPSIS", f".B {_escaped(path)}", _line(pieces))
    if more:
        yield ".SH DESCRIPTION"
    for paragraph in more:
        # A paragraph that begins with this mark keeps its lines.
        if paragraph.startswith("\b"):
            yield from (".PP", ".nf", *map(_line, paragraph.split("\n")[1:]), ".fi")
        else:
            yield from (".PP", _line(" ".join(paragraph.split())))
    records = [(param.param_type_name, param.get_help_record(context)) for param in command.params]
    for kind, heading in (("argument", "ARGUMENTS"), ("option", "OPTIONS")):
        found = [record for of, record in records if of == kind and record]
        if found:
            yield f".SH {heading}"
        for names, text in found:
            yield from (".TP", f".B {_escaped(names)}", _line(text))
    if inner:
        yield ".SH COMMANDS"
    for name, each in inner.items():
        first = (each.help or "").strip().split("\n\n")[0]
        yield from (".TP", f".BR {_escaped(f'{title}-{name}')} (1)", _line(" ".join(first.split())))
    if examples := EXAMPLES.get(path.partition(" ")[2]):
        yield from (".SH EXAMPLES", ".nf", *map(_line, examples), ".fi")
    if title != "crmdeck":
        yield from (".SH SEE ALSO", ".BR crmdeck (1)")


def _line(text: str) -> str:
    """Return a line of text, which roff never reads as a request."""
    shown = _escaped(text)
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
