"""Parts of the docs that are drawn from the code, each between two marks."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, create_model
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema
from typer.main import get_command

import crmdeck
from crmdeck import model, workspace
from crmdeck.cli.app import COMMANDS, app
from crmdeck.cli.spec import RECORDS, describe_commands
from crmdeck.errors import FIRST_OF, CrmdeckError, ExitCode
from crmdeck.exports import FORMATS
from crmdeck.model import COMPARED_ATTRIBUTES, WireModel
from crmdeck.settings import NoticeRoute, Settings, UserCommand
from crmdeck.workspace.explore.exports import FILTERS, TAKES
from tests.cli.completion_table import drawn as completion_table

DOCS = Path(__file__).parents[2] / "docs"
WIRE_SCHEMA = DOCS / "wire.schema.json"
IDENTITY = "https://github.com/crmdeck/crmdeck/blob/main/docs/wire.schema.json"


def record(name: str) -> type[BaseModel]:
    """Return the model of a record; a named tuple of the workspace gets one."""
    kind: Any = getattr(model, name, None) or getattr(workspace, name)
    if issubclass(kind, BaseModel):
        found: type[BaseModel] = kind
        return found
    fields: dict[str, Any] = {
        key: (hint, kind._field_defaults.get(key, ...))
        for key, hint in get_type_hints(kind).items()
    }
    made: type[BaseModel] = create_model(name, __base__=WireModel, __doc__=kind.__doc__, **fields)
    return made


ANSWERS: Mapping[str, tuple[type[BaseModel], str]] = {
    line: (record(name), note) for line, (name, note) in RECORDS.items()
}
"""The record of each command line with --json."""


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)


def exit_codes() -> str:
    """Return the exit codes and their order."""
    rows = [(str(int(code)), f"`{code.reason}`", code.meaning) for code in ExitCode]
    order = ", ".join(str(int(code)) for code in FIRST_OF)
    codes = table(("code", "reason", "meaning"), rows)
    return f"{codes}\nIf several apply, the first of {order} wins.\n"


def gates() -> str:
    """Return the commands with --fail-on, and its values."""
    rows: dict[str, list[str]] = {}

    def collect(path: str, node: Mapping[str, Any]) -> None:
        if values := node["options"].get("--fail-on"):
            rows.setdefault(values, []).append(path)
        for name, inner in node["commands"].items():
            collect(f"{path} {name}".strip(), inner)

    collect("", completion_table())
    return table(
        ("commands", "values"),
        [
            (
                ", ".join(f"`{path}`" for path in paths),
                ", ".join(f"`{value}`" for value in values.split("|")),
            )
            for values, paths in rows.items()
        ],
    )


SHARED = (
    "--home", "--demo", "--json", "--jq", "--format", "--output", "--force", "--limit", "--sort",
    "--columns", "--dry-run", "--yes",
)  # fmt: skip
"""Options that most commands have, described once."""


def command_lines() -> str:
    """Return each command with its arguments and options."""
    root: Any = get_command(app)
    described: Any = describe_commands(root, root.context_class(root))["commands"]
    common: dict[str, Any] = {}
    for command in described:
        for option in command["options"]:
            common.setdefault(option["names"][0], option)
    parts = [option_table([common[name] for name in SHARED])]
    for section in dict.fromkeys(each.section for each in COMMANDS.values() if each.section):
        parts.append(f"## {section}\n")
        for command in described:
            path, options = command["command"], command["options"]
            if COMMANDS[path.split()[0]].section != section:
                continue
            usage = " ".join(each["value"] for each in command["arguments"])
            first = command["help"].split("\n\n")[0].replace("\n", " ")
            parts.append(f"### {path}\n\n`{f'crmdeck {path} {usage}'.strip()}`\n\n{first}\n")
            own = [each for each in options if not set(SHARED) & set(each["names"])]
            also = [f"`{each['names'][0]}`" for each in options if each not in own]
            parts += [option_table(own)] if own else []
            parts += [f"Also {', '.join(also)}.\n"] if also else []
    return "\n".join(parts)


def option_table(options: Iterable[Mapping[str, Any]]) -> str:
    """Return a table of options."""
    rows = []
    for each in options:
        names = ", ".join(f"`{name}`" for name in each["names"])
        value = f" `{each['value']}`" if each["value"] else ""
        text = f"{each['help']}{' Required.' if each['required'] else ''}"
        rows.append(tuple(cell.replace("|", "\\|") for cell in (f"{names}{value}", text)))
    return table(("option", ""), rows)


def kinds() -> Iterator[type[CrmdeckError]]:
    """Yield every error class of crmdeck that has a code of its own."""
    for module in pkgutil.walk_packages(crmdeck.__path__, f"{crmdeck.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    below: list[type[CrmdeckError]] = [CrmdeckError]
    while below:
        kind = below.pop()
        below += kind.__subclasses__()
        own = kind.__module__.startswith("crmdeck.") and "code" in vars(kind)
        if kind is not CrmdeckError and own:
            yield kind


def filters() -> str:
    """Return the filters of exports."""
    rows = [
        (f"`{option}`", ", ".join(f"`{what}`" for what, taken in TAKES.items() if name in taken))
        for name, option in FILTERS.items()
    ]
    return table(("option", "exports that accept it"), rows)


def formats() -> str:
    """Return the formats of records."""
    rows = [
        (f"`{each.name}`{'' if each.render else ' (file only)'}", each.values)
        for each in FORMATS.values()
    ]
    return table(("format", "values"), rows)


def settings() -> str:
    """Return the keys of settings.toml."""
    return options(Settings)


def routes() -> str:
    """Return the keys of a `[[notify]]` table."""
    return options(NoticeRoute)


def commands() -> str:
    """Return the keys of a `[[command]]` table."""
    return options(UserCommand)


def options(kind: type[BaseModel]) -> str:
    """Return the keys of a model of settings."""
    properties = kind.model_json_schema()["properties"]
    rows: list[tuple[str, ...]] = []
    for name, field in kind.model_fields.items():
        unset = None if field.is_required() else field.get_default(call_default_factory=True)
        default = "" if unset in (None, {}, ()) else f"`{json.dumps(unset)}`"
        rows.append((f"`{name}`", said(properties[name]), default, field.description or ""))
    return table(("key", "value", "default", "meaning"), rows)


def said(schema: Mapping[str, Any]) -> str:
    """Return the values of a setting in words."""
    if "anyOf" in schema:
        return " or ".join(said(each) for each in schema["anyOf"] if each != {"type": "null"})
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        kind = getattr(model, schema["$ref"].rpartition("/")[2], None)
        return ", ".join(f"`{each.value}`" for each in kind) if kind else "tables `[[notify]]`"
    if schema["type"] == "array":
        return f"a list: {said(schema['items'])}" if "type" in schema["items"] else "tables"
    bounds = {
        "exclusiveMinimum": "above",
        "minimum": "from",
        "exclusiveMaximum": "below",
        "maximum": "up to",
    }
    limits = [f"{word} {schema[key]:g}" for key, word in bounds.items() if key in schema]
    words = {"string": "text", "boolean": "`true`, `false`", "object": "a table"}
    return " ".join([words.get(schema["type"], schema["type"]), *limits])


def wire_schema() -> str:
    """Return the JSON Schema of every record."""
    kinds = {kind for top, _ in ANSWERS.values() for kind in (top, *inner(top))}
    _, schema = models_json_schema(
        [(kind, "serialization") for kind in sorted(kinds, key=lambda kind: kind.__name__)],
        by_alias=True,
        title="Records in the JSON of crmdeck",
    )
    for record in schema["$defs"].values():
        if "description" in record:
            record["description"] = on_the_wire(record["description"])
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": IDENTITY}
    return json.dumps(head | schema, indent=1) + "\n"


def inner(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield the records inside a record."""
    for name in kind.model_json_schema().get("$defs", {}):
        found = getattr(model, name, None)
        if isinstance(found, type) and issubclass(found, BaseModel):
            yield found


def answers() -> str:
    """Return the record of each command."""
    rows = [
        (f"`{command}`", link(kind.__name__), more) for command, (kind, more) in ANSWERS.items()
    ]
    return table(("command", "record", "note"), rows)


def records() -> str:
    """Return each record with its keys and values."""
    definitions = json.loads(wire_schema())["$defs"]
    parts = []
    for name, schema in sorted(definitions.items()):
        if "enum" not in schema:
            words = on_the_wire(" ".join(schema.get("description", "").split()))
            keys: dict[str, list[str]] = {}
            for key, value in schema["properties"].items():
                value_of_key = value_words(value, definitions).removesuffix(" or `null`")
                keys.setdefault(value_of_key, []).append(f"`{key}`")
            rows = [(", ".join(names), value) for value, names in keys.items()]
            parts.append(f"### {name}\n\n{words}\n\n{table(('keys', 'value'), rows)}")
    return "\n".join(parts)


def compared() -> str:
    """Return the attributes of a field that its line for `schemaHash` has."""
    return ", ".join(f"`{name}`" for name in COMPARED_ATTRIBUTES) + "\n"


def value_words(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return the values of a key in words."""
    if "anyOf" in schema:
        return " or ".join(value_words(each, definitions) for each in schema["anyOf"])
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return said(definitions[name]) if "enum" in definitions[name] else link(name)
    if "enum" in schema or "const" in schema:
        return said({"enum": schema.get("enum", [schema.get("const")])})
    kind = schema.get("type")
    if kind == "array":
        return f"list of {value_words(schema.get('items', {}), definitions)}"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"object of {value_words(more, definitions)}" if isinstance(more, dict) else "object"
    words = {
        "string": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "boolean",
        "null": "`null`",
    }
    return words.get(str(kind), "any")


def on_the_wire(text: str) -> str:
    """Return a docstring with the wire names of its fields."""
    text = re.sub(r"\bNone\b", "null", text).replace("True", "true").replace("False", "false")
    return re.sub(r"(?<=`)[a-z]+(?:_[a-z]+)+(?=`)", lambda name: to_camel(name[0]), text)


def link(name: str) -> str:
    """Return a link to a record on the page."""
    return f"[{name}](#{name.lower()})"


PARTS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "check.md": {"codes": exit_codes, "gates": gates},
    "commands.md": {"commands": command_lines},
    "exports.md": {"filters": filters, "formats": formats},
    "settings.md": {"settings": settings, "notify": routes, "command": commands},
    "wire.md": {"answers": answers, "compared": compared, "records": records},
}


def redrawn(page: str) -> str:
    """Return a page with its parts drawn again."""
    text = (DOCS / page).read_text("utf-8")
    for name, part in PARTS[page].items():
        marked = re.compile(rf"(<!-- drawn: {name} -->\n).*?(<!-- end: {name} -->\n)", re.DOTALL)
        drawn = part()
        text, found = marked.subn(lambda m, d=drawn: f"{m[1]}\n{d}\n{m[2]}", text)  # type: ignore[misc]
        assert found == 1, f"{page} has no part {name}"
    return text
