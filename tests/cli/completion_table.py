"""The table that completes words, drawn from the parser: `python -m tests.cli.completion_table`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.main import get_command

from crmdeck.cli.app import COMMANDS, CommandGroup, app
from crmdeck.cli.completion import TABLE
from crmdeck.cli.listing import FORMATS as FORMATS_OF_LISTS
from crmdeck.settings import Settings
from crmdeck.workspace import (
    CHECK_FORMATS,
    CONTRACT,
    CRMS,
    EXPORTS,
    REPORTS,
    SUFFIXES,
    sources,
)

KINDS = {
    "NAME": "connection", "[NAME]": "connection", "[NAME]...": "connection*",
    "LEFT": "connection", "[RIGHT]": "connection", "[OBJECT]": "place", "OBJECT.FIELD": "place",
    "PAIR": "pair", "[PAIR]": "pair", "FIELD[=CRM_FIELD]...": "field*",
    "OBJECT": "object", "--map-object": "pair",
}  # fmt: skip
"""What the value of an argument or option is, by its name."""

WORDS = {
    ("export", "--what"): (*EXPORTS, *REPORTS, CONTRACT),
    ("export", "--format"): tuple(dict.fromkeys(SUFFIXES.values())),
    ("check", "--format"): CHECK_FORMATS,
    ("add", "--platform"): tuple(CRMS),
    ("add", "--source"): sources(),
    ("get", "KEY"): tuple(Settings.model_fields),
    ("set", "KEY"): tuple(Settings.model_fields),
}
"""What may be given where the parser takes any text, by command and option or argument."""


def drawn() -> dict[str, Any]:
    """Return the table as the parser has it."""
    root = get_command(app)
    assert isinstance(root, CommandGroup)
    commands = {name: _node(root.get_command(None, name)) for name in COMMANDS}
    return {"options": _options(root), "arguments": [], "commands": commands}


def _node(command: Any) -> dict[str, Any]:
    arguments = [
        "file" if _is_path(param) else _named(command, param.metavar or "")
        for param in command.params
        if param.param_type_name == "argument"
    ]
    inner = getattr(command, "commands", {})
    return {
        "options": _options(command),
        "arguments": arguments,
        "commands": {name: _node(each) for name, each in inner.items()},
    }


def _options(command: Any) -> dict[str, str]:
    options = {"--help": "flag", "--quiet": "flag", "--verbose": "flag", "--no-color": "flag"}
    for param in command.params:
        if param.param_type_name == "option":
            for name in (*param.opts, *param.secondary_opts):
                options[name] = _kind(command, param, name)
    return options


def _kind(command: Any, param: Any, name: str) -> str:
    if param.is_flag:
        return "flag"
    choices = param.type_descriptor.choices
    if choices:
        return "|".join(getattr(choice, "value", choice) for choice in choices)
    if _is_path(param):
        return "file"
    found = _named(command, name)
    return KINDS.get(param.metavar, "text") if found == "text" else found


def _named(command: Any, name: str) -> str:
    words = WORDS.get((command.name, name), ())
    if name == "--format" and not words and command.name != "preflight":
        words = FORMATS_OF_LISTS
    return "|".join(words) or KINDS.get(name, "text")


def _is_path(param: Any) -> bool:
    return bool(param.type_descriptor.annotation is Path)


def text() -> str:
    """Return the table as it stands in the package."""
    return json.dumps(drawn(), indent=1) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text(), "utf-8")
