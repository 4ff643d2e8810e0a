"""Export: choose a format, name a file, write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from crmdeck.home import absolute_path
from crmdeck.tui.dialogs.choose import Choice, Choose
from crmdeck.tui.dialogs.prompt import Prompt, free_name, wrong_file
from crmdeck.tui.host import Host
from crmdeck.tui.loading.requests import Job
from crmdeck.tui.panes.pane import ExportRequest
from crmdeck.workspace import FORMATS

RECORDS = {
    "objects": "one record per object",
    "schema": "one record per field",
    "comparison": "one record per object",
    "differences": "one record per difference",
}
"""The records of each kind of export."""


def ask_and_export(host: Host, request: ExportRequest, connection_id: str | None) -> None:
    """Ask for a format and a file, then export in a worker."""

    def chosen(choice: tuple[str, str] | None) -> None:
        if choice is None:
            return
        what, format_ = choice
        several = len(request.parts) > 1
        prompt = Prompt(
            "Export to files" if several else "Export to file",
            "One file per connection, with its name added to this one." if several else "",
            value=free_name(f"crmdeck-{what}", FORMATS[format_].suffix.removeprefix(".")),
            check=lambda name: next(filter(None, map(wrong_file, files(name))), ""),
        )
        host.app.push_screen(prompt, partial(write, what, format_))

    def files(name: str) -> Mapping[str, str | None]:
        """Return the file names, each with the id of its connection."""
        if not request.parts:
            return {name: None if request.everywhere else connection_id}
        if len(request.parts) == 1:
            return {name: next(iter(request.parts))}
        return {_with_name(name, part.connection): ref for ref, part in request.parts.items()}

    def write(what: str, format_: str, name: str | None) -> None:
        if not name:
            return
        wanted = files(name)

        def work(_: Job) -> list[Path]:
            paths = []
            # In the worker, because it may read what was not loaded for the screen.
            every = request.only() if callable(request.only) else request.only
            for name, ref in wanted.items():
                part = request.parts.get(ref or "")
                paths.append(absolute_path(name))
                host.workspace.exports.write(
                    paths[-1],
                    what,
                    ref,
                    format=format_,
                    pair=request.pair,
                    only=part.only if part is not None else every,
                    at=request.at,
                    right=request.right,
                    right_at=request.right_at,
                )
            return paths

        host.loader.load(
            "export",
            work,
            lambda paths: host.say(f"Exported to {', '.join(map(str, paths))}"),
            label=f"exporting {what}",
            cancellable=False,
        )

    host.app.push_screen(Choose(f"Export {request.what} as", list(_choices(request))), chosen)


def _choices(request: ExportRequest) -> Iterator[Choice[tuple[str, str]]]:
    for what in filter(None, (request.what, request.inner)):
        for name, each in FORMATS.items():
            if not request.inner:
                yield Choice((what, name), name, each.use)
            elif name != "json" or what != "differences":
                # The JSON of a comparison contains its differences already.
                use = each.use.removeprefix("one record per line, ")
                yield Choice((what, name), name, f"{RECORDS[what]}, {use}")


def _with_name(file: str, connection: str) -> str:
    stem, dot, ending = file.rpartition(".")
    part = re.sub(r"[^\w-]+", "-", connection)
    return f"{stem}-{part}{dot}{ending}" if dot else f"{file}-{part}"
