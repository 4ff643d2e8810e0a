"""Shell completion without a parser or a database.

Commands come from a table that `python -m tests.cli.completion_table` draws from the parser.
Names come from an index next to the cache, which commands update when the cache has changed. The
fields of a connection are in a file of their own: an org has 50,000 of them.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

INDEX = "completion.json"
TABLE = Path(__file__).with_name("completion_table.json")


class Node(TypedDict):
    """A command in the table: its options and arguments by kind, and its inner commands."""

    options: dict[str, str]
    arguments: list[str]
    commands: dict[str, Node]


class Names(TypedDict):
    """What completes the names of a connection; `version` is its latest refresh.

    `fields` is the file with its fields: an object and its fields in each line.
    """

    version: str | None
    fields: str
    objects: list[str]
    pairs: list[str]


class Index(TypedDict, total=False):
    """The names in a workspace; `head` is its state, `partner` the PartnerOS fields by object."""

    head: object
    connections: dict[str, Names]
    partner: dict[str, list[str]]


SCRIPTS = {
    "bash": """_crmdeck() {
  local IFS=$'\\n'
  COMPREPLY=($(_CRMDECK_COMPLETE=1 crmdeck "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -o default -o nosort -F _crmdeck crmdeck
""",
    "zsh": """#compdef crmdeck
_crmdeck() {
  local -a found
  found=("${(@f)$(_CRMDECK_COMPLETE=1 crmdeck "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n $found ]] && compadd -U -- $found || _files
}
if [[ $funcstack[1] == _crmdeck ]]; then _crmdeck "$@"; else compdef _crmdeck crmdeck; fi
""",
    "fish": """function __crmdeck
  set -l words (commandline -opc) (commandline -ct)
  _CRMDECK_COMPLETE=1 crmdeck $words[2..] 2>/dev/null
end
complete -c crmdeck -f -a '(__crmdeck)'
""",
}


def complete(words: Sequence[str]) -> None:
    """Print the completions of the last word, one per line."""
    *before, start = words or [""]
    typed = 0
    if "=" in words[-2:] and len(words) > 2:
        # Bash breaks words at an equals sign, and replaces only what follows it.
        at = len(words) - 1 if start == "=" else len(words) - 2
        typed = len(words[at - 1]) + 1
        before, start = list(words[: at - 1]), words[at - 1] + "".join(words[at:])
    found = sorted({each for each in candidates(before, start) if each.startswith(start)})
    # A shell would read a line break in a name as the end of the name.
    sys.stdout.write("".join(f"{each[typed:]}\n" for each in found if each.isprintable()))


def candidates(before: Sequence[str], start: str = "") -> list[str]:
    """Return the words that can follow `before`, among them those that begin with `start`."""
    node: Node = json.loads(TABLE.read_text("utf-8"))
    given: list[str] = []
    words = list(before)
    while words and words[0] in node["commands"]:
        node = node["commands"][words.pop(0)]
    options = node["options"]
    home: str | None = None
    while words:
        word = words.pop(0)
        kind = options.get(word, "flag") if word.startswith("-") else None
        if kind is None:
            given.append(word)
        elif kind != "flag":
            if not words:
                return _values(kind, given, _home(before, home), start)
            if word == "--home":
                home = words[0]
            words.pop(0)
    found = [*node["commands"], *options]
    arguments = node["arguments"]
    if arguments:
        kind = arguments[min(len(given), len(arguments) - 1)]
        if len(given) < len(arguments) or kind.endswith("*"):
            found += _values(kind.rstrip("*"), given, _home(before, home), start)
    return found


def index_names(ws: Workspace) -> None:
    """Update the index of names next to the cache, if the cache has changed."""
    path = ws.home / INDEX
    head, before = ws.head(), _read(path)
    # A workspace that no one has written to has nothing to complete, and gets no file.
    # Every command comes here, so the usual case reads one small file.
    if not head or before.get("head") == head:
        return
    known = before.get("connections", {})
    connections: dict[str, Names] = {}
    # One opening of the cache for all names, and one state of it.
    with ws.hold():
        versions, pairs = ws.schemas.versions(), ws.mappings.pair_names()
        for connection in ws.connections.all():
            version, mine = versions.get(connection.id), known.get(connection.name)
            fields = path.with_name(f"completion-{connection.id}.txt")
            # Only one of hundreds of connections may have changed.
            if (
                mine is not None
                and version is not None
                and mine["version"] == version
                and fields.exists()
            ):
                objects = mine["objects"]
            else:
                objects = _write_fields(ws, connection.id, fields)
            connections[connection.name] = {
                "version": version,
                "fields": fields.name,
                "objects": objects,
                "pairs": list(pairs.get(connection.id, ())),
            }
    partner = {
        each.object_type: [field.name for field in each.fields]
        for each in ws.mappings.partner_objects()
    }
    from crmdeck.workspace import write_atomically

    write_atomically(
        path, json.dumps({"head": head, "connections": connections, "partner": partner})
    )


def _write_fields(ws: Workspace, ref: str, path: Path) -> list[str]:
    """Write the file with the fields of a connection, and return its objects."""
    from crmdeck.errors import SchemaNotDiscoveredError
    from crmdeck.workspace import write_atomically

    objects: list[str] = []
    found: dict[str, list[str]] = {}
    with contextlib.suppress(SchemaNotDiscoveredError):
        objects = [each.object_type for each in ws.schemas.objects(ref).objects]
        for field in ws.schemas.fields(ref):
            found.setdefault(field.object_type, []).append(field.name)
    write_atomically(
        path, "".join("\t".join([name, *fields]) + "\n" for name, fields in found.items())
    )
    return objects


def _values(kind: str, given: Sequence[str], home: Path, start: str) -> list[str]:
    if "|" in kind:
        return kind.split("|")
    if kind not in ("connection", "object", "place", "pair", "field"):
        return []
    index = _read(home / INDEX)
    connections, partner = index.get("connections", {}), index.get("partner", {})
    if kind == "connection":
        return list(connections)
    mine = [connections[name] for name in given if name in connections] or connections.values()
    if kind == "place" and "." in start:
        name = start.partition(".")[0]
        return [f"{name}.{field}" for each in mine for field in _fields(home, each, name)]
    if kind in ("object", "place"):
        return [name for each in mine for name in each["objects"]]
    if kind == "pair":
        decided = [pair for each in mine for pair in each["pairs"]]
        objects = [name for each in mine for name in each["objects"]]
        return [*decided, *(f"{left}--{right}" for left in partner for right in objects)]
    pair = next((word for word in given if "--" in word), "")
    left, _, right = pair.partition("--")
    if "=" in start:
        name = start.partition("=")[0]
        return [f"{name}={field}" for each in mine for field in _fields(home, each, right)]
    return partner.get(left, [])


def _fields(home: Path, names: Names, object_type: str) -> list[str]:
    try:
        with (home / names["fields"]).open(encoding="utf-8") as lines:
            found = next((line for line in lines if line.startswith(f"{object_type}\t")), "")
    except (OSError, KeyError, ValueError):
        return []
    return found.rstrip("\n").split("\t")[1:]


def _home(words: Sequence[str], home: str | None) -> Path:
    # Commands and options complete without a workspace, and without this import.
    from crmdeck.home import demo_home, resolve_home

    return demo_home() if "--demo" in words else resolve_home(home)


def _read(path: Path) -> Index:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("Index", found) if isinstance(found, dict) else {}
