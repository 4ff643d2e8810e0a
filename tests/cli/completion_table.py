"""The table that completes words, drawn from the parser: `python -m tests.cli.completion_table`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.main import get_command

from crmdeck.cli.app import COMMANDS, CommandGroup, app
from crmdeck.cli.completion import TABLE
from crmdeck.cli.options import OPTIONS
from crmdeck.settings import Settings

KINDS = {
    "NAME": "connection", "[NAME]": "connection", "[NAME]...": "connection*",
    "LEFT": "connection", "[RIGHT]": "connection", "[OBJECT]": "place", "OBJECT.FIELD": "place",
    "PAIR": "pair", "[PAIR]": "pair", "FIELD[=CRM_FIELD]...": "field*",
    "OBJECT": "object", "--map-object": "pair", "KEY": "|".join(Settings.model_fields),
}  # fmt: skip
"""What the value of an argument or option is, by its name."""


def drawn() -> dict[str, Any]:
    """Return the table as the parser has it."""
    root = get_command(app)
    assert isinstance(root, CommandGroup)
    commands = {name: _node(root.get_command(None, name), name) for name in COMMANDS}
    return {"options": _options(root, ""), "arguments": [], "commands": commands}


def _node(command: Any, path: str) -> dict[str, Any]:
    arguments = [
        "file" if _is_path(param) else KINDS.get(param.metavar, "text")
        for param in command.params
        if param.param_type_name == "argument"
    ]
    inner = getattr(command, "commands", {})
    return {
        "options": _options(command, path),
        "arguments": arguments,
        "commands": {name: _node(each, f"{path} {name}") for name, each in inner.items()},
    }


def _options(command: Any, path: str) -> dict[str, str]:
    options = {"--help": "flag", "--quiet": "flag", "--verbose": "flag", "--no-color": "flag"}
    for param in command.params:
        if param.param_type_name == "option":
            for name in (*param.opts, *param.secondary_opts):
                options[name] = _kind(param, path, name)
    return options


def _kind(param: Any, path: str, name: str) -> str:
    if param.is_flag:
        return "flag"
    choices = param.type_descriptor.choices
    if choices:
        return "|".join(getattr(choice, "value", choice) for choice in choices)
    if _is_path(param):
        return "file"
    row = OPTIONS.get(f"{path} {param.name}") or OPTIONS.get(param.name)
    if row is not None and row.words is not None:
        return "|".join(row.words())
    return KINDS.get(name) or KINDS.get(param.metavar, "text")


def _is_path(param: Any) -> bool:
    return bool(param.type_descriptor.annotation is Path)


def text() -> str:
    """Return the table as it stands in the package."""
    return json.dumps(drawn(), indent=1) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text(), "utf-8")
