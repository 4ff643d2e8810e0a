"""Completion before any parser is loaded: from a table of the commands, and a small index of names.

The table is drawn from the parser (`python -m tests.cli.completion_table`), and a test holds that
both say the same. The index stands beside the cache and is written anew by a command that finds
that the cache has changed; no database is opened to complete a word.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crmdeck.workspace import Workspace

INDEX = "completion.json"
TABLE = Path(__file__).with_name("completion_table.json")

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
    """Print what the last of `words` may become, one a line."""
    *before, start = words or [""]
    found = sorted({each for each in candidates(before) if each.startswith(start)})
    sys.stdout.write("".join(f"{each}\n" for each in found if each.isprintable()))


def candidates(before: Sequence[str]) -> list[str]:
    """Return the words that may follow `before`."""
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    node, path, given = table, [], []
    words = list(before)
    while words and words[0] in node["commands"]:
        path.append(words[0])
        node = node["commands"][words.pop(0)]
    options: dict[str, str] = node["options"]
    home: str | None = None
    while words:
        word = words.pop(0)
        kind = options.get(word, "flag") if word.startswith("-") else None
        if kind is None:
            given.append(word)
        elif kind != "flag":
            if not words:
                return _values(kind, given, _home([*before], home))
            if word == "--home":
                home = words[0]
            words.pop(0)
    found = [*node["commands"], *options]
    arguments: list[str] = node["arguments"]
    if arguments:
        kind = arguments[min(len(given), len(arguments) - 1)]
        if len(given) < len(arguments) or kind.endswith("*"):
            found += _values(kind.rstrip("*"), given, _home([*before], home))
    return found


def index_names(ws: Workspace) -> None:
    """Write the names of a workspace beside its cache, where they have changed since last time."""
    path = ws.home / INDEX
    if not ws.home.is_dir():
        return
    head, before = ws.head(), _read(path)
    if before.get("head") == head:
        return
    known: dict[str, dict[str, Any]] = before.get("connections", {})
    connections: dict[str, dict[str, Any]] = {}
    with ws.hold():
        versions, pairs = ws.schemas.versions(), ws.mappings.pair_names()
        for connection in ws.connections.all():
            version, mine = versions.get(connection.id), known.get(connection.name, {})
            connections[connection.name] = {
                "version": version,
                # Hundreds of connections may stand beside the one that has changed.
                "objects": mine["objects"]
                if version is not None and mine.get("version") == version
                else _object_types(ws, connection.id),
                "pairs": pairs.get(connection.id, ()),
            }
    partner = {
        each.object_type: [field.name for field in each.fields]
        for each in ws.mappings.partner_objects()
    }
    from crmdeck.workspace import write_atomically

    write_atomically(
        path, json.dumps({"head": head, "connections": connections, "partner": partner})
    )


def _object_types(ws: Workspace, ref: str) -> list[str]:
    from crmdeck.errors import SchemaNotDiscoveredError

    try:
        return [each.object_type for each in ws.schemas.objects(ref).objects]
    except SchemaNotDiscoveredError:
        return []


def _values(kind: str, given: Sequence[str], home: Path) -> list[str]:
    if "|" in kind:
        return kind.split("|")
    if kind not in ("connection", "object", "pair", "field"):
        return []
    index = _read(home / INDEX)
    connections: dict[str, dict[str, Any]] = index.get("connections", {})
    partner: dict[str, list[str]] = index.get("partner", {})
    if kind == "connection":
        return list(connections)
    mine = [connections[name] for name in given if name in connections] or connections.values()
    if kind == "object":
        return _all(each["objects"] for each in mine)
    if kind == "pair":
        possible = [f"{left}--{right}" for each in mine for left in partner
                    for right in each["objects"]]  # fmt: skip
        return [*_all(each["pairs"] for each in mine), *possible]
    pair = next((word for word in given if "--" in word), "")
    return partner.get(pair.partition("--")[0], [])


def _all(lists: Iterable[Sequence[str]]) -> list[str]:
    return [each for one in lists for each in one]


def _home(words: Sequence[str], home: str | None) -> Path:
    from crmdeck.home import demo_home, resolve_home

    return demo_home() if "--demo" in words else resolve_home(home)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
